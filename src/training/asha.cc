#include "training/asha.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace keelson::training {

std::vector<int> Rungs(const AshaPolicy& policy) {
  const std::int64_t most = std::max(policy.max_rounds, 1);
  const std::int64_t factor = std::max(policy.reduction, 2);
  std::vector<int> rungs;
  for (std::int64_t rounds = std::max(policy.min_rounds, 1); rounds < most; rounds *= factor) {
    rungs.push_back(static_cast<int>(rounds));
  }
  rungs.push_back(static_cast<int>(most));
  return rungs;
}

std::optional<int> PromotableTrial(const std::vector<RungResults>& trials, const AshaPolicy& policy) {
  const std::size_t rungs = Rungs(policy).size();
  for (std::size_t rung = rungs - 1; rung-- > 0;) {
    std::vector<const RungResults*> ended;
    for (const RungResults& trial : trials) {
      if (trial.objectives.size() > rung) ended.push_back(&trial);
    }
    std::erase_if(ended, [rung](const RungResults* trial) { return std::isnan(trial->objectives[rung]); });
    std::sort(ended.begin(), ended.end(), [rung](const RungResults* a, const RungResults* b) {
      return a->objectives[rung] != b->objectives[rung] ? a->objectives[rung] < b->objectives[rung]
                                                        : a->trial < b->trial;
    });
    const std::size_t best = ended.size() / static_cast<std::size_t>(std::max(policy.reduction, 2));
    for (std::size_t i = 0; i < best; ++i) {
      if (ended[i]->objectives.size() == rung + 1 && !ended[i]->running) return ended[i]->trial;
    }
  }
  return std::nullopt;
}

}  // namespace keelson::training
