#include "app/backtest/trainings.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "control/project_files.h"
#include "control/search_step.h"
#include "io/files.h"

namespace keelson::app {
namespace {

using control::Json;
using std::chrono::steady_clock;

double SecondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

// Of an error in a pipeline: whether the project or its data is at fault, as a worker would find it at every try.
bool IsTheDatas(ErrorCode code) {
  return code == ErrorCode::kInvalidArgument || code == ErrorCode::kNotFound || code == ErrorCode::kUnsupported ||
         code == ErrorCode::kFailedPrecondition;
}

}  // namespace

Result<std::unique_ptr<Trainings>> Trainings::Create(const project::Project& project, const History& history,
                                                     Options options) {
  KEELSON_ASSIGN_OR_RETURN(auto folder, io::TempFolder::Make());
  auto trainings = std::unique_ptr<Trainings>(new Trainings(project, history, std::move(options), std::move(folder)));
  trainings->applied_.spec = project;
  trainings->applied_.source_folder = trainings->options_.project_folder;
  trainings->applied_.revision_folder = trainings->options_.project_folder;
  for (const auto& expectations : project.expectations) {
    KEELSON_ASSIGN_OR_RETURN(const std::string path,
                             io::SafeJoin(trainings->options_.project_folder, expectations.suite_path));
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path));
    KEELSON_ASSIGN_OR_RETURN(auto suite, data::ExpectationSuite::Parse(text, expectations.suite_path));
    trainings->checks_.push_back({expectations.table, std::move(suite)});
  }
  return trainings;
}

Result<Training> Trainings::Run(Instant as_of, const std::string& cause, std::optional<int> champion) {
  Training training;
  training.cause = cause;
  training.as_of = as_of;
  ++pipelines_;
  const Status made = Make(training, champion);
  if (made) return training;
  if (!IsTheDatas(made.error().code)) return std::unexpected(made.error());
  training.outcome = "failed: " + made.error().ToString();
  return training;
}

Status Trainings::Make(Training& training, std::optional<int> champion) {
  const auto begun = steady_clock::now();
  const ReplaySource& asked = history_.asked();
  KEELSON_ASSIGN_OR_RETURN(const SeenRows visible, SeenAt(asked, options_.from, training.as_of));
  options_.progress("checking the tables", 0);
  KEELSON_ASSIGN_OR_RETURN(const bool passed, Passes(training, visible.rows));
  if (!passed) return {};
  options_.progress("making the frame", 0);
  KEELSON_ASSIGN_OR_RETURN(const auto frame, FrameAsOf(training, visible, champion));

  control::Pipeline pipeline;
  pipeline.id = fmt::format("p{:04}", pipelines_);
  pipeline.project = project_.name;
  pipeline.cause = training.cause;
  pipeline.as_of = training.as_of;
  pipeline.reuse_parameters = best_parameters_;
  const bool search = options_.search && project_.train->search && !best_parameters_;
  pipeline.steps = control::StepsOf(project_, {.search = search, .online = false});
  // The frame stays in memory: no step reads it from here.
  pipeline.Find("features")->output = {{"path", ""}, {"hash", ""}};
  training.other_seconds = SecondsSince(begun);
  if (search) {
    const auto searching = steady_clock::now();
    KEELSON_RETURN_IF_ERROR(Search(training, pipeline, frame));
    training.search_seconds = SecondsSince(searching);
  }

  const auto fitting = steady_clock::now();
  KEELSON_ASSIGN_OR_RETURN(auto train, SpecOf(pipeline, "train", champion));
  const std::string output = folder_.File(pipeline.id);
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(output));
  train.spec["tracking_uri"] = "file://" + folder_.File("tracking");  // a training program may log, to nowhere
  KEELSON_ASSIGN_OR_RETURN(const auto trained, control::steps::TrainOn(ContextOf(train.spec, output), frame));
  training.train_seconds = SecondsSince(fitting);
  pipeline.Find("train")->output = trained.output;
  if (search) best_parameters_ = pipeline.Find("search")->output.at("parameters").dump();

  const auto measuring = steady_clock::now();
  KEELSON_ASSIGN_OR_RETURN(const auto evaluate, SpecOf(pipeline, "evaluate", champion));
  KEELSON_ASSIGN_OR_RETURN(const auto measured, control::steps::EvaluateOn(ContextOf(evaluate.spec, output), frame));
  training.metrics = measured.output.at("candidate");
  training.champion_metrics = measured.output.at("champion");
  training.other_seconds += SecondsSince(measuring);

  TrainedModel model;
  model.folder = trained.output.at("model");
  KEELSON_ASSIGN_OR_RETURN(model.model, serving::LoadedModel::Load({.name = project_.name, .path = model.folder}));
  KEELSON_ASSIGN_OR_RETURN(const std::string profile, io::ReadFile(model.folder + "/profile.json"));
  KEELSON_ASSIGN_OR_RETURN(model.profile, data::Profile::FromJson(profile));
  if (model.model->encoder() == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                "the model has no encoder of ours: it cannot be asked with the table's columns", model.folder);
  }
  models_.push_back(std::move(model));
  training.version = static_cast<int>(models_.size());
  return {};
}

