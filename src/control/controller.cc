#include "control/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace keelson::control {
namespace {

// How often everything is looked at, besides at once when a job has ended. Posted work wakes the thread and does not
// wait for this.
constexpr auto kBusyPeriod = std::chrono::milliseconds(20);
constexpr auto kQuietPeriod = std::chrono::milliseconds(100);

// An exception on the control thread is our own mistake: one request or one look is given up (its caller gets a 500, as
// nobody has answered), the server goes on.
void Guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    LogError("internal error on the control thread", {{"error", error.what()}});
  }
}

std::ptrdiff_t RunningJobs(const JobRunner& jobs) {
  return std::ranges::count_if(jobs.jobs(), [](const auto& job) { return job.second.state == JobState::kRunning; });
}

// Replicas start and end without a word to us.
bool HasChangingReplicas(const ProjectRuntime& project) {
  return project.endpoint() != nullptr && std::ranges::any_of(project.endpoint()->replicas(), [](const auto& replica) {
           return replica.state != "ready";
         });
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::Start(Options options, Parts parts) {
  KEELSON_ASSIGN_OR_RETURN(auto controller, Create(std::move(options), parts));
  Controller* self = controller.get();
  controller->thread_ = std::thread([self] { self->Run(); });
  return controller;
}

Result<std::unique_ptr<Controller>> Controller::Create(Options options, Parts parts) {
  auto controller = std::unique_ptr<Controller>(new Controller(std::move(options), parts));
  KEELSON_ASSIGN_OR_RETURN(controller->store_, DocumentStore::Open(*parts.database));
  KEELSON_RETURN_IF_ERROR(controller->store_->MoveTo(controller->options_.data_folder));
  controller->removals_ = std::make_unique<ProjectRemovals>(controller->options_.data_folder, *controller->store_);
  KEELSON_ASSIGN_OR_RETURN(controller->metered_,
                           MeteredSubstrate::Open(*controller->store_, *parts.substrate, *parts.clock));
  controller->parts_.substrate = parts.substrate = controller->metered_.get();
  KEELSON_ASSIGN_OR_RETURN(controller->costs_,
                           Costs::Open(controller->options_.pricing, *controller->metered_, parts.substrate->Capacity(),
                                       *controller->store_, *parts.clock));
  const Costs* costs = controller->costs_.get();
  KEELSON_ASSIGN_OR_RETURN(controller->jobs_,
                           JobRunner::Open({.data_folder = controller->options_.data_folder,
                                            .server_address = controller->options_.server_address,
                                            .queues = controller->options_.queues,
                                            .held = [costs](const Job& job) { return costs->Held(job.project); }},
                                           *controller->store_, *parts.substrate, *parts.clock, [](const Job& job) {
                                             LogInfo("job ended", {{"job", job.id},
                                                                   {"step", job.step},
                                                                   {"request_id", job.request_id},
                                                                   {"state", JobStateName(job.state)}});
                                           }));
  Controller* self = controller.get();
  PipelineRunner::World world;
  world.project = [self](const std::string& project, const std::string& revision) -> const AppliedProject* {
    ProjectRuntime* runtime = self->Find(project);
    return runtime == nullptr ? nullptr : runtime->Applied(revision);
  };
  world.champion = [self](const std::string& project) -> std::optional<ChampionInfo> {
    ProjectRuntime* runtime = self->Find(project);
    return runtime == nullptr ? std::nullopt : runtime->Champion();
  };
  world.complete = [self](Pipeline& pipeline) -> Status {
    ProjectRuntime* runtime = self->Find(pipeline.project);
    return runtime == nullptr ? Status{} : runtime->CompletePipeline(pipeline);
  };
  world.ended = [self](const Pipeline& pipeline) {
    if (ProjectRuntime* runtime = self->Find(pipeline.project)) runtime->PipelineEnded(pipeline);
  };
  KEELSON_ASSIGN_OR_RETURN(controller->pipelines_,
                           PipelineRunner::Open(controller->options_.data_folder, *controller->store_,
                                                *controller->jobs_, *parts.clock, std::move(world)));
  return controller;
}

Controller::~Controller() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Controller::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  ready_.notify_one();
}

