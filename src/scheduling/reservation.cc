#include "scheduling/reservation.h"

#include <algorithm>
#include <map>

namespace keelson::scheduling {
namespace {

// How many pods of a kind each node would take, as nodes are given back one after the other.
class Rooms {
 public:
  Rooms(Pool& pool, const WaitingKind& kind, int flavor, const std::vector<Reservation>& before)
      : pool_(pool),
        pod_(pool.shape(kind.shape)),
        least_(kind.first().least()),
        level_(RequiredLevel(pool, kind)),
        slots_(SlotsFor(pool, kind, flavor, before)),
        changed_at_(slots_.size(), -1) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i] > 0) Add(static_cast<int>(i), slots_[i]);
    }
  }

  bool Enough() {
    for (const int node : uncounted_) {
      const int slots = Slots(StateOf(node), pod_);
      Add(node, slots - slots_[static_cast<std::size_t>(node)]);
      slots_[static_cast<std::size_t>(node)] = slots;
    }
    uncounted_.clear();
    return enough_ > 0;
  }

  void GiveBack(const Held& held) {
    const PodShape& pod = pool_.shape(held.shape);
    for (const PodPlace& place : held.running.places) {
      if (slots_[static_cast<std::size_t>(place.node)] < 0) continue;
      scheduling::GiveBack(StateOf(place.node), pod, place.gpus);
      uncounted_.push_back(place.node);
    }
  }

  // The fewest nodes for the gang, each with what it leaves of them; there must be enough.
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
    return static_cast<std::size_t>(DomainOf(pool_.cluster(), static_cast<std::size_t>(node), level_));
  }

  NodeState& StateOf(int node) {
    int& at = changed_at_[static_cast<std::size_t>(node)];
    if (at < 0) {
      at = static_cast<int>(changed_.size());
      changed_.push_back(pool_.placer().nodes()[static_cast<std::size_t>(node)]);
    }
    return changed_[static_cast<std::size_t>(at)];
  }

  void Add(int node, int slots) {
    const std::size_t domain = Domain(node);
    if (domain >= room_.size()) room_.resize(domain + 1);
    std::int64_t& room = room_[domain];
    const bool before = room >= least_;
    room += slots;
    enough_ += (room >= least_ ? 1 : 0) - (before ? 1 : 0);
  }

  Pool& pool_;
  const PodShape& pod_;
  int least_;
  int level_;
  std::vector<int> slots_;          // by node, as it was last counted; -1: not for it
  std::vector<std::int64_t> room_;  // by domain
  int enough_ = 0;                  // domains with room for the gang
  std::vector<int> uncounted_;      // nodes that were given something back since then
  std::vector<int> changed_at_;     // by node: where in changed_; -1: it is as in the pool
  std::vector<NodeState> changed_;
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

int RequiredLevel(const Pool& pool, const WaitingKind& kind) {
  const TopologyWish& wish = kind.first().topology;
  return wish.required ? FindLevel(pool.cluster(), wish.level) : -1;
}

std::vector<int> SlotsFor(Pool& pool, const WaitingKind& kind, int flavor, const std::vector<Reservation>& before) {
  const Cluster& cluster = pool.cluster();
  const int level = RequiredLevel(pool, kind);
  std::vector<char> pools;
  for (const NodePool& each : cluster.pools) pools.push_back(Admits(each, pool.shape(kind.shape)) ? 1 : 0);
  const std::vector<char>* open = pool.NodesOf(flavor);
  std::vector<int> slots = pool.placer().SlotsOf(kind.shape);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const bool may = !pool.placer().closed(static_cast<int>(i)) && (open == nullptr || (*open)[i] != 0) &&
                     pools[static_cast<std::size_t>(cluster.nodes[i].pool)] != 0 && DomainOf(cluster, i, level) >= 0;
    if (!may) slots[i] = -1;
  }
  for (const Reservation& each : before) {
    for (const auto& [node, state] : each.left) slots[static_cast<std::size_t>(node)] = -1;
  }
  return slots;
}

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
