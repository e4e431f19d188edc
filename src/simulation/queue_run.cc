#include "simulation/queue_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "base/strings.h"
#include "simulation/kueue_fifo.h"

namespace keelson::simulation {
namespace {

using scheduling::Decision;
using scheduling::kResourceCount;
using scheduling::QuotaTree;
using scheduling::Resource;

constexpr std::size_t kPoints = 200;
constexpr std::size_t kRoundsPerWorkload = 4;  // of plans at one instant, at most; each decides something
// Some 30,000 years, counted from the beginning: what one workload takes may still be added to it.
constexpr Duration kHorizon = std::chrono::milliseconds(1'000'000'000'000'000);

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class Ours : public QueueScheduler {
 public:
  explicit Ours(std::unique_ptr<scheduling::Planner> planner) : planner_(std::move(planner)) {}
  Status Submit(scheduling::Workload workload) override { return planner_->Submit(std::move(workload)); }
  void Ended(const std::string& id) override { planner_->Ended(id); }
  std::vector<Decision> Plan(Instant now) override { return planner_->Plan(now); }

 private:
  std::unique_ptr<scheduling::Planner> planner_;
};

// One workload on its way.
struct Way {
  const QueuedLoad::Arrival* arrival = nullptr;
  Duration done{};  // kept by checkpoints
  int preempted = 0;
  Instant started;
  std::size_t pods = 0;
  int flavor = -1;
  Instant ends;
  bool stopping = false;
  bool refused = false;
};

class Run {
 public:
  Run(const QueuedLoad& load, QueueScheduler& scheduler, QuotaTree tree)
      : load_(load), scheduler_(scheduler), tree_(std::move(tree)) {}

  Result<QueueReport> Play() {
    for (const QueuedLoad::Arrival& arrival : load_.arrivals) ways_[arrival.workload.id].arrival = &arrival;
    Capacity();
    std::size_t next = 0;
    while (next < load_.arrivals.size() || !endings_.empty()) {
      Instant now = Instant::max();
      if (next < load_.arrivals.size()) now = load_.arrivals[next].workload.submitted;
      if (!endings_.empty()) now = std::min(now, endings_.begin()->first);
      if (now - Instant{} > kHorizon) {
        return Fail(ErrorCode::kResourceExhausted, "the load takes longer than 30,000 years");
      }
      Advance(now);
      while (!endings_.empty() && endings_.begin()->first <= now) KEELSON_RETURN_IF_ERROR(End(now));
      for (; next < load_.arrivals.size() && load_.arrivals[next].workload.submitted <= now; ++next) {
        Submit(load_.arrivals[next].workload);
      }
      for (std::size_t rounds = 0;; ++rounds) {
        const std::vector<Decision> decisions = scheduler_.Plan(now);
        if (decisions.empty()) break;
        if (rounds > kRoundsPerWorkload * ways_.size()) {
          return Fail(ErrorCode::kInternal, "starts and preempts the same work for ever, and no time passes",
                      decisions.front().id);
        }
        for (const Decision& decision : decisions) KEELSON_RETURN_IF_ERROR(Do(decision, now));
        while (!endings_.empty() && endings_.begin()->first <= now) KEELSON_RETURN_IF_ERROR(End(now));
      }
    }
    for (const auto& [name, count] : waiting_) {
      if (count > 0)
        return Fail(ErrorCode::kInternal, fmt::format("nothing runs, and {} of class '{}' wait for ever", count, name));
    }
    return Report();
  }

 private:
  // Each root's nominal quota of every resource, over all flavors.
  void Capacity() {
    for (int node = 0; node < static_cast<int>(tree_.size()); ++node) {
      for (std::size_t f = 0; f < tree_.flavors(); ++f) {
        for (std::size_t r = 0; r < kResourceCount; ++r) {
          const auto nominal = static_cast<double>(tree_.Nominal(node, static_cast<int>(f), static_cast<Resource>(r)));
          capacity_[tree_.root(node)][r] += nominal;
          all_[r] += nominal;
        }
      }
    }
  }

  void Submit(scheduling::Workload workload) {
    const std::string id = workload.id;
    const std::string& name = ways_.at(id).arrival->name;
    if (const Status status = scheduler_.Submit(std::move(workload)); !status) {
      refused_.emplace_back(id, status.error().message);
      ways_.at(id).refused = true;
      return;
    }
    ++waiting_[name];
  }

  Status Do(const Decision& decision, Instant now) {
    const auto found = ways_.find(decision.id);
    if (found == ways_.end()) return Fail(ErrorCode::kInternal, "a decision about nobody", decision.id);
    Way& way = found->second;
    const scheduling::Workload& workload = way.arrival->workload;
    const int queue = tree_.FindQueue(workload.queue);
    if (decision.kind == Decision::Kind::kPreempt) {
      if (way.pods == 0 || way.stopping)
        return Fail(ErrorCode::kInternal, "what does not run was preempted", decision.id);
      if (way.ends <= decision.stops) return {};  // it ends before
      endings_.erase({way.ends, decision.id});
      way.ends = decision.stops;
      way.stopping = true;
      endings_.emplace(way.ends, decision.id);
      return {};
    }
    if (way.pods > 0) return Fail(ErrorCode::kInternal, "what runs was started", decision.id);
    way.flavor = tree_.FindFlavor(decision.flavor);
    way.pods = decision.places.size();
    if (static_cast<int>(way.pods) < workload.least())
      return Fail(ErrorCode::kInternal, "a gang began with too few pods", decision.id);
    const scheduling::Amounts amounts = workload.all(static_cast<int>(way.pods));
    if (!tree_.Fits(queue, way.flavor, amounts)) return Fail(ErrorCode::kInternal, "a quota is exceeded", decision.id);
    tree_.Add(queue, way.flavor, amounts);
    for (std::size_t r = 0; r < kResourceCount; ++r) used_[r] += static_cast<double>(amounts.of[r]);
    --waiting_[way.arrival->name];
    ++starts_;
    way.started = now;
    way.stopping = false;
    way.ends = now + (way.arrival->run_time - way.done) * workload.pods / static_cast<std::int64_t>(way.pods);
    endings_.emplace(way.ends, decision.id);
    return {};
  }

  Status End(Instant now) {
    const std::string id = endings_.begin()->second;
    endings_.erase(endings_.begin());
    Way& way = ways_.at(id);
    const scheduling::Workload& workload = way.arrival->workload;
    const scheduling::Amounts amounts = workload.all(static_cast<int>(way.pods));
    tree_.Remove(tree_.FindQueue(workload.queue), way.flavor, amounts);
    for (std::size_t r = 0; r < kResourceCount; ++r) used_[r] -= static_cast<double>(amounts.of[r]);
    scheduler_.Ended(id);
    if (way.stopping) {
      const Duration ran = (now - way.started) * static_cast<std::int64_t>(way.pods) / workload.pods;
      Duration kept{};
      if (workload.checkpoints_when_told) {
        kept = ran;
      } else if (workload.checkpoint_interval > Duration::zero()) {
        kept = ran / workload.checkpoint_interval * workload.checkpoint_interval;
      }
      way.done += kept;
      lost_ += Seconds(ran - kept) * workload.pods;
      ++preemptions_;
      way.pods = 0;
      scheduling::Workload again = workload;
      again.times_preempted = ++way.preempted;
      if (again.run_time) again.run_time = *again.run_time - way.done;
      Submit(std::move(again));
      return {};
    }
    way.pods = 0;
    last_ = std::max(last_, now);
    waits_[way.arrival->name].push_back(Seconds(now - workload.submitted - way.arrival->run_time));
    return {};
  }

  // Time goes on to `now`, and what was used until then was used all the while.
  void Advance(Instant now) {
    const double seconds = Seconds(now - at_);
    for (std::size_t r = 0; r < kResourceCount; ++r) spent_[r] += used_[r] * seconds;
    if (curve_.empty() || now > at_) curve_.push_back({Seconds(at_ - Instant{}), UsedPercent(used_, 1), waiting_});
    at_ = now;
  }

  double UsedPercent(const std::array<double, kResourceCount>& used, double seconds) const {
    double most = 0;
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      if (all_[r] > 0 && seconds > 0) most = std::max(most, 100 * used[r] / (all_[r] * seconds));
    }
    return most;
  }

  double BoundOfArrivals(Instant first) const {
    std::map<int, std::map<Instant, std::array<double, kResourceCount>>> slopes;  // by root: how demand changes
    std::map<int, std::array<double, kResourceCount>> left;
    for (const QueuedLoad::Arrival& arrival : load_.arrivals) {
      if (ways_.at(arrival.workload.id).refused) continue;
      const int queue = tree_.FindQueue(arrival.workload.queue);
      const int root = tree_.root(queue);
      const scheduling::Amounts amounts = arrival.workload.all(arrival.workload.pods);
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        const auto amount = static_cast<double>(amounts.of[r]);
        slopes[root][arrival.workload.submitted][r] += amount;
        slopes[root][arrival.workload.submitted + arrival.run_time][r] -= amount;
        left[root][r] += amount * Seconds(arrival.run_time);
      }
    }
    double bound = 0;
    for (const auto& [root, changes] : slopes) {
      std::array<double, kResourceCount> demand{};
      Instant before = first;
      for (const auto& [at, change] : changes) {
        for (std::size_t r = 0; r < kResourceCount; ++r) {
          left[root][r] -= demand[r] * Seconds(at - before);
          demand[r] += change[r];
          const double capacity = capacity_.at(root)[r];
          if (capacity > 0) bound = std::max(bound, Seconds(at - first) + left[root][r] / capacity);
        }
        before = at;
      }
    }
    return bound;
  }

