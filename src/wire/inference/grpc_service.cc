#include "wire/inference/grpc_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/protobuf.h"
#include "gateway/gateway.h"
#include "wire/inference/grpc_messages.h"
#include "wire/inference/grpc_replies.h"
#include "wire/inference/grpc_stream.h"
#include "wire/inference/inference.h"

namespace keelson::wire::inference {

using io::GrpcCall;
using io::GrpcCode;
using io::GrpcStatus;

namespace {

RequestContext ContextOf(const GrpcCall& call) {
  const auto& request = call.request();
  RequestContext context{request.request_id, io::FindHeader(request.metadata, "x-keelson-time"),
                         io::FindHeader(request.metadata, "x-keelson-keys")};
  if (request.deadline) context.timeout = std::max(*request.deadline - request.received, std::chrono::nanoseconds(0));
  return context;
}

}  // namespace

GrpcService::Method GrpcService::Find(std::string_view method) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"ServerLive", &GrpcService::ServerLive},           {"ServerReady", &GrpcService::ServerReady},
      {"ServerMetadata", &GrpcService::ServerMetadata},   {"ModelReady", &GrpcService::ModelReady},
      {"ModelMetadata", &GrpcService::ModelMetadata},     {"ModelConfig", &GrpcService::ModelConfig},
      {"ModelStatistics", &GrpcService::ModelStatistics}, {"RepositoryIndex", &GrpcService::RepositoryIndex},
  };
  for (const auto& [name, found] : kMethods) {
    if (name == method) return found;
  }
  return nullptr;
}

std::unique_ptr<io::GrpcHandler> GrpcService::Accept(const std::shared_ptr<GrpcCall>& call) {
  std::string_view method = call->request().method;
  if (method.size() < kName.size() + 2 || method.substr(1, kName.size()) != kName || method[kName.size() + 1] != '/') {
    return nullptr;
  }
  method.remove_prefix(kName.size() + 2);
  if (method == "ModelInfer") {
    return io::MakeUnaryHandler(call, [this](const auto& asked, std::string_view message) {
      Infer(asked, message, /*unary=*/true, [asked](GrpcOutcome outcome) { FinishWith(*asked, std::move(outcome)); });
    });
  }
  if (method == "ModelStreamInfer") {
    return MakeInferStream(call, [this](const auto& asked, std::string_view message, const Answer& done) {
      Infer(asked, message, /*unary=*/false, done);
    });
  }
  if (method == "RepositoryModelLoad" || method == "RepositoryModelUnload") {
    const bool load = method == "RepositoryModelLoad";
    return io::MakeUnaryHandler(
        call, [this, load](const auto& asked, std::string_view message) { Change(load, asked, message); });
  }
  const Method found = Find(method);
  if (found == nullptr) return nullptr;
  return io::MakeUnaryHandler(call, [this, found](const auto& asked, std::string_view message) {
    std::string answer;
    GrpcStatus status = (this->*found)(message, &answer);
    if (status.ok()) return asked->Answer(std::move(answer));
    asked->Finish(std::move(status));
  });
}

void GrpcService::Infer(const std::shared_ptr<GrpcCall>& call, std::string_view message, bool unary,
                        const Answer& done) {
  StageWatch watch(replica_.clock(), call->request().received);
  auto asked = ReadGrpcInferRequest(message, replica_.options().limits);
  const auto refuse = [&](const Error& error) { done(std::unexpected(io::GrpcStatusOf(error))); };
  if (!asked) {
    const auto head = ReadGrpcInferHead(message);
    const auto entry = replica_.models().Find(head ? head->model : "", "");
    if (entry) (*entry)->metrics.RecordFailure(watch.times().Total());
    return refuse(asked.error());
  }
  const auto entry = replica_.models().Find(asked->model, asked->version);
  if (!entry) return refuse(entry.error());
  const auto& model = *(*entry)->served.model;
  if (unary) call->AddMetadata("x-keelson-version", model.version());
  const std::string id = asked->request.id;
  replica_.Ask(*entry, std::move(asked->request), ContextOf(*call), watch,
               [held = *entry, id, raw = asked->raw, done](Result<std::vector<Tensor>> tensors, bool untouched) {
                 if (!tensors) {
                   GrpcStatus status = io::GrpcStatusOf(tensors.error());
                   if (untouched) status.metadata.emplace_back(gateway::kUntouchedHeader, "1");
                   return done(std::unexpected(std::move(status)));
                 }
                 const auto& answering = *held->served.model;
                 done(WriteGrpcInferAnswer({answering.name(), answering.version(), id, raw}, *tensors));
               });
}

