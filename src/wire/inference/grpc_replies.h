#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/inference/metrics.h"
#include "wire/inference/served_models.h"

// The messages of inference.GRPCInferenceService that carry no tensors.
namespace keelson::wire::inference {

// Of ModelReadyRequest, ModelMetadataRequest, ModelConfigRequest and ModelStatisticsRequest.
struct NamedModel {
  std::string name;
  std::string version;
};
std::optional<NamedModel> ReadNamedModel(std::string_view message);  // nothing for malformed bytes

// Of RepositoryModelLoadRequest and RepositoryModelUnloadRequest.
struct RepositoryChange {
  std::string repository;
  std::string model;
  std::vector<std::string> parameters;  // their names
};
std::optional<RepositoryChange> ReadRepositoryChange(std::string_view message);

std::string WriteModelMetadata(const serving::LoadedModel& model, std::span<const std::string> versions);
std::string WriteModelConfig(const serving::LoadedModel& model);
std::string WriteStatistics(std::span<const NamedMetrics> models);
std::string WriteRepositoryIndex(std::span<const ServedModels::IndexRow> rows);

}  // namespace keelson::wire::inference
