#include "kubernetes/objects/kserve_export.h"

#include <fmt/format.h>

#include <cmath>

#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/pod.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kModelFolder = "/mnt/models";  // where KServe puts what it has fetched
constexpr const char* kAccessFolder = "/var/run/keelson/access";
constexpr const char* kContainer = "kserve-container";  // the one that KServe means

Json Replica(const Owner& owner) {
  const std::string& name = owner.project.name;
  const std::string& space = owner.settings.workspace;
  Json container =
      Container(owner.settings, kContainer,
                {"serve", "--model", fmt::format("{}={}", name, kModelFolder), "--host", "0.0.0.0", "--port",
                 std::to_string(kRestPort), "--token-file", std::string(kAccessFolder) + "/" + kReplicaTokenHashKey,
                 "--allow-host", fmt::format("{}-predictor.{}.svc", name, space), "--allow-host",
                 fmt::format("{}-predictor.{}", name, space), "--allow-host", fmt::format("{}.{}.svc", name, space)},
                owner.project.serve->resources);
  container["ports"] = Json::array({{{"containerPort", kRestPort}, {"protocol", "TCP"}}});
  container["volumeMounts"].push_back(Mount("access", kAccessFolder, true));
  return container;
}

Json Runtime(const Owner& owner) {
  Json object = NewObject(owner, "serving.kserve.io/v1alpha1", "ServingRuntime", kKserveRuntime, component::kEndpoint);
  Json formats = Json::array();
  for (const char* format : {"mlflow", "xgboost", "lightgbm", "onnx"})
    formats.push_back({{"name", format}, {"autoSelect", false}});
  const Json items = Json::array({{{"key", kReplicaTokenHashKey}, {"path", kReplicaTokenHashKey}}});
  object["spec"] = {
      {"supportedModelFormats", std::move(formats)},
      {"protocolVersions", {"v1", "v2"}},
      {"containers", Json::array({Replica(owner)})},
      {"volumes", Json::array({{{"name", "tmp"}, {"emptyDir", Json::object()}},
                               {{"name", "access"}, {"secret", {{"secretName", kAccessSecret}, {"items", items}}}}})}};
  return object;
}

Json Service(const Owner& owner, const std::string& storage_uri) {
  const project::ServeSpec& serve = *owner.project.serve;
  Json object = NewObject(owner, "serving.kserve.io/v1beta1", "InferenceService", ObjectName({owner.project.name}),
                          component::kEndpoint);
  Json& predictor = object["spec"]["predictor"];
  predictor["minReplicas"] = serve.min_replicas;
  predictor["maxReplicas"] = serve.max_replicas;
  predictor["scaleMetric"] = "concurrency";
  predictor["scaleTarget"] = static_cast<int>(std::ceil(serve.target_concurrency));
  if (serve.canary.steps.front() < 100) predictor["canaryTrafficPercent"] = serve.canary.steps.front();
  const std::string memory = Bytes(serve.resources.memory_bytes);
  predictor["model"] = {
      {"modelFormat", {{"name", "mlflow"}}},
      {"runtime", kKserveRuntime},
      {"protocolVersion", "v2"},
      {"storageUri", storage_uri},
      {"resources",
       {{"requests", {{"cpu", Cores(serve.resources.cpu)}, {"memory", memory}}}, {"limits", {{"memory", memory}}}}}};
  return object;
}

}  // namespace

Result<std::vector<Json>> KserveObjects(const project::Project& project, const std::string& revision,
                                        const Settings& settings, const std::string& storage_uri) {
  KEELSON_ASSIGN_OR_RETURN(const Settings checked, CheckSettings(project, settings));
  if (!project.serve) {
    return Fail(ErrorCode::kFailedPrecondition, "the project serves nothing: it is no InferenceService", project.name);
  }
  const Owner owner{project, revision, checked};
  return std::vector<Json>{Runtime(owner), Service(owner, storage_uri)};
}

}  // namespace keelson::kubernetes
