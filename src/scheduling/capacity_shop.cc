#include "scheduling/capacity_shop.h"

#include <algorithm>
#include <limits>

namespace keelson::scheduling {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Puts as many of the pods as fit, up to so many; how many they were.
int Fill(NodeState& node, const PodShape& pod, int most) {
  int taken = 0;
  for (; taken < most && Fits(node, pod); ++taken) Take(node, pod, pod.shares() ? BestFitGpu(node, pod) : -1);
  return taken;
}

}  // namespace

CapacityShop::CapacityShop(const CapacitySnapshot& snapshot, const PodShapes& shapes, const CapacityPolicy& policy,
                           Instant now)
    : snapshot_(snapshot),
      shapes_(shapes),
      policy_(policy),
      now_(now),
      owned_(snapshot.offers.size(), 0),
      spot_(snapshot.offers.size(), 0) {
  for (const OwnedNode& node : snapshot.nodes) {
    const auto offer = static_cast<std::size_t>(node.offer);
    ++owned_[offer];
    if (!snapshot.offers[offer].spot || node.draining) continue;
    ++spot_[offer];
    ++all_spot_;
  }
}

double CapacityShop::Price(int offer) const {
  const NodeOffer& of = snapshot_.offers[static_cast<std::size_t>(offer)];
  const double risk = of.spot ? of.interruptions * policy_.hours_per_interruption : 0;
  return static_cast<double>(of.price) * (1 + risk);
}

bool CapacityShop::Admits(int offer, const Seeker& seeker) const {
  const NodeOffer& of = snapshot_.offers[static_cast<std::size_t>(offer)];
  const PodShape& pod = shapes_[seeker.shape];
  return (seeker.on_spot || !of.spot) && scheduling::Admits(of.pool, pod) && Fits(Empty(offer), pod);
}

NodeState CapacityShop::Empty(int offer) const {
  return EmptyNode(snapshot_.offers[static_cast<std::size_t>(offer)].node);
}

bool CapacityShop::ForSale(int offer) const {
  const NodeOffer& of = snapshot_.offers[static_cast<std::size_t>(offer)];
  return owned_[static_cast<std::size_t>(offer)] < of.most && (!of.sold_out_until || *of.sold_out_until <= now_);
}

bool CapacityShop::Spreads(int offer) const {
  const auto index = static_cast<std::size_t>(offer);
  if (!snapshot_.offers[index].spot || all_spot_ + 1 < policy_.diversify_from) return true;
  bool others = false;
  for (std::size_t i = 0; i < snapshot_.offers.size(); ++i) {
    others = others || (i != index && snapshot_.offers[i].spot && ForSale(static_cast<int>(i)));
  }
  if (!others) return true;
  return spot_[index] + 1 <= policy_.most_of_one_offer * (all_spot_ + 1);
}

void CapacityShop::Count(int offer) {
  const auto index = static_cast<std::size_t>(offer);
  ++owned_[index];
  if (!snapshot_.offers[index].spot) return;
  ++spot_[index];
  ++all_spot_;
}

Purchase CapacityShop::Buy(const std::vector<Wanted>& wanted) {
  Purchase purchase;
  std::vector<double> worth;  // of one pod
  for (const Wanted& each : wanted) {
    double least = kNever;
    for (int offer = 0; offer < static_cast<int>(snapshot_.offers.size()); ++offer) {
      if (!ForSale(offer) || !Admits(offer, each.seeker)) continue;
      NodeState node = Empty(offer);
      least = std::min(least, Price(offer) / Fill(node, shapes_[each.seeker.shape], kMostSlots));
    }
    worth.push_back(least);
    purchase.short_of.push_back(each.pods);
  }
  std::vector<std::size_t> order;  // the dearest pods first: what is left of a node is for the others
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (worth[i] < kNever) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return worth[a] > worth[b]; });
  while (true) {
    int best = -1;
    double best_rate = kNever;
    std::vector<int> best_fill;
    for (int offer = 0; offer < static_cast<int>(snapshot_.offers.size()); ++offer) {
      if (!ForSale(offer) || !Spreads(offer)) continue;
      NodeState node = Empty(offer);
      std::vector<int> fill(wanted.size(), 0);
      double value = 0;
      for (const std::size_t i : order) {
        if (purchase.short_of[i] == 0 || !Admits(offer, wanted[i].seeker)) continue;
        fill[i] = Fill(node, shapes_[wanted[i].seeker.shape], purchase.short_of[i]);
        value += fill[i] * worth[i];
      }
      const double rate = value > 0 ? Price(offer) / value : kNever;
      if (rate >= best_rate) continue;
      best = offer;
      best_rate = rate;
      best_fill = std::move(fill);
    }
    if (best < 0) return purchase;
    for (std::size_t i = 0; i < wanted.size(); ++i) purchase.short_of[i] -= best_fill[i];
    purchase.offers.push_back(best);
    Count(best);
  }
}

std::optional<int> CapacityShop::BuyOne(const std::vector<Seeker>& seekers, double most) {
  std::optional<int> best;
  for (int offer = 0; offer < static_cast<int>(snapshot_.offers.size()); ++offer) {
    if (!ForSale(offer) || !Spreads(offer) || Price(offer) > most || (best && Price(offer) >= Price(*best))) continue;
    NodeState node = Empty(offer);
    const bool holds = std::ranges::all_of(
        seekers, [&](const Seeker& each) { return Admits(offer, each) && Fill(node, shapes_[each.shape], 1) == 1; });
    if (holds) best = offer;
  }
  if (best) Count(*best);
  return best;
}

}  // namespace keelson::scheduling
