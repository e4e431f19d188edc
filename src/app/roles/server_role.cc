#include "app/roles/server_role.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <future>
#include <iostream>
#include <memory>
#include <thread>

#include "app/roles/access.h"
#include "app/roles/artifact_place.h"
#include "app/roles/grpc_front.h"
#include "app/roles/metadata.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "control/controller.h"
#include "features/online.h"
#include "gateway/gateway.h"
#include "io/backup.h"
#include "io/database.h"
#include "io/files.h"
#include "io/http.h"
#include "io/os.h"
#include "io/secret_box.h"
#include "project/price_file.h"
#include "substrate/local/local_substrate.h"
#include "tracking/model_folders.h"
#include "tracking/promotion.h"
#include "tracking/store.h"
#include "wire/api/api.h"
#include "wire/inference/edge.h"
#include "wire/inference/grpc_edge.h"
#include "wire/kueue/objects.h"
#include "wire/mlflow/edge.h"
#include "wire/mlflow/ui_files.h"
#include "wire/mlflow/webhook_options.h"
#include "wire/page/page.h"

namespace keelson::app {
namespace {

constexpr auto kLook = std::chrono::milliseconds(50);
constexpr int kLooksAtFiles = 20;  // once a second
constexpr auto kLockPatience = std::chrono::seconds(3);
constexpr auto kLockPeriod = std::chrono::milliseconds(10);
constexpr auto kDrainTime = std::chrono::seconds(5);
constexpr std::size_t kMlflowThreads = 16;
constexpr std::size_t kSocketNameLimit = 100;  // a Unix socket's path has at most 107 bytes

const Instant kLastInstant =
    InstantFromMicros(253'402'300'799'999'999);  // the year 9999: later is no time of a project

std::atomic<bool> asked_to_end = false;
std::atomic<bool> asked_to_reload = false;

// The tables of routes are one a protocol, and what they claim is told apart here: MLflow's stand below prefixes of
// their own, which no other route may enter.
constexpr bool NoOneElseIsBelow(std::string_view prefix) {
  for (const auto& route : wire::api::kRoutes) {
    if (route.pattern.starts_with(prefix)) return false;
  }
  return true;
}
static_assert(NoOneElseIsBelow("/api/2.0/") && NoOneElseIsBelow("/api/3.0/") && NoOneElseIsBelow("/ajax-api/") &&
                  NoOneElseIsBelow("/mlflow"),
              "a route of another protocol stands where MLflow's are");

// What the inference edge asks about endpoints, answered from the registry without waiting for control.
class Directory final : public wire::inference::EndpointDirectory {
 public:
  Directory(const control::EndpointRegistry& registry, const Clock& clock) : registry_(registry), clock_(clock) {}

  std::vector<std::string> Names() const override { return registry_.Names(); }

  std::shared_ptr<const wire::inference::EndpointFeatures> Find(const std::string& endpoint) const override {
    const auto info = registry_.Find(endpoint);
    if (info == nullptr) return nullptr;
    auto features = std::make_shared<wire::inference::EndpointFeatures>();
    if (info->online) {
      features->keys = info->online->lookup_columns();
      features->names = info->online->feature_names();
    }
    return features;
  }

  // A replay's request says its own instant. It may be ahead of the clock, which after a restart stands where the last
  // row or decision was stored; what came before that instant is known all the same. What is asked again when the
  // features have forgotten its time is answered as of now: the first answer is the one that counts.
  Instant RequestTime(const std::string& endpoint, std::optional<Instant> asked) const override {
    const auto info = registry_.Find(endpoint);
    const std::int64_t replay = info == nullptr ? 0 : info->replay_clock_us.load();
    if (replay == 0) return clock_.WallNow();
    const Instant now = InstantFromMicros(replay);
    if (!asked || *asked > kLastInstant || *asked < now - features::OnlineFeatures::Options().slack) return now;
    return *asked;
  }

  Result<std::vector<double>> Lookup(const std::string& endpoint, std::span<const data::Value> keys, std::size_t rows,
                                     Instant time) const {
    const auto info = registry_.Find(endpoint);
    if (info == nullptr || !info->online) return Fail(ErrorCode::kNotFound, "no such endpoint", endpoint);
    return info->online->Lookup(keys, rows, time);
  }

 private:
  const control::EndpointRegistry& registry_;
  const Clock& clock_;
};

std::string MetricsText(const control::EndpointRegistry& registry, const gateway::Gateway& gateway) {
  std::string text =
      "# HELP keelson_gateway_requests_total Requests answered, by endpoint and model version.\n"
      "# TYPE keelson_gateway_requests_total counter\n";
  std::string errors =
      "# HELP keelson_gateway_errors_total Requests that ended with a server error.\n"
      "# TYPE keelson_gateway_errors_total counter\n";
  std::string held =
      "# HELP keelson_gateway_held_requests Requests that wait for a replica.\n"
      "# TYPE keelson_gateway_held_requests gauge\n";
  for (const auto& name : registry.Names()) {
    const auto stats = gateway.Stats(name);
    for (const auto& [version, backend] : stats.backends) {
      text += fmt::format("keelson_gateway_requests_total{{endpoint=\"{}\",version=\"{}\"}} {}\n", name, version,
                          backend.requests);
      errors += fmt::format("keelson_gateway_errors_total{{endpoint=\"{}\",version=\"{}\"}} {}\n", name, version,
                            backend.errors);
    }
    held += fmt::format("keelson_gateway_held_requests{{endpoint=\"{}\"}} {}\n", name, stats.held);
  }
  return text + errors + held;
}

// Chooses who answers a request.
class Front {
 public:
  Front(const Access& access, wire::api::Api& api, wire::inference::InferenceEdge& edge, wire::mlflow::Edge& mlflow,
        const control::EndpointRegistry& registry, const gateway::Gateway& gateway)
      : access_(access), api_(api), edge_(edge), mlflow_(mlflow), registry_(registry), gateway_(gateway) {}

  void Handle(io::HttpRequest request, io::HttpRespond respond, bool from_worker) {
    const auto match = wire::api::FindRoute(request.method, request.path);
    // Predictions first: they are what this is for.
    if (match.route != nullptr && match.route->id == wire::api::RouteId::kInference) {
      const bool health = request.path.starts_with("/v2/health/");
      if (!from_worker && Refuse(health ? access_.CheckOrigin(request) : access_.Check(request), respond)) return;
      edge_.Handle(std::move(request), std::move(respond));
      return;
    }
    const bool internal = request.path.starts_with("/internal/");
    // The page's own files hold nothing and must open without a token: the page asks for one and sends it to the API.
    // Nor has what watches a container one.
    const bool open = match.route != nullptr &&
                      (match.route->id == wire::api::RouteId::kPage || match.route->id == wire::api::RouteId::kHealth);
    if (!from_worker && Refuse(open ? access_.CheckOrigin(request) : access_.Check(request), respond)) return;
    if (!from_worker && match.route == nullptr && wire::mlflow::Edge::Takes(request.path)) {
      mlflow_.Handle(std::move(request), std::move(respond));
      return;
    }
    if (match.route == nullptr || internal != from_worker) {
      io::HttpResponse response = wire::api::ErrorResponse(
          {match.other_method ? ErrorCode::kInvalidArgument : ErrorCode::kNotFound,
           match.other_method ? "this path does not take that method" : "no such path", request.path});
      if (match.other_method) response.status = 405;
      respond(std::move(response));
      return;
    }
    switch (match.route->id) {
      case wire::api::RouteId::kPage: {
        auto page = wire::PageResponse(request);
        respond(page ? *std::move(page)
                     : wire::api::ErrorResponse({ErrorCode::kNotFound, "no such path", request.path}));
        return;
      }
      case wire::api::RouteId::kMetrics: {
        io::HttpResponse response;
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        response.body = MetricsText(registry_, gateway_);
        respond(std::move(response));
        return;
      }
      default:
        api_.Handle(match, std::move(request), std::move(respond));
    }
  }

 private:
  static bool Refuse(const Status& allowed, const io::HttpRespond& respond) {
    if (allowed) return false;
    respond(wire::api::ErrorResponse(allowed.error()));
    return true;
  }

  const Access& access_;
  wire::api::Api& api_;
  wire::inference::InferenceEdge& edge_;
  wire::mlflow::Edge& mlflow_;
  const control::EndpointRegistry& registry_;
  const gateway::Gateway& gateway_;
};

// A killed server's lock can outlive it for a moment, in a child that it was starting and that is not yet its own
// program: so the lock is waited for before another server is said to have the folder.
Result<io::FileLock> LockDataFolder(const std::string& data) {
  const auto until = std::chrono::steady_clock::now() + kLockPatience;
  for (bool said = false;; said = true) {
    auto lock = io::FileLock::Acquire(data + "/lock");
    if (lock) return lock;
    if (lock.error().code != ErrorCode::kFailedPrecondition) return Fail(lock.error().code, lock.error().message, data);
    if (std::chrono::steady_clock::now() >= until) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "another server has this data folder; stop it, or give another --data", data);
    }
    if (!said) LogInfo("waiting for the lock of the data folder", {{"data", data}});
    std::this_thread::sleep_for(kLockPeriod);
  }
}

constexpr std::uint64_t kCheckedAtOnce = 32u << 20;  // bytes of database

// PostgreSQL looks after its own pages.
Result<bool> IsLarge(const std::string& data, const std::string& database) {
  if (!database.empty()) return false;
  KEELSON_ASSIGN_OR_RETURN(const std::uint64_t size, io::FileSize(data + "/keelson.db"));
  return size > kCheckedAtOnce;
}

Status Sound(const std::vector<std::string>& damage, const std::string& data) {
  if (damage.empty()) return {};
  return Fail(
      ErrorCode::kDataLoss,
      fmt::format("the database is damaged: {}; `keelson doctor` tells all of it, and `keelson restore` makes a "
                  "data folder from a backup",
                  damage.front()),
      data + "/keelson.db");
}

}  // namespace

