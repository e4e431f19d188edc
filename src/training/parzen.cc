#include "training/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace keelson::training {
namespace {

double NormalCdf(double x) {
  return 0.5 * std::erfc(-x * M_SQRT1_2);
}

constexpr double kSqrtTwoPi = 2.5066282746310002;

// Mass of a standard normal between a and b, exact in the tails: both are brought to the left side.
double Mass(double a, double b) {
  return a > 0 ? NormalCdf(-a) - NormalCdf(-b) : NormalCdf(b) - NormalCdf(a);
}

}  // namespace

ParzenEstimator::ParzenEstimator(const Range& range, const std::vector<double>& values,
                                 const std::vector<double>& weights)
    : range_(range) {
  if (range.kind == Range::Kind::kChoice) {
    MakeCounts(values, weights);
    return;
  }
  const double half = range.kind == Range::Kind::kInt ? 0.5 : 0;
  low_ = ToScale(range.low - half);
  high_ = ToScale(range.high + half);
  MakeKernels(values, weights);
}

double ParzenEstimator::ToScale(double value) const {
  return range_.log ? std::log(value) : value;
}

void ParzenEstimator::MakeKernels(const std::vector<double>& values, const std::vector<double>& weights) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  const double span = high_ - low_;
  const double narrowest = span / std::min(100.0, static_cast<double>(values.size()) + 2);
  const double total = std::accumulate(weights.begin(), weights.end(), 1.0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double mean = ToScale(values[order[i]]);
    const double left = i > 0 ? ToScale(values[order[i - 1]]) : low_;
    const double right = i + 1 < order.size() ? ToScale(values[order[i + 1]]) : high_;
    double width = std::max(mean - left, right - mean);
    // The ends of the range are no neighbours, unless there are no others.
    if (order.size() > 1 && i == 0) width = right - mean;
    if (order.size() > 1 && i + 1 == order.size()) width = mean - left;
    kernels_.push_back({weights[order[i]] / total, mean, std::clamp(width, narrowest, span), 1});
  }
  kernels_.push_back({1 / total, 0.5 * (low_ + high_), span, 1});
  for (Kernel& kernel : kernels_) {
    kernel.inside = Mass((low_ - kernel.mean) / kernel.width, (high_ - kernel.mean) / kernel.width);
  }
}

void ParzenEstimator::MakeCounts(const std::vector<double>& values, const std::vector<double>& weights) {
  // One kernel a value: its choice for sure, blurred by the prior; and the prior itself, uniform.
  const double choices = static_cast<double>(range_.choices.size());
  const double blur = 1 / (static_cast<double>(values.size()) + 1);
  const double total = std::accumulate(weights.begin(), weights.end(), 1.0);
  shares_.assign(range_.choices.size(), 1 / (total * choices));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double kernel = weights[i] / total / (1 + blur * choices);
    for (double& share : shares_) share += kernel * blur;
    shares_[static_cast<std::size_t>(values[i])] += kernel;
  }
}

double ParzenEstimator::Draw(Random& random) const {
  double share = random.Uniform();
  if (range_.kind == Range::Kind::kChoice) {
    for (std::size_t i = 0; i + 1 < shares_.size(); ++i) {
      if (share < shares_[i]) return static_cast<double>(i);
      share -= shares_[i];
    }
    return static_cast<double>(shares_.size() - 1);
  }
  if (high_ <= low_) return range_.low;
  const Kernel* kernel = &kernels_.back();
  for (const Kernel& each : kernels_) {
    if (share < each.weight) {
      kernel = &each;
      break;
    }
    share -= each.weight;
  }
  double value;  // means lie inside and widths reach at most over the range: at least a third of the draws are inside
  do {
    value = kernel->mean + kernel->width * random.Normal();
  } while (value < low_ || value > high_);
  if (range_.log) value = std::exp(value);
  if (range_.kind == Range::Kind::kInt) value = std::round(value);
  return std::clamp(value, range_.low, range_.high);
}

double ParzenEstimator::LogDensity(double value) const {
  if (range_.kind == Range::Kind::kChoice) return std::log(shares_[static_cast<std::size_t>(value)]);
  if (high_ <= low_) return 0;
  double density = 0;
  for (const Kernel& kernel : kernels_) {
    const auto standard = [&kernel](double x) { return (x - kernel.mean) / kernel.width; };
    if (range_.kind == Range::Kind::kInt) {
      density += kernel.weight * Mass(standard(ToScale(value - 0.5)), standard(ToScale(value + 0.5))) / kernel.inside;
    } else {
      const double x = standard(ToScale(value));
      density += kernel.weight * std::exp(-0.5 * x * x) / (kSqrtTwoPi * kernel.width * kernel.inside);
    }
  }
  return std::log(std::max(density, std::numeric_limits<double>::min()));
}

}  // namespace keelson::training
