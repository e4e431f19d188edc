#include "training/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace keelson::training {
namespace {

// Kernels are never narrower than the range over so many a point, nor than a hundredth. In the functions of
// bench/figures/search.py 1, which is usual, looks too far from the best points for too long, and 2 is caught by the
// first hollow of one with many.
constexpr double kNarrowest = 1.25;
constexpr double kLogSqrtTwoPi = 0.91893853320467274;

double NormalCdf(double x) {
  return 0.5 * std::erfc(-x * M_SQRT1_2);
}

// Mass of a standard normal between a and b, exact in the tails: both are brought to the left side.
double Mass(double a, double b) {
  return a > 0 ? NormalCdf(-a) - NormalCdf(-b) : NormalCdf(b) - NormalCdf(a);
}

double ToScale(const Range& range, double value) {
  return range.log ? std::log(value) : value;
}

}  // namespace

ParzenEstimator::ParzenEstimator(const std::vector<Range>& space, const std::vector<const Point*>& points,
                                 const std::vector<double>& weights, double prior_weight)
    : weights_(weights) {
  weights_.push_back(prior_weight);
  const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= total;
  for (std::size_t i = 0; i < space.size(); ++i) axes_.push_back(MakeAxis(space[i], i, points, prior_weight));
}

ParzenEstimator::Axis ParzenEstimator::MakeAxis(const Range& range, std::size_t place,
                                                const std::vector<const Point*>& points, double prior_weight) {
  Axis axis;
  axis.range = &range;
  axis.half = HalfStep(range);
  if (range.kind != Range::Kind::kChoice) {
    MakeNormals(axis, place, points);
    return axis;
  }
  for (const Point* point : points) axis.chosen.push_back(static_cast<std::size_t>((*point)[place]));
  const double blur = prior_weight / (static_cast<double>(points.size()) + 1);
  const double total = 1 + blur * static_cast<double>(range.choices.size());
  axis.log_chosen = std::log((1 + blur) / total);
  axis.log_rest = std::log(blur / total);
  return axis;
}

// A kernel reaches to the farther of its neighbours; the prior over the whole range, or so that nearly all of a normal
// one lies in it.
void ParzenEstimator::MakeNormals(Axis& axis, std::size_t place, const std::vector<const Point*>& points) {
  const Range& range = *axis.range;
  axis.low = ToScale(range, LowestOf(range));
  axis.high = ToScale(range, range.high + axis.half);
  std::vector<double> means;
  for (const Point* point : points) means.push_back(ToScale(range, (*point)[place]));
  std::vector<std::size_t> order(means.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return means[a] < means[b]; });
  const double span = axis.high - axis.low;
  const double narrowest = span / std::min(100.0, kNarrowest * static_cast<double>(means.size()) + 2);
  const std::size_t last = order.size() - 1;
  axis.normals.resize(means.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double mean = means[order[i]];
    const double left = mean - (i > 0 ? means[order[i - 1]] : axis.low);
    const double right = (i < last ? means[order[i + 1]] : axis.high) - mean;
    double width = std::max(left, right);
    // The ends of the range are no neighbours, unless there are no others.
    if (last > 0 && i == 0) width = right;
    if (last > 0 && i == last) width = left;
    axis.normals[order[i]].mean = mean;
    axis.normals[order[i]].width = std::clamp(width, narrowest, span);
  }
  axis.normals.push_back({0.5 * (axis.low + axis.high), range.normal ? span / 6 : span});
  for (Normal& normal : axis.normals) {
    normal.inside = Mass((axis.low - normal.mean) / normal.width, (axis.high - normal.mean) / normal.width);
    normal.log_peak = -kLogSqrtTwoPi - std::log(normal.width * normal.inside);
  }
}

Point ParzenEstimator::Draw(Random& random) const {
  double share = random.Uniform();
  std::size_t kernel = 0;
  while (kernel + 1 < weights_.size() && share >= weights_[kernel]) share -= weights_[kernel++];
  Point point;
  for (const Axis& axis : axes_) point.push_back(DrawFrom(axis, kernel, random));
  return point;
}

double ParzenEstimator::DrawFrom(const Axis& axis, std::size_t kernel, Random& random) {
  const Range& range = *axis.range;
  if (range.kind == Range::Kind::kChoice) {
    const std::size_t any = random.Below(range.choices.size());
    if (kernel >= axis.chosen.size()) return static_cast<double>(any);
    // Its own choice has what it has beyond the others; what is left is shared by all.
    const double beyond = std::exp(axis.log_chosen) - std::exp(axis.log_rest);
    return static_cast<double>(random.Uniform() < beyond ? axis.chosen[kernel] : any);
  }
  if (axis.high <= axis.low) return range.low;
  const Normal& normal = axis.normals[kernel];
  double value;  // means lie inside and widths reach at most over the range: at least a third of the draws are inside
  do {
    value = normal.mean + normal.width * random.Normal();
  } while (value < axis.low || value > axis.high);
  return OnStep(range, range.log ? std::exp(value) : value);
}

void ParzenEstimator::AddLogDensity(const Axis& axis, double value, std::vector<double>& densities) {
  const Range& range = *axis.range;
  if (range.kind == Range::Kind::kChoice) {
    const auto choice = static_cast<std::size_t>(value);
    for (std::size_t i = 0; i < axis.chosen.size(); ++i) {
      densities[i] += axis.chosen[i] == choice ? axis.log_chosen : axis.log_rest;
    }
    densities.back() -= std::log(static_cast<double>(range.choices.size()));
    return;
  }
  if (axis.high <= axis.low) return;
  if (axis.half == 0) {
    const double at = ToScale(range, value);
    for (std::size_t i = 0; i < densities.size(); ++i) {
      const double distance = (at - axis.normals[i].mean) / axis.normals[i].width;
      densities[i] += axis.normals[i].log_peak - 0.5 * distance * distance;
    }
    return;
  }
  const double from = std::max(axis.low, ToScale(range, std::max(value - axis.half, LowestOf(range))));
  const double to = std::min(axis.high, ToScale(range, value + axis.half));
  for (std::size_t i = 0; i < densities.size(); ++i) {
    const Normal& normal = axis.normals[i];
    const double mass = Mass((from - normal.mean) / normal.width, (to - normal.mean) / normal.width) / normal.inside;
    densities[i] += std::log(std::max(mass, std::numeric_limits<double>::min()));
  }
}

double ParzenEstimator::LogDensity(const Point& point) const {
  std::vector<double> densities(weights_.size());
  for (std::size_t i = 0; i < axes_.size(); ++i) AddLogDensity(axes_[i], point[i], densities);
  const double greatest = *std::max_element(densities.begin(), densities.end());
  double sum = 0;
  for (std::size_t i = 0; i < densities.size(); ++i) sum += weights_[i] * std::exp(densities[i] - greatest);
  return greatest + std::log(std::max(sum, std::numeric_limits<double>::min()));
}

}  // namespace keelson::training