Result<int> RunServer(const ServerRoleOptions& options) {
  SetLogRole("server");
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { asked_to_end = true; });
  const SystemClock clock;
  const std::string& data = options.data_folder;
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(data + "/run"));
  KEELSON_ASSIGN_OR_RETURN(const auto lock, LockDataFolder(data));
  std::optional<std::string> fresh_token;
  KEELSON_ASSIGN_OR_RETURN(const auto tls, options.listen.OpenTls(false));
  if (tls != nullptr) std::signal(SIGHUP, [](int) { asked_to_reload = true; });
  KEELSON_ASSIGN_OR_RETURN(const Access access, Access::Open(options.listen, data + "/token.sha256", tls, fresh_token));
  std::optional<wire::mlflow::UiFiles> ui;
  if (!options.mlflow_ui.empty()) {
    KEELSON_ASSIGN_OR_RETURN(ui, wire::mlflow::UiFiles::Open(options.mlflow_ui));
  }
  std::optional<scheduling::Queues> queues;
  if (!options.queues.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options.queues));
    KEELSON_ASSIGN_OR_RETURN(queues, wire::kueue::ReadObjects(text, options.queues));
  }
  KEELSON_ASSIGN_OR_RETURN(
      const auto webhooks,
      wire::mlflow::ReadWebhookOptions(io::ProcessEnvironment(), io::SecretBox::WithKeyIn(data + "/webhooks.key")));
  std::optional<project::Pricing> pricing;
  if (!options.prices.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options.prices));
    KEELSON_ASSIGN_OR_RETURN(pricing, project::ReadPrices(text, options.prices));
  }
  std::unique_ptr<kubernetes::Operator> cluster;
  if (options.cluster) {
    KEELSON_ASSIGN_OR_RETURN(cluster, BeginClusterDuty(*options.cluster, queues, clock));
  }
  KEELSON_ASSIGN_OR_RETURN(auto database, OpenMetadata(data, options.database));
  // A damaged page may be one that is not read for weeks; what is written until then would be lost with a restore. To
  // read a large file takes longer than a start may: it is read beside the work, and the server ends if it is damaged.
  KEELSON_ASSIGN_OR_RETURN(const bool large, IsLarge(data, options.database));
  if (!large) {
    KEELSON_ASSIGN_OR_RETURN(const auto damage, database->CheckIntegrity());
    KEELSON_RETURN_IF_ERROR(Sound(damage, data));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto artifacts,
                           OpenArtifacts(options.artifacts, data, clock, io::ProcessEnvironment()));
  KEELSON_ASSIGN_OR_RETURN(auto tracking, tracking::Store::Open(*database, clock, data + "/artifacts"));
  substrate::LocalOptions local;
  local.data_folder = data;
  KEELSON_ASSIGN_OR_RETURN(auto substrate, substrate::LocalSubstrate::Open(local, clock));
  std::unique_ptr<tracking::ModelFolders> models;
  if (artifacts->remote() != nullptr) {
    models = std::make_unique<tracking::ModelFolders>(*artifacts, clock,
                                                      tracking::ModelFolders::Options{.folder = data + "/artifacts"});
  }
  auto gateway = gateway::Gateway::Create();
  control::EndpointRegistry registry;

  std::string socket = data + "/run/server.sock";
  if (socket.size() > kSocketNameLimit) {
    const std::string folder = fmt::format("/tmp/keelson-{}", Sha256::Hex(data).substr(0, 16));
    // The substrate's too, which refuses a folder that others may enter.
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return io::OsFail(errno, "make the folder of sockets", folder);
    socket = folder + "/server.sock";
  }
  KEELSON_ASSIGN_OR_RETURN(auto controller,
                           control::Controller::Start({.data_folder = data,
                                                       .server_address = "unix:" + socket,
                                                       .queues = queues,
                                                       .payload_period = std::chrono::seconds(options.payload_seconds),
                                                       .pricing = pricing},
                                                      {.database = database.get(),
                                                       .tracking = tracking.get(),
                                                       .substrate = substrate.get(),
                                                       .gateway = gateway.get(),
                                                       .registry = &registry,
                                                       .clock = &clock,
                                                       .models = models.get()}));
  tracking::Promotions promotions(*database, clock);
  wire::api::Api api(*controller,
                     {.version = KEELSON_VERSION,
                      .backup = [&](const std::string& folder) { return io::BackUpData(*database, data, folder); },
                      .collect_garbage =
                          [&](const tracking::GarbagePolicy& policy, bool dry_run) {
                            return tracking::CollectGarbage(*database, clock, *artifacts, policy, dry_run);
                          },
                      .promotions = &promotions});
  const Directory directory(registry, clock);
  const wire::inference::FeatureLookup lookup = [&](const std::string& endpoint, std::span<const data::Value> keys,
                                                    std::size_t rows, Instant time) {
    return directory.Lookup(endpoint, keys, rows, time);
  };
  wire::inference::InferenceEdge edge(*gateway, directory, lookup, KEELSON_VERSION);
  wire::inference::GrpcEdge grpc_edge(*gateway, directory, lookup, KEELSON_VERSION);
  wire::mlflow::Edge mlflow(*database, clock, artifacts, kMlflowThreads, std::move(ui), webhooks);
  KEELSON_ASSIGN_OR_RETURN(const auto garbage, StartGarbageRounds(options.garbage, *database, clock, *artifacts));
  Front front(access, api, edge, mlflow, registry, *gateway);

  KEELSON_ASSIGN_OR_RETURN(auto workers,
                           io::HttpServer::Start({.unix_socket = socket, .uploads = wire::mlflow::Edge::IsUpload},
                                                 [&](io::HttpRequest request, io::HttpRespond respond) {
                                                   front.Handle(std::move(request), std::move(respond), true);
                                                 }));
  // Nobody is told that an endpoint does not exist because its project is still being loaded.
  std::promise<void> loaded;
  controller->Post([&loaded] { loaded.set_value(); });
  loaded.get_future().wait();
  KEELSON_ASSIGN_OR_RETURN(auto server, io::HttpServer::Start({.host = options.listen.host,
                                                               .port = options.port,
                                                               .threads = options.io_threads,
                                                               .tls = tls,
                                                               .uploads = wire::mlflow::Edge::IsUpload},
                                                              [&](io::HttpRequest request, io::HttpRespond respond) {
                                                                front.Handle(std::move(request), std::move(respond),
                                                                             false);
                                                              }));
  std::unique_ptr<GrpcFront> grpc;
  if (options.grpc_port >= 0) {
    KEELSON_ASSIGN_OR_RETURN(
        grpc, GrpcFront::Start(
                  {.host = options.listen.host, .port = options.grpc_port, .threads = options.io_threads, .tls = tls},
                  [&](const auto& call) { return grpc_edge.Accept(call); }, &access));
  }
  const std::string address = AddressOf(options.listen, server->port());
  const std::string grpc_address = grpc == nullptr ? "" : GrpcAddressOf(options.listen, grpc->port());
  controller->Post([&controller, address] { controller->jobs().SetTrackingUri(address); });
  if (!options.address_file.empty())
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options.address_file, address + "\n"));
  if (fresh_token) std::cout << "token (shown this once): " << *fresh_token << "\n";
  std::cout << "keelson " << KEELSON_VERSION << " is ready at " << address
            << (grpc == nullptr ? "" : " and " + grpc_address) << "\n"
            << std::flush;
  LogInfo("ready", {{"address", address}, {"grpc", grpc_address}, {"data", data}});

  Status sound;
  std::thread checks([&] {
    if (!large) return;
    const auto damage = database->CheckTables(asked_to_end);
    sound = damage.has_value() ? Sound(*damage, data) : std::unexpected(damage.error());
    if (!sound.has_value()) asked_to_end = true;
  });
  for (int turn = 0; !asked_to_end; ++turn) {
    std::this_thread::sleep_for(kLook);
    if (tls == nullptr) continue;
    if (asked_to_reload.exchange(false)) ReloadNow(*tls);
    if (turn % kLooksAtFiles == 0) tls->Refresh();
  }
  checks.join();
  if (!sound.has_value()) LogError("ending", {{"error", sound.error().ToString()}});
  LogInfo("ending: draining requests");
  cluster.reset();  // another server goes on at once
  constexpr auto kDrain = std::chrono::duration_cast<std::chrono::milliseconds>(kDrainTime);
  std::thread grpc_drain;
  if (grpc != nullptr) grpc_drain = std::thread([&] { grpc->Drain(kDrain); });
  server->Drain(kDrain);
  if (grpc_drain.joinable()) grpc_drain.join();
  controller.reset();
  server.reset();
  grpc.reset();
  workers.reset();
  gateway.reset();
  // Replicas are of use only behind a gateway; jobs end themselves when no server comes back.
  if (const auto workloads = substrate->List()) {
    for (const auto& workload : *workloads) {
      if (workload.kind == "replica") static_cast<void>(substrate->Stop(workload.name, std::chrono::seconds(3)));
    }
  }
  if (!sound.has_value()) return std::unexpected(sound.error());
  return 0;
}

}  // namespace keelson::app
