#include "scheduling/reservation.h"

#include <algorithm>
#include <map>

namespace keelson::scheduling {
namespace {

// How many pods of a shape each node would take, as nodes are given back one after the other.
class Rooms {
 public:
  Rooms(const Pool& pool, const WaitingKind& kind, int flavor, const std::vector<Reservation>& before)
      : pool_(pool), pod_(pool.shape(kind.shape)), least_(kind.first().least()) {
    const Cluster& cluster = pool.cluster();
    if (kind.first().topology.required) level_ = FindLevel(cluster, kind.first().topology.level);
    std::vector<char> pools;
    for (const NodePool& each : cluster.pools) pools.push_back(Admits(each, pod_) ? 1 : 0);
    const std::vector<char>* open = pool.NodesOf(flavor);
    slots_.assign(cluster.nodes.size(), -1);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (open != nullptr && (*open)[i] == 0) continue;
      if (pools[static_cast<std::size_t>(cluster.nodes[i].pool)] == 0) continue;
      const int node = static_cast<int>(i);
      if (std::any_of(before.begin(), before.end(), [&](const auto& each) { return each.left.contains(node); }))
        continue;
      slots_[i] = 0;
      Count(node, Slots(pool.placer().nodes()[i], pod_));
    }
  }

  bool Enough() const { return enough_ > 0; }

  void GiveBack(const Held& held) {
    const PodShape& pod = pool_.shape(held.shape);
    for (const PodPlace& place : held.running.places) {
      if (slots_[static_cast<std::size_t>(place.node)] < 0) continue;
      NodeState& state = StateOf(place.node);
      scheduling::GiveBack(state, pod, place.gpus);
      Count(place.node, Slots(state, pod_));
    }
  }

  // The fewest nodes for the gang, each with what it leaves of them.
  std::unordered_map<int, NodeState> Choose() {
    std::vector<int> order;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const int node = static_cast<int>(i);
      if (slots_[i] > 0 && room_[Domain(node)] >= least_) order.push_back(node);
    }
    const std::size_t domain = order.empty() ? 0 : Domain(order.front());  // of several that do, the first
    std::erase_if(order, [&](int node) { return Domain(node) != domain; });
    std::stable_sort(order.begin(), order.end(), [this](int a, int b) {
      return slots_[static_cast<std::size_t>(a)] > slots_[static_cast<std::size_t>(b)];
    });
    std::unordered_map<int, NodeState> left;
    int wanted = least_;
    for (const int node : order) {
      if (wanted == 0) break;
      NodeState state = StateOf(node);
      for (; wanted > 0 && Fits(state, pod_); --wanted)
        scheduling::Take(state, pod_, pod_.shares() ? BestFitGpu(state, pod_) : -1);
      left.emplace(node, state);
    }
    return left;
  }

 private:
  std::size_t Domain(int node) const {
    if (level_ < 0) return 0;
    const auto& domains = pool_.cluster().nodes[static_cast<std::size_t>(node)].domains;
    return static_cast<std::size_t>(level_) < domains.size()
               ? static_cast<std::size_t>(domains[static_cast<std::size_t>(level_)]) + 1
               : 0;
  }

  NodeState& StateOf(int node) {
    return changed_.try_emplace(node, pool_.placer().nodes()[static_cast<std::size_t>(node)]).first->second;
  }

  void Count(int node, int slots) {
    const std::size_t domain = Domain(node);
    if (domain >= room_.size()) room_.resize(domain + 1);
    std::int64_t& room = room_[domain];
    const bool before = room >= least_;
    room += slots - slots_[static_cast<std::size_t>(node)];
    slots_[static_cast<std::size_t>(node)] = slots;
    enough_ += (room >= least_ ? 1 : 0) - (before ? 1 : 0);
  }

  const Pool& pool_;
  const PodShape& pod_;
  int least_;
  int level_ = -1;
  std::vector<int> slots_;          // by node; -1: not for it
  std::vector<std::int64_t> room_;  // by domain
  int enough_ = 0;                  // domains with room for the gang
  std::unordered_map<int, NodeState> changed_;
};

