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
constexpr std::size_t kMostKept = 1 << 14;     // points of the curve
constexpr int kMostStarts = 10'000;            // of one workload
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
  void CloseNode(int node, Instant stops) override { (void)planner_->CloseNode(node, stops); }
  void OpenNode(int node) override { (void)planner_->OpenNode(node); }

 private:
  std::unique_ptr<scheduling::Planner> planner_;
};

// Why something stops before its end.
enum class Stop { kNone, kPreempted, kMachineTaken, kMachineLost };

// One workload on its way.
struct Way {
  const QueuedLoad::Arrival* arrival = nullptr;
  Duration done{};  // kept by checkpoints
  int preempted = 0;
  int starts = 0;
  Instant started;
  std::size_t pods = 0;
  std::vector<int> nodes;  // of the pods, each once
  int flavor = -1;
  Instant ends;
  Stop stop = Stop::kNone;
  bool refused = false;
};

class Run {
 public:
  Run(const QueuedLoad& load, QueueScheduler& scheduler, QuotaTree tree, const Failures& failures)
      : load_(load), scheduler_(scheduler), tree_(std::move(tree)), outages_(load.fleet, failures) {}

  Result<QueueReport> Play() {
    for (const QueuedLoad::Arrival& arrival : load_.arrivals) ways_[arrival.workload.id].arrival = &arrival;
    for (const auto& [root, quotas] : NominalQuotas(tree_)) {
      for (std::size_t r = 0; r < kResourceCount; ++r) all_[r] += quotas[r];
    }
    std::size_t next = 0;  // to arrive
    while (const auto now = Next(next)) {
      if (*now - Instant{} > kHorizon) {
        return Fail(ErrorCode::kResourceExhausted, "the load takes longer than 30,000 years");
      }
      Advance(*now);
      EndWhatEnds(*now);
      KEELSON_RETURN_IF_ERROR(ChangeMachines(*now));
      for (; next < load_.arrivals.size() && load_.arrivals[next].workload.submitted <= *now; ++next) {
        Submit(load_.arrivals[next].workload);
      }
      KEELSON_RETURN_IF_ERROR(Plan(*now));
    }
    for (const auto& [name, count] : waiting_) {
      if (count > 0)
        return Fail(ErrorCode::kInternal, fmt::format("nothing runs, and {} of class '{}' wait for ever", count, name));
    }
    return Report();
  }

