#pragma once

#include <optional>
#include <vector>

#include "scheduling/capacity_room.h"

namespace keelson::scheduling {

// Equal pods that need new nodes.
struct Wanted {
  Seeker seeker;
  int pods = 0;
};

struct Purchase {
  std::vector<int> offers;    // of each node to buy
  std::vector<int> short_of;  // by what was wanted: how many pods no node can be bought for
};

// What can be bought at what price, for PlanCapacity. Refers to its arguments.
class CapacityShop {
 public:
  CapacityShop(const CapacitySnapshot& snapshot, const PodShapes& shapes, const CapacityPolicy& policy, Instant now);

  // A cheap mix of nodes for all that is wanted: node by node, the one that costs least for what it takes of it, where
  // a pod is worth what it costs on the nodes that hold its like most cheaply. Counts as bought.
  Purchase Buy(const std::vector<Wanted>& wanted);
  // The cheapest node that holds all of them and costs at most so much; it counts as bought. Nothing: there is none.
  std::optional<int> BuyOne(const std::vector<Seeker>& seekers, double most);
  void Count(int offer);  // one of it is bought

  // What a node costs in an hour, what its interruptions cost included; millionths of a dollar.
  double Price(int offer) const;
  bool Admits(int offer, const Seeker& seeker) const;  // whether its nodes, empty, would take the pod

 private:
  bool ForSale(int offer) const;
  // One more of a spot offer is not too many of it, or there is no other.
  bool Spreads(int offer) const;
  NodeState Empty(int offer) const;

  const CapacitySnapshot& snapshot_;
  const PodShapes& shapes_;
  const CapacityPolicy& policy_;
  Instant now_;
  std::vector<int> owned_;  // by offer, what is bought included
  std::vector<int> spot_;   // by offer: of spot nodes that stay
  int all_spot_ = 0;
};

}  // namespace keelson::scheduling
