#include "scheduling/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "scheduling/capacity_shop.h"

namespace keelson::scheduling {
namespace {

constexpr double kMillionths = 1e6;
constexpr double kPartWithoutBudgets = 0.1;
constexpr int kMostRounds = 20;

// Finite too: what is no number would be turned into numbers of nodes.
bool AtLeastNothing(double value) {
  return std::isfinite(value) && value >= 0;
}

bool IsPart(double value) {
  return AtLeastNothing(value) && value <= 1;
}

Status Check(const CapacityPolicy& policy) {
  const auto wrong = [](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the policy's {}", what));
  };
  if (policy.idle < Duration::zero()) return wrong("idle time is below zero");
  if (policy.expire && *policy.expire <= Duration::zero()) return wrong("age at which nodes expire is not above zero");
  if (!IsPart(policy.worth_moving)) return wrong("worth_moving is not from 0 to 1");
  if (!IsPart(policy.most_of_one_offer)) return wrong("most_of_one_offer is not from 0 to 1");
  if (!AtLeastNothing(policy.hours_per_interruption)) return wrong("hours_per_interruption is below zero or no number");
  const Duration day = std::chrono::hours(24);
  for (const DrainBudget& budget : policy.budgets) {
    const auto in_day = [day](Duration time) { return time >= Duration::zero() && time <= day; };
    if (!in_day(budget.from) || !in_day(budget.until)) return wrong("budgets have a time that is in no day");
    if (budget.nodes && *budget.nodes < 0) return wrong("budgets have a number of nodes below zero");
    if (budget.part && !IsPart(*budget.part)) return wrong("budgets have a part that is not from 0 to 1");
  }
  return {};
}

Status Check(const CapacitySnapshot& snapshot) {
  for (const NodeOffer& offer : snapshot.offers) {
    const auto wrong = [&](const std::string& what) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("node pool '{}' {}", offer.pool.name, what),
                  offer.pool.name);
    };
    if (offer.price <= 0) return wrong("has no price");
    if (offer.most < 0 || !AtLeastNothing(offer.interruptions)) return wrong("has a limit or a rate below zero");
    if (offer.node.gpus < 0 || offer.node.gpus > kMostGpus) return wrong("has too many GPUs, or fewer than none");
  }
  for (const OwnedNode& node : snapshot.nodes) {
    if (node.offer >= 0 && static_cast<std::size_t>(node.offer) < snapshot.offers.size()) continue;
    return Fail(ErrorCode::kInvalidArgument, fmt::format("node '{}' is of no node pool", node.name), node.name);
  }
  return {};
}

// How many nodes may be draining at once for the reason.
int Allowed(const CapacityPolicy& policy, std::size_t nodes, Instant now, DrainReason reason) {
  const auto part = [nodes](double of) { return static_cast<int>(std::ceil(of * static_cast<double>(nodes))); };
  if (policy.budgets.empty()) return std::max(1, part(kPartWithoutBudgets));
  const Duration time = now - std::chrono::floor<std::chrono::days>(now);
  int allowed = static_cast<int>(nodes);
  for (const DrainBudget& budget : policy.budgets) {
    // One that ends before it begins goes over midnight.
    const bool holds = budget.from <= budget.until ? budget.from <= time && time < budget.until
                                                   : budget.from <= time || time < budget.until;
    const bool limits = budget.reasons.empty() || std::ranges::find(budget.reasons, reason) != budget.reasons.end();
    if (!holds || !limits) continue;
    if (budget.nodes) allowed = std::min(allowed, *budget.nodes);
    if (budget.part) allowed = std::min(allowed, part(*budget.part));
  }
  return allowed;
}

double Lost(const OwnedNode& node) {
  double lost = 0;
  for (const PlacedPod& pod : node.pods) lost += pod.lost;
  return lost;
}

