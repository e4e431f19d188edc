#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::wire::kserve {

// What of an InferenceService (serving.kserve.io/v1beta1) an endpoint of Keelson can be.
struct InferenceService {
  std::string name = {};
  std::string format = {};       // xgboost, lightgbm, onnx, sklearn or mlflow
  std::string storage_uri = {};  // as it stands there
  int min_replicas = 1;          // 0: sleeps while nobody asks
  int max_replicas = 1;
  std::optional<double> target_concurrency = {};  // requests at a time in one replica
  std::optional<int> canary_percent = {};         // nothing: the version takes over at once
  std::optional<double> cpu = {};                 // cores
  std::optional<std::uint64_t> memory_bytes = {};
  // What it says and an endpoint here does not keep, each with its path and why: "spec.predictor.timeout: ...".
  std::vector<std::string> warnings = {};
};

// Whether a file says of itself that it holds one; false for what cannot be read.
bool IsInferenceService(std::string_view text);

// Reads a file with one InferenceService; ServingRuntimes beside it, which say how KServe itself would serve, are
// passed over with a warning. kInvalidArgument with a line each ("FILE:LINE:COLUMN: what"): unknown fields, as an API
// server with KServe's definition and strict validation has it, what KServe's own checks refuse, and what changes the
// answers or who may ask and cannot be kept here.
Result<InferenceService> ReadInferenceService(std::string_view text, const std::string& file);

}  // namespace keelson::wire::kserve
