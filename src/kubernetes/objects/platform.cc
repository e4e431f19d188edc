#include "kubernetes/objects/platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/priority_classes.h"
#include "kubernetes/objects/server_rights.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kServer = kServerAccount;  // the Deployment
constexpr const char* kService = "keelson";      // as ServerUrl has it
constexpr int kServerGrpcPort = 7071;
constexpr project::ResourcesSpec kServerResources = {.cpu = 1, .memory_bytes = std::uint64_t{2} << 30};
constexpr int kStartSeconds = 600;  // to load the features of all projects
constexpr int kGraceSeconds = 60;   // for what it has begun to answer

Json Selector() {
  return {{"app.kubernetes.io/name", "keelson"}, {"app.kubernetes.io/component", component::kServer}};
}

Json ServerObject(const Settings& settings, const char* api_version, const char* kind, const char* name) {
  Json object = PlatformObject(settings.version, api_version, kind, name);
  object["metadata"]["namespace"] = settings.server_namespace;
  object["metadata"]["labels"]["app.kubernetes.io/component"] = component::kServer;
  return object;
}

Json Account(const Settings& settings) {
  return ServerObject(settings, "v1", "ServiceAccount", kServer);
}

Json ServerContainer(const Settings& settings) {
  Json container = Container(
      settings, "server",
      {"server", "--data", kDataFolder, "--host", "0.0.0.0", "--port", std::to_string(kServerPort), "--grpc-port",
       std::to_string(kServerGrpcPort), "--kubernetes", "--kubernetes-image", settings.image, "--kubernetes-namespace",
       settings.server_namespace, "--kubernetes-monitoring", settings.monitoring_namespace, "--allow-host",
       fmt::format("{}.{}.svc", kService, settings.server_namespace)},
      kServerResources);
  Json database = SecretVariable("KEELSON_DATABASE", kServerSecret, kDatabaseKey);
  database["valueFrom"]["secretKeyRef"]["optional"] = true;
  container["env"] = Json::array({std::move(database)});
  container["ports"] = {{{"name", "rest"}, {"containerPort", kServerPort}},
                        {{"name", "grpc"}, {"containerPort", kServerGrpcPort}}};
  // Its port opens once it can answer.
  constexpr int kPeriod = 5;
  container["startupProbe"] = Probe("/health", kPeriod, kStartSeconds / kPeriod);
  container["readinessProbe"] = Probe("/health", kPeriod, 2);
  container["livenessProbe"] = Probe("/health", 10, 6);
  container["volumeMounts"].push_back(Mount("data", kDataFolder, false));
  // Over the file of that name in the data folder: without it the server makes a token and prints it.
  Json hash = Mount("token", "/var/lib/keelson/token.sha256", true);
  hash["subPath"] = kServerTokenHashKey;
  container["volumeMounts"].push_back(std::move(hash));
  return container;
}

Json Deployment(const Settings& settings) {
  Json pod = PodSpec(kSystemPriority);
  pod["serviceAccountName"] = kServer;
  pod["automountServiceAccountToken"] = true;  // by which it acts on the cluster
  pod["terminationGracePeriodSeconds"] = kGraceSeconds;
  pod["containers"] = Json::array({ServerContainer(settings)});
  pod["volumes"].push_back({{"name", "data"}, {"persistentVolumeClaim", {{"claimName", kDataClaim}}}});
  const Json items = Json::array({{{"key", kServerTokenHashKey}, {"path", kServerTokenHashKey}}});
  pod["volumes"].push_back({{"name", "token"}, {"secret", {{"secretName", kServerSecret}, {"items", items}}}});
  Json object = ServerObject(settings, "apps/v1", "Deployment", kServer);
  object["spec"] = {{"replicas", 1},
                    {"strategy", {{"type", "Recreate"}}},
                    {"selector", {{"matchLabels", Selector()}}},
                    {"template", {{"metadata", {{"labels", Selector()}}}, {"spec", std::move(pod)}}}};
  return object;
}

Json Service(const Settings& settings) {
  Json object = ServerObject(settings, "v1", "Service", kService);
  object["spec"] = {{"selector", Selector()},
                    {"ports", Json::array({{{"name", "rest"}, {"port", kServerPort}, {"targetPort", "rest"}},
                                           {{"name", "grpc"},
                                            {"port", kServerGrpcPort},
                                            {"targetPort", "grpc"},
                                            {"appProtocol", "kubernetes.io/h2c"}}})}};
  return object;
}

}  // namespace

std::vector<Json> Platform(const Settings& settings) {
  Json space = PlatformObject(settings.version, "v1", "Namespace", settings.server_namespace);
  EnforcePodSecurity(&space);
  std::vector<Json> objects = {std::move(space), Account(settings)};
  std::ranges::move(ServerRights(settings), std::back_inserter(objects));
  objects.push_back(Deployment(settings));
  objects.push_back(Service(settings));
  return objects;
}

}  // namespace keelson::kubernetes
