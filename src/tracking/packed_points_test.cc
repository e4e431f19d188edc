#include "tracking/packed_points.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/random.h"

namespace keelson::tracking {
namespace {

std::vector<HistoryPoint> Unpacked(const std::string& bytes) {
  const auto packed = PackedPoints::Open(bytes);
  EXPECT_TRUE(packed.has_value());
  std::vector<HistoryPoint> points;
  for (std::size_t i = 0; packed && i < packed->size(); ++i) points.push_back(packed->At(i));
  return points;
}

TEST(PackedPoints, GivesBackWhatWasPacked) {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::vector<HistoryPoint>> cases = {
      {},
      {{1, 2, 3, 0.5, false}},
      {{1, kLeast, kMost, -1e308, false}, {1, kMost, kLeast, 0, true}},
      {{3, kMost, 0, 1, false}, {2, 0, -1, 2, false}, {1, kLeast, 1, std::numeric_limits<double>::infinity(), false}},
      {{7, 0, 0, 0, true}, {7, 0, 0, 0, true}},
      {{1, 0, 0, 1, false}, {300, 70'000, 5'000'000'000, 2, false}, {2, 1, 1, 3, false}},
  };
  for (const auto& points : cases) EXPECT_EQ(Unpacked(PackPoints(points)), points);
}

TEST(PackedPoints, GivesBackRandomPoints) {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<HistoryPoint> points(random.Below(100));
    for (auto& point : points) {
      const int shift = static_cast<int>(random.Below(64));
      point.key = static_cast<std::int64_t>(random.Below(100));
      point.step = static_cast<std::int64_t>(random.Next() >> shift);
      point.time_ms = -static_cast<std::int64_t>(random.Next() >> shift);
      point.is_nan = random.Below(20) == 0;
      point.value = point.is_nan ? 0 : static_cast<double>(random.Below(1000)) / 7;
    }
    EXPECT_EQ(Unpacked(PackPoints(points)), points);
  }
}

TEST(PackedPoints, StepsOfOneLineTakeNoRoom) {
  std::vector<HistoryPoint> points;
  for (int i = 0; i < 1000; ++i) points.push_back({4, i * 10, 1'700'000'000'000 + i * 250, i * 0.5, false});
  EXPECT_LT(PackPoints(points).size(), 1000 * sizeof(double) + 100);
}

TEST(PackedPoints, DamagedBytesAreRefused) {
  const std::string whole = PackPoints(std::vector<HistoryPoint>{{1, 2, 3, 4, false}, {1, 5, 900, 7, true}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(PackedPoints::Open(whole.substr(0, size)).error().code, ErrorCode::kDataLoss) << size;
  }
  EXPECT_EQ(PackedPoints::Open(whole + "x").error().code, ErrorCode::kDataLoss);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      if (const auto packed = PackedPoints::Open(changed)) {
        for (std::size_t p = 0; p < packed->size(); ++p) packed->At(p);  // whatever it says, it reads no further
      }
    }
  }
}

}  // namespace
}  // namespace keelson::tracking
