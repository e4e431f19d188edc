#include "control/job_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "control/project_files.h"
#include "io/files.h"

namespace keelson::control {
namespace {

constexpr const char* kKind = "job";
constexpr const char* kCounter = "counter";  // the document "job": the last number that a job was given
constexpr auto kStopGrace = std::chrono::seconds(5);
constexpr auto kTellAgain = std::chrono::seconds(5);  // why a job waits, while nothing happens

bool Open(const Job& job) {
  return job.state == JobState::kPending || job.state == JobState::kRunning;
}

}  // namespace

JobRunner::JobRunner(Options options, DocumentStore& store, substrate::Substrate& substrate, const Clock& clock,
                     OnEnded on_ended)
    : options_(std::move(options)),
      store_(store),
      substrate_(substrate),
      clock_(clock),
      on_ended_(std::move(on_ended)) {}

Result<std::unique_ptr<JobRunner>> JobRunner::Open(Options options, DocumentStore& store,
                                                   substrate::Substrate& substrate, const Clock& clock,
                                                   OnEnded on_ended) {
  auto runner =
      std::unique_ptr<JobRunner>(new JobRunner(std::move(options), store, substrate, clock, std::move(on_ended)));
  KEELSON_ASSIGN_OR_RETURN(runner->queues_, JobQueues::Make(runner->options_.queues, substrate.Capacity()));
  KEELSON_ASSIGN_OR_RETURN(const auto documents, store.List(kKind));
  for (const auto& document : documents) {
    KEELSON_ASSIGN_OR_RETURN(Job job, JobFromJson(document.body));
    runner->next_id_ = std::max<std::uint64_t>(runner->next_id_, std::stoull(job.id.substr(1)) + 1);
    runner->jobs_.emplace(job.id, std::move(job));
  }
  // The last jobs may have been discarded since, or forgotten with their project. Their numbers are not given again.
  KEELSON_ASSIGN_OR_RETURN(const auto counters, store.List(kCounter));
  for (const auto& counter : counters) {
    if (counter.id != kKind) continue;
    runner->next_id_ = std::max(runner->next_id_, static_cast<std::uint64_t>(ParseInt(counter.body).value_or(0)) + 1);
  }
  return runner;
}

std::string JobRunner::Folder(const Job& job) const {
  return JobFolder(options_.data_folder, job.id);
}
std::string JobRunner::AttemptFolder(const Job& job) const {
  return fmt::format("{}/{}", Folder(job), job.attempts);
}

const Job* JobRunner::Find(const std::string& job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

bool JobRunner::busy() const {
  return std::ranges::any_of(jobs_, [](const auto& entry) { return control::Open(entry.second); });
}

Status JobRunner::Save(const Job& job) {
  return store_.Commit({.put = {{kKind, job.id, job.project, ToJson(job).dump()}}, .remove = {}, .events = {}});
}

Result<std::string> JobRunner::Submit(Job job) {
  job.id = fmt::format("j{:06}", next_id_);
  job.created = clock_.WallNow();
  KEELSON_RETURN_IF_ERROR(store_.Commit(
      {.put = {{kKind, job.id, job.project, ToJson(job).dump()}, {kCounter, kKind, "", std::to_string(next_id_)}},
       .remove = {},
       .events = {}}));
  ++next_id_;
  std::string id = job.id;
  jobs_.emplace(id, std::move(job));
  submitted_ = true;
  return id;
}

Status JobRunner::Reconcile() {
  KEELSON_RETURN_IF_ERROR(Observe());
  return Admit();
}

// Finds attempts that ended without a result that we accepted.
Status JobRunner::Observe() {
  if (!busy() && tidy_) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto workloads, substrate_.List());
  std::map<std::string, const substrate::WorkloadStatus*> by_name;
  for (const auto& workload : workloads) {
    if (workload.kind == "job") by_name.emplace(workload.name, &workload);
  }
  for (auto& [id, job] : jobs_) {
    if (job.state != JobState::kRunning) continue;
    const auto found = by_name.find(job.Workload());
    const substrate::WorkloadStatus* status = found == by_name.end() ? nullptr : found->second;
    if (status == nullptr || !substrate::IsAlive(*status)) KEELSON_RETURN_IF_ERROR(AttemptDied(job, status));
  }
  tidy_ = by_name.empty();
  // Workloads whose job has ended or has gone on to another attempt.
  for (const auto& [name, status] : by_name) {
    const auto job = std::ranges::find_if(jobs_, [&](const auto& entry) {
      return entry.second.state == JobState::kRunning && entry.second.Workload() == name;
    });
    if (job != jobs_.end()) continue;
    if (substrate::IsAlive(*status)) {
      KEELSON_RETURN_IF_ERROR(substrate_.Stop(name, kStopGrace));
    } else {
      KEELSON_RETURN_IF_ERROR(substrate_.Forget(name));
    }
  }
  return {};
}

Status JobRunner::AttemptDied(Job& job, const substrate::WorkloadStatus* status) {
  const std::string reason = status == nullptr ? "the worker has vanished" : status->reason;
  const bool own_error =
      status != nullptr && status->phase == substrate::WorkloadPhase::kFailed && status->exit_code > 0;
  LogWarning("attempt ended without a result",
             {{"job", job.id}, {"step", job.step}, {"request_id", job.request_id}, {"reason", reason}});
  job.error = reason;
  job.token_hash.clear();
  const int tries = own_error ? ++failures_[job.id] : ++kills_[job.id];
  if (tries >= (own_error ? options_.max_failures : options_.max_kills)) return End(job, JobState::kFailed);
  if (own_error) not_before_[job.id] = clock_.MonotonicNow() + std::chrono::seconds(tries);
  job.state = JobState::kPending;
  job.waiting = "the last attempt ended: " + reason;
  return Save(job);
}

std::optional<std::string> JobRunner::Held(const Job& job) const {
  return options_.held ? options_.held(job) : std::nullopt;
}

Status JobRunner::Admit() {
  const auto now = clock_.MonotonicNow();
  std::set<std::string> not_yet;
  for (const auto& [id, at] : not_before_) {
    if (at > now) not_yet.insert(id);
  }
  for (auto& [id, job] : jobs_) {
    if (job.state != JobState::kPending) continue;
    auto why = Held(job);
    if (!why) continue;
    not_yet.insert(id);
    job.waiting = *std::move(why);
  }
  const auto actions = queues_->Plan(jobs_, not_yet, clock_.WallNow());
  for (const JobQueues::Action& action : actions) {
    Job& job = jobs_.at(action.job);
    switch (action.kind) {
      case JobQueues::Action::Kind::kStart:
        job.flavor = action.flavor;
        KEELSON_RETURN_IF_ERROR(StartAttempt(job));
        break;
      case JobQueues::Action::Kind::kPreempt:
        LogInfo("preempting", {{"job", job.id}, {"reason", action.reason}});
        KEELSON_RETURN_IF_ERROR(substrate_.Stop(job.Workload(), kStopGrace));
        job.token_hash.clear();
        break;
      case JobQueues::Action::Kind::kRefuse:
        job.error = action.reason;
        KEELSON_RETURN_IF_ERROR(End(job, JobState::kFailed));
        break;
    }
  }
  const bool news = !actions.empty() || submitted_ || !told_ || now - *told_ >= kTellAgain;
  if (!news) return {};
  submitted_ = false;
  told_ = now;
  for (auto& [id, job] : jobs_) {
    if (job.state != JobState::kPending) continue;
    if (auto why = queues_->Why(id)) job.waiting = *std::move(why);
  }
  return {};
}

Result<std::string> JobRunner::Why(const std::string& id) const {
  const Job* job = Find(id);
  if (job == nullptr) return Fail(ErrorCode::kNotFound, "no such job; `keelson get jobs` lists them", id);
  switch (job->state) {
    case JobState::kPending:
      if (auto why = Held(*job)) return *std::move(why);
      if (auto why = queues_->Why(id)) return *std::move(why);
      if (not_before_.contains(id)) return fmt::format("is tried again in a moment: {}", job->waiting);
      return std::string("waits to be looked at");
    case JobState::kRunning: {
      if (job->token_hash.empty()) return std::string("was told to stop, and begins again when there is room");
      const auto end = queues_->ExpectedEnd(id);
      return fmt::format("runs since {}, attempt {}{}", FormatInstant(job->started.value_or(job->created)),
                         job->attempts, end ? ", and should end at " + FormatInstant(*end) : "");
    }
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kStopped:
      break;
  }
  return fmt::format("has ended, {}{}", JobStateName(job->state), job->error.empty() ? "" : ": " + job->error);
}

Status JobRunner::StartAttempt(Job& job) {
  const std::string token = RandomId() + RandomId();
  ++job.attempts;
  job.state = JobState::kRunning;
  job.token_hash = Sha256::Hex(token);
  job.waiting.clear();
  if (!job.started) job.started = clock_.WallNow();
  const std::string folder = AttemptFolder(job);
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder + "/output"));
  Json spec = job.spec;
  spec["job"] = job.id;
  spec["kind"] = job.kind;
  spec["request_id"] = job.request_id;
  spec["output"] = folder + "/output";
  spec["checkpoint"] = Folder(job) + "/checkpoint";
  spec["tracking_uri"] = tracking_uri_;
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(folder + "/spec.json", spec.dump(1)));
  KEELSON_RETURN_IF_ERROR(Save(job));

  substrate::WorkloadSpec workload;
  workload.name = job.Workload();
  workload.kind = "job";
  workload.project = job.project;
  workload.command = {"keelson", "worker", "--spec", folder + "/spec.json"};
  workload.environment = {{"KEELSON_SERVER", options_.server_address}, {"KEELSON_TOKEN", token}};
  if (!job.request_id.empty()) workload.environment["KEELSON_REQUEST_ID"] = job.request_id;
  workload.resources = job.resources;
  workload.workload_class = job.workload_class;
  workload.labels = {
      {"job", job.id}, {"project", job.project}, {"step", job.step}, {"queue", job.queue}, {"user", job.user}};
  tidy_ = false;
  return substrate_.Start(workload);
}

