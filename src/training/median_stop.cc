#include "training/median_stop.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace keelson::training {
namespace {

bool Failed(const RungResults& trial) {
  return !trial.objectives.empty() && std::isnan(trial.objectives.back());
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool HasFallenBehind(const RungResults& trial, const std::vector<RungResults>& trials, const MedianPolicy& policy) {
  const std::size_t rungs = trial.objectives.size();
  std::vector<double> averages;
  for (const RungResults& other : trials) {
    if (other.trial == trial.trial || other.objectives.size() < rungs || Failed(other)) continue;
    const auto end = other.objectives.begin() + static_cast<std::ptrdiff_t>(rungs);
    averages.push_back(std::accumulate(other.objectives.begin(), end, 0.0) / static_cast<double>(rungs));
  }
  if (averages.empty() || averages.size() < static_cast<std::size_t>(std::max(policy.min_trials, 1))) return false;
  return *std::min_element(trial.objectives.begin(), trial.objectives.end()) > Median(std::move(averages));
}

}  // namespace

std::vector<int> Rungs(const MedianPolicy& policy) {
  const std::int64_t most = std::max(policy.max_rounds, 1);
  const std::int64_t interval = std::max(policy.interval, 1);
  std::vector<int> rungs;
  for (std::int64_t rounds = interval; rounds < most; rounds += interval) rungs.push_back(static_cast<int>(rounds));
  rungs.push_back(static_cast<int>(most));
  return rungs;
}

std::optional<int> TrialToGoOn(const std::vector<RungResults>& trials, const MedianPolicy& policy) {
  const std::size_t rungs = Rungs(policy).size();
  for (const RungResults& trial : trials) {
    if (trial.running || trial.objectives.empty() || trial.objectives.size() >= rungs || Failed(trial)) continue;
    if (!HasFallenBehind(trial, trials, policy)) return trial.trial;
  }
  return std::nullopt;
}

}  // namespace keelson::training