 private:
  // When something happens next; nothing when nothing can any more.
  std::optional<Instant> Next(std::size_t next) const {
    std::optional<Instant> now;
    if (next < load_.arrivals.size()) now = load_.arrivals[next].workload.submitted;
    if (!endings_.empty()) now = std::min(now.value_or(Instant::max()), endings_.begin()->first);
    const bool waits = std::ranges::any_of(waiting_, [](const auto& each) { return each.second > 0; });
    if (!now && !(waits && outages_.Returning())) return std::nullopt;
    if (const auto change = outages_.Next()) now = std::min(now.value_or(Instant::max()), *change);
    return now;
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

  Status Plan(Instant now) {
    for (std::size_t rounds = 0;; ++rounds) {
      const std::vector<Decision> decisions = scheduler_.Plan(now);
      if (decisions.empty()) return {};
      if (rounds > kRoundsPerWorkload * ways_.size()) {
        return Fail(ErrorCode::kInternal, "starts and preempts the same work for ever, and no time passes",
                    decisions.front().id);
      }
      for (const Decision& decision : decisions) KEELSON_RETURN_IF_ERROR(Do(decision, now));
      EndWhatEnds(now);
    }
  }

  Status Do(const Decision& decision, Instant now) {
    const auto found = ways_.find(decision.id);
    if (found == ways_.end()) return Fail(ErrorCode::kInternal, "a decision about nobody", decision.id);
    Way& way = found->second;
    if (decision.kind == Decision::Kind::kStart) return Start(way, decision, now);
    if (way.pods == 0 || way.stop != Stop::kNone)
      return Fail(ErrorCode::kInternal, "what does not run was preempted", decision.id);
    StopBy(way, decision.stops, Stop::kPreempted);
    return {};
  }

  Status Start(Way& way, const Decision& decision, Instant now) {
    const scheduling::Workload& workload = way.arrival->workload;
    const int queue = tree_.FindQueue(workload.queue);
    if (way.pods > 0) return Fail(ErrorCode::kInternal, "what runs was started", decision.id);
    if (++way.starts > kMostStarts) {
      return Fail(ErrorCode::kResourceExhausted,
                  fmt::format("was stopped {} times and never came to its end", kMostStarts), decision.id);
    }
    way.flavor = tree_.FindFlavor(decision.flavor);
    way.pods = decision.places.size();
    if (static_cast<int>(way.pods) < workload.least())
      return Fail(ErrorCode::kInternal, "a gang began with too few pods", decision.id);
    const scheduling::Amounts amounts = workload.all(static_cast<int>(way.pods));
    if (!tree_.Fits(queue, way.flavor, amounts)) return Fail(ErrorCode::kInternal, "a quota is exceeded", decision.id);
    tree_.Add(queue, way.flavor, amounts);
    for (std::size_t r = 0; r < kResourceCount; ++r) used_[r] += static_cast<double>(amounts.of[r]);
    std::set<int> nodes;
    for (const scheduling::PodPlace& place : decision.places) {
      if (!outages_.IsThere(place.node))
        return Fail(ErrorCode::kInternal, "was started on a machine that is away", decision.id);
      if (place.node >= 0) nodes.insert(place.node);
    }
    way.nodes.assign(nodes.begin(), nodes.end());
    for (const int node : way.nodes) on_node_[node].insert(decision.id);
    --waiting_[way.arrival->name];
    ++starts_;
    way.started = now;
    way.stop = Stop::kNone;
    way.ends = now + (way.arrival->run_time - way.done) * workload.pods / static_cast<std::int64_t>(way.pods);
    endings_.emplace(way.ends, decision.id);
    return {};
  }

  // Unless it ends before, or stops already.
  void StopBy(Way& way, Instant at, Stop why) {
    if (way.ends <= at) return;
    const std::string& id = way.arrival->workload.id;
    endings_.erase({way.ends, id});
    way.ends = at;
    way.stop = why;
    endings_.emplace(at, id);
  }

  Status ChangeMachines(Instant now) {
    KEELSON_ASSIGN_OR_RETURN(const std::vector<Outages::Change> changes, outages_.Take(now));
    for (const Outages::Change& change : changes) {
      if (change.kind == Outages::Change::Kind::kBack) {
        scheduler_.OpenNode(change.node);
        continue;
      }
      const bool told = change.kind == Outages::Change::Kind::kNotice;
      const Instant gone = told ? change.gone_at : now;
      scheduler_.CloseNode(change.node, gone);
      for (const std::string& id : on_node_[change.node]) {
        StopBy(ways_.at(id), gone, told ? Stop::kMachineTaken : Stop::kMachineLost);
      }
    }
    EndWhatEnds(now);
    return {};
  }

  void EndWhatEnds(Instant now) {
    while (!endings_.empty() && endings_.begin()->first <= now) End(now);
  }

  void End(Instant now) {
    const std::string id = endings_.begin()->second;
    endings_.erase(endings_.begin());
    Way& way = ways_.at(id);
    const scheduling::Workload& workload = way.arrival->workload;
    const scheduling::Amounts amounts = workload.all(static_cast<int>(way.pods));
    tree_.Remove(tree_.FindQueue(workload.queue), way.flavor, amounts);
    for (std::size_t r = 0; r < kResourceCount; ++r) used_[r] -= static_cast<double>(amounts.of[r]);
    for (const int node : way.nodes) on_node_[node].erase(id);
    scheduler_.Ended(id);
    ran_ += Seconds(now - way.started) * static_cast<double>(way.pods);
    if (way.stop != Stop::kNone) {
      ComeBack(way, now);
      return;
    }
    way.pods = 0;
    last_ = std::max(last_, now);
    work_ += Seconds(way.arrival->run_time) * workload.pods;
    waits_[way.arrival->name].push_back(Seconds(now - workload.submitted - way.arrival->run_time));
  }

  // It was stopped before its end, and waits again.
  void ComeBack(Way& way, Instant now) {
    const scheduling::Workload& workload = way.arrival->workload;
    const Duration ran = (now - way.started) * static_cast<std::int64_t>(way.pods) / workload.pods;
    Duration kept{};
    if (workload.checkpoints_when_told && way.stop != Stop::kMachineLost) {
      kept = ran;
    } else if (workload.checkpoint_interval > Duration::zero()) {
      kept = ran / workload.checkpoint_interval * workload.checkpoint_interval;
    }
    way.done += kept;
    const double lost = Seconds(ran - kept) * workload.pods;
    lost_ += lost;
    if (way.stop == Stop::kPreempted) {
      ++preemptions_;
      ++way.preempted;
    } else {
      ++interruptions_;
      lost_to_failures_ += lost;
    }
    way.pods = 0;
    scheduling::Workload again = workload;
    again.times_preempted = way.preempted;
    if (again.run_time) again.run_time = std::max(Duration::zero(), *again.run_time - way.done);
    Submit(std::move(again));
  }

  // Time goes on to `now`, and what was used until then was used all the while.
  void Advance(Instant now) {
    const double seconds = Seconds(now - at_);
    for (std::size_t r = 0; r < kResourceCount; ++r) spent_[r] += used_[r] * seconds;
    if (curve_.empty() || now > at_) {
      curve_.push_back({Seconds(at_ - Instant{}), UsedPercent(used_, 1), waiting_, outages_.CostOfPools(), lost_});
    }
    if (curve_.size() > kMostKept) {  // every second of them shows as much
      for (std::size_t i = 1; 2 * i < curve_.size(); ++i) curve_[i] = std::move(curve_[2 * i]);
      curve_.resize((curve_.size() + 1) / 2);
    }
    outages_.Pay(now);
    at_ = now;
  }

  double UsedPercent(const std::array<double, kResourceCount>& used, double seconds) const {
    double most = 0;
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      if (all_[r] > 0 && seconds > 0) most = std::max(most, 100 * used[r] / (all_[r] * seconds));
    }
    return most;
  }

