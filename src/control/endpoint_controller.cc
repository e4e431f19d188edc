#include "control/endpoint_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "io/http.h"
#include "scheduling/autoscaling.h"

namespace keelson::control {
namespace {

constexpr auto kProbeTimeout = std::chrono::milliseconds(200);
constexpr auto kStopGrace = std::chrono::seconds(10);
// Requests already chosen for a replica reach it before it is told to end.
constexpr auto kDrainDelay = std::chrono::milliseconds(200);

int VersionOf(const substrate::WorkloadStatus& workload) {
  const auto label = workload.labels.find("version");
  return label == workload.labels.end() ? 0 : static_cast<int>(ParseInt(label->second).value_or(0));
}

bool IsOf(const substrate::WorkloadStatus& workload, const std::string& endpoint) {
  const auto label = workload.labels.find("endpoint");
  return workload.kind == "replica" && label != workload.labels.end() && label->second == endpoint;
}

}  // namespace

bool ProbeReady(const std::string& address) {
  const auto target = io::ParseHttpTarget(address);
  if (!target) return false;
  const auto answer =
      io::HttpConnection::Create(*target)->Call({.target = "/v2/health/ready", .timeout = kProbeTimeout});
  return answer.has_value() && answer->status == 200;
}

EndpointController::EndpointController(Options options, substrate::Substrate& substrate, gateway::Gateway& gateway,
                                       const Clock& clock, ReadyProbe probe)
    : options_(std::move(options)), substrate_(substrate), gateway_(gateway), clock_(clock), probe_(std::move(probe)) {}

void EndpointController::SetOptions(Options options) {
  options_ = std::move(options);
  configured_.clear();
}

void EndpointController::Want(std::vector<ServedVersion> versions) {
  wanted_ = std::move(versions);
  ConfigureGateway();  // from now on requests are held, not refused
}

bool EndpointController::HasReady(int version) const {
  return std::ranges::any_of(replicas_, [&](const auto& entry) {
    return entry.second.version == version && entry.second.ready && !entry.second.draining;
  });
}

int EndpointController::ready_replicas() const {
  return static_cast<int>(
      std::ranges::count_if(replicas_, [](const auto& entry) { return entry.second.ready && !entry.second.draining; }));
}

std::vector<EndpointController::ReplicaView> EndpointController::replicas() const {
  std::vector<ReplicaView> views;
  for (const auto& [name, replica] : replicas_) {
    const char* state = replica.draining ? "draining" : replica.ready ? "ready" : "starting";
    views.push_back({name, replica.version, state, replica.limits});
  }
  return views;
}

void EndpointController::Observe(const std::vector<substrate::WorkloadStatus>& workloads) {
  std::set<std::string> alive;
  for (const auto& workload : workloads) {
    if (!IsOf(workload, options_.endpoint)) continue;
    if (!substrate::IsAlive(workload)) {
      const auto known = replicas_.find(workload.name);
      if (known != replicas_.end() && !known->second.draining) {
        LogWarning("replica ended", {{"replica", workload.name}, {"reason", workload.reason}});
        if (!known->second.ready) {  // it never came up: wait a little longer each time
          const int failures = ++failed_starts_[known->second.version];
          not_before_[known->second.version] =
              clock_.MonotonicNow() + std::chrono::milliseconds(100) * (1 << std::min(failures, 8));
        }
      }
      [[maybe_unused]] const auto forgotten = substrate_.Forget(workload.name);  // tried again at the next look
      continue;
    }
    alive.insert(workload.name);
    auto [entry, added] = replicas_.try_emplace(workload.name);
    Replica& replica = entry->second;
    if (added) {  // adopted from before a restart
      replica.version = VersionOf(workload);
      replica.started = clock_.MonotonicNow();
    }
    replica.address = workload.address;
    replica.limits = workload.limits;
    if (!replica.ready && !replica.draining && !replica.address.empty() && probe_(replica.address)) {
      replica.ready = true;
      failed_starts_.erase(replica.version);
      LogInfo("replica ready", {{"replica", workload.name}, {"version", std::to_string(replica.version)}});
    }
  }
  std::erase_if(replicas_, [&](const auto& entry) { return !alive.contains(entry.first); });
}

Status EndpointController::Reconcile(const std::vector<substrate::WorkloadStatus>& workloads) {
  Observe(workloads);
  const gateway::EndpointStats stats = gateway_.Stats(options_.endpoint);
  int unclaimed = stats.held;
  for (const auto& [name, backend] : stats.backends) unclaimed -= backend.held;
  for (const ServedVersion& version : wanted_) {
    const auto backend = stats.backends.find(std::to_string(version.version));
    const auto known = backend == stats.backends.end() ? gateway::BackendStats{} : backend->second;
    // What is held for no version yet will go to the one with most of the traffic.
    const bool largest =
        std::ranges::none_of(wanted_, [&](const auto& other) { return other.weight > version.weight; });
    KEELSON_RETURN_IF_ERROR(Scale(version, known, known.held + (largest ? unclaimed : 0), stats.idle_for));
  }
  for (auto& [name, replica] : replicas_) {
    const bool wanted =
        std::ranges::any_of(wanted_, [&](const auto& version) { return version.version == replica.version; });
    if (!wanted) Drain(replica);
  }
  ConfigureGateway();
  for (auto& [name, replica] : replicas_) {
    if (replica.draining && clock_.MonotonicNow() - replica.drain_since >= kDrainDelay) {
      KEELSON_RETURN_IF_ERROR(substrate_.Stop(name, kStopGrace));
    }
  }
  return {};
}

void EndpointController::Drain(Replica& replica) {
  if (replica.draining) return;
  replica.draining = true;
  replica.drain_since = clock_.MonotonicNow();
}

Status EndpointController::Scale(const ServedVersion& version, const gateway::BackendStats& stats, int held,
                                 std::optional<Duration> idle_for) {
  scheduling::ReplicaSnapshot snapshot;
  std::vector<Replica*> mine;
  for (auto& [name, replica] : replicas_) {
    if (replica.version != version.version || replica.draining) continue;
    mine.push_back(&replica);
    ++(replica.ready ? snapshot.ready : snapshot.starting);
  }
  const int present = snapshot.ready + snapshot.starting;
  snapshot.in_flight = stats.in_flight;
  snapshot.held = held;
  snapshot.idle_for = idle_for.value_or(Duration{});
  const auto below = below_since_.find(version.version);
  if (below != below_since_.end()) {
    snapshot.below_for = std::chrono::duration_cast<Duration>(clock_.MonotonicNow() - below->second);
  }
  // A version that is being rolled out keeps one replica at least: its canary must be able to answer.
  const bool rolling = wanted_.size() > 1;
  const scheduling::ReplicaPolicy policy{
      .min = rolling ? std::max(1, options_.serve.min_replicas) : options_.serve.min_replicas,
      .max = std::max(1, options_.serve.max_replicas),
      .target_concurrency = options_.serve.target_concurrency,
      .idle = options_.serve.idle};
  const auto by_load = static_cast<int>((snapshot.in_flight + held) / policy.target_concurrency) + (held > 0 ? 1 : 0);
  if (by_load < present) {
    below_since_.try_emplace(version.version, clock_.MonotonicNow());
  } else {
    below_since_.erase(version.version);
  }
  const scheduling::ReplicaPlan plan = scheduling::PlanReplicas(snapshot, policy);
  if (plan.replicas > present) {
    const auto wait = not_before_.find(version.version);
    if (wait != not_before_.end() && wait->second > clock_.MonotonicNow()) return {};
    for (int i = present; i < plan.replicas; ++i) KEELSON_RETURN_IF_ERROR(StartReplica(version));
  }
  // Those that are not ready yet go first.
  std::ranges::stable_sort(mine, {}, [](const Replica* replica) { return replica->ready; });
  for (int i = plan.replicas; i < present; ++i) Drain(*mine[static_cast<std::size_t>(i - plan.replicas)]);
  return {};
}

Status EndpointController::StartReplica(const ServedVersion& version) {
  substrate::WorkloadSpec workload;
  workload.name = fmt::format("{}-v{}-{}", options_.endpoint.substr(0, 40), version.version, RandomId().substr(0, 8));
  workload.kind = "replica";
  workload.project = options_.endpoint;
  workload.command = {
      "keelson",       "serve",
      "--model",       fmt::format("{}={}", options_.endpoint, version.model_folder),
      "--version",     std::to_string(version.version),
      "--hash",        version.content_hash,
      "--unix",        "{socket}",
      "--lock",        options_.lock_file,
      "--payload-log", fmt::format("{}/{}/{}", options_.payload_folder, version.version, workload.name)};
  workload.resources = {.cpu_milli = static_cast<std::int64_t>(options_.serve.resources.cpu * 1'000),
                        .memory_bytes = static_cast<std::int64_t>(options_.serve.resources.memory_bytes)};
  workload.workload_class = scheduling::WorkloadClass::kInference;
  workload.labels = {{"endpoint", options_.endpoint}, {"version", std::to_string(version.version)}};
  KEELSON_RETURN_IF_ERROR(substrate_.Start(workload));
  Replica& replica = replicas_[workload.name];
  replica.version = version.version;
  replica.started = clock_.MonotonicNow();
  return {};
}

void EndpointController::ConfigureGateway() {
  gateway::EndpointConfig config;
  config.name = options_.endpoint;
  std::string text;
  for (const ServedVersion& version : wanted_) {
    gateway::Backend backend{.version = std::to_string(version.version), .weight = version.weight, .addresses = {}};
    for (const auto& [name, replica] : replicas_) {
      if (replica.version == version.version && replica.ready && !replica.draining)
        backend.addresses.push_back(replica.address);
    }
    text += fmt::format("{}:{}:{};", backend.version, backend.weight, fmt::join(backend.addresses, ","));
    config.backends.push_back(std::move(backend));
  }
  if (text == configured_) return;
  configured_ = text;
  gateway_.Configure(config);
}

Status EndpointController::Close(const std::vector<substrate::WorkloadStatus>& workloads) {
  wanted_.clear();
  gateway_.Remove(options_.endpoint);
  for (const auto& workload : workloads) {
    if (IsOf(workload, options_.endpoint)) KEELSON_RETURN_IF_ERROR(substrate_.Stop(workload.name, kStopGrace));
  }
  replicas_.clear();
  configured_.clear();
  return {};
}

}  // namespace keelson::control
