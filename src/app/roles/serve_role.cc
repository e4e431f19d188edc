#include "app/roles/serve_role.h"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/roles/folder_models.h"
#include "base/log.h"
#include "io/files.h"
#include "io/huge_pages.h"
#include "wire/inference/carried_call.h"

namespace keelson::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAtLock{1'000};

using wire::inference::Served;

// The models that the command line names: each may be unloaded, and loaded anew from its path.
class NamedModels final : public wire::inference::ModelRepository {
 public:
  static Result<std::unique_ptr<NamedModels>> Open(const serving::ReplicaOptions& options,
                                                   const std::shared_ptr<serving::MemoryBudget>& budget) {
    std::unique_ptr<NamedModels> models(new NamedModels(PayloadPlan::Of(options)));
    for (const auto& source : options.models) {
      Place place{source, options.policy, options.payload_folder, nullptr, {}};
      place.source.budget = budget;
      place.source.tensors = true;
      place.source.python = options.python;
      if (!place.payload_folder.empty() && options.models.size() > 1) {
        KEELSON_ASSIGN_OR_RETURN(place.payload_folder, io::SafeJoin(options.payload_folder, source.name));
      }
      if (!models->places_.emplace(source.name, std::move(place)).second) {
        return Fail(ErrorCode::kInvalidArgument, "two models of one name", source.name);
      }
    }
    return models;
  }

  std::vector<std::string> Names() override {
    std::vector<std::string> names;
    for (const auto& [name, place] : places_) names.push_back(name);
    return names;
  }

  Result<std::vector<Served>> Load(const std::string& name) override {
    const auto found = places_.find(name);
    if (found == places_.end()) return Fail(ErrorCode::kNotFound, "there is no such model", name);
    Place& place = found->second;
    Served served;
    served.policy = place.policy;
    KEELSON_ASSIGN_OR_RETURN(served.model, serving::LoadedModel::Load(place.source));
    if (io::Exists(place.source.path + "/MLmodel")) {
      KEELSON_ASSIGN_OR_RETURN(served.signature, serving::ReadMlflowSignature(place.source.path));
    }
    if (!place.payload_folder.empty()) {
      // One writer a folder: a model of the same shape goes on in the log of the one before.
      const auto schema = served.model->payload_schema();
      if (place.payload == nullptr || !(schema == place.schema)) {
        KEELSON_ASSIGN_OR_RETURN(place.payload, payload_.Open(place.payload_folder, schema));
        place.schema = schema;
      }
      served.payload = place.payload;
    }
    std::vector<Served> versions;
    versions.push_back(std::move(served));
    return versions;
  }

 private:
  struct Place {
    serving::ModelSource source;
    serving::BatchPolicy policy;
    std::string payload_folder;  // "": no log
    std::shared_ptr<serving::PayloadWriter> payload;
    serving::PayloadSchema schema;  // of `payload`
  };
  explicit NamedModels(PayloadPlan payload) : payload_(std::move(payload)) {}

