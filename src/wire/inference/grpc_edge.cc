#include "wire/inference/grpc_edge.h"

#include <algorithm>
#include <vector>

#include "base/protobuf.h"
#include "io/request_id.h"
#include "wire/inference/grpc_edge_messages.h"
#include "wire/inference/grpc_replies.h"
#include "wire/inference/grpc_service.h"
#include "wire/inference/grpc_stream.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCall;
using io::GrpcCode;
using io::GrpcStatus;

constexpr std::string_view kInferMethod = "/inference.GRPCInferenceService/ModelInfer";

std::unexpected<GrpcStatus> Refused(const Error& error) {
  return std::unexpected(io::GrpcStatusOf(error));
}

}  // namespace

GrpcEdge::GrpcEdge(gateway::Gateway& gateway, const EndpointDirectory& directory, FeatureLookup lookup,
                   std::string server_version, TensorLimits limits)
    : gateway_(gateway),
      directory_(directory),
      lookup_(std::move(lookup)),
      server_version_(std::move(server_version)),
      limits_(limits) {}

GrpcEdge::Method GrpcEdge::Find(std::string_view method) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"ServerLive", &GrpcEdge::Live},
      {"ServerReady", &GrpcEdge::Live},
      {"ServerMetadata", &GrpcEdge::ServerMetadata},
      {"ModelReady", &GrpcEdge::ModelReady},
      {"RepositoryIndex", &GrpcEdge::RepositoryIndex},
      {"RepositoryModelLoad", &GrpcEdge::ChangeRepository},
      {"RepositoryModelUnload", &GrpcEdge::ChangeRepository},
  };
  for (const auto& [name, found] : kMethods) {
    if (name == method) return found;
  }
  return nullptr;
}

std::unique_ptr<io::GrpcHandler> GrpcEdge::Accept(const std::shared_ptr<GrpcCall>& call) {
  std::string_view method = call->request().method;
  if (!IsCarried(method)) return nullptr;
  method.remove_prefix(GrpcService::kName.size() + 2);
  if (method == "ModelInfer") {
    return io::MakeUnaryHandler(call, [this](const auto& asked, std::string_view message) {
      Infer(asked, message, /*unary=*/true, [asked](GrpcOutcome outcome) { FinishWith(*asked, std::move(outcome)); });
    });
  }
  if (method == "ModelStreamInfer") {
    return MakeInferStream(call, [this](const auto& asked, std::string_view message, const Done& done) {
      Infer(asked, message, /*unary=*/false, done);
    });
  }
  if (method == "ModelMetadata" || method == "ModelConfig" || method == "ModelStatistics") {
    return io::MakeUnaryHandler(call,
                                [this](const auto& asked, std::string_view message) { Describe(asked, message); });
  }
  const Method found = Find(method);
  if (found == nullptr) return nullptr;
  return io::MakeUnaryHandler(call, [this, found](const auto& asked, std::string_view message) {
    FinishWith(*asked, (this->*found)(message));
  });
}

GrpcOutcome GrpcEdge::Live(std::string_view) const {
  std::string answer;
  ProtoWriter(&answer).Number(1, 1);
  return answer;
}

GrpcOutcome GrpcEdge::ServerMetadata(std::string_view) const {
  return WriteServerMetadata(server_version_, kEdgeExtensions);
}

// As soon as it is there, for the gateway holds requests until a replica is. What is not there is not ready.
GrpcOutcome GrpcEdge::ModelReady(std::string_view message) const {
  const auto asked = ReadNamedModel(message);
  if (!asked) return std::unexpected(MalformedGrpc("ModelReadyRequest"));
  bool ready = directory_.Find(asked->name) != nullptr;
  if (ready && !asked->version.empty()) {
    const auto versions = gateway_.Versions(asked->name);
    ready = std::find(versions.begin(), versions.end(), asked->version) != versions.end();
  }
  std::string answer;
  ProtoWriter(&answer).Number(1, ready ? 1 : 0);
  return answer;
}

GrpcOutcome GrpcEdge::RepositoryIndex(std::string_view message) const {
  const auto asked = ReadRepositoryIndex(message);
  if (!asked) return std::unexpected(MalformedGrpc("RepositoryIndexRequest"));
  if (!asked->repository.empty()) return std::unexpected(NoSuchRepository());
  std::vector<ServedModels::IndexRow> rows;
  for (const auto& name : directory_.Names()) {
    for (auto& version : gateway_.Versions(name)) rows.push_back({name, std::move(version), true, ""});
  }
  return WriteRepositoryIndex(rows);
}

