#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/protobuf.h"
#include "io/grpc.h"
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

// Of RepositoryIndexRequest.
struct RepositoryIndexAsked {
  std::string repository;
  bool ready = false;  // only what is served
};
std::optional<RepositoryIndexAsked> ReadRepositoryIndex(std::string_view message);

io::GrpcStatus MalformedGrpc(std::string_view message);  // bytes that are no such message, as gRPC's own servers say
io::GrpcStatus NoSuchRepository();                       // there is one, without a name

std::string WriteServerMetadata(std::string_view version, std::span<const std::string_view> extensions);
// A ModelMetadataResponse's input (field 4) or output (5), and a ModelConfig's input.
void AppendMetadataTensor(std::uint32_t field, const serving::TensorInfo& info, ProtoWriter& writer);
void AppendConfigInput(const serving::TensorInfo& info, ProtoWriter& writer);

std::string WriteModelMetadata(const serving::LoadedModel& model, std::span<const std::string> versions);
std::string WriteModelConfig(const serving::LoadedModel& model);
std::string WriteStatistics(std::span<const NamedMetrics> models);
std::string WriteRepositoryIndex(std::span<const ServedModels::IndexRow> rows);

}  // namespace keelson::wire::inference
