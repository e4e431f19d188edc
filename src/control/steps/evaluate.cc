// evaluate: the new model and the champion, measured on the same rows of the test split.
#include <fmt/format.h>

#include "control/steps/frame.h"
#include "control/steps/step.h"
#include "serving/model.h"
#include "training/evaluation.h"

namespace keelson::control::steps {
namespace {

Result<Json> Measure(const std::string& folder, const std::string& hash, const data::Table& rows) {
  KEELSON_ASSIGN_OR_RETURN(const auto model,
                           serving::LoadedModel::Load({.name = "model", .path = folder, .content_hash = hash}));
  KEELSON_ASSIGN_OR_RETURN(const auto numbers, model->Encode(rows));
  const std::vector<float> outputs = model->Predict(numbers, rows.rows());
  const std::size_t width = model->outputs();
  std::vector<float> scores;
  std::vector<float> labels;
  const data::Column* label = rows.Find(kLabelColumn);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    scores.push_back(outputs[row * width + width - 1]);
    labels.push_back(static_cast<float>(label->Number(row)));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto metrics, training::Evaluate(labels, scores));
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

}  // namespace

Result<Outcome> Evaluate(const Context& context) {
  KEELSON_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(context.spec.at("frame")));
  return EvaluateOn(context, frame);
}

Result<Outcome> EvaluateOn(const Context& context, const Frame& frame) {
  const Json& spec = context.spec;
  context.progress("measuring the new model", 0.3);
  KEELSON_ASSIGN_OR_RETURN(Json candidate, Measure(spec.at("model"), spec.at("model_hash"), frame.test));
  Json champion = nullptr;
  if (const std::string folder = spec.at("champion_model"); !folder.empty()) {
    context.progress("measuring the champion", 0.7);
    KEELSON_ASSIGN_OR_RETURN(champion, Measure(folder, "", frame.test));
  }
  return Outcome{.output = {{"candidate", candidate}, {"champion", champion}, {"rows", frame.test.rows()}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
