#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/mlflow_signature.h"
#include "serving/model.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

// KServe v1 and MLflow scoring for models of named tensors. A model whose environment has MLflow is asked by that
// (serving::LoadedModel::Score); here are the others: ONNX, as MLflow's scoring server answers for its ONNX flavor.

// What a request asks, and how it is to be answered.
struct TensorScoring {
  std::vector<Tensor> inputs;
  bool frame = false;  // it came as a data frame, so the answer is one
};

// A table (dataframe_split, dataframe_records, csv; with a signature of columns also instances and inputs) is the
// model's only input as a matrix, or each column the input of its name. Else instances and inputs are nested arrays: by
// themselves the only input, or by the names of inputs. Numbers are converted to the input's datatype; whole numbers of
// a table are exact up to 2^53. Errors as ReadScoringRequest's, and kFailedPrecondition for what the signature misses.
Result<TensorScoring> ReadTensorScoring(std::string_view content_type, std::string_view body,
                                        const serving::LoadedModel& model,
                                        const std::optional<serving::MlflowSignature>& signature,
                                        const TensorLimits& limits);
// {"predictions": ...}: of a frame a list of records, every output read flat, which have to be equally long
// (kInvalidArgument); else an object of the outputs.
Result<std::string> WriteTensorScoring(const TensorScoring& asked, std::span<const Tensor> outputs);

// {"predictions": ...} of a python_function whose only output is an array.
std::string WritePyfuncScoring(std::span<const Tensor> outputs);
// What the reference says when a model refuses what it is asked, and then what the model says.
Error EvaluationError(const Error& error);

// The rows of a v1 request, which are read as MLflow's instances and inputs without a signature.
Result<TensorScoring> ReadTensorV1(std::string_view body, const serving::LoadedModel& model,
                                   const TensorLimits& limits);
// {"predictions": [...]}: for each row the value of the only output, or an object of the outputs by name.
std::string WriteTensorV1(std::span<const Tensor> outputs);

}  // namespace keelson::wire::inference
