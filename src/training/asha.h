#pragma once

#include <optional>
#include <vector>

#include "training/pruner.h"

namespace keelson::training {

// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2018): every
// trial begins with few rounds; of those that ended at a rung, the best 1 / reduction go on to the next, as soon as
// there are enough.
struct AshaPolicy {
  int min_rounds = 25;
  int max_rounds = 200;
  int reduction = 3;
  bool operator==(const AshaPolicy&) const = default;
};

// Rounds at which trials are compared: min, min * reduction, ..., and max at last. Values under 1 count as 1
// (reduction: 2).
std::vector<int> Rungs(const AshaPolicy& policy);

// Pure. The trial to go on with when a place is free: looked for at the highest rung first; nothing when none is among
// the best n / reduction of the n that ended its rung. Ties go to the lower trial number.
std::optional<int> PromotableTrial(const std::vector<RungResults>& trials, const AshaPolicy& policy);

}  // namespace keelson::training