  const PayloadPlan payload_;
  std::map<std::string, Place> places_;
};

// Where the options say that models are, and those that are served from the start.
Result<std::unique_ptr<wire::inference::ModelRepository>> OpenModels(const serving::ReplicaOptions& options,
                                                                     std::vector<Served>* models) {
  if (options.models.empty() == options.models_folder.empty()) {
    return Fail(ErrorCode::kInvalidArgument, options.models.empty()
                                                 ? "no model to serve: give --model NAME=PATH or --models FOLDER"
                                                 : "either single models are served or a folder of models, not both");
  }
  std::shared_ptr<serving::MemoryBudget> budget;
  if (options.memory_budget_bytes != 0) budget = std::make_shared<serving::MemoryBudget>(options.memory_budget_bytes);
  if (!options.models_folder.empty()) {
    KEELSON_ASSIGN_OR_RETURN(auto opened, serving::Repository::Open({options.models_folder, std::move(budget),
                                                                     options.python, options.policy}));
    auto folder = std::make_unique<FolderModels>(std::move(opened), PayloadPlan::Of(options));
    *models = folder->LoadAll();
    return folder;
  }
  KEELSON_ASSIGN_OR_RETURN(auto named, NamedModels::Open(options, budget));
  for (const auto& source : options.models) {
    KEELSON_ASSIGN_OR_RETURN(auto versions, named->Load(source.name));
    for (auto& version : versions) models->push_back(std::move(version));
  }
  return named;
}

// Answers, in the protocol's own shape, who may not ask. Health is everybody's: what watches a container has no token.
bool Refuse(const Access& access, const io::HttpRequest& request, const io::HttpRespond& respond) {
  const bool health = request.path.starts_with("/v2/health/") || request.path == "/ping" || request.path == "/health";
  const Status allowed = health ? access.CheckOrigin(request) : access.Check(request);
  if (allowed.has_value()) return false;
  io::HttpResponse response;
  response.status = allowed.error().code == ErrorCode::kUnauthenticated ? 401 : 403;
  if (response.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  response.body = nlohmann::json{{"error", allowed.error().ToString()}}.dump(-1, ' ', false,
                                                                             nlohmann::json::error_handler_t::replace);
  respond(std::move(response));
  return true;
}

// Waits for one of `signals`, at most so long; 0 when none came.
int WaitForSignal(const sigset_t& signals, milliseconds at_most) {
  timespec time{};
  time.tv_sec = at_most.count() / 1'000;
  time.tv_nsec = (at_most.count() % 1'000) * 1'000'000;
  const int signal = sigtimedwait(&signals, nullptr, &time);
  return signal > 0 ? signal : 0;
}

// Until it is told to end, or the server's lock was free all through the grace. Says why.
std::string WaitForEnd(const serving::ReplicaOptions& options, const sigset_t& signals, io::TlsServer* tls) {
  const milliseconds step = std::min(kLookAtLock, std::max(milliseconds(1), options.orphan_grace / 4));
  auto seen_held = steady_clock::now();
  for (;;) {
    const int signal = WaitForSignal(signals, step);
    if (signal == SIGTERM || signal == SIGINT) return signal == SIGTERM ? "SIGTERM" : "SIGINT";
    if (tls != nullptr && signal == SIGHUP) ReloadNow(*tls);
    if (tls != nullptr && signal == 0) tls->Refresh();
    if (options.lock_file.empty() || !io::FileLock::IsFree(options.lock_file)) {
      seen_held = steady_clock::now();
    } else if (steady_clock::now() - seen_held >= options.orphan_grace) {
      return "the server is gone";
    }
  }
}

}  // namespace

Result<std::unique_ptr<ReplicaServer>> ReplicaServer::Start(const serving::ReplicaOptions& options,
                                                            const ServeListenOptions& listen) {
  if (options.grpc_port >= 0 &&
      !options.unix_socket.empty()) {  // whoever may open the socket is not whoever may connect
    return Fail(ErrorCode::kInvalidArgument, "gRPC has a port, and goes with a port for REST", options.unix_socket);
  }
  std::vector<Served> models;
  KEELSON_ASSIGN_OR_RETURN(auto repository, OpenModels(options, &models));
  std::unique_ptr<ReplicaServer> replica(new ReplicaServer);
  wire::inference::ReplicaHandler::Options handler_options;
  handler_options.server_version = KEELSON_VERSION;
  handler_options.limits = listen.tensors;
  replica->repository_ = std::move(repository);
  handler_options.repository = replica->repository_.get();
  replica->handler_ =
      std::make_unique<wire::inference::ReplicaHandler>(std::move(models), replica->clock_, handler_options);
  io::HttpServerOptions server_options;
  server_options.port = options.port;
  server_options.unix_socket = options.unix_socket;
  server_options.threads = options.threads;
  server_options.limits = listen.limits;
  if (options.unix_socket.empty()) {
    server_options.host = listen.listen.host;
    KEELSON_ASSIGN_OR_RETURN(replica->tls_, listen.listen.OpenTls(listen.token_file.empty()));
    server_options.tls = replica->tls_;
    KEELSON_ASSIGN_OR_RETURN(replica->access_,
                             Access::Open(listen.listen, listen.token_file, replica->tls_, replica->fresh_token_));
  }
  auto* handler = replica->handler_.get();
  replica->grpc_service_ = std::make_unique<wire::inference::GrpcService>(*handler);
  const io::GrpcAccept grpc_accept = [service = replica->grpc_service_.get()](const auto& call) {
    return service->Accept(call);
  };
  const Access* const access = replica->access_ ? &*replica->access_ : nullptr;
  KEELSON_ASSIGN_OR_RETURN(
      replica->server_, io::HttpServer::Start(server_options, [=](io::HttpRequest request, io::HttpRespond respond) {
        if (access != nullptr && Refuse(*access, request, respond)) return;
        if (wire::inference::IsCarried(request.path)) {  // what came to a server by gRPC
          return wire::inference::AnswerCarried(std::move(request), std::move(respond), grpc_accept);
        }
        handler->Handle(std::move(request), respond);
      }));
  if (options.grpc_port >= 0) {
    io::GrpcServerOptions grpc_options;
    grpc_options.host = listen.listen.host;
    grpc_options.port = options.grpc_port;
    grpc_options.threads = options.threads;
    grpc_options.limits.message_bytes = listen.limits.body_bytes;
    grpc_options.limits.metadata_bytes = listen.limits.header_bytes;
    grpc_options.limits.connections = listen.limits.connections;
    grpc_options.tls = replica->tls_;
    KEELSON_ASSIGN_OR_RETURN(replica->grpc_, GrpcFront::Start(grpc_options, grpc_accept, access));
  }
  if (!options.models_folder.empty()) io::AdviseHugeHeap();
  replica->address_ =
      options.unix_socket.empty() ? AddressOf(listen.listen, replica->server_->port()) : "unix:" + options.unix_socket;
  return replica;
}

void ReplicaServer::Drain(milliseconds at_most) {
  handler_->SetReady(false);
  std::thread grpc;
  if (grpc_ != nullptr) grpc = std::thread([&] { grpc_->Drain(at_most); });
  server_->Drain(at_most);
  if (grpc.joinable()) grpc.join();
}

Result<int> RunReplica(const serving::ReplicaOptions& options, const ServeListenOptions& listen, std::ostream& out) {
  // Blocked before the first thread is made, so that all inherit it and only WaitForSignal takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (!listen.listen.certificate.empty()) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  SetLogRole("replica");
  KEELSON_ASSIGN_OR_RETURN(const auto replica, ReplicaServer::Start(options, listen));
  std::string served = options.models_folder.empty() ? "" : "models of " + options.models_folder;
  for (const auto& model : options.models) {
    served += fmt::format("{}{} version {}", served.empty() ? "" : ", ", model.name, model.version);
  }
  if (replica->fresh_token()) out << "token (shown this once): " << *replica->fresh_token() << "\n";
  const std::string grpc = options.grpc_port < 0 ? "" : " and " + GrpcAddressOf(listen.listen, replica->grpc_port());
  out << fmt::format("keelson serve: ready at {}{} ({})", replica->address(), grpc, served) << "\n" << std::flush;
  const std::string why = WaitForEnd(options, signals, replica->tls());
  LogInfo("draining", {{"why", why}});
  replica->Drain(options.drain);
  return 0;
}

}  // namespace keelson::app