class Planning {
 public:
  Planning(const CapacitySnapshot& snapshot, Instant now, const CapacityPolicy& policy)
      : snapshot_(snapshot), now_(now), policy_(policy) {
    for (const Demand& demand : snapshot.demands) {
      wanted_.push_back({{shapes_.Number(demand.pod), demand.on_spot}, std::max(0, demand.pods)});
    }
    for (const OwnedNode& node : snapshot.nodes) {
      for (const PlacedPod& pod : node.pods) shapes_.Number(pod.pod);
    }
    for (std::size_t i = 0; i < snapshot.nodes.size(); ++i) order_.push_back(i);
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      const auto key = [&](std::size_t i) {
        const OwnedNode& node = snapshot.nodes[i];
        return std::tuple(Lost(node), -snapshot.offers[static_cast<std::size_t>(node.offer)].price,
                          std::string_view(node.name));
      };
      return key(a) < key(b);
    });
  }

  CapacityPlan Run() {
    // Until a look at what would be there, in the order in which it will be, finds nothing to add or to leave out.
    for (int round = 0; round < kMostRounds; ++round) {
      while (!Settle()) {
      }
      std::vector<int> used;
      for (std::size_t i = 0; i < bought_.size(); ++i) {
        if (room_->Used(snapshot_.nodes.size() + i)) used.push_back(bought_[i]);
      }
      std::ranges::sort(used);
      if (used == bought_) break;
      bought_ = std::move(used);
    }
    CapacityPlan plan{std::move(drains_), std::move(unmet_)};
    std::vector<CapacityAction> buys;
    for (const int offer : bought_) {
      const auto same = std::ranges::find(buys, offer, &CapacityAction::offer);
      if (same != buys.end()) {
        ++same->nodes;
      } else {
        buys.push_back({CapacityAction::Kind::kBuy, offer, 1, "", {}, ""});
      }
    }
    for (CapacityAction& each : buys) {
      const NodeOffer& offer = snapshot_.offers[static_cast<std::size_t>(each.offer)];
      each.why = fmt::format("{} of '{}' at {} each", each.nodes, offer.pool.name, FormatPrice(offer.price));
    }
    plan.actions.insert(plan.actions.begin(), std::make_move_iterator(buys.begin()),
                        std::make_move_iterator(buys.end()));
    return plan;
  }

 private:
  // One look at everything as if what was bought so far were on its way. False when that is not enough: something was
  // bought, or given up, and all is to be looked at anew. So the plan is what a plan would find once it is applied.
  bool Settle() {
    room_.emplace(snapshot_, shapes_, bought_);
    drains_.clear();
    gone_.clear();
    CapacityShop shop = Shop();
    return PlaceDemands(shop) && PlaceDraining(shop) && Drain(shop);
  }

  CapacityShop Shop() const {
    CapacityShop shop(snapshot_, shapes_, policy_, now_);
    for (const int offer : bought_) shop.Count(offer);
    return shop;
  }

  bool PlaceDemands(CapacityShop& shop) {
    std::vector<Wanted> missing = wanted_;
    bool enough = true;
    for (Wanted& each : missing) {
      while (each.pods > 0 && room_->Put(each.seeker, false)) --each.pods;
      enough = enough && each.pods == 0;
    }
    if (enough) return true;
    const Purchase purchase = shop.Buy(missing);
    if (const auto who = GoesWithout(missing, purchase)) {
      unmet_.emplace_back(snapshot_.demands[*who].workload, WhyNot(shop, wanted_[*who].seeker));
      wanted_[*who].pods = snapshot_.demands[*who].gang ? 0 : wanted_[*who].pods - purchase.short_of[*who];
      bought_.clear();
      replaced_.clear();
    } else {
      bought_.insert(bought_.end(), purchase.offers.begin(), purchase.offers.end());
    }
    return false;
  }

  // If not enough can be bought for all: a gang that could not even be met alone, else the least important that lacks
  // some.
  std::optional<std::size_t> GoesWithout(const std::vector<Wanted>& missing, const Purchase& purchase) const {
    std::optional<std::size_t> last;
    for (std::size_t i = 0; i < missing.size(); ++i) {
      if (purchase.short_of[i] == 0) continue;
      last = i;
      if (snapshot_.demands[i].gang && Shop().Buy({missing[i]}).short_of[0] > 0) return i;
    }
    return last;
  }

  std::string WhyNot(const CapacityShop& shop, const Seeker& seeker) const {
    Cluster offered;
    offered.models = snapshot_.models;
    offered.pools.clear();
    bool admitted = false;
    for (std::size_t i = 0; i < snapshot_.offers.size(); ++i) {
      admitted = admitted || shop.Admits(static_cast<int>(i), seeker);
      offered.pools.push_back(snapshot_.offers[i].pool);
      offered.nodes.push_back(snapshot_.offers[i].node);
      offered.nodes.back().pool = static_cast<int>(i);
    }
    if (admitted) return "every node pool that could run it is at its limit or sold out";
    const std::string why = WhyImpossible(offered, shapes_[seeker.shape]);
    return why.empty() ? "only spot nodes could run it, and it must not be interrupted" : why;
  }

  std::vector<Seeker> Movers(const OwnedNode& node) {
    std::vector<Seeker> movers;
    for (const PlacedPod& pod : node.pods) movers.push_back({shapes_.Number(pod.pod), pod.on_spot});
    std::stable_sort(movers.begin(), movers.end(), [&](const Seeker& a, const Seeker& b) {  // the largest first
      const auto key = [&](const Seeker& each) {
        const PodShape& pod = shapes_[each.shape];
        return std::tuple(pod.milli(), pod.request.cpu_milli, pod.request.memory_bytes);
      };
      return key(a) > key(b);
    });
    return movers;
  }

  // What stands on nodes that are draining needs another place, as what waits does.
  bool PlaceDraining(CapacityShop& shop) {
    std::vector<Wanted> missing;
    draining_ = 0;
    for (const std::size_t i : order_) {
      if (!snapshot_.nodes[i].draining) continue;
      ++draining_;
      for (const Seeker& each : Movers(snapshot_.nodes[i])) {
        if (!room_->Put(each, true) && !room_->Put(each, false)) missing.push_back({each, 1});
      }
    }
    if (missing.empty()) return true;
    const Purchase purchase = shop.Buy(missing);
    bought_.insert(bought_.end(), purchase.offers.begin(), purchase.offers.end());
    return purchase.offers.empty();  // what nothing can be bought for has no place, whatever else is done
  }

  bool Drain(CapacityShop& shop) {
    for (const DrainReason reason :
         {DrainReason::kEmpty, DrainReason::kExpired, DrainReason::kDrifted, DrainReason::kUnderused}) {
      for (const std::size_t i : order_) {
        const OwnedNode& node = snapshot_.nodes[i];
        if (node.draining || !node.ready || gone_.contains(i) || !Applies(reason, i)) continue;
        if (draining_ >= Allowed(policy_, snapshot_.nodes.size() + bought_.size(), now_, reason)) break;
        if (!GiveBack(shop, i, reason)) return false;
      }
    }
    return true;
  }

  bool Applies(DrainReason reason, std::size_t i) const {
    const OwnedNode& node = snapshot_.nodes[i];
    switch (reason) {
      case DrainReason::kEmpty:
        return node.pods.empty() && !room_->Used(i) && now_ - node.idle_since >= policy_.idle;
      case DrainReason::kExpired:
        return policy_.expire && now_ - node.bought >= *policy_.expire && !room_->Used(i);
      case DrainReason::kDrifted:
        return node.drifted && !room_->Used(i);
      case DrainReason::kUnderused:
        return !node.pods.empty() && !room_->Used(i);
    }
    return false;
  }

  // Drains the node if what stands there has another place, or sees to one. False: something was bought for that.
  bool GiveBack(CapacityShop& shop, std::size_t i, DrainReason reason) {
    const OwnedNode& node = snapshot_.nodes[i];
    if (!std::ranges::all_of(node.pods, &PlacedPod::may_move)) return true;
    const std::vector<Seeker> movers = Movers(node);
    room_->Close(i);
    if (room_->PutAll(movers, true)) {
      ++draining_;
      gone_.insert(i);
      drains_.push_back({CapacityAction::Kind::kDrain, 0, 0, node.name, reason, Why(node, reason)});
      return true;
    }
    if (room_->PutAll(movers, false)) {  // it is under way
      ++draining_;
      gone_.insert(i);
      return true;
    }
    room_->Reopen(i);
    const auto [replaced, fresh] = replaced_.try_emplace(i);
    if (fresh) {
      const bool must = reason != DrainReason::kUnderused;
      const double most =
          must ? std::numeric_limits<double>::infinity() : shop.Price(node.offer) * (1 - policy_.worth_moving);
      replaced->second = shop.BuyOne(movers, most);
      if (!replaced->second) return true;
      bought_.push_back(*replaced->second);
      return false;
    }
    if (!replaced->second) return true;
    const auto given_to_others = std::ranges::find(bought_, *replaced->second);
    replaced->second.reset();
    if (given_to_others == bought_.end()) return true;
    bought_.erase(given_to_others);
    return false;
  }

  std::string Why(const OwnedNode& node, DrainReason reason) const {
    const std::string price = FormatPrice(snapshot_.offers[static_cast<std::size_t>(node.offer)].price);
    switch (reason) {
      case DrainReason::kEmpty:
        return fmt::format("nothing has run on it since {}; it costs {}", FormatInstant(node.idle_since), price);
      case DrainReason::kExpired:
        return fmt::format("it is there since {}", FormatInstant(node.bought));
      case DrainReason::kDrifted:
        return "it is not any more what its node pool says";
      case DrainReason::kUnderused:
        return fmt::format("what runs on it has room elsewhere; it costs {}", price);
    }
    return "";
  }

  const CapacitySnapshot& snapshot_;
  Instant now_;
  const CapacityPolicy& policy_;
  PodShapes shapes_;
  std::vector<Wanted> wanted_;      // by demand, without what was given up
  std::vector<std::size_t> order_;  // of the nodes: what costs least to move first
  std::vector<int> bought_;         // the offer of each node to be bought
  // Nodes for which another was to be bought, and its offer; nothing when there is none, or others took it.
  std::map<std::size_t, std::optional<int>> replaced_;
  std::optional<CapacityRoom> room_;
  int draining_ = 0;            // nodes, and those that will be when what was bought is ready
  std::set<std::size_t> gone_;  // of these, those that this look has found
  std::vector<CapacityAction> drains_;
  std::vector<std::pair<std::string, std::string>> unmet_;
};

}  // namespace

