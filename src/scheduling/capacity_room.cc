#include "scheduling/capacity_room.h"

#include <algorithm>

namespace keelson::scheduling {

CapacityRoom::CapacityRoom(const CapacitySnapshot& snapshot, PodShapes& shapes, const std::vector<int>& bought)
    : shapes_(shapes) {
  cluster_.models = snapshot.models;
  cluster_.pools.clear();
  for (const NodeOffer& offer : snapshot.offers) cluster_.pools.push_back(offer.pool);
  const auto add = [&](int number, bool ready, bool open) {
    const NodeOffer& offer = snapshot.offers[static_cast<std::size_t>(number)];
    Node node = offer.node;
    node.pool = number;
    node.domains.clear();
    cluster_.nodes.push_back(std::move(node));
    ready_.push_back(ready ? 1 : 0);
    open_.push_back(open ? 1 : 0);
    spot_.push_back(offer.spot ? 1 : 0);
  };
  for (const OwnedNode& node : snapshot.nodes) add(node.offer, node.ready, !node.draining);
  for (const int offer : bought) add(offer, false, true);
  used_.assign(cluster_.nodes.size(), 0);
  placer_ = std::make_unique<Placer>(cluster_, shapes_.all(), MakePlacementPolicy("best-fit", cluster_, {}));
  for (std::size_t i = 0; i < snapshot.nodes.size(); ++i) {
    for (const PlacedPod& pod : snapshot.nodes[i].pods) {
      placer_->Occupy(shapes_.Number(pod.pod), static_cast<int>(i), pod.gpus);
    }
  }
}

std::optional<Placement> CapacityRoom::Find(std::size_t shape, bool spot, bool ready) {
  std::vector<char> mask = open_;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if ((ready && ready_[i] == 0) || spot != (spot_[i] != 0)) mask[i] = 0;
  }
  return placer_->Find(shape, &mask);
}

bool CapacityRoom::Put(const Seeker& seeker, bool ready) {
  // What may be interrupted leaves the other nodes to those that may not.
  std::optional<Placement> found;
  if (seeker.on_spot) found = Find(seeker.shape, true, ready);
  if (!found) found = Find(seeker.shape, false, ready);
  if (!found) return false;
  put_.push_back({seeker.shape, found->node, placer_->TakenGpus(seeker.shape, *found)});
  placer_->Put(seeker.shape, *found);
  ++used_[static_cast<std::size_t>(found->node)];
  return true;
}

bool CapacityRoom::PutAll(const std::vector<Seeker>& seekers, bool ready) {
  const std::size_t before = mark();
  const bool all = std::ranges::all_of(seekers, [&](const Seeker& each) { return Put(each, ready); });
  if (!all) BackTo(before);
  return all;
}

void CapacityRoom::BackTo(std::size_t mark) {
  while (put_.size() > mark) {
    const Place& last = put_.back();
    placer_->Remove(last.shape, last.node, last.gpus);
    --used_[static_cast<std::size_t>(last.node)];
    put_.pop_back();
  }
}

}  // namespace keelson::scheduling
