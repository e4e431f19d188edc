#include "training/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "training/parzen.h"
#include "training/random_search.h"

namespace keelson::training {
namespace {

constexpr std::size_t kMostGood = 25;
constexpr std::size_t kFullWeight = 25;  // the newest so many bad outcomes weigh 1; older ones less and less

// The points of one side of the split, in order of age, with their weights.
struct Side {
  std::vector<const Point*> points;
  std::vector<double> weights;
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

std::size_t GoodOnes(std::size_t outcomes, double gamma) {
  const std::size_t good =
      gamma > 0 ? static_cast<std::size_t>(std::ceil(gamma * std::sqrt(outcomes))) : (outcomes + 9) / 10;
  return std::min({good, kMostGood, outcomes});
}

void Split(const std::vector<TrialOutcome>& outcomes, const std::vector<Point>& running, double gamma, Side& good,
           Side& bad) {
  const auto rank = [&](std::size_t i) {
    return std::isnan(outcomes[i].objective) ? std::numeric_limits<double>::infinity() : outcomes[i].objective;
  };
  std::vector<std::size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  const std::size_t best = GoodOnes(outcomes.size(), gamma);
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
  Random random = TrialRandom(settings_.seed, trial_number);
  if (outcomes.empty() || outcomes.size() < static_cast<std::size_t>(settings_.startup)) {
    return RandomPoint(space, random);
  }
  Side good, bad;
  Split(outcomes, running, settings_.gamma, good, bad);
  const ParzenEstimator likes(space, good.points, good.weights, settings_.prior_weight);
  const ParzenEstimator dislikes(space, bad.points, bad.weights, settings_.prior_weight);
  Point best;
  double best_ratio = -std::numeric_limits<double>::infinity();
  for (int i = 0; i < settings_.candidates; ++i) {
    Point point = likes.Draw(random);
    const double ratio = likes.LogDensity(point) - dislikes.LogDensity(point);
    if (best.empty() || ratio > best_ratio) {
      best = std::move(point);
      best_ratio = ratio;
    }
  }
  return best;
}

}  // namespace keelson::training
