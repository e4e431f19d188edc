#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scheduling/capacity.h"

// What can be bought, what is there and what is wanted, for the tests of PlanCapacity.
namespace keelson::scheduling::capacity_testing {

inline const Instant kNow = ParseInstant("2026-03-01T12:00:00Z").value();
inline constexpr std::int64_t kDollar = 1'000'000;

inline NodeOffer Offer(const std::string& name, int cores, int gpus, std::int64_t price) {
  NodeOffer offer;
  offer.pool.name = name;
  offer.node.capacity = {cores * 1000, std::int64_t{cores} << 32};
  offer.node.gpus = gpus;
  offer.node.model = gpus > 0 ? 0 : -1;
  offer.price = price;
  return offer;
}

inline NodeOffer Spot(NodeOffer offer, std::int64_t price, double interruptions = 0.05) {
  offer.pool.name += "-spot";
  offer.price = price;
  offer.spot = true;
  offer.interruptions = interruptions;
  return offer;
}

inline PodShape Pod(int cores, int gpus = 0) {
  PodShape pod;
  pod.request = {cores * 1000, 1 << 30};
  pod.gpus = gpus;
  return pod;
}

inline OwnedNode Owned(const std::string& name, int offer, std::vector<PlacedPod> pods = {}) {
  OwnedNode node;
  node.name = name;
  node.offer = offer;
  node.bought = kNow - std::chrono::hours(1);
  node.idle_since = kNow - std::chrono::hours(1);
  node.pods = std::move(pods);
  return node;
}

// "buy 2 small", "drain n1 empty", "unmet w: reason".
inline std::vector<std::string> Lines(const CapacitySnapshot& world, const CapacityPlan& plan) {
  std::vector<std::string> lines;
  for (const CapacityAction& each : plan.actions) {
    if (each.kind == CapacityAction::Kind::kBuy) {
      lines.push_back("buy " + std::to_string(each.nodes) + " " +
                      world.offers[static_cast<std::size_t>(each.offer)].pool.name);
    } else {
      lines.push_back("drain " + each.node + " " + std::string(DrainReasonName(each.reason)));
    }
  }
  for (const auto& [workload, why] : plan.unmet) lines.push_back("unmet " + workload + ": " + why);
  return lines;
}

}  // namespace keelson::scheduling::capacity_testing
