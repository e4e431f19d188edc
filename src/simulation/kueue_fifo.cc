#include "simulation/kueue_fifo.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::simulation {

using scheduling::Amounts;
using scheduling::Decision;
using scheduling::Held;
using scheduling::PreemptWithinQueue;
using scheduling::QuotaTree;
using scheduling::ReclaimWithinCohort;
using scheduling::Workload;

struct KueueFifo::Head {
  int queue = -1;
  Order order;
  int flavor = -1;
  bool waits = true;  // and has not preempted
  bool borrows = false;
};

KueueFifo::KueueFifo(const QueuedLoad& load, QuotaTree tree)
    : load_(load), pool_(load.cluster, load.queues, std::move(tree), "best-fit", std::chrono::hours(1)) {}

Result<std::unique_ptr<QueueScheduler>> KueueFifo::Make(const QueuedLoad& load) {
  KEELSON_ASSIGN_OR_RETURN(QuotaTree tree, QuotaTree::Build(load.queues));
  return std::unique_ptr<QueueScheduler>(new KueueFifo(load, std::move(tree)));
}

Status KueueFifo::Submit(Workload workload) {
  const int queue = pool_.tree().FindQueue(workload.queue);
  if (queue < 0) return Fail(ErrorCode::kNotFound, fmt::format("there is no queue '{}'", workload.queue), workload.id);
  const Amounts amounts = workload.all(workload.pods);
  const auto& flavors = pool_.tree().flavors_of(queue);
  if (std::none_of(flavors.begin(), flavors.end(),
                   [&](int flavor) { return pool_.tree().CouldFit(queue, flavor, amounts); })) {
    return Fail(ErrorCode::kResourceExhausted, "asks for more than its queue can ever have", workload.id);
  }
  Order order{-workload.priority, workload.submitted, workload.id};
  queues_[queue].heap.emplace(std::move(order), std::move(workload));
  return {};
}

void KueueFifo::Ended(const std::string& id) {
  const Held* held = pool_.Find(id);
  if (held == nullptr) return;
  stopping_.erase(id);
  const int root = pool_.tree().root(held->queue);
  pool_.Take(id);
  LookAgain(root);
}

void KueueFifo::OpenNode(int node) {
  pool_.OpenNode(node);
  LookAgain(-1);
}

// At what stepped aside.
void KueueFifo::LookAgain(int root) {
  for (auto& [node, queue] : queues_) {
    if (root >= 0 && pool_.tree().root(node) != root) continue;
    queue.heap.merge(queue.aside);
    queue.hopeless.clear();
  }
}

std::vector<Decision> KueueFifo::Plan(Instant now) {
  std::vector<Decision> decisions;
  // Preempted work stops before anything else is decided.
  while (stopping_.empty() && Cycle(now, decisions)) {
  }
  return decisions;
}

KueueFifo::Kind KueueFifo::KindOf(const Workload& workload) {
  return {workload.priority, pool_.ShapeOf(workload.pod), workload.pods, workload.topology.level,
          workload.topology.required};
}

bool KueueFifo::Cycle(Instant now, std::vector<Decision>& decisions) {
  QuotaTree& tree = pool_.tree();
  std::vector<Head> heads;
  for (auto& [node, queue] : queues_) {
    while (!queue.preemptor && !queue.heap.empty() && queue.hopeless.contains(KindOf(queue.heap.begin()->second))) {
      queue.aside.insert(queue.heap.extract(queue.heap.begin()));
    }
    if (queue.heap.empty()) continue;
    const auto first = queue.preemptor ? queue.heap.find(*queue.preemptor) : queue.heap.begin();
    const Workload& workload = first->second;
    Head head{node, first->first, -1, !queue.preemptor, false};
    const Amounts amounts = workload.all(workload.pods);
    for (const int flavor : tree.flavors_of(node)) {
      if (head.flavor < 0 && tree.CouldFit(node, flavor, amounts)) head.flavor = flavor;
      if (!tree.Fits(node, flavor, amounts)) continue;
      head.flavor = flavor;
      break;
    }
    head.borrows = !tree.WithinNominal(node, head.flavor, amounts);
    heads.push_back(std::move(head));
  }
  const auto line = [](const Head& head) { return std::tie(head.waits, head.borrows, head.order); };
  std::sort(heads.begin(), heads.end(), [&](const Head& a, const Head& b) { return line(a) < line(b); });
  std::set<int> preempting;  // trees of cohorts; the others there are looked at when it is done
  for (const Head& head : heads) {
    if (preempting.contains(tree.root(head.queue))) continue;
    Queue& queue = queues_.at(head.queue);
    const Workload& workload = queue.heap.at(head.order);
    queue.preemptor.reset();
    if (tree.Fits(head.queue, head.flavor, workload.all(workload.pods)) &&
        Admit(queue, head.order, head.queue, head.flavor, now, decisions)) {
      continue;
    }
    if (const auto victims = Victims(workload, head.queue, head.flavor); !victims.empty()) {
      for (const std::string& victim : victims) {
        stopping_.insert(victim);
        pool_.Tell(victim, now, workload.id);
        decisions.push_back({Decision::Kind::kPreempt, victim, "", {}, workload.id, now});
      }
      // It stays the head until they are gone, and goes first then. Else whoever stepped aside before it would be the
      // head again, or another queue quicker, and they would come back into the room that they left, and be preempted
      // for ever (Kueue's #6929 and #13797).
      queue.preemptor = head.order;
      preempting.insert(tree.root(head.queue));
      continue;
    }
    queue.hopeless.insert(KindOf(workload));
    queue.aside.insert(queue.heap.extract(head.order));
  }
  return !heads.empty() && stopping_.empty();
}

