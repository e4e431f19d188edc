// train and trial: a model of the frame. A trial measures a set of parameters at a budget of rounds; train makes the
// folder that is registered.
#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <optional>

#include "control/steps/frame.h"
#include "control/steps/step.h"
#include "data/profile.h"
#include "io/files.h"
#include "serving/tree_engine.h"
#include "serving/xgboost_model.h"
#include "training/command_trainer.h"
#include "training/evaluation.h"
#include "training/model_folder.h"
#include "training/trainer.h"

namespace keelson::control::steps {
namespace {

constexpr std::size_t kExampleRows = 5;

int ThreadsOf(const Json& train) {
  return std::max(1, static_cast<int>(std::lround(train.at("cpu").get<double>())));
}

std::map<std::string, std::string> ParametersOf(const Json& spec) {
  std::map<std::string, std::string> parameters;
  if (spec.at("train").contains("xgboost")) {
    parameters = spec.at("train").at("xgboost").at("parameters").get<std::map<std::string, std::string>>();
  }
  if (spec.contains("parameters")) {
    for (const auto& [name, value] : spec.at("parameters").items()) {
      if (name == "rounds") continue;
      parameters[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return parameters;
}

int RoundsOf(const Json& spec) {
  if (spec.contains("rounds")) return spec.at("rounds");
  if (spec.contains("parameters") && spec.at("parameters").contains("rounds")) {
    const Json& rounds = spec.at("parameters").at("rounds");
    return rounds.is_string() ? std::stoi(rounds.get<std::string>()) : rounds.get<int>();
  }
  return spec.at("train").at("xgboost").at("rounds");
}

Result<training::TrainResult> Fit(const Context& context, const training::Matrix& train, const training::Matrix& test,
                                  const std::string& checkpoint) {
  const Json& spec = context.spec;
  training::TrainRequest request;
  request.train = &train;
  request.eval = &test;
  request.parameters = ParametersOf(spec);
  request.rounds = RoundsOf(spec);
  request.threads = ThreadsOf(spec.at("train"));
  request.checkpoint_every = spec.at("train").at("xgboost").at("checkpoint_every");
  request.checkpoint_folder = checkpoint;
  request.cancelled = context.cancelled;
  std::string measured;
  request.progress = [&](const training::TrainProgress& progress) {
    for (const auto& [name, value] : progress.metrics) measured = fmt::format(", {} {:.4f}", name, value);
    context.progress(fmt::format("round {} of {}{}", progress.round, progress.rounds, measured),
                     static_cast<double>(progress.round) / progress.rounds);
  };
  return training::MakeXgboostTrainer()->Train(request);
}

// What the library's own predict gives for these rows, by our engine.
Result<std::vector<float>> Score(const std::string& model_bytes, const training::Matrix& matrix) {
  KEELSON_ASSIGN_OR_RETURN(const auto model, serving::ReadXgboostModel(model_bytes));
  KEELSON_ASSIGN_OR_RETURN(const auto engine, serving::TreeEngine::Build(model));
  if (engine->width(serving::PredictKind::kValue) != 1) {
    return Fail(ErrorCode::kUnsupported, "only models with one output a row can be measured here");
  }
  std::vector<float> scores(matrix.rows);
  engine->Predict(matrix.values, matrix.rows, serving::PredictKind::kValue, scores);
  return scores;
}

// The training rows as they were asked, with the model's score on them as a last column.
data::Profile ProfileOf(const Frame& frame, const std::vector<float>& scores) {
  data::Table rows;
  for (const auto& input : frame.encoder.inputs()) rows.columns().push_back(*frame.train.Find(input.name));
  data::Column score{
      .name = "score", .type = data::ColumnType::kDouble, .ints = {}, .doubles = {}, .strings = {}, .valid = {}};
  for (const float value : scores) {
    score.doubles.push_back(static_cast<double>(value));
    score.valid.push_back(1);
  }
  rows.columns().push_back(std::move(score));
  return data::ProfileTable(rows);
}

Json MetricsJson(const std::map<std::string, double>& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

Result<Outcome> TrainByCommand(const Context& context, const Frame& frame) {
  const Json& spec = context.spec;
  training::CommandRequest request;
  request.command = spec.at("train").at("command").at("command").get<std::vector<std::string>>();
  request.parameters = spec.at("train").at("command").at("parameters").get<std::map<std::string, std::string>>();
  if (spec.contains("parameters")) {
    for (const auto& [name, value] : spec.at("parameters").items()) {
      request.parameters[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  request.folder = spec.at("revision_folder");
  request.work_folder = context.output;
  request.tracking_uri = spec.at("tracking_uri");
  request.cancelled = context.cancelled;
  request.output = [](std::string_view text) { std::cout << text << std::flush; };  // the attempt's log
  request.train_data = context.output + "/train.parquet";
  {
    KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
    KEELSON_RETURN_IF_ERROR(engine->Register("frame", frame.train));
    KEELSON_RETURN_IF_ERROR(engine->WriteParquet("SELECT * FROM frame", request.train_data));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto result, training::TrainByCommand(request));
  if (!io::Exists(result.model_folder + "/keelson.json")) {
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(result.model_folder + "/keelson.json", frame.encoder.ToJson()));
  }
  KEELSON_RETURN_IF_ERROR(
      io::WriteFileAtomically(result.model_folder + "/profile.json", ProfileOf(frame, {}).ToJson()));
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashTree(result.model_folder));
  return Outcome{.output = {{"model", result.model_folder},
                            {"model_hash", hash},
                            {"parameters", request.parameters},
                            {"metrics", MetricsJson(result.metrics)}},
                 .refused = false,
                 .message = {}};
}

}  // namespace

Result<Outcome> Trial(const Context& context) {
  KEELSON_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(context.spec.at("frame")));
  return TrialOn(context, frame);
}

Result<Outcome> Train(const Context& context) {
  context.progress("reading the frame", 0);
  KEELSON_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(context.spec.at("frame")));
  return TrainOn(context, frame);
}

Result<Outcome> TrialOn(const Context& context, const Frame& frame) {
  KEELSON_ASSIGN_OR_RETURN(const auto train, MatrixOf(frame.train, frame.encoder));
  KEELSON_ASSIGN_OR_RETURN(const auto test, MatrixOf(frame.test, frame.encoder));
  KEELSON_ASSIGN_OR_RETURN(const auto result, Fit(context, train, test, context.spec.at("trial_checkpoint")));
  KEELSON_ASSIGN_OR_RETURN(const auto scores, Score(result.model, test));
  KEELSON_ASSIGN_OR_RETURN(const auto metrics, training::Evaluate(test.labels, scores));
  return Outcome{
      .output = {{"metrics", MetricsJson(metrics)}, {"rounds", result.rounds}}, .refused = false, .message = {}};
}

Result<Outcome> TrainOn(const Context& context, const Frame& frame) {
  const Json& spec = context.spec;
  if (spec.at("train").contains("command")) return TrainByCommand(context, frame);
  KEELSON_ASSIGN_OR_RETURN(const auto train, MatrixOf(frame.train, frame.encoder));
  KEELSON_ASSIGN_OR_RETURN(const auto test, MatrixOf(frame.test, frame.encoder));
  KEELSON_ASSIGN_OR_RETURN(const auto result, Fit(context, train, test, context.checkpoint));
  KEELSON_ASSIGN_OR_RETURN(const auto scores, Score(result.model, train));

  training::ModelFolder folder;
  folder.model = result.model;
  folder.encoder = frame.encoder;
  folder.profile = ProfileOf(frame, scores);
  const std::size_t examples = std::min(kExampleRows, train.rows);
  folder.example.assign(train.values.begin(),
                        train.values.begin() + static_cast<std::ptrdiff_t>(examples * train.columns()));
  folder.created = InstantFromMicros(spec.at("as_of").get<std::int64_t>());
  const std::string path = context.output + "/model";
  KEELSON_RETURN_IF_ERROR(training::WriteModelFolder(path, folder));
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashTree(path));
  Json parameters = Json::object();
  for (const auto& [name, value] : ParametersOf(spec)) parameters[name] = value;
  parameters["rounds"] = std::to_string(RoundsOf(spec));
  return Outcome{.output = {{"model", path},
                            {"model_hash", hash},
                            {"parameters", parameters},
                            {"metrics", MetricsJson(result.metrics)},
                            {"resumed_from", result.resumed_from}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
