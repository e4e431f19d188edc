#include "app/roles/cluster_duty.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/random.h"
#include "base/time.h"
#include "io/s3_config.h"

namespace keelson::app {
namespace {

using std::chrono::milliseconds;

// The name of the machine, or of the pod, and what tells this process from the one before it there.
std::string Identity() {
  constexpr std::size_t kLongestName = 64;  // of Linux
  std::array<char, kLongestName + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) name[0] = 0;
  return std::string(name.data()) + "_" + RandomId().substr(0, 8);
}

Result<milliseconds> Span(const std::string& option, const std::string& text, milliseconds least) {
  const auto parsed = ParseDuration(text);
  if (!parsed) return Fail(parsed.error().code, parsed.error().message, option);
  const auto span = std::chrono::duration_cast<milliseconds>(*parsed);
  if (span < least) {
    return Fail(ErrorCode::kInvalidArgument, text + " is too short: at least " + FormatDuration(least), option);
  }
  return span;
}

// In the proportions of Kubernetes' own parts: 15 s, 10 s, 2 s.
kubernetes::LeaseTimes TimesOf(milliseconds lease) {
  return {.duration = lease, .renew_deadline = lease * 2 / 3, .period = lease * 2 / 15};
}

}  // namespace

void ClusterDuty::AddTo(CLI::App& app) {
  auto* const flag =
      app.add_flag("--kubernetes", wanted,
                   "Act on the Kubernetes cluster that KUBECONFIG, ~/.kube/config or the pod's account leads to: "
                   "make what its Project objects ask for and let Jobs run; of several servers one does");
  const auto add = [&](const char* name, auto& value, const char* meaning) {
    return app.add_option(name, value, meaning)->needs(flag);
  };
  add("--kubernetes-image", image, "Image of Keelson for pods of projects that name none; keelson:VERSION without it");
  add("--kubernetes-namespace", lease_namespace, "Namespace of the server, where its Lease lies")
      ->default_val(lease_namespace);
  add("--kubernetes-monitoring", monitoring_namespace, "Namespace of the Prometheus that asks replicas")
      ->default_val(monitoring_namespace);
  add("--kubernetes-admit", admit,
      "kueue: a Job is handed to Kueue where that is, and runs else as with nodes; nodes: when nodes have room for all "
      "its pods; quota: when its queue has, for a cluster that makes nodes for pods that wait")
      ->default_val(admit)
      ->check(CLI::IsMember({"kueue", "nodes", "quota"}));
  add("--kubernetes-lease", lease, "After so long without a word of the server that acts another one takes over")
      ->default_val(lease);
  add("--kubernetes-silence", silence,
      "After so long without a word of the cluster a watch is begun anew, and its kinds are asked for again")
      ->default_val(silence);
}

Result<std::unique_ptr<kubernetes::Operator>> BeginClusterDuty(const ClusterDuty& duty,
                                                               const std::optional<scheduling::Queues>& queues,
                                                               const Clock& clock) {
  KEELSON_ASSIGN_OR_RETURN(const auto lease, Span("--kubernetes-lease", duty.lease, milliseconds(1'500)));
  KEELSON_ASSIGN_OR_RETURN(const auto silence, Span("--kubernetes-silence", duty.silence, milliseconds(500)));
  KEELSON_ASSIGN_OR_RETURN(const kubernetes::Access access, kubernetes::FindAccess(io::ProcessEnvironment()));
  kubernetes::OperatorOptions options;
  options.identity = Identity();
  options.lease_namespace = duty.lease_namespace;
  options.settings.version = KEELSON_VERSION;
  options.settings.image = duty.image.empty() ? "keelson:" KEELSON_VERSION : duty.image;
  options.settings.server_namespace = duty.lease_namespace;
  options.settings.monitoring_namespace = duty.monitoring_namespace;
  if (queues) options.queues = *queues;
  options.admit_by_nodes = duty.admit != "quota";
  options.leave_to_kueue = duty.admit == "kueue";
  options.lease = TimesOf(lease);
  options.silence = silence;
  options.rediscovery = std::min(options.rediscovery, silence);
  return kubernetes::Operator::Start(access, clock, std::move(options));
}

}  // namespace keelson::app
