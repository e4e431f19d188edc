#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "simulation/queue_run.h"

namespace keelson::simulation {

// Queues as Kueue serves them (v0.1x, BestEffortFIFO, without fair sharing), to compare with. In cycles that take no
// time: the head of each ClusterQueue (who preempted, until it is admitted; then priority, then the time of
// submission); of the heads those that preempted first, then those that need not borrow, then by priority, then by
// time; what fits is admitted, what does not may preempt as its queue's rules say (candidates of other queues first,
// then lower priority, then admitted last; no more than needed; one in each tree of cohorts a cycle), what can do
// neither steps aside until something ends. What is preempted stops at once. Topology: nodes are filled by best fit.
class KueueFifo : public QueueScheduler {
 public:
  static Result<std::unique_ptr<QueueScheduler>> Make(const QueuedLoad& load);

  Status Submit(scheduling::Workload workload) override;
  void Ended(const std::string& id) override;
  std::vector<scheduling::Decision> Plan(Instant now) override;
  void CloseNode(int node, Instant stops) override { pool_.CloseNode(node, stops); }
  void OpenNode(int node) override;

 private:
  using Order = std::tuple<int, Instant, std::string>;  // -priority, submitted, id
  // priority, shape, pods, topology: if one can neither start nor preempt, nor can the others.
  using Kind = std::tuple<int, std::size_t, int, std::string, bool>;
  struct Queue {
    std::map<Order, scheduling::Workload> heap;
    std::map<Order, scheduling::Workload> aside;
    std::set<Kind> hopeless;         // of what stepped aside
    std::optional<Order> preemptor;  // in the heap: whoever waits for what it preempted to stop
  };
  struct Head;

  KueueFifo(const QueuedLoad& load, scheduling::QuotaTree tree);
  Kind KindOf(const scheduling::Workload& workload);
  void LookAgain(int root);  // -1: everywhere
  bool Cycle(Instant now, std::vector<scheduling::Decision>& decisions);
  std::vector<std::string> Victims(const scheduling::Workload& workload, int queue, int flavor);
  bool Admit(Queue& from, const Order& order, int queue, int flavor, Instant now,
             std::vector<scheduling::Decision>& decisions);

  const QueuedLoad& load_;
  scheduling::Pool pool_;
  std::map<int, Queue> queues_;
  std::set<std::string> stopping_;
};

}  // namespace keelson::simulation
