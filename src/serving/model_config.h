#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// What we heed of Triton's config.pbtxt. The rest of it (batching, instances, warm-up, ...) is for another server's
// scheduler and says nothing of what a model answers.
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
};

// Reads protobuf's text form. kInvalidArgument with the line for what is malformed.
Result<ModelConfig> ReadModelConfig(std::string_view text);

}  // namespace keelson::serving