Status JobRunner::Progress(const std::string& id, const std::string& token, const std::string& line, double fraction) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return Fail(ErrorCode::kNotFound, "no such job", id);
  Job& job = found->second;
  if (job.state != JobState::kRunning || job.token_hash != Sha256::Hex(token)) {
    return Fail(ErrorCode::kPermissionDenied, "another attempt of this job has taken over", id);
  }
  job.progress = line;  // in memory only: a progress line is worth no disk write
  job.fraction = fraction;
  return {};
}

Status JobRunner::Finish(const std::string& id, const std::string& token, const Json& output) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return Fail(ErrorCode::kNotFound, "no such job", id);
  Job& job = found->second;
  if (job.token_hash != Sha256::Hex(token)) {
    return Fail(ErrorCode::kPermissionDenied, "another attempt of this job has taken over", id);
  }
  if (job.state == JobState::kSucceeded) return {};  // a retry of the accepted report
  if (job.state != JobState::kRunning) return Fail(ErrorCode::kPermissionDenied, "the job has ended", id);
  job.output = output;
  job.error.clear();
  job.fraction = 1;
  return End(job, JobState::kSucceeded);
}

Status JobRunner::FailAttempt(const std::string& id, const std::string& token, const std::string& message, bool refused,
                              bool retry, const Json& output) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return Fail(ErrorCode::kNotFound, "no such job", id);
  Job& job = found->second;
  if (job.token_hash != Sha256::Hex(token)) {
    return Fail(ErrorCode::kPermissionDenied, "another attempt of this job has taken over", id);
  }
  if (job.state != JobState::kRunning) return {};
  job.error = message;
  job.output = output;
  job.refused_by_check = refused;
  if (retry && !refused && ++failures_[id] < options_.max_failures) {
    job.state = JobState::kPending;
    job.token_hash.clear();
    job.waiting = "the last attempt failed: " + message;
    not_before_[id] = clock_.MonotonicNow() + std::chrono::seconds(failures_[id]);
    return Save(job);
  }
  return End(job, JobState::kFailed);
}

