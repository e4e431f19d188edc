#include "serving/threshold_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.h"

namespace keelson::serving {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// As the kernels search, a key at a time.
std::size_t Code(const std::vector<std::vector<float>>& levels, std::size_t keys, float value) {
  std::size_t block = 0;
  for (const auto& level : levels) {
    EXPECT_LE((block + 1) * keys, level.size());
    const auto begin = level.begin() + static_cast<std::ptrdiff_t>(block * keys);
    block = block * keys + static_cast<std::size_t>(std::count_if(begin, begin + static_cast<std::ptrdiff_t>(keys),
                                                                  [&](float key) { return key <= value; }));
  }
  return block;
}

TEST(ThresholdCodes, CountThresholdsAtOrBelowEveryValue) {
  Random random(5);
  for (const std::size_t keys : {2u, 8u, 16u}) {
    for (const std::size_t size :
         {1u, 2u, 7u, 8u, 9u, 15u, 16u, 17u, 63u, 64u, 65u, 255u, 256u, 257u, 511u, 512u, 513u, 4096u, 4097u}) {
      std::set<float> distinct;
      while (distinct.size() < size) distinct.insert(static_cast<float>(random.Below(100'000)) / 8);
      const std::vector<float> sorted(distinct.begin(), distinct.end());
      const auto levels = SearchLevels(sorted, keys);
      EXPECT_LE(levels.front().size(), 2 * keys);
      for (std::size_t i = 0; i < size; i += 1 + size / 300) {
        EXPECT_EQ(Code(levels, keys, sorted[i]), i + 1) << keys << " " << size;
        EXPECT_EQ(Code(levels, keys, std::nextafter(sorted[i], -kInfinity)), i);
      }
      EXPECT_EQ(Code(levels, keys, kInfinity), size);
      EXPECT_EQ(Code(levels, keys, -kInfinity), 0u);
      EXPECT_EQ(Code(levels, keys, std::nanf("")), 0u);
    }
  }
}

TEST(ThresholdCodes, TakeInfiniteThresholdsAndBothZeros) {
  const auto levels = SearchLevels(std::vector<float>{-kInfinity, -1, 0, 1, kInfinity}, 2);
  EXPECT_EQ(Code(levels, 2, -kInfinity), 1u);
  EXPECT_EQ(Code(levels, 2, -0.0f), 3u);
  EXPECT_EQ(Code(levels, 2, 0.0f), 3u);
  EXPECT_EQ(Code(levels, 2, 3e38f), 4u);
  EXPECT_EQ(Code(levels, 2, kInfinity), 5u);
}

NarrowNode Split(std::uint32_t feature, float threshold, bool missing_right = false) {
  return {threshold, feature | 1u << NarrowNode::kSplitShift |
                         static_cast<std::uint32_t>(missing_right) << NarrowNode::kDefaultRightShift};
}

TEST(ThresholdPlanes, HoldAFeatures255ThresholdsEach) {
  for (const bool by_missing : {false, true}) {
    ThresholdPlanes planes(3, by_missing);
    for (std::size_t i = 0; i < 600; ++i) {
      EXPECT_EQ(planes.Add(Split(2, static_cast<float>(599 - i), i % 2 == 0)), i);
    }
    planes.Add(Split(0, 0.5f));
    planes.Add(Split(0, 0.5f));
    ASSERT_TRUE(planes.Finish());
    EXPECT_EQ(planes.planes(), by_missing ? 7u : 4u);
    EXPECT_EQ(planes.Locate(599 - 510).threshold, 0u);
    EXPECT_EQ(planes.Locate(599 - 510).plane, by_missing ? 5u : 3u);
    EXPECT_EQ(planes.Locate(599 - 511).threshold, 1u);
    EXPECT_EQ(planes.Locate(599 - 511).plane, by_missing ? 6u : 3u);  // sends a missing value right
    EXPECT_EQ(planes.Locate(601).plane, 0u);

    const CodeTables tables = planes.LayOut(8, 64);
    ASSERT_EQ(tables.features().size(), 2u);
    EXPECT_EQ(tables.features()[0].feature, 0u);
    EXPECT_EQ(tables.features()[1].feature, 2u);
    ASSERT_EQ(tables.features()[1].plane_count, by_missing ? 6u : 3u);
    const CodePlane& last = tables.features()[1].planes[tables.features()[1].plane_count - 1];
    EXPECT_EQ(last.offset, (planes.planes() - 1) * 64);
    EXPECT_EQ(last.base, 510u);
    EXPECT_EQ(last.missing_right, by_missing);
    EXPECT_GT(tables.memory_bytes(), 600 * sizeof(float));
  }
}

TEST(ThresholdPlanes, RefuseMoreThresholdsThanCodes) {
  ThresholdPlanes planes(1, false);
  for (std::size_t i = 0; i <= kMaxThresholds; ++i) planes.Add(Split(0, static_cast<float>(i)));
  EXPECT_FALSE(planes.Finish());
}

}  // namespace
}  // namespace keelson::serving
