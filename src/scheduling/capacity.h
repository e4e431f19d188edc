#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "scheduling/cluster.h"

namespace keelson::scheduling {

// A node pool as it can be bought: nodes of one kind, in one place, at one price.
struct NodeOffer {
  NodePool pool;  // its name, and the labels and taints of its nodes
  Node node;      // what each of them has; name, pool and domains are not looked at
  std::string cloud;
  std::string region;
  std::string instance_type;
  std::int64_t price = 0;    // of one node, in millionths of a dollar an hour
  bool spot = false;         // may be taken away
  double interruptions = 0;  // of a spot node in an hour, as expected
  Duration start_up{};       // from buying until pods can run
  int most = 1'000'000;      // nodes at once
  // It was asked for and there were none: not to be asked for again before.
  std::optional<Instant> sold_out_until;
};

// A pod with its place: what moving it would cost decides who has to move.
struct PlacedPod {
  PodShape pod;
  std::vector<int> gpus;  // that it has
  bool may_move = true;
  bool on_spot = true;  // it may run on nodes that can be taken away
  double lost = 0;      // seconds of its work, were it moved now (LostWork)
};

struct OwnedNode {
  std::string name;
  int offer = 0;  // in CapacitySnapshot::offers
  Instant bought;
  bool ready = true;      // pods can run there; false: it starts
  bool draining = false;  // it was told to be; its pods look for another place
  bool drifted = false;   // it is not any more what its offer says
  Instant idle_since;     // of one without pods
  std::vector<PlacedPod> pods;
};

// Pods that no node has had room for.
struct Demand {
  std::string workload;
  PodShape pod;
  int pods = 1;
  bool gang = false;  // all or none
  bool on_spot = true;
};

struct CapacitySnapshot {
  GpuModels models;
  std::vector<NodeOffer> offers;
  std::vector<OwnedNode> nodes;
  std::vector<Demand> demands;  // the most important first
};

enum class DrainReason { kEmpty, kUnderused, kDrifted, kExpired };
std::string_view DrainReasonName(DrainReason reason);  // "empty", ...

// How many nodes may be draining at once, at a time of the day (UTC). Karpenter's disruption budgets.
struct DrainBudget {
  Duration from{};  // since midnight
  Duration until = std::chrono::hours(24);
  std::optional<int> nodes;          // so many,
  std::optional<double> part;        // or such a part of all, rounded up
  std::vector<DrainReason> reasons;  // that it limits; none: all
};

struct CapacityPolicy {
  Duration idle = std::chrono::minutes(5);  // an empty node is kept so long
  std::optional<Duration> expire;           // a node is replaced when it is so old
  // A node is replaced by a cheaper one only if that saves such a part of its price: so that prices that wander do not
  // make nodes wander.
  double worth_moving = 0.15;
  // Of the spot nodes, from `diversify_from` on, at most such a part is of one offer: offers are taken away together.
  double most_of_one_offer = 0.5;
  int diversify_from = 4;
  // What an interruption costs, in hours of the node: the price of a spot node is raised by it times its rate.
  double hours_per_interruption = 0.25;
  std::vector<DrainBudget> budgets;  // of those that hold now, the least counts; none at all: a tenth, at least one
};

struct CapacityAction {
  enum class Kind { kBuy, kDrain } kind = Kind::kBuy;
  int offer = 0;                             // kBuy
  int nodes = 0;                             // kBuy: how many
  std::string node;                          // kDrain
  DrainReason reason = DrainReason::kEmpty;  // kDrain
  std::string why;                           // for people
  bool operator==(const CapacityAction&) const = default;
};

struct CapacityPlan {
  std::vector<CapacityAction> actions;
  std::vector<std::pair<std::string, std::string>> unmet;  // workload, and why nothing is bought for it
};

// Pure: which nodes to buy and which to give back.
//
// Bought is what the demands need beyond the room that there is and that is on its way: the cheapest mix that was
// found over all offers, spot first as it is cheaper, spread over several spot offers, on demand where a pod may not be
// interrupted or spot is sold out; a gang's nodes all or none.
//
// Given back are nodes that are empty for a while; too old or not any more what they should be, when their pods have
// another place; and those whose pods have room elsewhere, or on one new node that is cheaper by enough. What moves is
// what loses least. A node is drained only when the other place is ready: until then it waits for what was bought.
// Never more at once than the budgets allow.
//
// Applied (nodes bought are starting, nodes drained are draining) and planned again it has no actions. kInvalidArgument
// for offers and nodes that make no sense, with their name, and for a policy with what is no number or no part.
Result<CapacityPlan> PlanCapacity(const CapacitySnapshot& snapshot, Instant now, const CapacityPolicy& policy);

// Those of the actions that a plan of what is now still has: to be asked right before they are carried out.
Result<std::vector<CapacityAction>> StillRight(const std::vector<CapacityAction>& actions,
                                               const CapacitySnapshot& snapshot, Instant now,
                                               const CapacityPolicy& policy);

// "$1.25 an hour".
std::string FormatPrice(std::int64_t millionths_an_hour);

}  // namespace keelson::scheduling