Status JobRunner::StopJob(const std::string& id, const std::string& reason) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return Fail(ErrorCode::kNotFound, "no such job", id);
  Job& job = found->second;
  if (!control::Open(job)) return {};
  const bool running = job.state == JobState::kRunning;
  job.error = reason;
  job.token_hash.clear();
  KEELSON_RETURN_IF_ERROR(End(job, JobState::kStopped));
  return running ? substrate_.Stop(job.Workload(), kStopGrace) : Status{};
}

Status JobRunner::Discard(const std::string& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return Fail(ErrorCode::kNotFound, "no such job", id);
  const Job& job = found->second;
  if (control::Open(job) || !job.pipeline.empty())
    return Fail(ErrorCode::kFailedPrecondition, "the job goes on, or its pipeline has it", id);
  KEELSON_RETURN_IF_ERROR(store_.Commit({.put = {}, .remove = {{kKind, id, "", ""}}, .events = {}}));
  const std::string folder = Folder(job);
  jobs_.erase(found);
  return io::RemoveTree(folder);
}

void JobRunner::Forget(const std::string& project) {
  std::erase_if(jobs_, [&](const auto& entry) { return entry.second.project == project; });
}

Status JobRunner::End(Job& job, JobState state) {
  job.state = state;
  job.ended = clock_.WallNow();
  job.waiting.clear();
  KEELSON_RETURN_IF_ERROR(Save(job));
  kills_.erase(job.id);
  failures_.erase(job.id);
  not_before_.erase(job.id);
  on_ended_(job);
  return {};
}

}  // namespace keelson::control
