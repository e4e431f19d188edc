#include "scheduling/victims.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace keelson::scheduling {
namespace {

constexpr std::size_t kSearchedExactly = 64;  // candidates of which every one and every two are tried

struct Candidate {
  const Held* held = nullptr;
  double lost = 0;
  bool reclaimed = false;  // only while its queue borrows
};
using Chosen = std::vector<const Candidate*>;

bool LessImportant(const Workload& a, const Workload& than) {
  return std::tuple(a.workload_class, -a.priority) > std::tuple(than.workload_class, -than.priority);
}

class Search {
 public:
  Search(Pool& pool, const WaitingKind& kind, int flavor, const PreemptionRules& rules,
         const std::vector<Reservation>& reservations, Instant now)
      : pool_(pool),
        tree_(pool.tree()),
        kind_(kind),
        flavor_(flavor),
        rules_(rules),
        reservations_(reservations),
        now_(now),
        amounts_(kind.all(kind.first().least())),
        usage_(tree_.Usage(tree_.root(kind.queue))) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  ~Search() { tree_.SetUsage(tree_.root(kind_.queue), usage_); }

  std::vector<std::string> Run() {
    within_nominal_ = tree_.WithinNominal(kind_.queue, flavor_, amounts_);
    for (const auto& [id, held] : pool_.held()) {
      if (held.running.stops && SameRoot(held)) tree_.Remove(held.queue, held.flavor, held.amounts);
    }
    gone_usage_ = tree_.Usage(tree_.root(kind_.queue));
    const bool quota_short = !QuotaSuffices({});
    if (pool_.has_nodes() && !quota_short) CountNodes();
    if (!quota_short && Suffices({})) return {};
    Collect();
    Chosen all;
    for (const Candidate& each : order_) all.push_back(&each);
    if (all.empty() || !QuotaSuffices(all)) return {};
    if (pool_.has_nodes() && quota_short) CountNodes();
    Chosen least;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      least.push_back(&order_[i]);
      const bool whole_class = i + 1 == order_.size() || ClassOf(order_[i + 1]) != ClassOf(order_[i]);
      if (whole_class && Suffices(least)) return Names(Fewest(std::move(least)));
    }
    return {};
  }

 private:
  static WorkloadClass ClassOf(const Candidate& candidate) { return candidate.held->running.workload.workload_class; }
  bool SameRoot(const Held& held) const { return tree_.root(held.queue) == tree_.root(kind_.queue); }

  // Of what both ask for: what it does not have cannot be reclaimed from it, and it could claim the rest again.
  Amounts BothAsk(const Held& held) const {
    Amounts both = amounts_;
    for (std::size_t r = 0; r < kResourceCount; ++r) both.of[r] = std::min(both.of[r], held.amounts.of[r]);
    return both;
  }

  // What may go, the least important class first, and what loses least first inside a class.
  void Collect() {
    const Workload& mine = kind_.first();
    const bool quota_short = !tree_.Fits(kind_.queue, flavor_, amounts_);
    for (const auto& [id, held] : pool_.held()) {
      const Workload& other = held.running.workload;
      if (held.running.stops || !other.preemptible || !rules_.stands_behind(held)) continue;
      const bool lower = LessImportant(other, mine);
      Candidate candidate{&held, LostWork(held.running, now_), false};
      bool may = false;
      if (held.queue == kind_.queue) {
        may = lower && rules_.within_queue == PreemptWithinQueue::kLowerPriority;
      } else if (SameRoot(held) && within_nominal_ && rules_.reclaim != ReclaimWithinCohort::kNever) {
        may = held.flavor == flavor_ &&
              (lower || (rules_.reclaim == ReclaimWithinCohort::kAny && other.workload_class >= mine.workload_class));
        candidate.reclaimed = may;
      }
      if (!may && !quota_short && rules_.by_class && pool_.has_nodes() && within_nominal_) {
        may = other.workload_class > mine.workload_class;
      }
      if (may) order_.push_back(candidate);
    }
    std::sort(order_.begin(), order_.end(), [this](const Candidate& a, const Candidate& b) {
      const auto key = [this](const Candidate& each) {
        const Workload& workload = each.held->running.workload;
        return std::tuple(-static_cast<int>(workload.workload_class), NodeRank(each), workload.priority, workload.rung,
                          each.lost, std::string_view(workload.id));
      };
      return key(a) < key(b);
    });
    // Whoever is reclaimed from must still borrow when those before it have gone.
    std::erase_if(order_, [this](const Candidate& each) {
      const Held& held = *each.held;
      if (each.reclaimed && !tree_.Borrows(held.queue, flavor_, BothAsk(held))) return true;
      if (SameRoot(held)) tree_.Remove(held.queue, held.flavor, held.amounts);
      return false;
    });
    tree_.SetUsage(tree_.root(kind_.queue), gone_usage_);
  }

