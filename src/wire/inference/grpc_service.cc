#include "wire/inference/grpc_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>

#include "base/protobuf.h"
#include "wire/inference/grpc_messages.h"
#include "wire/inference/grpc_replies.h"
#include "wire/inference/inference.h"

namespace keelson::wire::inference {

using io::GrpcCall;
using io::GrpcCode;
using io::GrpcStatus;

namespace {

GrpcStatus Malformed(std::string_view message) {
  return {GrpcCode::kInternal, fmt::format("the message is no inference.{}", message)};
}

GrpcStatus NoSuchModel(const Error& error) {
  return io::GrpcStatusOf(error);
}

RequestContext ContextOf(const GrpcCall& call) {
  const auto& request = call.request();
  RequestContext context{request.request_id, io::FindHeader(request.metadata, "x-keelson-time"),
                         io::FindHeader(request.metadata, "x-keelson-keys")};
  if (request.deadline) context.timeout = std::max(*request.deadline - request.received, std::chrono::nanoseconds(0));
  return context;
}

}  // namespace

// One stream of ModelStreamInfer: a request after another, each answered before the next is looked at.
class GrpcService::Stream final : public io::GrpcHandler {
 public:
  Stream(ReplicaHandler& replica, const std::shared_ptr<GrpcCall>& call)
      : state_(std::make_shared<State>(replica, call)) {}

  void OnMessage(std::string_view message) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->busy) {
        if (state_->waiting.size() < kMostWaiting) return state_->waiting.emplace_back(message), void();
        return state_->call->Finish(
            {GrpcCode::kResourceExhausted, fmt::format("{} requests wait on this stream already", kMostWaiting)});
      }
      state_->busy = true;
    }
    Ask(state_, message);
  }
  void OnHalfClose() override { EndWith({}); }
  void OnDrain() override { EndWith({GrpcCode::kUnavailable, "the server is ending"}); }

 private:
  static constexpr std::size_t kMostWaiting = 1'024;

  struct State {
    State(ReplicaHandler& answering, std::shared_ptr<GrpcCall> of) : replica(answering), call(std::move(of)) {}
    ReplicaHandler& replica;  // outlives the thread that an answer may come on
    const std::shared_ptr<GrpcCall> call;
    std::mutex mutex;
    std::deque<std::string> waiting;   // guarded by mutex, as are the two below
    bool busy = false;                 // a request is under way
    std::optional<GrpcStatus> ending;  // how to end when nothing waits any more
  };

  void EndWith(GrpcStatus status) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->busy) {
        state_->ending = std::move(status);
        return;
      }
    }
    state_->call->Finish(std::move(status));
  }

  static void Ask(const std::shared_ptr<State>& state, std::string_view message) {
    Infer(state->replica, state->call, message, /*last=*/true, [state](Result<std::string> answer) {
      std::string out;
      ProtoWriter writer(&out);
      if (answer) {
        writer.Bytes(2, *answer);
      } else {
        writer.Text(1, answer.error().ToString());
      }
      state->call->Write(std::move(out));
      Next(state);
    });
  }

  static void Next(const std::shared_ptr<State>& state) {
    std::string message;
    {
      const std::lock_guard lock(state->mutex);
      if (state->waiting.empty()) {
        state->busy = false;
        if (state->ending) state->call->Finish(*state->ending);
        return;
      }
      message = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    if (!state->call->ended()) Ask(state, message);
  }

  const std::shared_ptr<State> state_;
};

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
      Infer(replica_, asked, message, /*last=*/false, [asked](Result<std::string> answer) {
        if (!answer) return asked->Finish(io::GrpcStatusOf(answer.error()));
        asked->Answer(*std::move(answer));
      });
    });
  }
  if (method == "ModelStreamInfer") return std::make_unique<Stream>(replica_, call);
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

