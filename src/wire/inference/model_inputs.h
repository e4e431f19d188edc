#pragma once

#include <vector>

#include "base/result.h"
#include "serving/model.h"
#include "serving/payload_log.h"
#include "wire/inference/infer_request.h"

namespace keelson::wire::inference {

// What a request asks of one model: the numbers for the engine and, for the payload log, the inputs as asked.
struct ModelInputs {
  std::size_t rows = 0;
  std::vector<float> numbers;  // rows x features
  // In the order of payload_schema(), only when `keep_columns`; none where the numbers are what was asked.
  std::vector<data::Column> columns;
};

// Takes either one tensor [n, features] of numbers, or one tensor [n] or [n, 1] for each input of the model's encoder.
// kInvalidArgument names the input, what came and what was expected.
Result<ModelInputs> TakeModelInputs(const serving::LoadedModel& model, std::vector<Tensor>& tensors, bool keep_columns);

}  // namespace keelson::wire::inference
