#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/batch_queue.h"

namespace keelson::serving {

// What we heed of Triton's config.pbtxt: what the model is, which versions are served, and how its requests wait. The
// rest of it (preferred sizes, warm-up, devices, ...) says nothing that holds here.
struct ModelConfig {
  struct Tensor {
    std::string name;
    std::string datatype;  // as the protocol has it, "FP32"
  };
  std::string name;      // "" when it is not said
  std::string platform;  // "onnxruntime_onnx"
  std::string backend;   // "onnxruntime", "fil", "python", ...
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  // version_policy: the newest so many, or these; neither: all of them.
  std::optional<std::uint64_t> latest;
  std::vector<std::int64_t> specific;

  // Of the scheduling; what is not said is as the server has it for all models.
  std::optional<std::uint64_t> max_batch_size;  // 0: the model takes no batches
  bool dynamic_batching = false;
  std::uint64_t max_queue_delay_us = 0;
  std::uint64_t priority_levels = 0;         // 0: not said
  std::uint64_t default_priority_level = 0;  // 0: not said
  // default_queue_policy
  std::uint64_t max_queue_size = 0;      // 0: not said
  std::uint64_t default_timeout_us = 0;  // 0: none, and so where timeout_action is DELAY, which refuses nothing
  std::optional<bool> allow_timeout_override;
  std::uint64_t instances = 0;  // of all groups; 0: not said
};

// How the requests of a model with this configuration wait, where `server` is for models that say nothing of it.
BatchPolicy PolicyOf(const ModelConfig& config, const BatchPolicy& server);

// Reads protobuf's text form. kInvalidArgument with the line for what is malformed.
Result<ModelConfig> ReadModelConfig(std::string_view text);

}  // namespace keelson::serving
