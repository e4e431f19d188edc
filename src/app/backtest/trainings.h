#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/backtest/history.h"
#include "base/result.h"
#include "control/step_specs.h"
#include "control/steps/frame.h"
#include "control/steps/step.h"
#include "control/types.h"
#include "data/expectations.h"
#include "data/profile.h"
#include "io/temp_folder.h"
#include "serving/model.h"

namespace keelson::app {

// One pipeline of a backtest: what it made, what it cost on this machine, and what became of it.
struct Training {
  std::string cause;
  Instant as_of;
  std::size_t rows = 0;
  std::size_t test_rows = 0;
  int trials = 0;             // jobs that the search ran; 0 without one
  double search_seconds = 0;  // measured
  double train_seconds = 0;   // measured: fitting, scoring its own rows and writing the model folder
  double other_seconds = 0;   // measured: checks, the frame, evaluation
  control::Json metrics;      // of the new version on the last rows, and the champion's on the same ones
  control::Json champion_metrics;

  std::optional<int> version;  // nothing when no model was made: `outcome` says why
  std::string outcome;
  std::optional<Instant> in_service;  // when it became the champion
};

// A version that a backtest may serve.
struct TrainedModel {
  std::string folder;
  std::shared_ptr<const serving::LoadedModel> model;
  data::Profile profile;
};

// Runs a project's pipeline as of an instant, in this process, by the steps that a worker runs: the checks over what
// was visible, the frame, the search, the training, the evaluation beside the champion. Model folders live in a folder
// of its own, gone with it.
class Trainings {
 public:
  struct Options {
    std::string project_folder;  // where the project file's paths start
    Instant from;                // where the walk begins: until then the files speak, later what became known
    bool search = true;          // as the project says; false: with the parameters that the file states
    std::function<bool()> cancelled;
    std::function<void(const std::string& line, double fraction)> progress;
  };
  // `project` and `history` outlive it.
  static Result<std::unique_ptr<Trainings>> Create(const project::Project& project, const History& history,
                                                   Options options);

  // `champion`: the version in service, if any. A refused check or an error of the data is the training's outcome; an
  // Error is this machine's trouble, or a cancellation.
  Result<Training> Run(Instant as_of, const std::string& cause, std::optional<int> champion);

  const TrainedModel& model(int version) const { return models_.at(static_cast<std::size_t>(version) - 1); }

 private:
  struct Check {
    std::string table;
    data::ExpectationSuite suite;
  };

  Trainings(const project::Project& project, const History& history, Options options, io::TempFolder folder)
      : project_(project), history_(history), options_(std::move(options)), folder_(std::move(folder)) {}
  Status Make(Training& training, std::optional<int> champion);
  Result<bool> Passes(Training& training, const data::Table& visible) const;
  Result<control::steps::Frame> FrameAsOf(Training& training, const SeenRows& visible,
                                          std::optional<int> champion) const;
  Status Search(Training& training, control::Pipeline& pipeline, const control::steps::Frame& frame);
  Result<control::steps::Outcome> RunTrial(const control::Job& job, const control::steps::Frame& frame) const;
  control::steps::Context ContextOf(control::Json spec, const std::string& output) const;
  Result<control::StepSpec> SpecOf(const control::Pipeline& pipeline, const std::string& step,
                                   std::optional<int> champion);

  const project::Project& project_;
  const History& history_;
  Options options_;
  io::TempFolder folder_;
  control::AppliedProject applied_;
  control::FileHashes hashes_;
  std::vector<Check> checks_;
  std::vector<TrainedModel> models_;
  std::optional<std::string> best_parameters_;  // JSON, found by the search before the first training
  int pipelines_ = 0;
};

}  // namespace keelson::app
