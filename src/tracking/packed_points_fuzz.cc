// Blocks of a metric's history as a damaged database may hold them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "tracking/packed_points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using keelson::tracking::PackedPoints;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto packed = PackedPoints::Open(bytes);
  if (!packed) return 0;
  std::vector<keelson::tracking::HistoryPoint> points;
  for (std::size_t i = 0; i < packed->size(); ++i) points.push_back(packed->At(i));
  // What was read packs to bytes that read as the same, NaNs in the place of values aside.
  const std::string again = keelson::tracking::PackPoints(points);
  const auto second = PackedPoints::Open(again);
  if (!second || second->size() != points.size()) std::abort();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto point = second->At(i);
    const bool same_value = point.value == points[i].value || std::isnan(points[i].value);
    if (point.key != points[i].key || point.step != points[i].step || point.time_ms != points[i].time_ms ||
        !same_value || point.is_nan != points[i].is_nan) {
      std::abort();
    }
  }
  return 0;
}