Services Controller::ServicesOf() {
  return {.data_folder = options_.data_folder,
          .store = store_.get(),
          .tracking = parts_.tracking,
          .substrate = parts_.substrate,
          .gateway = parts_.gateway,
          .registry = parts_.registry,
          .jobs = jobs_.get(),
          .pipelines = pipelines_.get(),
          .clock = parts_.clock,
          .probe = parts_.probe,
          .payload_period = options_.payload_period,
          .models = parts_.models};
}

Status Controller::Load() {
  KEELSON_RETURN_IF_ERROR(removals_->Load());
  KEELSON_ASSIGN_OR_RETURN(const auto states, store_->List("project"));
  KEELSON_ASSIGN_OR_RETURN(const auto rollouts, store_->List("rollout"));
  for (const auto& document : states) {
    const auto open = [&]() -> Status {
      KEELSON_ASSIGN_OR_RETURN(ProjectState state, ProjectStateFromJson(document.body));
      Rollout rollout;
      for (const auto& stored : rollouts) {
        if (stored.id != document.id) continue;
        KEELSON_ASSIGN_OR_RETURN(rollout, RolloutFromJson(stored.body));
      }
      KEELSON_ASSIGN_OR_RETURN(projects_[document.id],
                               ProjectRuntime::Open(ServicesOf(), std::move(state), std::move(rollout)));
      return {};
    };
    Status opened = Fail(ErrorCode::kDataLoss, "what is stored does not fit together", document.id);
    Guarded([&] { opened = open(); });
    if (!opened) {
      LogError("a project could not be loaded", {{"project", document.id}, {"error", opened.error().ToString()}});
      broken_[document.id] = opened.error().ToString();
      projects_.erase(document.id);
    }
  }
  return {};
}

void Controller::Run() {
  Turn(/*look=*/false);  // loads what is stored
  auto next_look = std::chrono::steady_clock::now();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      ready_.wait_until(lock, next_look, [this] { return stopping_ || !work_.empty(); });
      if (stopping_) return;
    }
    bool look = std::chrono::steady_clock::now() >= next_look;
    const auto running = RunningJobs(*jobs_);
    Turn(look);
    if (!look && RunningJobs(*jobs_) < running) {
      look = true;
      Turn(look);
    }
    if (!look) continue;
    const bool busy = jobs_->busy() || std::ranges::any_of(projects_, [](const auto& project) {
                        return HasChangingReplicas(*project.second);
                      });
    next_look = std::chrono::steady_clock::now() + (busy ? kBusyPeriod : kQuietPeriod);
  }
}

void Controller::Turn(bool look) {
  if (!loaded_) {
    loaded_ = true;
    Guarded([this] {
      if (const Status loaded = Load(); !loaded)
        LogError("cannot load what is stored", {{"error", loaded.error().ToString()}});
    });
    // Once before posted work: who waits for its own work to be done knows that every endpoint is at the gateway.
    Guarded([this] { Look(); });
  }
  std::deque<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(work_);
  }
  for (auto& item : work) Guarded(item);
  Guarded([this] { Acknowledge(); });
  if (look) Guarded([this] { Look(); });
}

void Controller::Look() {
  const Status reconciled = ReconcileAll();
  const std::string error = reconciled ? "" : reconciled.error().ToString();
  if (!error.empty() && error != last_error_) LogError("reconciling failed; trying again", {{"error", error}});
  last_error_ = error;
}

void Controller::Acknowledge() {
  if (acknowledgements_.empty()) return;
  Status synced;
  for (auto& [name, project] : projects_) {
    if (synced) synced = project->SyncRows();
  }
  const auto acknowledgements = std::exchange(acknowledgements_, {});
  for (const auto& acknowledge : acknowledgements) Guarded([&] { acknowledge(synced); });
}