void GrpcService::Infer(ReplicaHandler& replica, const std::shared_ptr<GrpcCall>& call, std::string_view message,
                        bool last, const Answer& done) {
  StageWatch watch(replica.clock(), call->request().received);
  auto asked = ReadGrpcInferRequest(message, replica.options().limits);
  const auto entry =
      asked ? replica.models().Find(asked->model, asked->version) : replica.models().Find(GrpcModelOf(message), "");
  if (!asked) {
    if (entry) (*entry)->metrics.RecordFailure(watch.times().Total());
    return done(std::unexpected(std::move(asked).error()));
  }
  if (!entry) return done(std::unexpected(entry.error()));
  const auto& model = *(*entry)->served.model;
  if (!last) call->AddMetadata("x-keelson-version", model.version());
  const std::string id = asked->request.id;
  replica.Ask(*entry, std::move(asked->request), ContextOf(*call), watch,
              [held = *entry, id, raw = asked->raw, last, done](Result<std::vector<Tensor>> tensors) {
                if (!tensors) return done(std::unexpected(std::move(tensors).error()));
                const auto& answering = *held->served.model;
                done(WriteGrpcInferAnswer({answering.name(), answering.version(), id, raw, last}, *tensors));
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
  ProtoWriter writer(answer);
  writer.Text(1, "keelson");
  writer.Text(2, replica_.options().server_version);
  for (const auto& extension : replica_.Extensions()) writer.Bytes(3, extension);
  writer.Bytes(3, "model_configuration");
  return {};
}

GrpcStatus GrpcService::ModelReady(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return Malformed("ModelReadyRequest");
  // What is not there is not ready, as Triton has it: both clients then say so and raise nothing.
  const bool ready = replica_.ready() && replica_.models().Find(asked->name, asked->version).has_value();
  ProtoWriter(answer).Number(1, ready ? 1 : 0);
  return {};
}

GrpcStatus GrpcService::ModelMetadata(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return Malformed("ModelMetadataRequest");
  const auto entry = replica_.models().Find(asked->name, asked->version);
  if (!entry) return NoSuchModel(entry.error());
  const auto& model = *(*entry)->served.model;
  std::vector<std::string> versions;
  for (const auto& each : replica_.models().Versions(model.name())) versions.push_back(each->served.model->version());
  *answer = WriteModelMetadata(model, versions);
  return {};
}

GrpcStatus GrpcService::ModelConfig(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return Malformed("ModelConfigRequest");
  const auto entry = replica_.models().Find(asked->name, asked->version);
  if (!entry) return NoSuchModel(entry.error());
  *answer = WriteModelConfig(*(*entry)->served.model);
  return {};
}

GrpcStatus GrpcService::ModelStatistics(std::string_view message, std::string* answer) {
  const auto asked = ReadNamedModel(message);
  if (!asked) return Malformed("ModelStatisticsRequest");
  const auto entries = replica_.EntriesOf(asked->name, asked->version);
  if (!entries) return NoSuchModel(entries.error());
  *answer = WriteStatistics(MetricsOf(*entries));
  return {};
}

GrpcStatus GrpcService::RepositoryIndex(std::string_view message, std::string* answer) {
  bool ready = false;
  std::string repository;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) repository.assign(reader.bytes());
    if (reader.key() == ProtoVarint(2)) ready = reader.number() != 0;
  }
  if (!reader.ok()) return Malformed("RepositoryIndexRequest");
  if (!repository.empty()) return {GrpcCode::kUnimplemented, "'repository_name' specification is not supported"};
  *answer = WriteRepositoryIndex(replica_.models().Index(ready));
  return {};
}

void GrpcService::Change(bool load, const std::shared_ptr<GrpcCall>& call, std::string_view message) {
  const auto asked = ReadRepositoryChange(message);
  if (!asked) return call->Finish(Malformed(load ? "RepositoryModelLoadRequest" : "RepositoryModelUnloadRequest"));
  if (!asked->repository.empty()) {
    return call->Finish({GrpcCode::kUnimplemented, "'repository_name' specification is not supported"});
  }
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
