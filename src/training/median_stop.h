#pragma once

#include <optional>
#include <vector>

#include "training/pruner.h"

namespace keelson::training {

// The median stopping rule (Golovin et al., "Google Vizier", KDD 2017): a trial ends early when the best that it has
// shown is worse than the median of what the others had shown on average as far as that.
struct MedianPolicy {
  int interval = 25;  // rounds from one rung to the next
  int max_rounds = 200;
  int min_trials = 3;  // that must have ended a rung before any is stopped at it
  bool operator==(const MedianPolicy&) const = default;
};

// Rounds at which trials are compared: interval, 2 * interval, ..., and max at last. Values under 1 count as 1.
std::vector<int> Rungs(const MedianPolicy& policy);

// Pure. The trial to go on with when a place is free: the lowest number among those that neither run nor failed nor
// ended the last rung nor have fallen behind the median; nothing when there is none.
std::optional<int> TrialToGoOn(const std::vector<RungResults>& trials, const MedianPolicy& policy);

}  // namespace keelson::training
