#include "control/search_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "training/evaluation.h"
#include "training/search_plan.h"

namespace keelson::control {
namespace {

constexpr int kRungReduction = 3;
constexpr int kFirstRungDivisor = 8;  // of the rounds: the first look at a trial
constexpr int kMedianRungs = 8;       // how often a trial is compared with the median
constexpr int kMedianTrials = 3;      // that must be there to be compared with

// The number that the search makes small: the log loss where there is one, else the error.
double ObjectiveOf(const Json& output) {
  if (!output.is_object() || !output.contains("metrics")) return std::nan("");
  const Json& metrics = output.at("metrics");
  for (const char* name : {"logloss", "rmse"}) {
    if (metrics.contains(name) && metrics.at(name).is_number()) return metrics.at(name);
  }
  return std::nan("");
}

Result<training::SearchState> StateOf(const Json& search) {
  return training::SearchState::FromJson(search.at("state").get_ref<const std::string&>());
}

bool Ended(const Job& job) {
  return job.state != JobState::kPending && job.state != JobState::kRunning;
}

}  // namespace

Json BeginSearch(const project::SearchSpec& search, const project::TrainSpec& train) {
  training::SearchState state;
  for (const auto& parameter : search.parameters) {
    state.space.push_back({.name = parameter.name,
                           .kind = static_cast<training::Range::Kind>(parameter.kind),
                           .low = parameter.low,
                           .high = parameter.high,
                           .log = parameter.log,
                           .choices = parameter.choices});
  }
  if (state.space.empty()) state.space = training::DefaultXgboostSpace();
  state.algorithm = search.algorithm;
  state.seed = search.seed;
  state.trials_wanted = search.trials;
  state.parallel = search.parallel;
  if (const auto* xgboost = std::get_if<project::XgboostSpec>(&train.trainer)) state.rounds = xgboost->rounds;
  if (search.pruner == "asha") {
    state.asha = training::AshaPolicy{.min_rounds = std::max(1, state.rounds / kFirstRungDivisor),
                                      .max_rounds = state.rounds,
                                      .reduction = kRungReduction};
  } else if (search.pruner == "median") {
    state.median = training::MedianPolicy{
        .interval = std::max(1, state.rounds / kMedianRungs), .max_rounds = state.rounds, .min_trials = kMedianTrials};
  }
  return {{"state", state.ToJson()}, {"running", Json::object()}, {"fraction", 0.0}, {"progress", ""}};
}

Result<SearchProgress> TakeReports(Json& search, const std::map<int, Json>& outputs, const std::string& last_error) {
  KEELSON_ASSIGN_OR_RETURN(auto state, StateOf(search));
  for (const auto& [trial, output] : outputs) state = training::Report(std::move(state), trial, ObjectiveOf(output));
  SearchProgress progress;
  progress.changed = true;
  search["running"] = Json::object();
  search["state"] = state.ToJson();

  const std::size_t begun = state.trials.size();
  double best = std::nan("");
  for (const auto& trial : state.trials) {
    for (const double objective : trial.objectives) {
      if (std::isfinite(objective) && (std::isnan(best) || objective < best)) best = objective;
    }
  }
  search["fraction"] = std::min(0.99, static_cast<double>(begun) / std::max(1, state.trials_wanted));
  search["progress"] = fmt::format("{} of {} trials, best {:.4f}", begun, state.trials_wanted, best);

  KEELSON_ASSIGN_OR_RETURN(const auto actions, training::PlanTrials(state));
  const auto finish = std::ranges::find(actions, training::TrialAction::Kind::kFinish, &training::TrialAction::kind);
  if (finish == actions.end()) return progress;
  if (finish->trial < 0) {
    progress.error = "every trial failed; the last said: " + last_error;
    return progress;
  }
  progress.finished = true;
  const auto& winner = state.trials.at(static_cast<std::size_t>(finish->trial));
  progress.output = {{"parameters", training::ToParameters(state.space, winner.point)},
                     {"trials", state.trials.size()},
                     {"best",
                      {{"trial", winner.number},
                       {"objective", winner.objectives.empty() ? Json(nullptr) : Json(winner.objectives.back())}}}};
  return progress;
}

Result<std::map<int, Job>> NextTrials(const Pipeline& pipeline, const std::string& step, Json& search, const Json& spec,
                                      const project::Project& project) {
  KEELSON_ASSIGN_OR_RETURN(auto state, StateOf(search));
  KEELSON_ASSIGN_OR_RETURN(const auto actions, training::PlanTrials(state));
  std::map<int, Job> next;
  for (const auto& action : actions) {
    if (action.kind == training::TrialAction::Kind::kFinish) continue;
    state = training::Begin(std::move(state), action);
    const int number =
        action.kind == training::TrialAction::Kind::kStart ? static_cast<int>(state.trials.size()) - 1 : action.trial;
    const auto& trial = state.trials.at(static_cast<std::size_t>(number));
    Job job;
    job.project = pipeline.project;
    job.kind = "trial";
    job.pipeline = pipeline.id;
    job.step = step;
    job.request_id = pipeline.request_id;
    job.user = pipeline.user;
    job.spec = spec;
    job.spec["rounds"] = action.rounds;
    job.spec["parameters"] = training::ToParameters(state.space, trial.point);
    // Shared by the rungs of one trial: the next one goes on where the last one stopped.
    job.spec["trial_checkpoint"] =
        fmt::format("{}/trials/{}/{}", spec.at("work_folder").get<std::string>(), pipeline.id, number);
    job.workload_class = scheduling::WorkloadClass::kTraining;
    job.queue = project.train->queue;
    job.priority = project.train->priority;
    job.group = pipeline.id + "/" + step;
    job.group_parallel = state.parallel;
    const double cpu = std::max(1.0, project.train->resources.cpu / std::max(1, state.parallel));
    job.spec["train"]["cpu"] = cpu;
    job.resources = {.cpu_milli = static_cast<std::int64_t>(cpu * 1'000),
                     .memory_bytes = static_cast<std::int64_t>(project.train->resources.memory_bytes)};
    next.emplace(number, std::move(job));
  }
  search["state"] = state.ToJson();
  return next;
}

Result<SearchProgress> ObserveSearch(Step& step, const JobRunner& jobs) {
  std::map<int, Json> outputs;
  for (const auto& [trial, id] : step.search.at("running").items()) {
    const Job* job = jobs.Find(id.get<std::string>());
    if (job == nullptr) return Fail(ErrorCode::kDataLoss, "a trial's job is not stored", id.get<std::string>());
    if (!Ended(*job)) return SearchProgress{};  // the round is not over
    outputs.emplace(std::stoi(trial), job->state == JobState::kSucceeded ? job->output : Json());
  }
  const Job* last = step.jobs.empty() ? nullptr : jobs.Find(step.jobs.back());
  return TakeReports(step.search, outputs, last == nullptr ? "nothing" : last->error);
}

Status ContinueSearch(const Pipeline& pipeline, Step& step, const Json& spec, const project::Project& project,
                      JobRunner& jobs) {
  if (!step.search.at("running").empty()) return {};
  KEELSON_ASSIGN_OR_RETURN(auto next, NextTrials(pipeline, step.name, step.search, spec, project));
  for (auto& [number, job] : next) {
    KEELSON_ASSIGN_OR_RETURN(const std::string id, jobs.Submit(std::move(job)));
    step.search["running"][std::to_string(number)] = id;
    step.jobs.push_back(id);
  }
  return {};
}

}  // namespace keelson::control
