#include "simulation/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "simulation/invariants.h"

namespace keelson::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Duration kCheckpointEvery = minutes(30);
constexpr Duration kGrace = minutes(10);
constexpr scheduling::Resources kReplicaRequest{500, std::int64_t{1} << 30};

class Simulator {
 public:
  explicit Simulator(const SimulationOptions& options)
      : options_(options), policies_(options.policies), random_(options.seed) {
    world_.now = InstantFromMicros(1'364'774'400'000'000);  // 2013-04-01
    world_.live.server_up = world_.live.last_request = world_.now;
    world_.queues = {{"research", {2000, std::int64_t{8} << 30}}};
    world_.replicas = {0, 3, 8, hours(2), minutes(30)};
    world_.canary = {{5, 25, 100}, hours(6), 0.02, std::nullopt, 50};
    world_.trigger = {0.2, {}, 0.62, 200, 2, hours(48)};
  }

  SimulationReport Run() {
    const auto steps = options_.length / options_.step;
    Retrain();  // the first model
    for (; report_.steps < steps && !report_.broken; ++report_.steps) {
      world_.now += options_.step;
      world_.live.routed.clear();
      Processes();
      Faults();
      if (world_.live.server_up <= world_.now) Serve();
      Verify(invariants_.Check(world_));
      if (world_.stored.jobs.size() > 400) ForgetOldJobs();
    }
    if (!report_.broken) Verify(invariants_.CheckEnd(world_, early_));
    return report_;
  }

 private:
  bool Chance(double probability) { return random_.Uniform() < probability; }
  Duration Between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(random_.Uniform() * static_cast<double>((high - low).count())));
  }
  void Verify(const std::optional<std::string>& broken) {
    if (broken) report_.broken = fmt::format("seed {}, step {}: {}", options_.seed, report_.steps, *broken);
  }

  // ---- what happens by itself ----

  void Processes() {
    for (auto it = world_.live.running.begin(); it != world_.live.running.end();) {
      auto& [id, attempt] = *it;
      const auto found = world_.stored.jobs.find(id);
      if (found == world_.stored.jobs.end()) {
        it = world_.live.running.erase(it);
        continue;
      }
      Job& job = found->second;
      const Duration done = attempt.from + (world_.now - attempt.started);
      const bool stopped = attempt.stops && *attempt.stops <= world_.now;
      if (job.replica_of == 0 && !attempt.ended && !stopped) {
        job.kept = std::max(job.kept, std::min(job.work, done / kCheckpointEvery * kCheckpointEvery));
        attempt.ended = done >= job.work;
        if (attempt.ended) job.kept = job.work;
      }
      const bool crashes = !attempt.ended && Chance(job.replica_of != 0 ? 0.003 : 0.02);
      if (!stopped && !crashes) {
        ++it;
        continue;
      }
      if (crashes) ++report_.crashes;
      if (!stopped && Chance(0.3))
        world_.live.stale_reports.emplace_back(id, attempt.number);  // its last words come late
      const bool goes = job.replica_of != 0 || !policies_.requeues(job);
      it = world_.live.running.erase(it);
      if (goes) world_.stored.jobs.erase(found);
    }
  }

  void Faults() {
    Live& live = world_.live;
    if (live.server_up <= world_.now && Chance(0.003)) {
      ++report_.server_restarts;
      live.server_up = world_.now + Between(minutes(1), minutes(40));
      live.held = live.in_flight = 0;  // memory is gone
      live.challenger_requests = live.challenger_errors = 0;
      live.enough_since.clear();
    }
  }

  // ---- what the server does in one step of time ----

  void Serve() {
    Reports();
    Arrivals();
    Traffic();
    Rollout();
    Replicas();
    Monitor();
    Admission();
    Retention();
  }

  void Reports() {
    for (const auto& [id, number] : std::exchange(world_.live.stale_reports, {})) Report(id, number);
    std::vector<std::pair<std::string, int>> ended;
    for (const auto& [id, attempt] : world_.live.running) {
      if (attempt.ended) ended.emplace_back(id, attempt.number);
    }
    for (const auto& [id, number] : ended) {
      world_.live.running.erase(id);
      Report(id, number);
      if (Chance(0.2)) world_.live.stale_reports.emplace_back(id, number);  // the answer was lost: it is told again
    }
  }

  void Report(const std::string& id, int number) {
    const auto found = world_.stored.jobs.find(id);
    if (found == world_.stored.jobs.end() || found->second.replica_of != 0) return;
    Job& job = found->second;
    const bool all_done = job.kept >= job.work;
    if (!all_done || !policies_.accepts(job, number)) {
      ++report_.stale_reports;
      return;
    }
    job.done = true;
    ++job.completions;
    ++report_.completed;
    if (!job.trains) return;
    Stored& stored = world_.stored;
    const int version = policies_.next_version(world_);
    stored.versions.push_back({version, version > 1 && Chance(0.25), true, world_.now});
    stored.queued.push_back(version);
  }

  void Submit(const std::string& prefix, scheduling::WorkloadClass workload_class, const std::string& queue,
              int priority, scheduling::Resources request, Duration work, const std::string& group = "",
              int limit = 0) {
    Job job;
    job.ask = {
        fmt::format("{}-{}", prefix, ++sequence_), queue, workload_class, priority, sequence_, request, group, limit};
    job.work = work;
    job.trains = prefix == "retrain";
    invariants_.Submitted(job.ask.id);
    if (world_.now < InstantFromMicros(1'364'774'400'000'000) + options_.length - hours(120)) early_.insert(job.ask.id);
    world_.stored.jobs.emplace(job.ask.id, std::move(job));
  }

  void Retrain() {
    ++report_.retrainings;
    Submit("retrain", scheduling::WorkloadClass::kTraining, "default", 5, {2000, std::int64_t{2} << 30},
           Between(minutes(30), hours(4)));
  }

  void Arrivals() {
    if (Chance(0.0012)) {  // a search of 20 trials, about every six days
      const std::string group = fmt::format("search-{}", sequence_);
      for (int i = 0; i < 20; ++i) {
        Submit("trial", scheduling::WorkloadClass::kTraining, "research", 0, {1000, std::int64_t{1} << 30},
               Between(minutes(10), hours(2)), group, 2);
      }
    }
    if (Chance(0.02)) {
      Submit("report", scheduling::WorkloadClass::kBestEffort, "default", 0, {1000, std::int64_t{1} << 30},
             Between(minutes(10), hours(3)));
    }
  }

  std::vector<std::string> ReadyReplicas(int version) const {
    std::vector<std::string> ready;
    for (const auto& [id, attempt] : world_.live.running) {
      const auto job = world_.stored.jobs.find(id);
      if (job != world_.stored.jobs.end() && job->second.replica_of == version &&
          policies_.may_route(world_, attempt)) {
        ready.push_back(id);
      }
    }
    return ready;
  }

  void Traffic() {
    Live& live = world_.live;
    const Stored& stored = world_.stored;
    const double hour = static_cast<double>((ToMicros(world_.now) / 3'600'000'000) % 24);
    const double wave = std::max(0.0, std::sin((hour - 6) / 16 * std::numbers::pi));  // nobody asks at night
    const int load = hour < 6 || hour >= 22 ? 0 : static_cast<int>(20 * wave * (0.5 + random_.Uniform()));
    live.in_flight = 0;
    if (load > 0) live.last_request = world_.now;
    live.held += load;
    if (live.held == 0 || stored.weights.empty()) return;
    const int requests = std::exchange(live.held, 0);
    for (int i = 0; i < requests; ++i) {
      int version = stored.champion != 0 ? stored.champion : stored.challenger;
      int draw = static_cast<int>(random_.Below(100));
      for (const auto& [each, percent] : stored.weights) {
        if (draw < percent) {
          version = each;
          break;
        }
        draw -= percent;
      }
      std::vector<std::string> ready = ReadyReplicas(version);
      if (ready.empty() && stored.champion != 0 && version != stored.champion)
        ready = ReadyReplicas(version = stored.champion);
      if (ready.empty()) {
        ++live.held;
        continue;
      }
      const std::string& replica = ready[random_.Below(ready.size())];
      const Attempt& attempt = live.running.at(replica);
      live.routed.push_back({version, replica, !attempt.stops && attempt.ready <= world_.now});
      ++live.in_flight;
      ++report_.requests;
      if (version != stored.challenger) continue;
      live.challenger_requests += 20;  // one drawn stands for many
      if (world_.Find(version)->bad && Chance(0.5)) live.challenger_errors += 10;
    }
  }

  void Rollout() {
    Stored& stored = world_.stored;
    Live& live = world_.live;
    if (!stored.queued.empty() && policies_.may_begin(world_)) {
      stored.challenger = stored.queued.front();
      stored.queued.erase(stored.queued.begin());
      stored.step = -1;
      live.challenger_requests = live.challenger_errors = 0;
    }
    if (stored.challenger == 0) return;
    gateway::CanarySnapshot snapshot;
    snapshot.champion = stored.champion == 0 ? "" : std::to_string(stored.champion);
    snapshot.challenger = std::to_string(stored.challenger);
    snapshot.step = stored.step;
    snapshot.step_since = stored.step_since;
    snapshot.challenger_ready = !ReadyReplicas(stored.challenger).empty();
    snapshot.requests = live.challenger_requests;
    snapshot.errors = live.challenger_errors;
    const gateway::CanaryAction action = policies_.canary(snapshot, world_.now, world_.canary);
    using Kind = gateway::CanaryAction::Kind;
    if (action.kind == Kind::kWait) return;
    live.challenger_requests = live.challenger_errors = 0;
    if (action.kind == Kind::kSetWeight) {
      stored.step = action.step;
      stored.step_since = world_.now;
      stored.weights[stored.challenger] = action.percent;
      if (stored.champion != 0) stored.weights[stored.champion] = 100 - action.percent;
      return;
    }
    if (action.kind == Kind::kPromote) {
      ++report_.promotions;
      stored.previous_champion = stored.champion;
      stored.champion = stored.challenger;
      stored.trigger.last_retraining = world_.now;
    } else {
      ++report_.rollbacks;
    }
    stored.challenger = 0;
    stored.step = -1;
    stored.weights.clear();
    if (stored.champion != 0) stored.weights[stored.champion] = 100;
  }

  void Replicas() {
    Stored& stored = world_.stored;
    std::map<int, int> share = stored.weights;
    if (stored.challenger != 0) share.try_emplace(stored.challenger, 0);
    std::map<int, std::vector<std::string>> of;
    for (const auto& [id, job] : stored.jobs) {
      if (job.replica_of != 0) of[job.replica_of].push_back(id);
    }
    for (const auto& [version, percent] : share) of.try_emplace(version);
    for (auto& [version, ids] : of) {
      int wanted = 0;
      if (share.contains(version)) wanted = Wanted(version, share[version], ids);
      int present = 0;
      for (const std::string& id : ids) {
        const auto attempt = world_.live.running.find(id);
        if (attempt != world_.live.running.end() && attempt->second.stops) continue;
        if (++present <= wanted) continue;
        if (attempt == world_.live.running.end()) {
          stored.jobs.erase(id);  // it only waited for its place
        } else {
          attempt->second.stops = world_.now + kGrace;
        }
      }
      for (; present < wanted; ++present) {
        Job job;
        job.ask = {fmt::format("v{}-r{}", version, ++sequence_),
                   "serving",
                   scheduling::WorkloadClass::kInference,
                   0,
                   sequence_,
                   kReplicaRequest,
                   "",
                   0};
        job.replica_of = version;
        stored.jobs.emplace(job.ask.id, std::move(job));
      }
    }
  }

  int Wanted(int version, int percent, const std::vector<std::string>& ids) {
    Live& live = world_.live;
    scheduling::ReplicaSnapshot snapshot;
    for (const std::string& id : ids) {
      const auto attempt = live.running.find(id);
      if (attempt != live.running.end() && attempt->second.stops) continue;
      const bool ready = attempt != live.running.end() && attempt->second.ready <= world_.now;
      ++(ready ? snapshot.ready : snapshot.starting);
    }
    snapshot.in_flight = (live.in_flight * percent + 99) / 100;
    snapshot.held = (live.held * percent + 99) / 100;
    const bool busy = snapshot.in_flight + snapshot.held > 0;
    if (!busy) snapshot.idle_for = world_.now - live.last_request;
    const int needed = (snapshot.in_flight + snapshot.held + 7) / 8;
    if (needed < snapshot.ready + snapshot.starting) {
      snapshot.below_for = world_.now - live.enough_since.try_emplace(version, world_.now).first->second;
    } else {
      live.enough_since.erase(version);
    }
    scheduling::ReplicaPolicy policy = world_.replicas;
    if (version == world_.stored.challenger) policy.min = 1;  // a roll-out needs one that is ready
    return policies_.replicas(snapshot, policy).replicas;
  }

  void Monitor() {
    Stored& stored = world_.stored;
    const bool midnight =
        ToMicros(world_.now) / 86'400'000'000 != ToMicros(world_.now - options_.step) / 86'400'000'000;
    if (!midnight || stored.champion == 0) return;
    const double age = static_cast<double>((world_.now - world_.Find(stored.champion)->trained).count()) / 86'400e6;
    monitoring::WindowReport report;
    report.at = world_.now;
    report.predictions = report.live.count = 1000;
    report.drift = {{"score", 0.03 * age * (0.5 + random_.Uniform())}};
    report.live.auc = 0.72 - 0.01 * age + 0.02 * random_.Normal();
    const monitoring::TriggerDecision decision = policies_.trigger(report, stored.trigger, world_.trigger, world_.now);
    stored.trigger = decision.state;
    if (decision.retrain) Retrain();
  }

  void Admission() {
    Stored& stored = world_.stored;
    scheduling::AdmissionSnapshot snapshot;
    snapshot.capacity = world_.capacity;
    snapshot.queues = world_.queues;
    for (const auto& [id, job] : stored.jobs) {
      const auto attempt = world_.live.running.find(id);
      if (attempt != world_.live.running.end()) {
        snapshot.running.push_back({id, job.ask.queue, job.ask.workload_class, job.ask.priority, job.ask.request,
                                    job.ask.group, job.replica_of == 0, attempt->second.stops.has_value()});
      } else if (!job.done) {
        snapshot.pending.push_back(job.ask);
      }
    }
    for (const scheduling::AdmissionAction& action : policies_.admission(snapshot).actions) {
      using Kind = scheduling::AdmissionAction::Kind;
      if (action.kind == Kind::kPreempt) {
        ++report_.preemptions;
        world_.live.running.at(action.job).stops = world_.now + kGrace;
      } else if (action.kind == Kind::kStart) {
        Job& job = stored.jobs.at(action.job);
        const Instant ready = world_.now + Between(minutes(0), minutes(20));
        world_.live.running[action.job] = {++job.attempt, world_.now, job.kept, false, std::nullopt, ready};
      } else {
        stored.jobs.erase(action.job);
        invariants_.Refused(action.job);
      }
    }
  }

  void Retention() {
    for (Version& version : world_.stored.versions) {
      if (policies_.may_delete(world_, version.number)) version.stored = false;
    }
  }

  // Ended jobs that nobody will speak of again, so that a step's cost does not grow with the month.
  void ForgetOldJobs() {
    std::erase_if(world_.stored.jobs, [this](const auto& entry) {
      const auto& [id, job] = entry;
      const bool old = job.done && job.ask.submitted_sequence + 200 < sequence_;
      if (old) invariants_.Refused(id);
      return old;
    });
  }

  const SimulationOptions& options_;
  const Policies& policies_;
  Random random_;
  World world_;
  Invariants invariants_;
  std::set<std::string> early_;
  std::int64_t sequence_ = 0;
  SimulationReport report_;
};

}  // namespace

SimulationReport Simulate(const SimulationOptions& options) {
  return Simulator(options).Run();
}

}  // namespace keelson::simulation