std::optional<Reservation> ReserveIn(Pool& pool, const WaitingKind& kind, int flavor, Instant now,
                                     const std::vector<Reservation>& before, bool nodes) {
  QuotaTree& tree = pool.tree();
  Reservation reservation{kind.first().id, tree.root(kind.queue), flavor, now, "", {}, {}};
  const Amounts amounts = kind.all(kind.first().least());
  const std::vector<std::int64_t> usage = tree.Usage(reservation.root);
  std::optional<Rooms> rooms;
  if (nodes) rooms.emplace(pool, kind, flavor, before);
  const auto enough = [&] { return tree.Fits(kind.queue, flavor, amounts) && (!rooms || rooms->Enough()); };
  bool found = enough();
  Instant group = now;
  if (!found) {
    pool.EachEnding(nodes ? -1 : reservation.root, now, [&](Instant at, const Held& held) {
      if (at != group) {  // what ends at one instant ends together
        found = enough();
        if (found) return false;
        group = at;
      }
      if (tree.root(held.queue) == reservation.root) tree.Remove(held.queue, held.flavor, held.amounts);
      if (rooms) rooms->GiveBack(held);
      reservation.freed_by = held.running.workload.id;
      return true;
    });
    if (!found) found = enough();
    reservation.at = std::max(now, group);
  }
  if (found) {
    tree.Add(kind.queue, flavor, amounts);
    reservation.usage = tree.Usage(reservation.root);
    if (rooms) reservation.left = rooms->Choose();
  }
  tree.SetUsage(reservation.root, usage);
  if (!found) return std::nullopt;
  return reservation;
}

}  // namespace

int QuotaAllows(const QuotaTree& tree, int queue, int flavor, const Amounts& each, int most) {
  std::int64_t pods = most;
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (each.of[r] <= 0) continue;
    const std::int64_t available = tree.Available(queue, flavor, static_cast<Resource>(r));
    pods = std::min(pods, std::max<std::int64_t>(0, available) / each.of[r]);
  }
  return static_cast<int>(pods);
}

int Reservation::QuotaLeaves(QuotaTree& tree, int queue, int flavor_of_it, const Amounts& each, int most) const {
  const std::vector<std::int64_t> now = tree.Usage(root);
  tree.SetUsage(root, usage);
  const int pods = QuotaAllows(tree, queue, flavor_of_it, each, most);
  tree.SetUsage(root, now);
  return pods;
}

void Reservation::Use(QuotaTree& tree, int queue, int flavor_of_it, const Amounts& amounts) {
  const std::vector<std::int64_t> now = tree.Usage(root);
  tree.SetUsage(root, usage);
  tree.Add(queue, flavor_of_it, amounts);
  usage = tree.Usage(root);
  tree.SetUsage(root, now);
}

void Reservation::Use(const PodShape& pod, const std::vector<PodPlace>& places) {
  for (const PodPlace& place : places) {
    const auto node = left.find(place.node);
    if (node == left.end()) continue;
    int gpu = -1;
    if (pod.shares()) {
      gpu = place.gpus.front();
      if (node->second.gpu_free[static_cast<std::size_t>(gpu)] < pod.gpu_milli) gpu = BestFitGpu(node->second, pod);
    }
    if (Fits(node->second, pod)) scheduling::Take(node->second, pod, gpu);
  }
}

std::optional<Reservation> Reserve(Pool& pool, const WaitingKind& kind, Instant now,
                                   const std::vector<Reservation>& before, bool nodes) {
  std::optional<Reservation> best;
  for (const int flavor : kind.flavors) {
    auto reservation = ReserveIn(pool, kind, flavor, now, before, nodes && pool.has_nodes());
    if (reservation && (!best || reservation->at < best->at)) best = std::move(reservation);
  }
  return best;
}

}  // namespace keelson::scheduling
