#include "kubernetes/objects/endpoint.h"

#include <fmt/format.h>

#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/priority_classes.h"
#include "kubernetes/objects/routes.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kModelVolume = "/var/run/keelson/model";
constexpr const char* kAccessFolder = "/var/run/keelson/access";
constexpr int kStartSeconds = 3'600;  // to fetch and load a model, on a node that first has to pull gigabytes
constexpr int kLeaveSeconds = 5;      // until everybody has heard that a replica goes
constexpr int kGraceSeconds = 60;     // for what it has begun to answer

std::string Version(const Owner& owner) {
  return std::to_string(owner.settings.model_version);
}

Json RevisionSelector(const Owner& owner) {
  Json labels = Selector(owner, component::kEndpoint);
  labels["keelson.dev/model-version"] = Version(owner);
  return labels;
}

Json RevisionObject(const Owner& owner, const char* api_version, const char* kind) {
  Json object = NewObject(owner, api_version, kind, RevisionName(owner), component::kEndpoint);
  object["metadata"]["labels"]["keelson.dev/model-version"] = Version(owner);
  return object;
}

// Where a replica finds the model's files.
std::string ModelFolder(const Owner& owner) {
  return fmt::format("{}/{}", kModelVolume, owner.settings.model_version);
}

// Brings the registered version's files from the server, which alone knows where they are.
Json Fetch(const Owner& owner) {
  Json container = Container(owner.settings, "fetch",
                             {"fetch", owner.project.name, Version(owner), "--to", ModelFolder(owner), "--server",
                              ServerUrl(owner.settings), "--plain-token"},
                             owner.project.serve->resources);
  container["env"] = Json::array({SecretVariable("KEELSON_API_TOKEN", kAccessSecret, kServerTokenKey)});
  container["volumeMounts"].push_back(Mount("model", kModelVolume, false));
  return container;
}

Json Replica(const Owner& owner) {
  Json container =
      Container(owner.settings, "replica",
                {"serve", "--model", owner.project.name + "=" + ModelFolder(owner), "--version", Version(owner),
                 "--host", "0.0.0.0", "--port", std::to_string(kRestPort), "--grpc-port", std::to_string(kGrpcPort),
                 "--token-file", std::string(kAccessFolder) + "/" + kReplicaTokenHashKey, "--allow-host",
                 fmt::format("{}.{}.svc", RevisionName(owner), owner.settings.workspace)},
                owner.project.serve->resources);
  if (IsRouted(owner.settings)) {
    for (const std::string& word : {std::string("--allow-host"), RoutedHost(owner)}) container["args"].push_back(word);
  }
  container["ports"] = {{{"name", "rest"}, {"containerPort", kRestPort}},
                        {{"name", "grpc"}, {"containerPort", kGrpcPort}}};
  // The port opens once the model is loaded. Until then only the startup probe asks; afterwards a replica that does not
  // answer for 10 s gets no requests, and one that does not for a minute is started anew.
  constexpr int kStartPeriod = 5;
  container["startupProbe"] = Probe("/v2/health/ready", kStartPeriod, kStartSeconds / kStartPeriod);
  container["readinessProbe"] = Probe("/v2/health/ready", 5, 2);
  container["livenessProbe"] = Probe("/v2/health/live", 10, 6);
  container["lifecycle"]["preStop"]["sleep"]["seconds"] = kLeaveSeconds;
  container["volumeMounts"].push_back(Mount("model", kModelVolume, true));
  container["volumeMounts"].push_back(Mount("access", kAccessFolder, true));
  return container;
}

// On different nodes and in different zones as far as there are any; better crowded than not at all.
Json Spread(const Owner& owner) {
  Json spread = Json::array();
  for (const char* key : {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}) {
    spread.push_back({{"maxSkew", 1},
                      {"topologyKey", key},
                      {"whenUnsatisfiable", "ScheduleAnyway"},
                      {"labelSelector", {{"matchLabels", RevisionSelector(owner)}}},
                      {"matchLabelKeys", {"pod-template-hash"}}});
  }
  return spread;
}

Json ReplicaPod(const Owner& owner) {
  Json spec = PodSpec(kInferencePriority);
  spec["terminationGracePeriodSeconds"] = kGraceSeconds + kLeaveSeconds;
  spec["topologySpreadConstraints"] = Spread(owner);
  spec["initContainers"] = Json::array({Fetch(owner)});
  spec["containers"] = Json::array({Replica(owner)});
  spec["volumes"].push_back({{"name", "model"}, {"emptyDir", Json::object()}});
  const Json items = Json::array({{{"key", kReplicaTokenHashKey}, {"path", kReplicaTokenHashKey}}});
  spec["volumes"].push_back({{"name", "access"}, {"secret", {{"secretName", kAccessSecret}, {"items", items}}}});
  return spec;
}

Json Deployment(const Owner& owner) {
  const project::ServeSpec& serve = *owner.project.serve;
  Json object = RevisionObject(owner, "apps/v1", "Deployment");
  Json& spec = object["spec"];
  if (!Scales(serve)) spec["replicas"] = serve.min_replicas;
  spec["selector"]["matchLabels"] = RevisionSelector(owner);
  spec["strategy"] = {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", 1}}}};
  spec["progressDeadlineSeconds"] = 2 * kStartSeconds;
  spec["revisionHistoryLimit"] = 2;
  // Without the revision of the project and the version of Keelson: a change of those alone starts no replica anew.
  spec["template"]["metadata"]["labels"] = RevisionSelector(owner);
  if (!owner.settings.addons.contains(Addon::kPrometheusOperator)) {
    spec["template"]["metadata"]["annotations"] = {{"prometheus.io/scrape", "true"},
                                                   {"prometheus.io/port", std::to_string(kRestPort)},
                                                   {"prometheus.io/path", "/metrics"}};
  }
  spec["template"]["spec"] = ReplicaPod(owner);
  return object;
}

Json Service(const Owner& owner) {
  Json object = RevisionObject(owner, "v1", "Service");
  object["spec"] = {
      {"selector", RevisionSelector(owner)},
      {"ports",
       Json::array(
           {{{"name", "rest"}, {"port", kRestPort}, {"targetPort", "rest"}},
            {{"name", "grpc"}, {"port", kGrpcPort}, {"targetPort", "grpc"}, {"appProtocol", "kubernetes.io/h2c"}}})}};
  return object;
}

// One at a time; a single replica does not hold up the node's maintenance, nor does one that never became ready.
Json Budget(const Owner& owner) {
  Json object = RevisionObject(owner, "policy/v1", "PodDisruptionBudget");
  object["spec"] = {{"maxUnavailable", 1},
                    {"unhealthyPodEvictionPolicy", "AlwaysAllow"},
                    {"selector", {{"matchLabels", RevisionSelector(owner)}}}};
  return object;
}

}  // namespace

std::string RevisionName(const Owner& owner) {
  return ObjectName({owner.project.name, "v" + Version(owner)});
}

bool Scales(const project::ServeSpec& serve) {
  return serve.min_replicas != serve.max_replicas;
}

std::vector<Json> Endpoint(const Owner& owner) {
  return {Deployment(owner), Service(owner), Budget(owner)};
}

}  // namespace keelson::kubernetes
