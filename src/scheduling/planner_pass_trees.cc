// PlannerPass by trees of cohorts: which are looked at, and what is remembered of them.
#include <algorithm>
#include <set>

#include "scheduling/planner_pass.h"

namespace keelson::scheduling {

bool PlannerPass::Run(std::vector<Decision>& decisions) {
  const QuotaTree& tree = pool_.tree();
  least_running_ = LeastRunning(pool_);
  for (int root = 0; root < static_cast<int>(tree.size()); root = tree.end(root)) {
    known_[static_cast<std::size_t>(root)] = policy_.remember ? memory_.Find(root, pool_, now_) : nullptr;
    if (Known(root) != nullptr) continue;
    memory_.Forget(root);  // what does not hold now must not come back
    if (!backlog_.KindsOf(root, tree.end(root)).empty()) looked_at_.push_back(root);
  }
  FindFirstOfStrictQueues();
  for (int root = 0; root < static_cast<int>(tree.size()); root = tree.end(root)) AddTree(root);
  while (!levels_.empty()) {
    auto level = levels_.extract(levels_.begin());
    RunLevel(level.key(), level.mapped());
  }
  for (int root = 0; root < static_cast<int>(tree.size()); root = tree.end(root)) {
    if (Known(root) != nullptr && Known(root)->reserved && !reserved_.contains(root)) changed_.insert(root);
  }
  if (!changed_.empty()) {
    TakeAllBack();
    for (const int root : changed_) memory_.Forget(root);
    return false;
  }
  for (const int root : looked_at_) {
    if (!touched_.contains(root) && !least_changed_) Remember(root);
  }
  for (Done& each : done_) decisions.push_back(std::move(each.decision));
  return true;
}

void PlannerPass::AddTree(int root) {
  if (const TreeMemory* known = Known(root)) {
    for (const TreeMemory::Live& each : known->live) {
      levels_[each.level].push_back(each.kind);
      if (each.passed_over) passed_over_.insert(each.kind);
    }
    return;
  }
  for (auto& [key, kind] : backlog_.KindsOf(root, pool_.tree().end(root))) levels_[LevelOf(kind)].push_back(&kind);
}

void PlannerPass::KeepReservation(const Reservation& reservation) {
  reserved_.insert_or_assign(reservation.root, TreeMemory::Reserved{reservation.id, reservation.flavor,
                                                                    reservation.usage, reservation.at - now_});
  const TreeMemory* known = Known(reservation.root);
  if (known == nullptr) return;
  const Duration ahead = reservation.at - now_;
  const bool same = known->reserved && known->reserved->id == reservation.id &&
                    known->reserved->flavor == reservation.flavor && known->reserved->usage == reservation.usage &&
                    known->at_least <= ahead && ahead < known->less_than;
  if (!same) changed_.insert(reservation.root);
}

// Something was decided in the tree, and done.
void PlannerPass::Touch(int root) {
  touched_.insert(root);
  least_changed_ = least_changed_ || LeastRunning(pool_) != least_running_;
  if (Known(root) != nullptr) changed_.insert(root);
}

void PlannerPass::Remember(int root) {
  TreeMemory memory;
  memory.since = now_;
  memory.until = Instant::max();
  memory.least_running = least_running_;
  const auto overdue = [&](const Workload& workload) {
    const auto from = OverdueFrom(workload);
    if (from && *from > now_) memory.until = std::min(memory.until, *from);
  };
  const int end = pool_.tree().end(root);
  const auto reserved = reserved_.find(root);
  if (reserved != reserved_.end()) memory.reserved = reserved->second;
  for (const auto& [key, kind] : backlog_.KindsOf(root, end)) {
    const Workload& first = kind.first();
    overdue(first);
    const Instant ends = EndOf(first, first.least());
    if (!memory.reserved || ends == Instant::max()) continue;
    const Duration takes = ends - now_;
    if (takes <= memory.reserved->ahead) {
      memory.at_least = std::max(memory.at_least, takes);
    } else {
      memory.less_than = std::min(memory.less_than, takes);
    }
  }
  for (int queue = root; queue < end; ++queue) {
    for (const auto& [id, held] : pool_.HeldOf(queue)) overdue(held->running.workload);
  }
  memory.live = std::move(live_[root]);
  std::set<const WaitingKind*> live;
  for (const TreeMemory::Live& each : memory.live) live.insert(each.kind);
  for (std::size_t i = 0, count = memory.live.size(); i < count; ++i) {  // and whom they may be behind
    const auto blocked = blocked_.find(memory.live[i].kind->alike);
    if (blocked != blocked_.end() && live.insert(blocked->second.as.kind).second) {
      memory.live.push_back(blocked->second.as);
    }
  }
  memory_.Remember(root, std::move(memory));
}

void PlannerPass::TakeAllBack() {
  for (auto each = done_.rbegin(); each != done_.rend(); ++each) {
    const std::string& id = each->decision.id;
    if (each->decision.kind == Decision::Kind::kPreempt) {
      pool_.TakeBack(id);
      continue;
    }
    const Held& held = *pool_.Find(id);
    const int queue = held.queue;
    const std::size_t shape = held.shape;
    Workload workload = held.running.workload;
    pool_.Take(id);
    backlog_.Add(std::move(workload), queue, shape, each->flavors);
  }
}

}  // namespace keelson::scheduling
