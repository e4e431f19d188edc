#pragma once

#include <functional>
#include <vector>

#include "scheduling/quota_tree.h"
#include "simulation/queued_load.h"

namespace keelson::simulation {

// What the makespan of a load cannot be under, in seconds, whoever decides.
struct QueueBounds {
  double of_work = 0;  // the work of a tree of cohorts by its quota, the largest
  // The same with what cannot run yet because it has not been submitted: for every instant what could be done until
  // then if there were no quotas, and the rest of the work by the quota.
  double of_arrivals = 0;
};

// Of the arrivals that count.
QueueBounds BoundsOf(const QueuedLoad& load, const scheduling::QuotaTree& tree,
                     const std::function<bool(const QueuedLoad::Arrival&)>& counts);

// The nominal quota of each resource, over all flavors: of every tree of cohorts, by its root.
using AmountsByRoot = std::map<int, std::array<double, scheduling::kResourceCount>>;
AmountsByRoot NominalQuotas(const scheduling::QuotaTree& tree);

}  // namespace keelson::simulation