// The project's suites over what was visible; of a failure the training's outcome tells what and how much.
Result<bool> Trainings::Passes(Training& training, const data::Table& visible) const {
  for (const Check& check : checks_) {
    data::Table own;
    const data::Table* table = &visible;
    if (check.table != history_.asked().name) {
      const auto source = std::ranges::find(history_.past.sources, check.table, &ReplaySource::name);
      if (source != history_.past.sources.end()) {
        KEELSON_ASSIGN_OR_RETURN(SeenRows seen, SeenAt(*source, options_.from, training.as_of));
        own = std::move(seen.rows);
        table = &own;
      } else {
        table = &history_.past.timeless.at(check.table);
      }
    }
    const data::ValidationReport report = check.suite.Validate(*table);
    if (report.success) continue;
    training.outcome = fmt::format("stopped by the expectations of {}: {}", check.table, report.Summary(5));
    return false;
  }
  return true;
}

Result<control::steps::Frame> Trainings::FrameAsOf(Training& training, const SeenRows& visible,
                                                   std::optional<int> champion) const {
  const ReplaySource& asked = history_.asked();
  const project::TrainSpec& train = *project_.train;
  KEELSON_ASSIGN_OR_RETURN(const auto chosen, control::steps::ChooseFrameRows(
                                                  visible.rows, asked.described.time, asked.described.key, train.label,
                                                  training.as_of, train.split_train, train.split_test));
  training.rows = chosen.train.size();
  training.test_rows = chosen.test.size();
  std::vector<std::size_t> rows = chosen.train;
  rows.insert(rows.end(), chosen.test.begin(), chosen.test.end());
  data::Table features;
  if (!history_.features.columns().empty()) {
    std::vector<std::size_t> whole;
    whole.reserve(rows.size());
    for (const std::size_t row : rows) whole.push_back(visible.which[row]);
    features = history_.features.Take(whole);
  }
  const features::InputEncoder* previous = champion ? model(*champion).model->encoder() : nullptr;
  return control::steps::MakeFrame(chosen, visible.rows.Take(rows), std::move(features), history_.inputs,
                                   asked.described.time, previous);
}

// As control/search_step.h does it with jobs: rounds of trials, side by side.
Status Trainings::Search(Training& training, control::Pipeline& pipeline, const control::steps::Frame& frame) {
  KEELSON_ASSIGN_OR_RETURN(const auto made, SpecOf(pipeline, "search", std::nullopt));
  control::Step& step = *pipeline.Find("search");
  step.search = control::BeginSearch(*project_.train->search, *project_.train);
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const auto next,
                             control::NextTrials(pipeline, step.name, step.search, made.spec, project_));
    std::map<int, std::future<Result<control::steps::Outcome>>> running;
    for (const auto& [number, job] : next) {
      running[number] = std::async(std::launch::async, [this, &job = job, &frame] { return RunTrial(job, frame); });
    }
    std::map<int, Json> outputs;
    std::string last_error = "nothing";
    for (auto& [number, trial] : running) {
      const auto outcome = trial.get();
      if (!outcome && outcome.error().code == ErrorCode::kAborted) return std::unexpected(outcome.error());
      if (!outcome) last_error = outcome.error().ToString();
      outputs[number] = outcome ? outcome->output : Json();
      ++training.trials;
    }
    KEELSON_ASSIGN_OR_RETURN(const auto progress, control::TakeReports(step.search, outputs, last_error));
    if (!progress.error.empty()) return Fail(ErrorCode::kInvalidArgument, progress.error, "train.search");
    options_.progress("searching: " + step.search.at("progress").get<std::string>(), step.search.at("fraction"));
    if (!progress.finished) continue;
    step.output = progress.output;
    return {};
  }
}

Result<control::steps::Outcome> Trainings::RunTrial(const control::Job& job, const control::steps::Frame& frame) const {
  control::steps::Context context = ContextOf(job.spec, folder_.path());
  context.progress = [](const std::string&, double) {};  // rounds are told, not those of each trial
  return control::steps::TrialOn(context, frame);
}

control::steps::Context Trainings::ContextOf(Json spec, const std::string& output) const {
  return {.spec = std::move(spec),
          .output = output,
          .checkpoint = "",
          .progress = options_.progress,
          .cancelled = options_.cancelled};
}

Result<control::StepSpec> Trainings::SpecOf(const control::Pipeline& pipeline, const std::string& step,
                                            std::optional<int> champion) {
  std::optional<control::ChampionInfo> info;
  if (champion) info = control::ChampionInfo{.version = *champion, .model_folder = model(*champion).folder};
  return control::MakeStepSpec(applied_, control::ProjectFolders(folder_.path(), project_.name), pipeline,
                               *pipeline.Find(step), info, hashes_);
}

}  // namespace keelson::app