  Result<QueueReport> Report() {
    QueueReport report;
    const Instant first = load_.arrivals.empty() ? Instant{} : load_.arrivals.front().workload.submitted;
    report.makespan = Seconds(last_ - first);
    report.used_percent = UsedPercent(spent_, Seconds(last_ - first));
    report.starts = starts_;
    report.preemptions = preemptions_;
    report.lost_seconds = lost_;
    report.refused = refused_;
    std::map<int, std::array<double, kResourceCount>> work;
    for (const QueuedLoad::Arrival& arrival : load_.arrivals) {
      if (ways_.at(arrival.workload.id).refused) continue;
      const int queue = tree_.FindQueue(arrival.workload.queue);
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        work[tree_.root(queue)][r] +=
            static_cast<double>(arrival.workload.all(arrival.workload.pods).of[r]) * Seconds(arrival.run_time);
      }
    }
    for (const auto& [root, each] : work) {
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        if (capacity_[root][r] > 0) report.bound = std::max(report.bound, each[r] / capacity_[root][r]);
      }
    }
    report.bound_of_arrivals = std::max(report.bound, BoundOfArrivals(first));
    for (auto& [name, waits] : waits_) {
      std::sort(waits.begin(), waits.end());
      double sum = 0;
      for (const double wait : waits) sum += wait;
      const auto count = static_cast<double>(waits.size());
      report.classes[name] = {waits.size(), sum / count, waits[static_cast<std::size_t>(std::ceil(0.99 * count)) - 1],
                              waits.back()};
    }
    for (std::size_t i = 0; i < kPoints; ++i) {
      const double seconds = Seconds(last_ - Instant{}) * static_cast<double>(i) / kPoints;
      const auto behind =
          std::upper_bound(curve_.begin(), curve_.end(), seconds,
                           [](double at, const QueueReport::Point& point) { return at < point.seconds; });
      if (behind == curve_.begin()) continue;
      report.points.push_back(*std::prev(behind));
      report.points.back().seconds = seconds;
    }
    return report;
  }

  const QueuedLoad& load_;
  QueueScheduler& scheduler_;
  QuotaTree tree_;  // our own count, beside the scheduler's
  std::unordered_map<std::string, Way> ways_;
  std::set<std::pair<Instant, std::string>> endings_;
  std::map<std::string, int> waiting_;
  std::map<std::string, std::vector<double>> waits_;
  std::map<int, std::array<double, kResourceCount>> capacity_;
  std::array<double, kResourceCount> all_{};
  std::array<double, kResourceCount> used_{};
  std::array<double, kResourceCount> spent_{};
  std::vector<QueueReport::Point> curve_;
  std::vector<std::pair<std::string, std::string>> refused_;
  Instant at_;
  Instant last_;
  std::size_t starts_ = 0;
  std::size_t preemptions_ = 0;
  double lost_ = 0;
};

}  // namespace

const std::vector<std::string>& QueuePolicyNames() {
  static const std::vector<std::string> names = {"keelson", "kueue-fifo"};
  return names;
}

Result<std::unique_ptr<QueueScheduler>> MakeQueueScheduler(const std::string& name, const QueuedLoad& load) {
  if (name == "keelson") {
    KEELSON_ASSIGN_OR_RETURN(auto planner, scheduling::Planner::Make(load.cluster, load.queues, {}));
    return std::make_unique<Ours>(std::move(planner));
  }
  if (name == "kueue-fifo") return KueueFifo::Make(load);
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no policy '{}'; there are {}", name, Join(QueuePolicyNames(), ", ")));
}

Result<QueueReport> SimulateQueues(const QueuedLoad& load, QueueScheduler& scheduler) {
  KEELSON_ASSIGN_OR_RETURN(QuotaTree tree, QuotaTree::Build(load.queues));
  return Run(load, scheduler, std::move(tree)).Play();
}

}  // namespace keelson::simulation
