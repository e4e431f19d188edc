#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "base/result.h"

namespace keelson::tracking {

// A point of a metric's history as the tables keep it. A NaN is value 0 and is_nan, so that points have an order: by
// step, then time, then value.
struct HistoryPoint {
  std::int64_t key = 0;  // the metric key's number
  std::int64_t step = 0;
  std::int64_t time_ms = 0;
  double value = 0;
  bool is_nan = false;

  bool operator==(const HistoryPoint&) const = default;
  bool operator<(const HistoryPoint& other) const {
    return std::tie(key, step, time_ms, value, is_nan) <
           std::tie(other.key, other.step, other.time_ms, other.value, other.is_nan);
  }
};

// Points as bytes, in the order given: in columns, a whole number as what it differs by from a straight line, in as few
// bytes as the largest difference needs. Steps that count up by one, or a batch of one instant, take nothing at all.
//
//   count: u32, flags: u8 (1: a column of NaNs follows)
//   keys, steps, times: each first: i64, slope: i64, width: u8 (0, 1, 2, 4 or 8), count * width bytes
//   values: count doubles
//   NaNs: count bytes, when flagged
std::string PackPoints(std::span<const HistoryPoint> points);

// Reads what PackPoints made, any point without the others. The bytes outlive it. Copies are cheap.
class PackedPoints {
 public:
  static Result<PackedPoints> Open(std::string_view bytes);  // kDataLoss

  std::size_t size() const { return count_; }
  HistoryPoint At(std::size_t i) const;  // i < size()

 private:
  struct Column {
    std::uint64_t first = 0;
    std::uint64_t slope = 0;
    std::uint8_t width = 0;
    const char* differences = nullptr;

    std::int64_t At(std::size_t i) const;
  };

  std::size_t count_ = 0;
  Column keys_;
  Column steps_;
  Column times_;
  const char* values_ = nullptr;
  const char* nans_ = nullptr;
};

}  // namespace keelson::tracking