  QueueReport Report() {
    QueueReport report;
    const Instant first = load_.arrivals.empty() ? Instant{} : load_.arrivals.front().workload.submitted;
    report.makespan = Seconds(last_ - first);
    report.bounds = BoundsOf(load_, tree_, [this](const auto& each) { return !ways_.at(each.workload.id).refused; });
    report.used_percent = UsedPercent(spent_, Seconds(last_ - first));
    report.starts = starts_;
    report.preemptions = preemptions_;
    report.interruptions = interruptions_;
    report.ran_seconds = ran_;
    report.work_seconds = work_;
    report.lost_seconds = lost_;
    report.lost_to_failures = lost_to_failures_;
    report.spot_nodes_taken = outages_.interrupted();
    report.nodes_lost = outages_.lost();
    report.pools = outages_.paid();
    report.cost = outages_.cost();
    report.refused = refused_;
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
  Outages outages_;
  std::unordered_map<std::string, Way> ways_;
  std::unordered_map<int, std::set<std::string>> on_node_;
  std::set<std::pair<Instant, std::string>> endings_;
  std::map<std::string, int> waiting_;
  std::map<std::string, std::vector<double>> waits_;
  std::array<double, kResourceCount> all_{};
  std::array<double, kResourceCount> used_{};
  std::array<double, kResourceCount> spent_{};
  std::vector<QueueReport::Point> curve_;
  std::vector<std::pair<std::string, std::string>> refused_;
  Instant at_;
  Instant last_;
  std::size_t starts_ = 0;
  std::size_t preemptions_ = 0;
  std::size_t interruptions_ = 0;
  double ran_ = 0;
  double work_ = 0;
  double lost_ = 0;
  double lost_to_failures_ = 0;
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

Result<QueueReport> SimulateQueues(const QueuedLoad& load, QueueScheduler& scheduler, const Failures& failures) {
  KEELSON_ASSIGN_OR_RETURN(QuotaTree tree, QuotaTree::Build(load.queues));
  return Run(load, scheduler, std::move(tree), failures).Play();
}

}  // namespace keelson::simulation