  // Where nodes are short, what stands together on a node that can be emptied at the least loss goes together.
  double NodeRank(const Candidate& candidate) {
    if (!nodes_short_) return 0;
    if (node_rank_.empty()) {
      std::map<int, double> lost;
      for (const auto& [id, held] : pool_.held()) {
        if (held.running.stops) continue;
        const double each = 1 + LostWork(held.running, now_);
        std::set<int> nodes;
        for (const PodPlace& place : held.running.places) nodes.insert(place.node);
        for (const int node : nodes) lost[node] += each;
      }
      double rank = 0;
      std::vector<std::pair<double, int>> nodes;
      for (const auto& [node, all] : lost) nodes.emplace_back(all, node);
      std::sort(nodes.begin(), nodes.end());
      for (const auto& [all, node] : nodes)
        node_rank_[node] = slots_[static_cast<std::size_t>(node)] < 0 ? 1e18 : ++rank;
    }
    double best = 1e18;
    for (const PodPlace& place : candidate.held->running.places) best = std::min(best, node_rank_[place.node]);
    return best;
  }

  // `all` suffice, in order: the fewest of them that do.
  Chosen Fewest(Chosen all) {
    if (all.size() <= kSearchedExactly) {
      Chosen cheapest = all;
      std::stable_sort(cheapest.begin(), cheapest.end(),
                       [](const Candidate* a, const Candidate* b) { return Before(*a, *b); });
      for (const Candidate* one : cheapest) {
        if (Suffices({one})) return {one};
      }
      for (std::size_t last = 1; last < cheapest.size(); ++last) {
        for (std::size_t first = 0; first < last; ++first) {
          if (Suffices({cheapest[first], cheapest[last]})) return {cheapest[first], cheapest[last]};
        }
      }
    }
    std::size_t enough = all.size();  // of the first ones: found by halving, since more never help less
    for (std::size_t low = 0; low + 1 < enough;) {
      const std::size_t middle = (low + enough) / 2;
      if (Suffices(Chosen(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(middle)))) {
        enough = middle;
      } else {
        low = middle;
      }
    }
    all.resize(enough);
    std::stable_sort(all.begin(), all.end(), [](const Candidate* a, const Candidate* b) { return Before(*b, *a); });
    for (std::size_t i = 0; i < all.size();) {  // the dearest are spared first
      Chosen without = all;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (Suffices(without)) {
        all = std::move(without);
      } else {
        ++i;
      }
    }
    return all;
  }

  static bool Before(const Candidate& a, const Candidate& b) {
    const Workload& one = a.held->running.workload;
    const Workload& other = b.held->running.workload;
    return std::tuple(-static_cast<int>(one.workload_class), one.priority, one.rung, a.lost, std::string_view(one.id)) <
           std::tuple(-static_cast<int>(other.workload_class), other.priority, other.rung, b.lost,
                      std::string_view(other.id));
  }

  std::vector<std::string> Names(const Chosen& chosen) const {
    std::vector<std::string> names;
    for (const Candidate* each : chosen) names.push_back(each->held->running.workload.id);
    return names;
  }

  bool Suffices(const Chosen& victims) { return QuotaSuffices(victims) && (slots_.empty() || NodesSuffice(victims)); }