GrpcStatus GrpcService::ServerLive(std::string_view, std::string* answer) {
  ProtoWriter(answer).Number(1, 1);
  return {};
}

GrpcStatus GrpcService::ServerReady(std::string_view, std::string* answer) {
  ProtoWriter(answer).Number(1, replica_.ready() ? 1 : 0);
  return {};
}

GrpcStatus GrpcService::ServerMetadata(std::string_view, std::string* answer) {
  const auto names = replica_.Extensions();
  const std::vector<std::string_view> extensions(names.begin(), names.end());
  *answer = WriteServerMetadata(replica_.options().server_version, extensions);
  return {};
}

GrpcStatus GrpcService::ModelReady(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return MalformedGrpc("ModelReadyRequest");
  // What is not there is not ready, as Triton has it: both clients then say so and raise nothing.
  const bool ready = replica_.ready() && replica_.models().Find(asked->name, asked->version).has_value();
  ProtoWriter(answer).Number(1, ready ? 1 : 0);
  return {};
}

GrpcStatus GrpcService::ModelMetadata(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return MalformedGrpc("ModelMetadataRequest");
  const auto entry = replica_.models().Find(asked->name, asked->version);
  if (!entry) return io::GrpcStatusOf(entry.error());
  const auto& model = *(*entry)->served.model;
  std::vector<std::string> versions;
  for (const auto& each : replica_.models().Versions(model.name())) versions.push_back(each->served.model->version());
  *answer = WriteModelMetadata(model, versions);
  return {};
}

GrpcStatus GrpcService::ModelConfig(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return MalformedGrpc("ModelConfigRequest");
  const auto entry = replica_.models().Find(asked->name, asked->version);
  if (!entry) return io::GrpcStatusOf(entry.error());
  *answer = WriteModelConfig(*(*entry)->served.model);
  return {};
}

GrpcStatus GrpcService::ModelStatistics(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return MalformedGrpc("ModelStatisticsRequest");
  const auto entries = replica_.EntriesOf(asked->name, asked->version);
  if (!entries) return io::GrpcStatusOf(entries.error());
  *answer = WriteStatistics(MetricsOf(*entries));
  return {};
}

GrpcStatus GrpcService::RepositoryIndex(std::string_view message, std::string* answer) {
  const auto asked = ReadRepositoryIndex(message);
  if (!asked) return MalformedGrpc("RepositoryIndexRequest");
  if (!asked->repository.empty()) return NoSuchRepository();
  *answer = WriteRepositoryIndex(replica_.models().Index(asked->ready));
  return {};
}

void GrpcService::Change(bool load, const std::shared_ptr<GrpcCall>& call, std::string_view message) {
  const auto asked = ReadRepositoryChange(message);
  if (!asked) return call->Finish(MalformedGrpc(load ? "RepositoryModelLoadRequest" : "RepositoryModelUnloadRequest"));
  if (!asked->repository.empty()) return call->Finish(NoSuchRepository());
  for (const auto& name : asked->parameters) {
    if (!load && name == "unload_dependents") continue;  // there are none
    return call->Finish(
        {GrpcCode::kInvalidArgument,
         fmt::format("unrecognized parameter '{}'; models are loaded as the repository has them", name)});
  }
  replica_.Change(load, asked->model, [call, model = asked->model](const Status& changed) {
    if (!changed) return call->Finish(io::GrpcStatusOf(changed.error()));
    std::string answer;
    ProtoWriter writer(&answer);
    writer.Text(1, model);
    writer.Number(2, 1);
    call->Answer(std::move(answer));
  });
}

}  // namespace keelson::wire::inference
