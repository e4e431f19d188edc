#include "wire/inference/model_description.h"

#include "wire/inference/prediction.h"

namespace keelson::wire::inference {
namespace {

using serving::Datatype;
using serving::TensorInfo;

Datatype WireDatatype(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kString:
      return Datatype::kBytes;
    case data::ColumnType::kInt64:
      return Datatype::kInt64;
    case data::ColumnType::kBool:
      return Datatype::kBool;
    case data::ColumnType::kDouble:
    case data::ColumnType::kTimestamp:
      break;
  }
  return Datatype::kFp64;
}

}  // namespace

std::vector<TensorInfo> InputsOf(const serving::LoadedModel& model) {
  if (model.takes_tensors()) return model.tensor_inputs();
  if (model.encoder() == nullptr) return {{"input-0", Datatype::kFp32, {-1, model.features()}}};
  std::vector<TensorInfo> inputs;
  for (const auto& input : model.encoder()->inputs()) inputs.push_back({input.name, WireDatatype(input.type), {-1}});
  return inputs;
}

std::vector<TensorInfo> OutputsOf(const serving::LoadedModel& model) {
  if (model.takes_tensors()) return model.tensor_outputs();
  return {{model.output_name(), Datatype::kFp32, AnswerShape(serving::PredictKind::kValue, -1, model.engine())}};
}

}  // namespace keelson::wire::inference
