#include "features/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace keelson::features {
namespace {

__extension__ using Signed = __int128;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::int64_t ToFixed(double value) {
  return std::llrint(value * WindowValues::kFixedPoint);
}

}  // namespace

Status WindowValues::Check(Needs needs, double value) {
  const double limit = needs.squares ? kLargestSquared
                       : needs.sums  ? kLargestSummed
                                     : std::numeric_limits<double>::max();
  if (std::abs(value) <= limit) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is out of range; {} takes values from {:g} to {:g}", value,
                                                       needs.squares ? "std"
                                                       : needs.sums  ? "a mean or sum"
                                                                     : "an aggregate",
                                                       -limit, limit));
}

void WindowValues::Insert(Needs needs, std::int64_t known, double value) {
  if (value == 0) value = 0;  // minus zero
  const auto behind = [&](std::size_t at) {
    return known_[at] > known || (known_[at] == known && values_[at] > value);
  };
  std::size_t at = known_.size();
  if (at > head_ && behind(at - 1)) {
    std::size_t low = head_;
    for (--at; low < at;) {
      const std::size_t middle = low + (at - low) / 2;
      if (behind(middle)) {
        at = middle;
      } else {
        low = middle + 1;
      }
    }
  }
  known_.insert(known_.begin() + static_cast<std::ptrdiff_t>(at), known);
  values_.insert(values_.begin() + static_cast<std::ptrdiff_t>(at), value);
  Rebuild(needs, at, at + 1 == known_.size());
}

bool WindowValues::Erase(Needs needs, std::int64_t known, double value) {
  if (value == 0) value = 0;
  for (std::size_t at = PositionAfter(known); at > head_ && known_[at - 1] == known; --at) {
    if (values_[at - 1] != value) continue;
    known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(at - 1));
    values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(at - 1));
    Rebuild(needs, at - 1, false);
    return true;
  }
  return false;
}

void WindowValues::ForgetUntil(Needs needs, std::int64_t known) {
  while (head_ < known_.size() && known_[head_] <= known) ++head_;
  if (head_ < kBlock || head_ * 2 < known_.size()) return;
  if (needs.sums) sum_base_ = sums_[head_ - 1];
  if (needs.squares) square_base_ = squares_[head_ - 1];
  known_.erase(known_.begin(), known_.begin() + static_cast<std::ptrdiff_t>(head_));
  values_.erase(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
  Rebuild(needs, 0, false);
}

void WindowValues::Rebuild(Needs needs, std::size_t from, bool appended) {
  const std::size_t size = known_.size();
  if (needs.sums) {
    sums_.resize(size);
    Wide sum = from == 0 ? sum_base_ : sums_[from - 1];
    for (std::size_t i = from; i < size; ++i) sums_[i] = sum += static_cast<Wide>(Signed{ToFixed(values_[i])});
  }
  if (needs.squares) {
    squares_.resize(size);
    Wide sum = from == 0 ? square_base_ : squares_[from - 1];
    for (std::size_t i = from; i < size; ++i) {
      const auto fixed = static_cast<Wide>(Signed{ToFixed(values_[i])});
      squares_[i] = sum += fixed * fixed;
    }
  }
  if (needs.extremes) {
    blocks_.resize((size + kBlock - 1) / kBlock);
    if (appended && from % kBlock != 0) {
      Extremes& block = blocks_.back();
      block = {std::min(block.least, values_[from]), std::max(block.greatest, values_[from])};
      return;
    }
    for (std::size_t block = from / kBlock; block < blocks_.size(); ++block) {
      const auto begin = values_.begin() + static_cast<std::ptrdiff_t>(block * kBlock);
      const auto end = values_.begin() + static_cast<std::ptrdiff_t>(std::min(size, (block + 1) * kBlock));
      const auto [least, greatest] = std::minmax_element(begin, end);
      blocks_[block] = {*least, *greatest};
    }
  }
}

std::size_t WindowValues::PositionAfter(std::int64_t t) const {
  return PositionAfter(t, known_.size());
}

std::size_t WindowValues::PositionAfter(std::int64_t t, std::size_t high) const {
  if (high == head_ || known_[high - 1] <= t) return high;
  const auto begin = known_.begin();
  return static_cast<std::size_t>(
      std::upper_bound(begin + static_cast<std::ptrdiff_t>(head_), begin + static_cast<std::ptrdiff_t>(high - 1), t) -
      begin);
}

WindowValues::Wide WindowValues::Sum(const std::vector<Wide>& prefix, Wide base, std::size_t low,
                                     std::size_t high) const {
  return prefix[high - 1] - (low == 0 ? base : prefix[low - 1]);
}

double WindowValues::Extreme(bool greatest, std::size_t low, std::size_t high) const {
  double result = values_[low];
  const auto take = [&](double value) { result = greatest ? std::max(result, value) : std::min(result, value); };
  for (std::size_t i = low; i < high;) {
    if (i % kBlock == 0 && i + kBlock <= high) {
      const Extremes& block = blocks_[i / kBlock];
      take(greatest ? block.greatest : block.least);
      i += kBlock;
    } else {
      take(values_[i++]);
    }
  }
  return result;
}

double WindowValues::Aggregate(AggregateFunction fn, std::size_t low, std::size_t high) const {
  const std::size_t count = high - low;
  if (fn == AggregateFunction::kCount) return static_cast<double>(count);
  if (count == 0) return kNothing;
  switch (fn) {
    case AggregateFunction::kMin:
      return Extreme(false, low, high);
    case AggregateFunction::kMax:
      return Extreme(true, low, high);
    case AggregateFunction::kLast:
      return values_[high - 1];
    default:
      break;
  }
  const auto sum = static_cast<Signed>(Sum(sums_, sum_base_, low, high));
  if (fn == AggregateFunction::kSum) return static_cast<double>(sum) / kFixedPoint;
  const auto n = static_cast<double>(count);
  if (fn == AggregateFunction::kMean) return static_cast<double>(sum) / (n * kFixedPoint);
  // The squared distances from the mean: first from the whole step nearest to it, in integers, then the small rest.
  const Signed center = sum / static_cast<Signed>(count);
  const auto rest = static_cast<double>(sum - center * static_cast<Signed>(count));
  const Wide distances = Sum(squares_, square_base_, low, high) -
                         2 * static_cast<Wide>(center) * static_cast<Wide>(sum) +
                         static_cast<Wide>(count) * static_cast<Wide>(center) * static_cast<Wide>(center);
  const double variance = (static_cast<double>(distances) - rest * rest / n) / n;
  return std::sqrt(std::max(variance, 0.0)) / kFixedPoint;
}

}  // namespace keelson::features
