#include "wire/inference/inference.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/inference/model_inputs.h"

namespace keelson::wire::inference {
namespace {

// Of a model that takes and gives named tensors (serving::LoadedModel::takes_tensors).
Result<std::vector<Tensor>> InferTensors(ServedModels::Entry& entry, InferRequest& asked, const RequestContext& context,
                                         const Clock& clock, StageWatch* watch, std::size_t* rows) {
  *rows =
      asked.inputs.empty() || asked.inputs[0].shape.empty() ? 1 : static_cast<std::size_t>(asked.inputs[0].shape[0]);
  if (asked.predict != "value") {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("parameters.predict is \"{}\"; a model of tensors has values only", asked.predict));
  }
  std::vector<std::string> wanted;
  if (asked.outputs) {
    for (const auto& output : *asked.outputs) wanted.push_back(output.name);
  }
  watch->EndInput();
  auto tensors = entry.served.model->Infer(asked.inputs, wanted);
  watch->EndCompute();
  if (!tensors) return tensors;
  KEELSON_RETURN_IF_ERROR(
      LogTensors(entry, NamedContext(context, asked.id), clock, *rows, &asked.inputs, &*tensors, watch));
  return tensors;
}

}  // namespace

RequestContext ContextOf(const io::HttpRequest& request) {
  return {request.request_id, io::FindHeader(request.headers, "x-keelson-time"),
          io::FindHeader(request.headers, "x-keelson-keys")};
}

RequestContext NamedContext(RequestContext context, std::string_view id) {
  if (!id.empty()) context.id = id;
  return context;
}

std::vector<std::string> UnusedKeys(const RequestContext& context, const serving::LoadedModel& model) {
  std::vector<std::string> unused;
  if (context.keys.empty()) return unused;
  const auto& inputs = model.feature_names();
  for (const std::string_view encoded : Split(context.keys, ',')) {
    std::string key = io::PercentDecode(encoded);
    if (std::find(inputs.begin(), inputs.end(), key) == inputs.end()) unused.push_back(std::move(key));
  }
  return unused;
}

Result<std::vector<Tensor>> Infer(ServedModels::Entry& entry, InferRequest& asked, const RequestContext& context,
                                  const Clock& clock, const TensorLimits& limits, StageWatch* watch,
                                  std::size_t* rows) {
  const auto& model = *entry.served.model;
  if (model.takes_tensors()) return InferTensors(entry, asked, context, clock, watch, rows);
  KEELSON_ASSIGN_OR_RETURN(const auto kind, PredictKindOf(asked.predict, model));
  if (asked.outputs) {
    for (const auto& output : *asked.outputs) {
      if (output.name == model.output_name()) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("unknown output \"{}\"; expected: {}", output.name, model.output_name()));
    }
  }
  DropNamed(UnusedKeys(context, model), asked.inputs);
  const RequestContext named = NamedContext(context, asked.id);
  KEELSON_ASSIGN_OR_RETURN(auto inputs, TakeModelInputs(model, asked.inputs, IsLogged(entry, named)));
  *rows = inputs.rows;
  std::vector<Tensor> tensors(1);
  KEELSON_ASSIGN_OR_RETURN(tensors[0].floats, Predict(entry, std::move(inputs), kind, named, clock, limits, watch));
  if (asked.outputs && asked.outputs->empty()) return std::vector<Tensor>{};
  tensors[0].name = model.output_name();
  tensors[0].shape = AnswerShape(kind, static_cast<std::int64_t>(*rows), model.engine());
  return tensors;
}

}  // namespace keelson::wire::inference
