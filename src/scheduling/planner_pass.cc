#include "scheduling/planner_pass.h"

#include <algorithm>

#include "scheduling/victims.h"

namespace keelson::scheduling {
namespace {

constexpr int kOverdue = 2;  // behind system and inference, before training and best-effort

int Rank(WorkloadClass workload_class) {
  const int rank = static_cast<int>(workload_class);
  return rank < kOverdue ? rank : rank + 1;
}

}  // namespace

// When it will have waited too long; nothing for what always goes before those who have.
std::optional<Instant> PlannerPass::OverdueFrom(const Workload& workload) const {
  if (Rank(workload.workload_class) < kOverdue) return std::nullopt;
  Duration patience = policy_.patience;
  if (workload.run_time) {
    const double runs = static_cast<double>(workload.run_time->count()) * policy_.patience_runs;
    if (runs < static_cast<double>(patience.count())) patience = Duration(static_cast<std::int64_t>(runs));
  }
  return workload.submitted + patience;
}

bool PlannerPass::Overdue(const Workload& workload) const {
  const auto from = OverdueFrom(workload);
  return from && now_ >= *from;
}

bool PlannerPass::Borrows(const WaitingKind& kind) const {
  return !pool_.tree().WithinNominal(kind.queue, kind.flavors.front(), kind.all(kind.first().least()));
}

PlannerPass::Level PlannerPass::LevelOf(const WaitingKind& kind) {
  const Workload& first = kind.first();
  const int rank = Overdue(first) ? kOverdue : Rank(first.workload_class);
  const int importance = rank == kOverdue ? 0 : -first.priority;
  if (QueueOf(kind).strict_fifo) return {rank, Borrows(*strict_.at(kind.queue)), importance};
  int& before = borrowers_[static_cast<std::size_t>(kind.queue) * kRanks + static_cast<std::size_t>(rank)];
  if (before < importance) return {rank, true, importance};
  const bool borrows = Borrows(kind);
  if (borrows) before = std::min(before, importance);
  return {rank, borrows, importance};
}

// The same order as that of the levels and inside them, for something that runs.
bool PlannerPass::StandsBehind(const Held& held, const WaitingKind& kind) const {
  const Workload& mine = kind.first();
  const Workload& other = held.running.workload;
  const int my_rank = Overdue(mine) ? kOverdue : Rank(mine.workload_class);
  const int its_rank = Overdue(other) ? kOverdue : Rank(other.workload_class);
  if (my_rank != its_rank) return my_rank < its_rank;
  if (held.queue != kind.queue) {
    const QuotaTree& tree = pool_.tree();
    const bool i_borrow = Borrows(kind);
    const bool it_borrows = tree.Borrows(held.queue, held.flavor, held.amounts);
    if (i_borrow != it_borrows) return it_borrows;
  }
  if (my_rank == kOverdue) return std::tie(mine.submitted, mine.id) < std::tie(other.submitted, other.id);
  return mine.priority > other.priority;
}

// A strict queue stands in line as the first in it does: the most important, then the oldest.
void PlannerPass::FindFirstOfStrictQueues() {
  const auto before = [this](const WaitingKind& a, const WaitingKind& b) {
    const auto key = [this](const WaitingKind& kind) {
      const Workload& first = kind.first();
      const bool overdue = Overdue(first);
      return std::tuple(overdue ? kOverdue : Rank(first.workload_class), overdue ? 0 : -first.priority, first.submitted,
                        std::string_view(first.id));
    };
    return key(a) < key(b);
  };
  strict_.clear();
  for (const int root : looked_at_) {
    for (auto& [key, kind] : backlog_.KindsOf(root, pool_.tree().end(root))) {
      if (!QueueOf(kind).strict_fifo) continue;
      const WaitingKind*& first = strict_[kind.queue];
      if (first == nullptr || before(kind, *first)) first = &kind;
    }
  }
}

void PlannerPass::RunLevel(const Level& level, const std::vector<WaitingKind*>& kinds) {
  const bool oldest_first = std::get<0>(level) == kOverdue;
  std::set<std::tuple<Instant, std::string, WaitingKind*>> oldest;
  open_.clear();
  const auto add = [&](WaitingKind* kind) {
    const Workload& first = kind->first();
    if (oldest_first) {
      oldest.emplace(first.submitted, first.id, kind);
    } else {
      order_.Add(kind->queue, first.submitted, first.id, open_.size());
      open_.push_back(kind);
    }
  };
  const auto next = [&]() -> WaitingKind* {
    if (oldest_first) {
      if (oldest.empty()) return nullptr;
      return std::get<2>(oldest.extract(oldest.begin()).value());
    }
    const auto claim = order_.Take();
    return claim ? open_[*claim] : nullptr;
  };
  const auto known = [this](const WaitingKind& kind) { return Known(pool_.tree().root(kind.queue)) != nullptr; };
  for (WaitingKind* kind : kinds) {
    if (known(*kind) || !Hopeless(*kind)) add(kind);
  }
  while (WaitingKind* kind = next()) {
    if (known(*kind)) {
      Look(*kind, level);  // it stands where it stood
      continue;
    }
    if (const Level now = LevelOf(*kind); now > level) {  // its queue has taken the rest of its quota meanwhile
      levels_[now].push_back(kind);
      continue;
    }
    const int queue = kind->queue;
    const bool last = kind->waiting.size() == 1;  // the kind is gone when it starts
    if (!Look(*kind, level)) continue;
    order_.Update(queue);
    if (strict_.contains(queue)) FindFirstOfStrictQueues();
    if (last) continue;
    const Level now = LevelOf(*kind);
    if (now <= level) {
      add(kind);
    } else {
      levels_[now].push_back(kind);  // whoever is first in it now has not waited as long
    }
  }
}

// Starts the first of the kind, or finds out what keeps it waiting.
bool PlannerPass::Look(WaitingKind& kind, const Level& level) {
  const int root = pool_.tree().root(kind.queue);
  looked_at_from_ = level;
  beyond_tree_ = kind.first().parallel > 0;
  if (Start(kind)) return true;
  Block(kind);
  const Cause::Kind why = kind.cause.kind;
  const bool passed_over = why == Cause::Kind::kHeld || why == Cause::Kind::kSearch || why == Cause::Kind::kBehind;
  if (Known(root) == nullptr) {
    if (beyond_tree_) live_[root].push_back({&kind, level, passed_over});
  } else if (passed_over != passed_over_.contains(&kind)) {
    changed_.insert(root);
  }
  return false;
}

// What can neither start nor get a reservation nor preempt need not stand in line: in a full pool that is nearly all.
bool PlannerPass::Hopeless(WaitingKind& kind) const {
  const QuotaTree& tree = pool_.tree();
  const Workload& first = kind.first();
  if (!reserved_.contains(tree.root(kind.queue)) || QueueOf(kind).strict_fifo || QueueOf(kind).held) return false;
  if (first.parallel > 0) return false;
  for (const int flavor : kind.flavors) {
    if (QuotaAllows(tree, kind.queue, flavor, kind.each, first.least()) == first.least()) return false;
  }
  if (MayPreempt(kind)) return false;
  kind.cause = {};
  kind.cause.kind = Cause::Kind::kQuota;
  kind.cause.flavor = tree.flavor(static_cast<std::size_t>(kind.flavors.front()));
  return true;
}

Instant PlannerPass::EndOf(const Workload& workload, int pods) const {
  const auto& run_time = workload.run_time_high ? workload.run_time_high : workload.run_time;
  if (!run_time) return Instant::max();
  return now_ + *run_time * workload.pods / pods;
}

bool PlannerPass::Start(WaitingKind& kind) {
  const Workload& first = kind.first();
  kind.cause = {};
  if (QueueOf(kind).held) {
    kind.cause.kind = Cause::Kind::kHeld;
    return false;
  }
  if (first.parallel > 0 && !first.search.empty() && pool_.RunningOf(first.search) >= first.parallel) {
    kind.cause.kind = Cause::Kind::kSearch;
    return false;
  }
  if (const auto closed = closed_.find(kind.queue); closed != closed_.end()) {
    kind.cause.kind = Cause::Kind::kBehind;
    kind.cause.other = closed->second;
    return false;
  }
  const auto alike = blocked_.find(kind.alike);
  if (alike != blocked_.end() && EndOf(first, first.pods) >= alike->second.end) {
    kind.cause.kind = Cause::Kind::kBehind;
    kind.cause.other = alike->second.id;
    return false;
  }
  for (const int flavor : kind.flavors) {
    const auto blocked = [&](Cause::Kind why, std::string other = "") {
      if (kind.cause.kind != Cause::Kind::kNew) return;  // the first flavor is the one that it wants
      kind.cause.kind = why;
      kind.cause.flavor = pool_.tree().flavor(static_cast<std::size_t>(flavor));
      kind.cause.other = std::move(other);
    };
    int pods = QuotaAllows(pool_.tree(), kind.queue, flavor, kind.each, first.pods);
    if (pods < first.least()) {
      blocked(Cause::Kind::kQuota);
      continue;
    }
    while (pods > first.least() && !pool_.tree().WithinNominal(kind.queue, flavor, kind.all(pods))) --pods;
    const int root = pool_.tree().root(kind.queue);
    const Instant latest = EndOf(first, first.least());
    std::string delayed;
    for (const Reservation& each : reservations_) {
      if (each.root != root || latest <= each.at) continue;
      pods = std::min(pods, each.QuotaLeaves(pool_.tree(), kind.queue, flavor, kind.each, pods));
      delayed = each.id;
    }
    if (pods < first.least()) {
      blocked(Cause::Kind::kReservation, delayed);
      continue;
    }
    std::vector<PodPlace> places(static_cast<std::size_t>(pods));
    if (pool_.has_nodes()) {
      bool delays = false;
      places = Place(kind, first.least(), pods, flavor, latest, delays);
      if (places.empty()) {
        blocked(delays ? Cause::Kind::kReservation : Cause::Kind::kNodes,
                delays && !reservations_.empty() ? reservations_.front().id : "");
        continue;
      }
    }
    const Instant end = EndOf(first, static_cast<int>(places.size()));
    const Amounts amounts = kind.all(static_cast<int>(places.size()));
    for (Reservation& each : reservations_) {
      if (end <= each.at) continue;
      if (each.root == root) each.Use(pool_.tree(), kind.queue, flavor, amounts);
      each.Use(pool_.shape(kind.shape), places);
    }
    const int queue = kind.queue;
    const std::string name = pool_.tree().flavor(static_cast<std::size_t>(flavor));
    std::vector<int> flavors = kind.flavors;
    Running running{*backlog_.Take(first.id), name, places, now_, std::nullopt, std::nullopt, ""};
    done_.push_back(
        {{Decision::Kind::kStart, running.workload.id, name, std::move(places), "", {}}, std::move(flavors)});
    pool_.Put(std::move(running), queue, flavor, true);
    Touch(root);
    return true;
  }
  blocked_.try_emplace(kind.alike, Blocked{first.id, EndOf(first, first.pods), {&kind, looked_at_from_, false}});
  return false;
}

std::vector<PodPlace> PlannerPass::Place(const WaitingKind& kind, int least, int most, int flavor, Instant end,
                                         bool& delays) {
  beyond_tree_ = true;
  const TopologyWish& wish = kind.first().topology;
  std::vector<Unplaced>& unplaced = unplaced_[{kind.shape, flavor, wish.required ? wish.level : ""}];
  for (const Unplaced& each : unplaced) {
    if (least < each.pods || (each.delays && end < each.end)) continue;
    delays = each.delays;
    return {};
  }
  const PodShape& pod = pool_.shape(kind.shape);
  const std::vector<char>* open = pool_.NodesOf(flavor);
  std::vector<char> mask;
  while (true) {
    std::vector<PodPlace> places = pool_.gangs().Put(kind.shape, least, most, kind.first().topology, open);
    if (places.empty()) {
      unplaced.push_back({least, end, delays});
      return {};
    }
    std::set<int> taken;  // of what somebody more important will need, and it would not leave
    for (const Reservation& each : reservations_) {
      if (end <= each.at) continue;
      std::map<int, NodeState> left;
      for (const PodPlace& place : places) {
        const auto kept = each.left.find(place.node);
        if (kept == each.left.end()) continue;
        NodeState& state = left.try_emplace(place.node, kept->second).first->second;
        if (Fits(state, pod)) {
          scheduling::Take(state, pod, pod.shares() ? BestFitGpu(state, pod) : -1);
        } else {
          taken.insert(place.node);
        }
      }
    }
    if (taken.empty()) return places;
    pool_.gangs().Remove(kind.shape, places);
    delays = true;
    if (mask.empty()) {
      mask = open != nullptr ? *open : std::vector<char>(pool_.cluster().nodes.size(), 1);
      open = &mask;
      for (const Reservation& each : reservations_) {
        if (end <= each.at) continue;
        for (const auto& [node, state] : each.left) {
          if (!Fits(state, pod)) mask[static_cast<std::size_t>(node)] = 0;
        }
      }
    }
    for (const int node : taken) mask[static_cast<std::size_t>(node)] = 0;
  }
}

bool PlannerPass::MayPreempt(const WaitingKind& kind) const {
  if (kind.flavors.empty()) return false;
  const Workload& first = kind.first();
  const ClusterQueue& queue = QueueOf(kind);
  const std::pair<WorkloadClass, int> mine{first.workload_class, -first.priority};
  const auto lower = [&mine](const Pool::Counts& counts) { return !counts.empty() && counts.rbegin()->first > mine; };
  if (queue.preempt == PreemptWithinQueue::kLowerPriority && lower(pool_.CountsOf(kind.queue))) return true;
  if (!pool_.tree().WithinNominal(kind.queue, kind.flavors.front(), kind.all(first.least()))) return false;
  if (queue.reclaim == ReclaimWithinCohort::kAny && !pool_.CountsOf(-1).empty()) return true;
  if (queue.reclaim == ReclaimWithinCohort::kLowerPriority && lower(pool_.CountsOf(-1))) return true;
  return policy_.preempt_by_class && pool_.has_nodes() && !pool_.CountsOf(-1).empty() &&
         pool_.CountsOf(-1).rbegin()->first.first > first.workload_class;
}

bool PlannerPass::Preempt(WaitingKind& kind, std::optional<Instant> by_itself) {
  const Workload& first = kind.first();
  const bool waits = first.workload_class > WorkloadClass::kInference;
  if (by_itself && *by_itself - now_ <= (waits ? policy_.spare : Duration::zero())) return false;
  const ClusterQueue& queue = QueueOf(kind);
  const PreemptionRules rules{queue.reclaim, queue.preempt, policy_.preempt_by_class,
                              [this, &kind](const Held& held) { return StandsBehind(held, kind); }};
  for (const int flavor : kind.flavors) {
    const Victims victims = ChooseVictims(pool_, kind, flavor, rules, reservations_, now_);
    beyond_tree_ = beyond_tree_ || !victims.by_tree_alone;
    for (const std::string& victim : victims.ids) {
      const Instant stops = now_ + policy_.grace;
      pool_.Tell(victim, stops, first.id);
      Touch(pool_.tree().root(pool_.Find(victim)->queue));
      done_.push_back({{Decision::Kind::kPreempt, victim, "", {}, first.id, stops}, {}});
    }
    if (victims.ids.empty()) continue;
    Touch(pool_.tree().root(kind.queue));
    return true;
  }
  return false;
}

void PlannerPass::Block(WaitingKind& kind) {
  const Cause::Kind why = kind.cause.kind;
  if (why == Cause::Kind::kHeld || why == Cause::Kind::kSearch || why == Cause::Kind::kBehind) return;
  if (QueueOf(kind).strict_fifo) closed_.emplace(kind.queue, kind.first().id);
  const int root = pool_.tree().root(kind.queue);
  const bool nodes = pool_.has_nodes() && node_reservations_ < policy_.node_reservations;
  const bool reserves = !reserved_.contains(root);
  const bool may_preempt = MayPreempt(kind);
  if (!reserves && !may_preempt) return;
  beyond_tree_ = beyond_tree_ || reserves;
  std::optional<Reservation> reservation;
  if (reserves) reservation = Reserve(pool_, kind, now_, reservations_, nodes);
  std::optional<Instant> by_itself;
  if (reservation) by_itself = reservation->at;
  if (may_preempt && Preempt(kind, by_itself) && reserves) {
    reservation = Reserve(pool_, kind, now_, reservations_, nodes);
  }
  if (!reservation) return;
  kind.cause.expected = reservation->at;
  kind.cause.freed_by = reservation->freed_by;
  KeepReservation(*reservation);
  if (!reservation->left.empty()) ++node_reservations_;
  reservations_.push_back(std::move(*reservation));
}

}  // namespace keelson::scheduling
