#pragma once

#include <nlohmann/json_fwd.hpp>

#include "serving/model.h"

namespace keelson::wire::inference {

// What a model says of itself by Triton's extension "model_configuration": as Triton prints its ModelConfig, every
// plain field of it, those too that have no meaning here, and no messages that were not set. The same as by gRPC
// (WriteModelConfig).
nlohmann::json ModelConfigJson(const serving::LoadedModel& model);

// One of its inputs.
nlohmann::json ConfigInput(const serving::TensorInfo& info);

}  // namespace keelson::wire::inference
