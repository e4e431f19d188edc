#include "control/pipeline_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "io/files.h"
#include "scheduling/steps.h"

namespace keelson::control {
namespace {

constexpr const char* kKind = "pipeline";
constexpr const char* kOutputKind = "step_output";

scheduling::StepPhase PhaseOf(StepState state) {
  return static_cast<scheduling::StepPhase>(state);
}
static_assert(static_cast<int>(StepState::kSkipped) == static_cast<int>(scheduling::StepPhase::kSkipped));

// What a job of this step asks for. Steps that read data have a modest fixed request; training asks for what the
// project says.
void FillResources(Job& job, const project::Project& spec) {
  job.resources = {.cpu_milli = 1'000, .memory_bytes = std::int64_t{1} << 30};
  if (!spec.train) return;
  job.queue = spec.train->queue;
  job.priority = spec.train->priority;
  if (job.kind == "train" || job.kind == "trial") {
    job.resources = ResourcesOf(*spec.train);
  }
}

}  // namespace

PipelineRunner::PipelineRunner(std::string data_folder, DocumentStore& store, JobRunner& jobs, const Clock& clock,
                               World world)
    : data_folder_(std::move(data_folder)), store_(store), jobs_(jobs), clock_(clock), world_(std::move(world)) {}

Result<std::unique_ptr<PipelineRunner>> PipelineRunner::Open(std::string data_folder, DocumentStore& store,
                                                             JobRunner& jobs, const Clock& clock, World world) {
  auto runner =
      std::unique_ptr<PipelineRunner>(new PipelineRunner(std::move(data_folder), store, jobs, clock, std::move(world)));
  KEELSON_ASSIGN_OR_RETURN(const auto documents, store.List(kKind));
  for (const auto& document : documents) {
    KEELSON_ASSIGN_OR_RETURN(Pipeline pipeline, PipelineFromJson(document.body));
    runner->pipelines_.emplace(pipeline.id, std::move(pipeline));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto outputs, store.List(kOutputKind));
  for (const auto& output : outputs) {
    try {
      runner->outputs_.emplace(output.id, Json::parse(output.body));
    } catch (const std::exception& error) {
      return Fail(ErrorCode::kDataLoss, fmt::format("a stored step output does not read back: {}", error.what()),
                  output.id);
    }
  }
  KEELSON_RETURN_IF_ERROR(runner->StopStrayJobs());
  return runner;
}

// A server killed between storing a job and storing the step that owns it leaves a job that nobody waits for. Jobs of
// no pipeline are the server's own and go on.
Status PipelineRunner::StopStrayJobs() {
  std::vector<std::string> stray;
  for (const auto& [id, job] : jobs_.jobs()) {
    if (job.pipeline.empty() || (job.state != JobState::kPending && job.state != JobState::kRunning)) continue;
    const Pipeline* pipeline = Find(job.pipeline);
    const Step* step = pipeline == nullptr ? nullptr : pipeline->Find(job.step);
    if (step == nullptr || std::ranges::find(step->jobs, id) == step->jobs.end()) stray.push_back(id);
  }
  for (const std::string& id : stray)
    KEELSON_RETURN_IF_ERROR(jobs_.StopJob(id, "the server was killed while ordering it"));
  return {};
}

DocumentStore::Document PipelineRunner::DocumentOf(const Pipeline& pipeline) {
  return {kKind, pipeline.id, pipeline.project, ToJson(pipeline).dump()};
}

Status PipelineRunner::Save(const Pipeline& pipeline) {
  return store_.Commit({.put = {DocumentOf(pipeline)}, .remove = {}, .events = {}});
}

Status PipelineRunner::EffectDone(const std::string& id, DocumentStore::Batch with) {
  Pipeline& pipeline = pipelines_.at(id);
  pipeline.effect_done = true;
  with.put.push_back(DocumentOf(pipeline));
  const Status stored = store_.Commit(with);
  pipeline.effect_done = stored.has_value();
  return stored;
}

Status PipelineRunner::Start(Pipeline pipeline, DocumentStore::Batch with) {
  pipeline.created = clock_.WallNow();
  with.put.push_back(DocumentOf(pipeline));
  KEELSON_RETURN_IF_ERROR(store_.Commit(with));
  pipelines_.emplace(pipeline.id, std::move(pipeline));
  return {};
}

Pipeline* PipelineRunner::Find(const std::string& id) {
  const auto found = pipelines_.find(id);
  return found == pipelines_.end() ? nullptr : &found->second;
}

const Pipeline* PipelineRunner::Running(const std::string& project) const {
  for (const auto& [id, pipeline] : pipelines_) {
    if (pipeline.project == project && pipeline.state == PipelineState::kRunning) return &pipeline;
  }
  return nullptr;
}

void PipelineRunner::Forget(const std::string& project) {
  std::erase_if(pipelines_, [&](const auto& entry) { return entry.second.project == project; });
}

Status PipelineRunner::Reconcile() {
  for (auto& [id, pipeline] : pipelines_) {
    if (pipeline.state == PipelineState::kRunning) KEELSON_RETURN_IF_ERROR(Move(pipeline));
  }
  return {};
}

Status PipelineRunner::Move(Pipeline& pipeline) {
  const AppliedProject* project = world_.project(pipeline.project, pipeline.revision);
  if (project == nullptr) return End(pipeline, PipelineState::kFailed, "the project's revision is gone");
  bool changed = false;
  for (Step& step : pipeline.steps) {
    if (step.state != StepState::kRunning) continue;
    KEELSON_ASSIGN_OR_RETURN(const bool moved, Observe(pipeline, step));
    changed = changed || moved;
  }
  // A skipped step opens the way for the next one at once, so plan until nothing starts any more.
  for (;;) {
    scheduling::PipelineSnapshot snapshot;
    std::map<std::string, std::string> problems;
    for (Step& step : pipeline.steps) {
      scheduling::StepState state;
      state.name = step.name;
      state.depends = step.depends;
      state.phase = PhaseOf(step.state);
      state.retryable = false;  // attempts are the job runner's business: a failed step has failed
      const bool ready = std::ranges::all_of(step.depends, [&](const std::string& name) {
        const StepState before = pipeline.Find(name)->state;
        return before == StepState::kSucceeded || before == StepState::kSkipped;
      });
      if (step.state == StepState::kPending && ready) {
        auto spec = MakeStepSpec(*project, ProjectFolders(data_folder_, pipeline.project), pipeline, step,
                                 world_.champion(pipeline.project), hashes_);
        if (!spec) {
          step.state = StepState::kFailed;
          step.error = spec.error().ToString();
          return End(pipeline, PipelineState::kFailed, step.name + ": " + step.error);
        }
        step.input_key = spec->input_key;
        state.input_key = step.input_key;
        const auto output = outputs_.find(step.input_key);
        if (output != outputs_.end() && OutputExists(output->second)) state.cached_key = step.input_key;
      }
      snapshot.steps.push_back(std::move(state));
    }
    const auto actions = scheduling::PlanSteps(snapshot, Instant{}, {});
    bool skipped = false;
    for (const auto& action : actions) {
      using Kind = scheduling::StepAction::Kind;
      changed = true;
      if (action.kind == Kind::kFinish) {
        if (action.succeeded) {
          const Status completed = world_.complete(pipeline);
          if (!completed &&
              completed.error().code == ErrorCode::kUnavailable) {  // not yet: asked again at the next look
            if (waiting_for_ != completed.error().message) {
              waiting_for_ = completed.error().message;
              LogInfo("a pipeline waits to be completed", {{"pipeline", pipeline.id}, {"why", waiting_for_}});
            }
            return {};
          }
          KEELSON_RETURN_IF_ERROR(completed);
          return End(pipeline, PipelineState::kSucceeded, "");
        }
        const auto failed = std::ranges::find_if(pipeline.steps, [](const Step& step) { return !step.error.empty(); });
        const std::string error =
            failed == pipeline.steps.end() ? "a step failed" : failed->name + ": " + failed->error;
        const Job* job =
            failed == pipeline.steps.end() || failed->jobs.empty() ? nullptr : jobs_.Find(failed->jobs.back());
        return End(pipeline, job != nullptr && job->refused_by_check ? PipelineState::kRefused : PipelineState::kFailed,
                   error);
      }
      Step& step = *pipeline.Find(action.step);
      if (action.kind == Kind::kStart) {
        KEELSON_RETURN_IF_ERROR(Begin(pipeline, step, *project));
      } else if (action.kind == Kind::kSkip) {
        step.state = StepState::kSkipped;
        step.output = outputs_.at(step.input_key);
        skipped = true;
      } else if (action.kind == Kind::kFail) {
        step.state = StepState::kFailed;
        if (step.error.empty() && !action.reason.empty())
          step.error = "";  // the cause is in the step that failed first
      }
    }
    if (!skipped && (actions.empty() || std::ranges::none_of(actions, [](const auto& action) {
                       return action.kind == scheduling::StepAction::Kind::kFail;
                     }))) {
      break;
    }
  }
  return changed ? Save(pipeline) : Status{};
}

// The files that an output names must still be there: retention or a person may have removed them.
bool PipelineRunner::OutputExists(const Json& output) const {
  for (const char* name : {"path", "model"}) {
    if (output.contains(name) && !io::Exists(output.at(name).get<std::string>())) return false;
  }
  if (output.contains("tables")) {
    for (const auto& [name, table] : output.at("tables").items()) {
      if (!io::Exists(table.at("path").get<std::string>())) return false;
    }
  }
  return true;
}

Status PipelineRunner::Begin(Pipeline& pipeline, Step& step, const AppliedProject& project) {
  KEELSON_ASSIGN_OR_RETURN(auto made, MakeStepSpec(project, ProjectFolders(data_folder_, pipeline.project), pipeline,
                                                   step, world_.champion(pipeline.project), hashes_));
  step.state = StepState::kRunning;
  if (step.kind == "search") {
    step.search = BeginSearch(*project.spec.train->search, *project.spec.train);
    return ContinueSearch(pipeline, step, made.spec, project.spec, jobs_);
  }
  Job job;
  job.project = pipeline.project;
  job.kind = step.kind;
  job.pipeline = pipeline.id;
  job.step = step.name;
  job.request_id = pipeline.request_id;
  job.user = pipeline.user;
  job.spec = std::move(made.spec);
  FillResources(job, project.spec);
  KEELSON_ASSIGN_OR_RETURN(const std::string id, jobs_.Submit(std::move(job)));
  step.jobs.push_back(id);
  return {};
}

Result<bool> PipelineRunner::Observe(Pipeline& pipeline, Step& step) {
  if (step.kind == "search") {
    const AppliedProject* project = world_.project(pipeline.project, pipeline.revision);
    KEELSON_ASSIGN_OR_RETURN(auto made, MakeStepSpec(*project, ProjectFolders(data_folder_, pipeline.project), pipeline,
                                                     step, world_.champion(pipeline.project), hashes_));
    KEELSON_ASSIGN_OR_RETURN(const SearchProgress progress, ObserveSearch(step, jobs_));
    if (progress.finished) {
      KEELSON_RETURN_IF_ERROR(Succeed(pipeline, step, progress.output));
    } else if (!progress.error.empty()) {
      step.state = StepState::kFailed;
      step.error = progress.error;
    } else if (progress.changed) {
      KEELSON_RETURN_IF_ERROR(ContinueSearch(pipeline, step, made.spec, project->spec, jobs_));
    }
    return progress.changed || progress.finished || !progress.error.empty();
  }
  if (step.jobs.empty()) {
    // Killed between storing the step and storing its job: begin again.
    step.state = StepState::kPending;
    return true;
  }
  const Job* job = jobs_.Find(step.jobs.back());
  if (job == nullptr) return Fail(ErrorCode::kDataLoss, "a step's job is not stored", step.jobs.back());
  switch (job->state) {
    case JobState::kPending:
    case JobState::kRunning:
      return false;
    case JobState::kSucceeded:
      KEELSON_RETURN_IF_ERROR(Succeed(pipeline, step, job->output));
      return true;
    case JobState::kFailed:
    case JobState::kStopped:
      step.state = StepState::kFailed;
      step.error = job->error;
      if (!job->output.is_null()) step.output = job->output;
      return true;
  }
  return false;
}

Status PipelineRunner::Succeed(Pipeline& pipeline, Step& step, Json output) {
  step.state = StepState::kSucceeded;
  step.output = std::move(output);
  outputs_[step.input_key] = step.output;
  return store_.Commit(
      {.put = {{kOutputKind, step.input_key, pipeline.project, step.output.dump()}}, .remove = {}, .events = {}});
}

Status PipelineRunner::Stop(const std::string& id, const std::string& reason) {
  Pipeline* pipeline = Find(id);
  if (pipeline == nullptr) return Fail(ErrorCode::kNotFound, "no such pipeline", id);
  if (pipeline->state != PipelineState::kRunning) return {};
  for (const Step& step : pipeline->steps) {
    for (const std::string& job : step.jobs) KEELSON_RETURN_IF_ERROR(jobs_.StopJob(job, reason));
  }
  return End(*pipeline, PipelineState::kFailed, reason);
}

Status PipelineRunner::End(Pipeline& pipeline, PipelineState state, const std::string& error) {
  pipeline.state = state;
  pipeline.error = error;
  pipeline.ended = clock_.WallNow();
  KEELSON_RETURN_IF_ERROR(Save(pipeline));
  world_.ended(pipeline);
  return {};
}

}  // namespace keelson::control