GrpcOutcome GrpcEdge::ChangeRepository(std::string_view message) const {
  if (!ReadRepositoryChange(message)) return std::unexpected(MalformedGrpc("RepositoryModelLoadRequest"));
  return std::unexpected(GrpcStatus{GrpcCode::kInvalidArgument, std::string(kNotYoursToLoad)});
}

void GrpcEdge::Describe(const std::shared_ptr<GrpcCall>& call, std::string_view message) const {
  const io::GrpcRequest& request = call->request();
  const auto asked = ReadNamedModel(message);  // the three messages are one of another's kind
  if (!asked) return call->Finish(MalformedGrpc("ModelMetadataRequest"));
  const bool metadata = request.method.ends_with("/ModelMetadata");
  const bool config = request.method.ends_with("/ModelConfig");
  if (asked->name.empty() && !metadata && !config) {
    return call->Finish({GrpcCode::kInvalidArgument, std::string(kNameAModel)});
  }
  auto features = directory_.Find(asked->name);
  if (features == nullptr) return call->Finish(io::GrpcStatusOf(NoSuchModel(asked->name)));
  gateway_.Forward({asked->name, request.request_id, CarryCall(request.method, std::string(message)), asked->version,
                    request.deadline},
                   [this, call, metadata, config, name = asked->name,
                    features = std::move(features)](Result<io::HttpResponse> answer) {
                     auto outcome = ReadCarried(std::move(answer));
                     if (outcome && metadata) {
                       outcome = MetadataOfEndpoint(*outcome, *features, gateway_.Versions(name));
                     } else if (outcome && config) {
                       outcome = ConfigOfEndpoint(*outcome, *features);
                     }
                     FinishWith(*call, std::move(outcome));
                   });
}

Result<io::HttpCall> GrpcEdge::CallFor(const io::GrpcRequest& request, const GrpcInferHead& head,
                                       const EndpointFeatures& features, std::string_view message) const {
  const std::string endpoint(head.model);
  const Instant time = TimeOf(directory_, endpoint, io::FindHeader(request.metadata, "x-keelson-time"));
  io::HttpCall call = CarryCall(std::string(kInferMethod), std::string(message));
  call.headers.emplace_back("x-keelson-time", std::to_string(ToMicros(time)));
  if (features.names.empty()) return call;
  KEELSON_ASSIGN_OR_RETURN(const auto asked, ReadGrpcInferRequest(message, limits_));
  KEELSON_ASSIGN_OR_RETURN(const auto keys, TakeEntityKeys(features.keys, asked.request.inputs));
  KEELSON_ASSIGN_OR_RETURN(const auto values, LookUp(lookup_, endpoint, features, keys, time));
  AppendFeatures(features.names, keys.rows, values, asked.raw, &call.body);
  call.headers.emplace_back("x-keelson-keys", KeyNames(features.keys));
  return call;
}

void GrpcEdge::Infer(const std::shared_ptr<GrpcCall>& call, std::string_view message, bool unary,
                     const Done& done) const {
  const io::GrpcRequest& request = call->request();
  const auto head = ReadGrpcInferHead(message);
  if (!head) return done(std::unexpected(MalformedGrpc("ModelInferRequest")));
  const auto features = directory_.Find(std::string(head->model));
  if (features == nullptr) return done(Refused(NoSuchModel(head->model)));
  auto carried = CallFor(request, *head, *features, message);
  if (!carried) return done(Refused(carried.error()));
  gateway_.Forward(
      {std::string(head->model), io::IsSaneRequestId(head->id) ? std::string(head->id) : request.request_id,
       std::move(*carried), std::string(head->version), request.deadline},
      [call, unary, done](Result<io::HttpResponse> answer) {
        if (unary && answer.has_value()) {
          const auto version = io::FindHeader(answer->headers, "x-keelson-version");
          if (!version.empty()) call->AddMetadata("x-keelson-version", std::string(version));
        }
        done(ReadCarried(std::move(answer)));
      });
}

}  // namespace keelson::wire::inference
