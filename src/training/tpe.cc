#include "training/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "training/parzen.h"
#include "training/random_search.h"

namespace keelson::training {
namespace {

constexpr std::size_t kStartupTrials = 10;
constexpr std::size_t kCandidates = 24;
constexpr std::size_t kMostGood = 25;
constexpr std::size_t kFullWeight = 25;  // the newest so many bad outcomes weigh 1; older ones less and less

// The points of one side of the split, in order of age, with their weights.
struct Side {
  std::vector<const Point*> points;
  std::vector<double> weights;

  std::vector<double> Values(std::size_t range) const {
    std::vector<double> values;
    for (const Point* point : points) values.push_back((*point)[range]);
    return values;
  }
};

std::vector<double> WeightsByAge(std::size_t count) {
  std::vector<double> weights(count, 1.0);
  if (count < kFullWeight) return weights;
  const std::size_t ramp = count - kFullWeight;
  const double least = 1 / static_cast<double>(count);
  for (std::size_t i = 0; i < ramp; ++i) {
    weights[i] = ramp == 1 ? least : least + (1 - least) * static_cast<double>(i) / static_cast<double>(ramp - 1);
  }
  return weights;
}

void Split(const std::vector<TrialOutcome>& outcomes, const std::vector<Point>& running, Side& good, Side& bad) {
  const auto rank = [&](std::size_t i) {
    return std::isnan(outcomes[i].objective) ? std::numeric_limits<double>::infinity() : outcomes[i].objective;
  };
  std::vector<std::size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  const std::size_t best = std::min((outcomes.size() + 9) / 10, kMostGood);
  std::vector<bool> is_good(outcomes.size());
  for (std::size_t i = 0; i < best; ++i) is_good[order[i]] = true;
  for (std::size_t i = 0; i < outcomes.size(); ++i) (is_good[i] ? good : bad).points.push_back(&outcomes[i].point);
  for (const Point& point : running) bad.points.push_back(&point);
  good.weights = WeightsByAge(good.points.size());
  bad.weights = WeightsByAge(bad.points.size());
}

}  // namespace

Point TpeSampler::Suggest(const std::vector<Range>& space, std::uint64_t trial_number,
                          const std::vector<TrialOutcome>& outcomes, const std::vector<Point>& running) const {
  Random random = TrialRandom(seed_, trial_number);
  if (outcomes.size() < kStartupTrials) return RandomPoint(space, random);
  Side good, bad;
  Split(outcomes, running, good, bad);
  Point point;
  for (std::size_t range = 0; range < space.size(); ++range) {
    const ParzenEstimator likes(space[range], good.Values(range), good.weights);
    const ParzenEstimator dislikes(space[range], bad.Values(range), bad.weights);
    double best = 0, best_ratio = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kCandidates; ++i) {
      const double value = likes.Draw(random);
      const double ratio = likes.LogDensity(value) - dislikes.LogDensity(value);
      if (ratio > best_ratio) {
        best = value;
        best_ratio = ratio;
      }
    }
    point.push_back(best);
  }
  return point;
}

}  // namespace keelson::training
