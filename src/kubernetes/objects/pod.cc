#include "kubernetes/objects/pod.h"

#include <fmt/format.h>

#include <cmath>

#include "project/scalars.h"

namespace keelson::kubernetes {
namespace {

constexpr int kNobody = 65532;

}  // namespace

std::string ServerUrl(const Settings& settings) {
  return fmt::format("http://keelson.{}.svc:{}", settings.server_namespace, kServerPort);
}

std::string Cores(double cpu) {
  const auto milli = static_cast<std::int64_t>(std::ceil(cpu * 1'000 - 1e-6));
  return milli % 1'000 == 0 ? fmt::format("{}", milli / 1'000) : fmt::format("{}m", milli);
}

std::string Bytes(std::uint64_t bytes) {
  return project::FormatSize(bytes);
}

Json Container(const Settings& settings, const char* name, const std::vector<std::string>& arguments,
               const project::ResourcesSpec& resources) {
  const std::string memory = Bytes(resources.memory_bytes);
  return {
      {"name", name},
      {"image", settings.image},
      {"command", {"keelson"}},
      {"args", arguments},
      {"resources",
       {{"requests", {{"cpu", Cores(resources.cpu)}, {"memory", memory}}}, {"limits", {{"memory", memory}}}}},
      {"securityContext",
       {{"allowPrivilegeEscalation", false}, {"readOnlyRootFilesystem", true}, {"capabilities", {{"drop", {"ALL"}}}}}},
      {"volumeMounts", Json::array({Mount("tmp", "/tmp", false)})}};
}

Json SecretVariable(const char* variable, const std::string& secret, const char* key) {
  return {{"name", variable}, {"valueFrom", {{"secretKeyRef", {{"name", secret}, {"key", key}}}}}};
}

Json PodSpec(const char* priority_class) {
  return {{"serviceAccountName", kServiceAccount},
          {"automountServiceAccountToken", false},
          {"enableServiceLinks", false},
          {"priorityClassName", priority_class},
          {"securityContext",
           {{"runAsNonRoot", true},
            {"runAsUser", kNobody},
            {"runAsGroup", kNobody},
            {"fsGroup", kNobody},
            {"fsGroupChangePolicy", "OnRootMismatch"},
            {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
          {"volumes", Json::array({{{"name", "tmp"}, {"emptyDir", Json::object()}}})}};
}

Json Mount(const char* volume, const char* path, bool read_only) {
  Json mount = {{"name", volume}, {"mountPath", path}};
  if (read_only) mount["readOnly"] = true;
  return mount;
}

Json Probe(const char* path, int period, int failures) {
  return {{"httpGet", {{"path", path}, {"port", "rest"}}},
          {"periodSeconds", period},
          {"timeoutSeconds", 5},
          {"failureThreshold", failures}};
}

}  // namespace keelson::kubernetes
