#include "scheduling/gang_placement.h"

#include <algorithm>

namespace keelson::scheduling {

int FindLevel(const Cluster& cluster, const std::string& level) {
  const auto found = std::find(cluster.levels.begin(), cluster.levels.end(), level);
  return found == cluster.levels.end() ? -1 : static_cast<int>(found - cluster.levels.begin());
}

int DomainOf(const Cluster& cluster, std::size_t node, int level) {
  if (level < 0) return 0;
  const auto& domains = cluster.nodes[node].domains;
  return static_cast<std::size_t>(level) < domains.size() ? domains[static_cast<std::size_t>(level)] : -1;
}

std::vector<PodPlace> GangPlacer::Put(std::size_t shape, int least, int most, const TopologyWish& wish,
                                      const std::vector<char>* open) {
  // From the level upwards, as far as the wish allows.
  for (int level = FindLevel(cluster_, wish.level); level >= 0; --level) {
    const std::vector<char> domain = BestDomain(shape, least, most, level, open);
    if (!domain.empty()) {
      std::vector<PodPlace> places = PutWithin(shape, least, most, &domain);
      if (!places.empty()) return places;
    }
    if (wish.required) return {};
  }
  return PutWithin(shape, least, most, open);
}

std::vector<PodPlace> GangPlacer::PutWithin(std::size_t shape, int least, int most, const std::vector<char>* open) {
  std::vector<PodPlace> places;
  while (static_cast<int>(places.size()) < most) {
    const auto found = placer_.Find(shape, open);
    if (!found) break;
    places.push_back({found->node, placer_.TakenGpus(shape, *found)});
    placer_.Put(shape, *found);
  }
  if (static_cast<int>(places.size()) >= least) return places;
  Remove(shape, places);
  return {};
}

void GangPlacer::Remove(std::size_t shape, const std::vector<PodPlace>& places) {
  for (const PodPlace& place : places) placer_.Remove(shape, place.node, place.gpus);
}

void GangPlacer::Occupy(std::size_t shape, const std::vector<PodPlace>& places) {
  for (const PodPlace& place : places) placer_.Occupy(shape, place.node, place.gpus);
}

std::vector<char> GangPlacer::BestDomain(std::size_t shape, int least, int most, int level,
                                         const std::vector<char>* open) {
  const PodShape& pod = shapes_[shape];
  const std::vector<int>& slots = placer_.SlotsOf(shape);
  const auto domain_of = [&](std::size_t node) { return DomainOf(cluster_, node, level); };
  std::vector<int> room;  // by domain
  for (std::size_t i = 0; i < placer_.nodes().size(); ++i) {
    const int domain = domain_of(i);
    if (domain < 0 || (open != nullptr && (*open)[i] == 0)) continue;
    if (!Admits(cluster_.pools[static_cast<std::size_t>(cluster_.nodes[i].pool)], pod)) continue;
    if (static_cast<std::size_t>(domain) >= room.size()) room.resize(static_cast<std::size_t>(domain) + 1);
    room[static_cast<std::size_t>(domain)] += slots[i];
  }
  // The least room that takes all; where none does, the most room.
  int best = -1;
  for (std::size_t domain = 0; domain < room.size(); ++domain) {
    if (room[domain] < least) continue;
    if (best < 0) {
      best = static_cast<int>(domain);
      continue;
    }
    const int held = room[static_cast<std::size_t>(best)];
    const bool better = room[domain] >= most ? held < most || room[domain] < held : room[domain] > held;
    if (better) best = static_cast<int>(domain);
  }
  if (best < 0) return {};
  std::vector<char> nodes(placer_.nodes().size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = domain_of(i) == best && (open == nullptr || (*open)[i] != 0) ? 1 : 0;
  }
  return nodes;
}

}  // namespace keelson::scheduling