  bool QuotaSuffices(const Chosen& victims) {
    const int root = tree_.root(kind_.queue);
    tree_.SetUsage(root, gone_usage_);
    for (const Candidate* each : victims) {
      if (SameRoot(*each->held)) tree_.Remove(each->held->queue, each->held->flavor, each->held->amounts);
    }
    bool fits = tree_.Fits(kind_.queue, flavor_, amounts_);
    for (const Reservation& each : reservations_) {  // nor may it take what somebody more important waits for
      if (!fits || each.root != root) continue;
      tree_.SetUsage(root, each.usage);
      for (const Candidate* victim : victims) {
        if (SameRoot(*victim->held) && victim->held->expected > each.at) {
          tree_.Remove(victim->held->queue, victim->held->flavor, victim->held->amounts);
        }
      }
      fits = tree_.Fits(kind_.queue, flavor_, amounts_);
    }
    tree_.SetUsage(root, gone_usage_);
    return fits;
  }

  int Domain(int node) const {
    if (level_ < 0) return 0;
    const auto& domains = pool_.cluster().nodes[static_cast<std::size_t>(node)].domains;
    return static_cast<std::size_t>(level_) < domains.size() ? domains[static_cast<std::size_t>(level_)] : -1;
  }

  // What every node would take when what is stopping has gone.
  void CountNodes() {
    const Cluster& cluster = pool_.cluster();
    const PodShape& pod = pool_.shape(kind_.shape);
    if (kind_.first().topology.required) level_ = FindLevel(cluster, kind_.first().topology.level);
    states_ = pool_.placer().nodes();
    for (const auto& [id, held] : pool_.held()) {
      if (!held.running.stops) continue;
      for (const PodPlace& place : held.running.places) {
        GiveBack(states_[static_cast<std::size_t>(place.node)], pool_.shape(held.shape), place.gpus);
      }
    }
    const std::vector<char>* open = pool_.NodesOf(flavor_);
    std::vector<char> pools;
    for (const NodePool& each : cluster.pools) pools.push_back(Admits(each, pod) ? 1 : 0);
    slots_.assign(states_.size(), -1);
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const int node = static_cast<int>(i);
      if (open != nullptr && (*open)[i] == 0) continue;
      if (pools[static_cast<std::size_t>(cluster.nodes[i].pool)] == 0 || Domain(node) < 0) continue;
      if (std::any_of(reservations_.begin(), reservations_.end(),
                      [&](const auto& each) { return each.left.contains(node); })) {
        continue;
      }
      slots_[i] = Slots(states_[i], pod);
      room_[Domain(node)] += slots_[i];
    }
    nodes_short_ = !NodesSuffice({});
  }

  bool NodesSuffice(const Chosen& victims) const {
    const PodShape& pod = pool_.shape(kind_.shape);
    const int least = kind_.first().least();
    std::unordered_map<int, NodeState> changed;
    for (const Candidate* each : victims) {
      for (const PodPlace& place : each->held->running.places) {
        const auto node = static_cast<std::size_t>(place.node);
        if (slots_[node] < 0) continue;
        GiveBack(changed.try_emplace(place.node, states_[node]).first->second, pool_.shape(each->held->shape),
                 place.gpus);
      }
    }
    std::map<int, std::int64_t> room = room_;
    for (const auto& [node, state] : changed)
      room[Domain(node)] += Slots(state, pod) - slots_[static_cast<std::size_t>(node)];
    return std::any_of(room.begin(), room.end(), [&](const auto& each) { return each.second >= least; });
  }

  Pool& pool_;
  QuotaTree& tree_;
  const WaitingKind& kind_;
  int flavor_;
  const PreemptionRules& rules_;
  const std::vector<Reservation>& reservations_;
  Instant now_;
  Amounts amounts_;
  std::vector<std::int64_t> usage_;       // as it is
  std::vector<std::int64_t> gone_usage_;  // when what is stopping has gone
  bool within_nominal_ = false;
  std::vector<Candidate> order_;
  int level_ = -1;
  bool nodes_short_ = false;
  std::vector<NodeState> states_;
  std::vector<int> slots_;            // by node; -1: not for it; empty in a pool without nodes
  std::map<int, std::int64_t> room_;  // by domain
  std::map<int, double> node_rank_;
};

}  // namespace

std::vector<std::string> ChooseVictims(Pool& pool, const WaitingKind& kind, int flavor, const PreemptionRules& rules,
                                       const std::vector<Reservation>& reservations, Instant now) {
  return Search(pool, kind, flavor, rules, reservations, now).Run();
}

}  // namespace keelson::scheduling