Status Controller::ReconcileAll() {
  KEELSON_RETURN_IF_ERROR(costs_->Look());
  KEELSON_RETURN_IF_ERROR(jobs_->Reconcile());
  KEELSON_RETURN_IF_ERROR(pipelines_->Reconcile());
  if (jobs_->busy()) KEELSON_RETURN_IF_ERROR(jobs_->Reconcile());  // those that the pipelines have just ordered begin
  KEELSON_ASSIGN_OR_RETURN(const auto workloads, parts_.substrate->List());
  for (auto& [name, project] : projects_) KEELSON_RETURN_IF_ERROR(project->Reconcile(workloads));
  // Replicas of projects that are gone.
  for (const auto& workload : workloads) {
    const auto label = workload.labels.find("endpoint");
    if (workload.kind != "replica" || label == workload.labels.end() || projects_.contains(label->second)) continue;
    if (broken_.contains(label->second)) continue;
    KEELSON_RETURN_IF_ERROR(substrate::IsAlive(workload)
                                ? parts_.substrate->Stop(workload.name, std::chrono::seconds(5))
                                : parts_.substrate->Forget(workload.name));
  }
  return removals_->Reconcile(workloads);
}

ProjectRuntime* Controller::Find(const std::string& project) {
  const auto found = projects_.find(project);
  return found == projects_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Controller::ProjectNames() const {
  std::vector<std::string> names;
  for (const auto& [name, project] : projects_) names.push_back(name);
  return names;
}

Status Controller::Apply(const std::string& bundle_json, const std::string& source_folder) {
  KEELSON_ASSIGN_OR_RETURN(const project::Bundle bundle, project::Bundle::FromJson(bundle_json));
  KEELSON_ASSIGN_OR_RETURN(const project::Project spec, ProjectOf(bundle));
  if (const auto wrong = broken_.find(spec.name); wrong != broken_.end()) {
    return Fail(ErrorCode::kFailedPrecondition, "the stored project could not be loaded: " + wrong->second, spec.name);
  }
  if (ProjectRuntime* runtime = Find(spec.name)) return runtime->Apply(bundle, source_folder);
  if (removals_->Has(spec.name)) {
    return Fail(ErrorCode::kUnavailable,
                "the project of this name that was deleted still ends its processes: try again in some seconds",
                spec.name);
  }
  ProjectState state;
  state.name = spec.name;
  Rollout rollout;
  rollout.project = spec.name;
  KEELSON_ASSIGN_OR_RETURN(auto runtime, ProjectRuntime::Open(ServicesOf(), std::move(state), std::move(rollout)));
  KEELSON_RETURN_IF_ERROR(runtime->Apply(bundle, source_folder));
  projects_[spec.name] = std::move(runtime);
  return {};
}

Status Controller::Delete(const std::string& project) {
  ProjectRuntime* runtime = Find(project);
  if (runtime == nullptr && !broken_.contains(project)) return Fail(ErrorCode::kNotFound, "no such project", project);
  if (const Pipeline* running = pipelines_->Running(project)) {
    KEELSON_RETURN_IF_ERROR(pipelines_->Stop(running->id, "the project was deleted"));
  }
  std::vector<std::string> jobs;  // those of no pipeline among them
  for (const auto& [id, job] : jobs_->jobs()) {
    if (job.project == project) jobs.push_back(id);
  }
  for (const std::string& id : jobs) KEELSON_RETURN_IF_ERROR(jobs_->StopJob(id, "the project was deleted"));
  if (runtime != nullptr) {
    KEELSON_ASSIGN_OR_RETURN(const auto workloads, parts_.substrate->List());
    KEELSON_RETURN_IF_ERROR(runtime->Close(workloads));
  }
  KEELSON_RETURN_IF_ERROR(parts_.tracking->DeleteModel(project));
  KEELSON_RETURN_IF_ERROR(removals_->Begin(project, jobs));
  projects_.erase(project);
  broken_.erase(project);
  pipelines_->Forget(project);
  jobs_->Forget(project);
  KEELSON_ASSIGN_OR_RETURN(const auto workloads, parts_.substrate->List());
  return removals_->Reconcile(workloads);
}

}  // namespace keelson::control