bool KueueFifo::Admit(Queue& from, const Order& order, int queue, int flavor, Instant now,
                      std::vector<Decision>& decisions) {
  const Workload& workload = from.heap.at(order);
  std::vector<scheduling::PodPlace> places(static_cast<std::size_t>(workload.pods));
  if (pool_.has_nodes()) {
    places = pool_.gangs().Put(pool_.ShapeOf(workload.pod), workload.pods, workload.pods, workload.topology,
                               pool_.NodesOf(flavor));
    if (places.empty()) return false;
  }
  auto node = from.heap.extract(order);
  const std::string& name = pool_.tree().flavor(static_cast<std::size_t>(flavor));
  decisions.push_back({Decision::Kind::kStart, node.mapped().id, name, places, "", {}});
  pool_.Put({std::move(node.mapped()), name, std::move(places), now, std::nullopt, std::nullopt, ""}, queue, flavor,
            true);
  return true;
}

std::vector<std::string> KueueFifo::Victims(const Workload& workload, int queue, int flavor) {
  QuotaTree& tree = pool_.tree();
  const auto& rules = load_.queues.cluster_queues[static_cast<std::size_t>(tree.queue_index(queue))];
  const Amounts amounts = workload.all(workload.pods);
  const bool reclaims = rules.reclaim != ReclaimWithinCohort::kNever && tree.WithinNominal(queue, flavor, amounts);
  std::vector<const Held*> candidates;
  pool_.EachEnding(tree.root(queue), Instant{}, [&](Instant, const Held& held) {
    const bool lower = held.running.workload.priority < workload.priority;
    const bool own = held.queue == queue && rules.preempt == PreemptWithinQueue::kLowerPriority && lower;
    const bool other = held.queue != queue && reclaims && (lower || rules.reclaim == ReclaimWithinCohort::kAny) &&
                       tree.Borrows(held.queue, flavor, amounts);
    if (held.flavor == flavor && !held.running.stops && (own || other)) candidates.push_back(&held);
    return true;
  });
  std::sort(candidates.begin(), candidates.end(), [queue](const Held* a, const Held* b) {
    return std::tuple(a->queue == queue, a->running.workload.priority, b->running.started,
                      std::string_view(a->running.workload.id)) <
           std::tuple(b->queue == queue, b->running.workload.priority, a->running.started,
                      std::string_view(b->running.workload.id));
  });
  const auto take = [&](const Held& held) {
    tree.Remove(held.queue, flavor, held.amounts);
    if (pool_.has_nodes()) pool_.gangs().Remove(held.shape, held.running.places);
  };
  const auto put_back = [&](const Held& held) {
    tree.Add(held.queue, flavor, held.amounts);
    if (pool_.has_nodes()) pool_.gangs().Occupy(held.shape, held.running.places);
  };
  const std::size_t shape = pool_.ShapeOf(workload.pod);
  const auto fits = [&] {
    if (!tree.Fits(queue, flavor, amounts)) return false;
    if (!pool_.has_nodes()) return true;
    const auto places =
        pool_.gangs().Put(shape, workload.pods, workload.pods, workload.topology, pool_.NodesOf(flavor));
    pool_.gangs().Remove(shape, places);
    return !places.empty();
  };
  std::vector<const Held*> chosen;
  bool enough = false;
  for (std::size_t i = 0; i < candidates.size() && !enough; ++i) {
    if (candidates[i]->queue != queue && !tree.Borrows(candidates[i]->queue, flavor, amounts)) continue;
    take(*candidates[i]);
    chosen.push_back(candidates[i]);
    enough = fits();
  }
  std::vector<std::string> names;
  for (std::size_t i = chosen.size(); i-- > 0;) {  // back with what turns out not to be needed
    put_back(*chosen[i]);
    if (!enough || fits()) continue;
    take(*chosen[i]);
    names.push_back(chosen[i]->running.workload.id);
  }
  for (const Held* each : chosen) {
    if (std::find(names.begin(), names.end(), each->running.workload.id) != names.end()) put_back(*each);
  }
  return names;
}

}  // namespace keelson::simulation
