#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "features/definition.h"

namespace keelson::features {

// The values of one series (one expression of one source) for one entity key, each with the instant at which it was
// known, in the order (known, value). The state is a function of the set of values held, not of the order of arrival,
// and so is every answer, to the last bit:
//   sums are prefix sums of round(value * 2^20) in 128-bit integers, so a window's sum is a difference, exact;
//   `last` is the greatest in the order above: of values known at the same instant the greatest value;
//   extremes are taken over the window, by blocks of 64.
// Adding at the end, the usual case, is O(1); elsewhere it is O(values behind). Not thread-safe for changes; owned by
// FeatureEngine.
class WindowValues {
 public:
  // What the aggregates over the series ask for; what is not asked for is not kept. Constant over an object's life.
  struct Needs {
    bool sums = false;
    bool squares = false;
    bool extremes = false;
  };
  static constexpr double kFixedPoint = 1 << 20;     // steps in one unit: values are summed in steps of about 1e-6
  static constexpr double kLargestSummed = 0x1p42;   // 4.4e12, for mean and sum
  static constexpr double kLargestSquared = 0x1p32;  // 4.3e9, for std; exact up to 2^22 such values in a window

  // kInvalidArgument for what is not finite or beyond the range that the needs allow.
  static Status Check(Needs needs, double value);

  void Insert(Needs needs, std::int64_t known, double value);  // a value that passed Check
  bool Erase(Needs needs, std::int64_t known, double value);   // one such value; false when there is none
  void ForgetUntil(Needs needs, std::int64_t known);           // all values known at or before

  bool empty() const { return head_ == known_.size(); }
  std::size_t size() const { return known_.size() - head_; }

  // The position behind the last value known at or before `t`; windows are given by two positions, [low, high).
  std::size_t PositionAfter(std::int64_t t) const;
  // The same, with the answer known to be at or before `high`.
  std::size_t PositionAfter(std::int64_t t, std::size_t high) const;
  // Not-a-number for "nothing", which only a count never is.
  double Aggregate(AggregateFunction fn, std::size_t low, std::size_t high) const;

 private:
  __extension__ using Wide = unsigned __int128;  // two's complement: prefix sums may wrap, their differences do not
  struct Extremes {
    double least;
    double greatest;
  };
  static constexpr std::size_t kBlock = 64;

  // Sums and blocks of the positions from `from`; `appended` when that is one new value at the end.
  void Rebuild(Needs needs, std::size_t from, bool appended);
  Wide Sum(const std::vector<Wide>& prefix, Wide base, std::size_t low, std::size_t high) const;
  double Extreme(bool greatest, std::size_t low, std::size_t high) const;

  std::size_t head_ = 0;  // values before are forgotten, their places not yet reused
  std::vector<std::int64_t> known_;
  std::vector<double> values_;
  std::vector<Wide> sums_;  // of values up to and with each position
  std::vector<Wide> squares_;
  Wide sum_base_ = 0;  // what the sums hold of values no longer kept
  Wide square_base_ = 0;
  std::vector<Extremes> blocks_;  // of each whole or begun block of positions
};

}  // namespace keelson::features
