#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "features/encoder.h"

namespace keelson::serving {

// What an MLflow model directory says about itself.
struct ModelDirectory {
  std::string model_path;  // of the flavor xgboost, lightgbm or onnx
  std::optional<features::InputEncoder> encoder;
  std::optional<std::string> output_name;
  bool python = false;  // no flavor that we answer ourselves, or an estimator in it: model_path is the folder, for
                        // Python to load
  // The file of an estimator of scikit-learn, where `python` loads one that mlflow.sklearn saved: a pickle or skops'
  // zip.
  // "" without, or when MLmodel asks for more than its predict or predict_proba (code beside it, another method).
  std::string estimator_path;
  bool probabilities = false;  // predict_proba is asked
  std::string example_path;    // "" when there is none
};

// kNotFound without an MLmodel, kUnsupported when it has neither such a flavor nor python_function (or an estimator
// that only Python reads without the latter), kInvalidArgument for what is malformed in it.
Result<ModelDirectory> ReadModelDirectory(const std::string& folder);

}  // namespace keelson::serving