std::string_view DrainReasonName(DrainReason reason) {
  switch (reason) {
    case DrainReason::kEmpty:
      return "empty";
    case DrainReason::kUnderused:
      return "underused";
    case DrainReason::kDrifted:
      return "drifted";
    case DrainReason::kExpired:
      return "expired";
  }
  return "";
}

std::string FormatPrice(std::int64_t millionths_an_hour) {
  return fmt::format("${:.4g} an hour", static_cast<double>(millionths_an_hour) / kMillionths);
}

Result<CapacityPlan> PlanCapacity(const CapacitySnapshot& snapshot, Instant now, const CapacityPolicy& policy) {
  KEELSON_RETURN_IF_ERROR(Check(policy));
  KEELSON_RETURN_IF_ERROR(Check(snapshot));
  return Planning(snapshot, now, policy).Run();
}

Result<std::vector<CapacityAction>> StillRight(const std::vector<CapacityAction>& actions,
                                               const CapacitySnapshot& snapshot, Instant now,
                                               const CapacityPolicy& policy) {
  KEELSON_ASSIGN_OR_RETURN(const CapacityPlan plan, PlanCapacity(snapshot, now, policy));
  std::vector<CapacityAction> right;
  for (CapacityAction each : actions) {
    const auto same = std::ranges::find_if(plan.actions, [&each](const CapacityAction& other) {
      return each.kind == other.kind && each.offer == other.offer && each.node == other.node;
    });
    if (same == plan.actions.end()) continue;
    each.nodes = std::min(each.nodes, same->nodes);
    right.push_back(std::move(each));
  }
  return right;
}

}  // namespace keelson::scheduling
