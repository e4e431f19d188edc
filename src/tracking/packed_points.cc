#include "tracking/packed_points.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace keelson::tracking {
namespace {

constexpr std::uint8_t kHasNans = 1;

// All of it modulo 2^64, where every difference is exact however far apart the numbers are.
template <typename Member>
void PackColumn(std::string& out, std::span<const HistoryPoint> points, Member member) {
  const auto number = [&](std::size_t i) { return static_cast<std::uint64_t>(points[i].*member); };
  const std::size_t count = points.size();
  std::uint64_t slope = 0;
  if (count > 1 && points.front().*member < points.back().*member)
    slope = (number(count - 1) - number(0)) / (count - 1);
  const auto above = [&](std::size_t i) { return static_cast<std::int64_t>(number(i) - slope * i); };
  std::int64_t least = count == 0 ? 0 : above(0);
  for (std::size_t i = 1; i < count; ++i) least = std::min(least, above(i));
  std::uint64_t largest = 0;
  const auto difference = [&](std::size_t i) { return number(i) - slope * i - static_cast<std::uint64_t>(least); };
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, difference(i));
  std::uint8_t width = 0;
  if (largest > 0) width = largest <= 0xff ? 1 : largest <= 0xffff ? 2 : largest <= 0xffffffff ? 4 : 8;
  PutNumber(out, static_cast<std::uint64_t>(least));
  PutNumber(out, slope);
  PutNumber(out, width);
  if (width == 0) return;
  const std::size_t begin = out.size();
  out.resize(begin + count * width);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t value = difference(i);  // little-endian: its first bytes are the low ones
    std::memcpy(out.data() + begin + i * width, &value, width);
  }
}

}  // namespace

std::string PackPoints(std::span<const HistoryPoint> points) {
  std::string out;
  out.reserve(64 + points.size() * 12);
  const bool nans = std::ranges::any_of(points, &HistoryPoint::is_nan);
  PutNumber(out, static_cast<std::uint32_t>(points.size()));
  PutNumber(out, nans ? kHasNans : std::uint8_t{0});
  PackColumn(out, points, &HistoryPoint::key);
  PackColumn(out, points, &HistoryPoint::step);
  PackColumn(out, points, &HistoryPoint::time_ms);
  for (const HistoryPoint& point : points) PutNumber(out, point.value);
  if (nans) {
    for (const HistoryPoint& point : points) out.push_back(point.is_nan ? 1 : 0);
  }
  return out;
}

std::int64_t PackedPoints::Column::At(std::size_t i) const {
  std::uint64_t difference = 0;
  // The width as a constant in each case, so that the copy is one load.
  switch (width) {
    case 1:
      std::memcpy(&difference, differences + i, 1);
      break;
    case 2:
      std::memcpy(&difference, differences + i * 2, 2);
      break;
    case 4:
      std::memcpy(&difference, differences + i * 4, 4);
      break;
    case 8:
      std::memcpy(&difference, differences + i * 8, 8);
      break;
    default:
      break;
  }
  return static_cast<std::int64_t>(first + slope * i + difference);
}

Result<PackedPoints> PackedPoints::Open(std::string_view bytes) {
  ByteReader reader(bytes);
  PackedPoints points;
  points.count_ = reader.Number<std::uint32_t>();
  const auto flags = reader.Number<std::uint8_t>();
  bool known = flags <= kHasNans;
  for (Column* column : {&points.keys_, &points.steps_, &points.times_}) {
    column->first = reader.Number<std::uint64_t>();
    column->slope = reader.Number<std::uint64_t>();
    column->width = reader.Number<std::uint8_t>();
    known = known && (column->width <= 2 || column->width == 4 || column->width == 8);
    column->differences = reader.Bytes(points.count_ * column->width).data();
  }
  points.values_ = reader.Bytes(points.count_ * sizeof(double)).data();
  if ((flags & kHasNans) != 0) points.nans_ = reader.Bytes(points.count_).data();
  if (!known || !reader.ok() || !reader.done()) {
    return Fail(ErrorCode::kDataLoss, "a block of a metric's history is damaged: run `keelson doctor`");
  }
  return points;
}

HistoryPoint PackedPoints::At(std::size_t i) const {
  HistoryPoint point{keys_.At(i), steps_.At(i), times_.At(i), 0, nans_ != nullptr && nans_[i] != 0};
  std::memcpy(&point.value, values_ + i * sizeof(double), sizeof(double));
  return point;
}

}  // namespace keelson::tracking
