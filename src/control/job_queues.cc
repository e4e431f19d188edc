#include "control/job_queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "control/past_runs.h"
#include "scheduling/planner.h"
#include "scheduling/queue_lookup.h"

namespace keelson::control {
namespace {

using scheduling::Decision;
using scheduling::kResourceCount;
using scheduling::QuotaTree;
using scheduling::Resource;

constexpr const char* kQueue = "default";
constexpr const char* kFlavor = "this machine";   // no name that a declared one could have
constexpr auto kGrace = std::chrono::seconds(5);  // of what is preempted: JobRunner's, between SIGTERM and SIGKILL

// In whole seconds, one at least: equal ones make one kind of work to the planner.
Duration WholeSeconds(Duration duration) {
  return std::max<Duration>(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(duration));
}

bool Open(const Job& job) {
  return job.state == JobState::kPending || job.state == JobState::kRunning;
}

// What stands at the path in a job's specification; 0 when nothing does.
int Number(const Json& spec, const char* path) {
  const Json::json_pointer pointer(path);
  return spec.contains(pointer) ? spec.at(pointer).get<int>() : 0;
}

}  // namespace

std::optional<Duration> ExpectedRunTime(const std::map<std::string, Job>& jobs, const Job& job) {
  const auto expected = Expect(jobs, job);
  return expected ? std::optional(WholeSeconds(expected->median)) : std::nullopt;
}

scheduling::Resources ResourcesOf(const project::TrainSpec& train) {
  return {.cpu_milli = static_cast<std::int64_t>(train.resources.cpu * 1'000),
          .memory_bytes = static_cast<std::int64_t>(train.resources.memory_bytes)};
}

Status CheckQueue(const project::Project& project, JobQueues& queues) {
  if (!project.train) return {};
  return queues.Check(project.name, project.train->queue, ResourcesOf(*project.train));
}

JobQueues::JobQueues(bool declared, const scheduling::Resources& machine) : declared_(declared), machine_(machine) {}
JobQueues::~JobQueues() = default;

Result<std::unique_ptr<JobQueues>> JobQueues::Make(std::optional<scheduling::Queues> declared,
                                                   const scheduling::Resources& machine) {
  scheduling::Cluster cluster;
  cluster.nodes.push_back({"this machine", machine, 0, -1, 0, 0, {}});
  scheduling::PlanPolicy policy;
  policy.grace = kGrace;
  auto made = std::unique_ptr<JobQueues>(new JobQueues(declared.has_value(), machine));
  scheduling::Queues queues = declared ? *std::move(declared) : scheduling::Queues{};
  made->unlimited_default_ =
      std::ranges::none_of(queues.cluster_queues, [](const auto& q) { return q.name == kQueue; });
  if (made->unlimited_default_) scheduling::AddUnlimitedQueue(kQueue, kFlavor, &queues);
  KEELSON_ASSIGN_OR_RETURN(made->planner_, scheduling::Planner::Make(std::move(cluster), std::move(queues), policy));
  return made;
}

Result<std::string> JobQueues::QueueOf(const std::string& project, const std::string& queue) const {
  if (!declared_) return std::string(kQueue);
  auto found = scheduling::FindClusterQueue(planner_->queues(), project, queue);
  if (!found) found.error().where = "train.queue";
  return found;
}

Result<scheduling::Workload> JobQueues::WorkloadOf(const Job& job) const {
  scheduling::Workload workload;
  KEELSON_ASSIGN_OR_RETURN(workload.queue, QueueOf(job.project, job.queue));
  workload.id = job.id;
  workload.user = job.user.empty() ? job.project : job.user;
  workload.workload_class = job.workload_class;
  workload.priority = job.priority;
  workload.submitted = job.created;
  workload.pod.request = job.resources;
  workload.times_preempted = std::max(0, job.attempts - 1);
  workload.checkpoints_when_told = Number(job.spec, "/train/xgboost/checkpoint_every") > 0;
  workload.search = job.group;
  workload.parallel = job.group.empty() ? 0 : job.group_parallel;
  // The rounds that a trial is to reach grow with its rung, which nobody else needs to know.
  if (job.kind == "trial") workload.rung = Number(job.spec, "/rounds");
  return workload;
}

// Brings the planner to the job's state; the answer is why it could never run.
std::optional<std::string> JobQueues::Tell(const std::map<std::string, Job>& jobs, const Job& job, Known state,
                                           Instant now) {
  planner_->Ended(job.id);
  known_[job.id] = state;
  auto workload = WorkloadOf(job);
  if (!workload) return workload.error().message;
  if (const auto expected = Expect(jobs, job)) {
    workload->run_time = WholeSeconds(expected->median);
    workload->run_time_high = WholeSeconds(expected->high);
  }
  if (state == Known::kPending) {
    const Status submitted = planner_->Submit(*std::move(workload));
    return submitted ? std::nullopt : std::optional(submitted.error().message);
  }
  const QuotaTree& tree = planner_->pool().tree();
  const auto& flavors = tree.flavors_of(tree.FindQueue(workload->queue));
  scheduling::Running running{*workload, job.flavor, {{0, {}}}, job.started.value_or(now), {}, {}, ""};
  // One that was started before its flavor was written down, or under other queues, uses the first.
  const bool offered = std::ranges::find(flavors, tree.FindFlavor(job.flavor)) != flavors.end();
  if (!offered && !flavors.empty()) running.flavor = tree.flavor(static_cast<std::size_t>(flavors.front()));
  if (state == Known::kStopping) running.stops = now + kGrace;
  const Status adopted = planner_->Adopt(std::move(running));
  return adopted ? std::nullopt : std::optional(adopted.error().message);
}

std::vector<JobQueues::Action> JobQueues::Plan(const std::map<std::string, Job>& jobs,
                                               const std::set<std::string>& not_yet, Instant now) {
  std::vector<Action> actions;
  std::erase_if(known_, [&](const auto& known) {
    const auto job = jobs.find(known.first);
    const bool gone = job == jobs.end() || !Open(job->second) || not_yet.contains(known.first);
    if (gone) planner_->Ended(known.first);
    return gone;
  });
  for (const auto& [id, job] : jobs) {
    if (!Open(job) || not_yet.contains(id)) continue;
    const bool runs = job.state == JobState::kRunning;
    const Known state = !runs ? Known::kPending : job.token_hash.empty() ? Known::kStopping : Known::kRunning;
    const auto known = known_.find(id);
    if (known != known_.end() && (known->second == state || known->second == Known::kRefused)) continue;
    const auto never = Tell(jobs, job, state, now);
    if (!never) continue;
    known_[id] = Known::kRefused;
    if (runs) {  // it was started under other queues: it runs on, beside them
      LogWarning("a running job has no place in its queue", {{"job", id}, {"reason", *never}});
    } else {
      actions.push_back({Action::Kind::kRefuse, id, *never, ""});
    }
  }
  for (const Decision& decision : planner_->Plan(now)) {
    if (decision.kind == Decision::Kind::kStart) {
      known_[decision.id] = Known::kRunning;
      actions.push_back({Action::Kind::kStart, decision.id, "", decision.flavor});
    } else {
      known_[decision.id] = Known::kStopping;
      actions.push_back({Action::Kind::kPreempt, decision.id, fmt::format("makes room for {}", decision.for_whom), ""});
    }
  }
  return actions;
}

std::optional<std::string> JobQueues::Why(const std::string& job) const {
  return planner_->Why(job);
}

std::optional<Instant> JobQueues::ExpectedEnd(const std::string& job) const {
  const scheduling::Held* held = planner_->pool().Find(job);
  if (held == nullptr || !held->running.workload.run_time) return std::nullopt;
  return held->expected;
}

Status JobQueues::Check(const std::string& project, const std::string& queue, const scheduling::Resources& resources) {
  Job probe;
  probe.id = "?";
  probe.project = project;
  probe.queue = queue;
  probe.resources = resources;
  KEELSON_ASSIGN_OR_RETURN(const auto workload, WorkloadOf(probe));
  const Status could = planner_->CouldRun(workload);
  if (!could) return Fail(could.error().code, could.error().message, "train.resources");
  return {};
}

std::string JobQueues::Notice(const std::string& project, const std::string& queue,
                              const scheduling::Resources& resources) const {
  const auto name = QueueOf(project, queue);
  if (!name) return name.error().message;
  const QuotaTree& tree = planner_->pool().tree();
  const int node = tree.FindQueue(*name);
  if (planner_->queues().cluster_queues[static_cast<std::size_t>(tree.queue_index(node))].held) {
    return fmt::format("queue '{}' is held: nothing in it starts until somebody releases it", *name);
  }
  scheduling::Workload workload;
  workload.pod.request = resources;
  const scheduling::Amounts asked = workload.each();
  scheduling::Amounts used;
  scheduling::Amounts nominal;
  for (const int flavor : tree.flavors_of(node)) {
    if (tree.Fits(node, flavor, asked)) return "";
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      const auto resource = static_cast<Resource>(r);
      if (asked.of[r] == 0 || !tree.Offers(node, flavor, asked)) continue;
      used.of[r] += tree.Used(node, flavor, resource);
      nominal.of[r] += tree.Nominal(node, flavor, resource);
    }
  }
  return fmt::format(
      "queue '{}' uses {} of its quota of {}, and a job of this project asks for {}: it waits until the "
      "quota has room",
      *name, FormatAmounts(used), FormatAmounts(nominal), FormatAmounts(asked));
}

std::vector<JobQueues::Queue> JobQueues::queues() const {
  const QuotaTree& tree = planner_->pool().tree();
  std::vector<Queue> queues;
  for (const scheduling::ClusterQueue& each : planner_->queues().cluster_queues) {
    const int node = tree.FindQueue(each.name);
    Queue queue{each.name, each.cohort, each.held, each.weight, 0, 0, {}};
    for (const auto& [id, held] : planner_->pool().held()) queue.running += held.queue == node ? 1 : 0;
    for (const auto& [key, kind] : planner_->backlog().kinds()) {
      if (kind.queue == node) queue.waiting += static_cast<int>(kind.waiting.size());
    }
    for (const scheduling::FlavorQuota& flavor : each.flavors) {
      const int index = tree.FindFlavor(flavor.flavor);
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        if (!flavor.of[r]) continue;
        const auto resource = static_cast<Resource>(r);
        const std::int64_t used = tree.Used(node, index, resource);
        const bool limited = !unlimited_default_ || each.name != kQueue;
        if (!limited && resource != Resource::kCpu && resource != Resource::kMemory) continue;
        Quota quota{flavor.flavor, resource, {}, used, {}};
        if (limited) {
          quota.nominal = flavor.of[r]->nominal;
          quota.available = std::max<std::int64_t>(0, tree.Available(node, index, resource));
        }
        queue.quotas.push_back(quota);
      }
    }
    queues.push_back(std::move(queue));
  }
  return queues;
}

}  // namespace keelson::control
