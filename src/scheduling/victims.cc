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
        root_(tree_.root(kind.queue)),
        amounts_(kind.all(kind.first().least())),
        usage_(tree_.Usage(root_)) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  ~Search() { tree_.SetUsage(root_, usage_); }

  Victims Run() {
    within_nominal_ = tree_.WithinNominal(kind_.queue, flavor_, amounts_);
    for (const auto& [id, held] : pool_.StoppingIn(root_)) tree_.Remove(held->queue, held->flavor, held->amounts);
    gone_usage_ = tree_.Usage(root_);
    const bool quota_short = !QuotaSuffices({});
    const bool anywhere = MayLookAnywhere();
    CollectInTree(anywhere);
    if (!QuotaSuffices(Pointers())) return {{}, true};
    if (anywhere) CollectElsewhere();
    if (order_.empty()) return {{}, !anywhere};
    if (pool_.has_nodes() && !quota_short) CountNodes();
    if (!quota_short && Suffices({})) return {{}, !pool_.has_nodes()};
    Sort();
    const Chosen all = Pointers();
    if (all.empty() || !QuotaSuffices(all)) return {};
    if (pool_.has_nodes() && quota_short) CountNodes();
    Chosen least;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      least.push_back(&order_[i]);
      const bool whole_class = i + 1 == order_.size() || ClassOf(order_[i + 1]) != ClassOf(order_[i]);
      if (whole_class && Suffices(least)) return {Names(Fewest(std::move(least))), false};
    }
    return {};
  }

 private:
  static WorkloadClass ClassOf(const Candidate& candidate) { return candidate.held->running.workload.workload_class; }
  bool SameRoot(const Held& held) const { return tree_.root(held.queue) == root_; }

  Chosen Pointers() const {
    Chosen all;
    for (const Candidate& each : order_) all.push_back(&each);
    return all;
  }

  // Of what both ask for: what it does not have cannot be reclaimed from it, and it could claim the rest again.
  Amounts BothAsk(const Held& held) const {
    Amounts both = amounts_;
    for (std::size_t r = 0; r < kResourceCount; ++r) both.of[r] = std::min(both.of[r], held.amounts.of[r]);
    return both;
  }

  // Where its quota suffices and only nodes are short, less important classes may go, wherever they run.
  bool MayLookAnywhere() const {
    return rules_.by_class && pool_.has_nodes() && within_nominal_ && tree_.Fits(kind_.queue, flavor_, amounts_);
  }

  void Consider(const Held& held, bool may, bool reclaimed) {
    if (!may || held.running.stops || !held.running.workload.preemptible || !rules_.stands_behind(held)) return;
    order_.push_back({&held, LostWork(held.running, now_), reclaimed});
  }

  // What may go of its own tree: of its queue, and of the queues that use what they have borrowed.
  void CollectInTree(bool anywhere) {
    const Workload& mine = kind_.first();
    const bool reclaims = within_nominal_ && rules_.reclaim != ReclaimWithinCohort::kNever;
    for (int queue = root_; queue < tree_.end(root_); ++queue) {
      const bool own = queue == kind_.queue;
      const bool borrows = tree_.Borrows(queue, flavor_, amounts_);
      if (!own && !anywhere && !(reclaims && borrows)) continue;
      for (const auto& [id, held] : pool_.HeldOf(queue)) {
        const Workload& other = held->running.workload;
        const bool lower = LessImportant(other, mine);
        // Who can be reclaimed from at all goes for that alone, and only while it borrows: else it would come back.
        const bool reclaimable =
            !own && reclaims && held->flavor == flavor_ &&
            (lower || (rules_.reclaim == ReclaimWithinCohort::kAny && other.workload_class >= mine.workload_class));
        const bool may = (own && lower && rules_.within_queue == PreemptWithinQueue::kLowerPriority) ||
                         (anywhere && !reclaimable && other.workload_class > mine.workload_class);
        Consider(*held, may || (reclaimable && borrows), reclaimable);
      }
    }
  }

  // What may go of other trees: less important classes, for nodes.
  void CollectElsewhere() {
    const WorkloadClass mine = kind_.first().workload_class;
    const Pool::Counts& counts = pool_.CountsOf(-1);
    if (counts.empty() || counts.rbegin()->first.first <= mine) return;
    for (const auto& [id, held] : pool_.held()) {
      Consider(held, held.running.workload.workload_class > mine && !SameRoot(held), false);
    }
  }

  // The least important class first, and what loses least first inside a class.
  void Sort() {
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
    tree_.SetUsage(root_, gone_usage_);
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
    tree_.SetUsage(root_, gone_usage_);
    for (const Candidate* each : victims) {
      if (SameRoot(*each->held)) tree_.Remove(each->held->queue, each->held->flavor, each->held->amounts);
    }
    bool fits = tree_.Fits(kind_.queue, flavor_, amounts_);
    for (const Reservation& each : reservations_) {  // nor may it take what somebody more important waits for
      if (!fits || each.root != root_) continue;
      tree_.SetUsage(root_, each.usage);
      for (const Candidate* victim : victims) {
        if (SameRoot(*victim->held) && victim->held->expected > each.at) {
          tree_.Remove(victim->held->queue, victim->held->flavor, victim->held->amounts);
        }
      }
      fits = tree_.Fits(kind_.queue, flavor_, amounts_);
    }
    tree_.SetUsage(root_, gone_usage_);
    return fits;
  }

  std::size_t Domain(int node) const {
    return static_cast<std::size_t>(DomainOf(pool_.cluster(), static_cast<std::size_t>(node), level_));
  }

  // The node when what is stopping there has gone.
  const NodeState& StateOf(int node) const {
    const auto stopping = stopping_.find(node);
    return stopping != stopping_.end() ? stopping->second : pool_.placer().nodes()[static_cast<std::size_t>(node)];
  }

  // What every node would take when what is stopping has gone.
  void CountNodes() {
    const PodShape& pod = pool_.shape(kind_.shape);
    level_ = RequiredLevel(pool_, kind_);
    slots_ = SlotsFor(pool_, kind_, flavor_, reservations_);
    for (const auto& [id, held] : pool_.StoppingIn(-1)) {
      for (const PodPlace& place : held->running.places) {
        NodeState& state = stopping_.try_emplace(place.node, StateOf(place.node)).first->second;
        GiveBack(state, pool_.shape(held->shape), place.gpus);
      }
    }
    for (const auto& [node, state] : stopping_) {
      int& slots = slots_[static_cast<std::size_t>(node)];
      if (slots >= 0) slots = Slots(state, pod);
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i] <= 0) continue;
      const std::size_t domain = Domain(static_cast<int>(i));
      if (domain >= room_.size()) room_.resize(domain + 1);
      room_[domain] += slots_[i];
    }
    nodes_short_ = !NodesSuffice({});
  }

  bool NodesSuffice(const Chosen& victims) const {
    const PodShape& pod = pool_.shape(kind_.shape);
    std::unordered_map<int, NodeState> changed;
    for (const Candidate* each : victims) {
      for (const PodPlace& place : each->held->running.places) {
        if (slots_[static_cast<std::size_t>(place.node)] < 0) continue;
        NodeState& state = changed.try_emplace(place.node, StateOf(place.node)).first->second;
        GiveBack(state, pool_.shape(each->held->shape), place.gpus);
      }
    }
    std::vector<std::int64_t> room = room_;
    for (const auto& [node, state] : changed) {
      const std::size_t domain = Domain(node);
      if (domain >= room.size()) room.resize(domain + 1);
      room[domain] += Slots(state, pod) - slots_[static_cast<std::size_t>(node)];
    }
    const int least = kind_.first().least();
    return std::ranges::any_of(room, [least](std::int64_t each) { return each >= least; });
  }

  Pool& pool_;
  QuotaTree& tree_;
  const WaitingKind& kind_;
  int flavor_;
  const PreemptionRules& rules_;
  const std::vector<Reservation>& reservations_;
  Instant now_;
  int root_;
  Amounts amounts_;
  std::vector<std::int64_t> usage_;       // as it is
  std::vector<std::int64_t> gone_usage_;  // when what is stopping has gone
  bool within_nominal_ = false;
  std::vector<Candidate> order_;
  int level_ = -1;
  bool nodes_short_ = false;
  std::unordered_map<int, NodeState> stopping_;  // nodes without what is stopping there
  std::vector<int> slots_;                       // by node; -1: not for it; empty until CountNodes
  std::vector<std::int64_t> room_;               // by domain
  std::map<int, double> node_rank_;
};

}  // namespace

Victims ChooseVictims(Pool& pool, const WaitingKind& kind, int flavor, const PreemptionRules& rules,
                      const std::vector<Reservation>& reservations, Instant now) {
  return Search(pool, kind, flavor, rules, reservations, now).Run();
}

}  // namespace keelson::scheduling
