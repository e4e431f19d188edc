#include "kubernetes/objects/scaling.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.h"
#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/pod.h"

namespace keelson::kubernetes {
namespace {

// Of the CPU that replicas ask for. Memory is no measure of load: a model takes what it takes, asked or not.
constexpr int kCpuPercent = 70;
constexpr int kPollSeconds = 5;

Json Target(const Owner& owner) {
  return {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", RevisionName(owner)}};
}

Json Autoscaler(const Owner& owner) {
  const project::ServeSpec& serve = *owner.project.serve;
  Json object =
      NewObject(owner, "autoscaling/v2", "HorizontalPodAutoscaler", RevisionName(owner), component::kEndpoint);
  const Json cpu = {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", kCpuPercent}}}};
  object["spec"] = {{"scaleTargetRef", Target(owner)},
                    {"minReplicas", std::max(1, serve.min_replicas)},
                    {"maxReplicas", serve.max_replicas},
                    {"metrics", Json::array({{{"type", "Resource"}, {"resource", cpu}}})}};
  return object;
}

// One number of the server's summary of a project; KEDA reads it by a path in the JSON.
Json Trigger(const Owner& owner, const char* number) {
  return {
      {"type", "metrics-api"},
      {"name", number},
      {"metadata",
       {{"url", fmt::format("{}/api/keelson/v1/projects/{}/summary", ServerUrl(owner.settings), owner.project.name)},
        {"valueLocation", fmt::format("endpoint.{}", number)},
        {"targetValue", "1"},  // of this number alone, which the formula replaces
        {"authMode", "bearer"}}},
      {"authenticationRef", {{"name", RevisionName(owner)}}}};
}

Json Authentication(const Owner& owner) {
  Json object =
      NewObject(owner, "keda.sh/v1alpha1", "TriggerAuthentication", RevisionName(owner), component::kEndpoint);
  object["spec"]["secretTargetRef"] =
      Json::array({{{"parameter", "token"}, {"name", kAccessSecret}, {"key", kServerTokenKey}}});
  return object;
}

Json ScaledObject(const Owner& owner) {
  const project::ServeSpec& serve = *owner.project.serve;
  Json object = NewObject(owner, "keda.sh/v1alpha1", "ScaledObject", RevisionName(owner), component::kEndpoint);
  const auto idle = std::chrono::duration_cast<std::chrono::seconds>(serve.idle).count();
  object["spec"] = {{"scaleTargetRef", Target(owner)},
                    {"minReplicaCount", serve.min_replicas},
                    {"maxReplicaCount", serve.max_replicas},
                    {"pollingInterval", kPollSeconds},
                    {"cooldownPeriod", idle},
                    {"advanced",
                     {{"scalingModifiers",
                       {{"formula", "in_flight + held"},
                        {"target", fmt::format("{}", serve.target_concurrency)},
                        {"activationTarget", "0"},
                        {"metricType", "AverageValue"}}}}},
                    {"triggers", Json::array({Trigger(owner, "in_flight"), Trigger(owner, "held")})}};
  return object;
}

}  // namespace

std::vector<Json> Scaling(const Owner& owner) {
  if (!Scales(*owner.project.serve)) return {};
  if (owner.settings.addons.contains(Addon::kKeda)) return {Authentication(owner), ScaledObject(owner)};
  if (owner.settings.addons.contains(Addon::kMetricsServer)) return {Autoscaler(owner)};
  return {};
}

}  // namespace keelson::kubernetes
