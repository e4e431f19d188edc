#include "kubernetes/objects/node_pools.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kGpu = "nvidia.com/gpu";
constexpr const char* kIdle = "5m";  // until an empty or half empty node goes

Json Among(const char* label, const char* how, const std::vector<std::string>& values) {
  return {{"key", label}, {"operator", how}, {"values", values}};
}

Json Pool(const std::string& version, const char* name, const NodeClass& node_class, Json limits) {
  Json object = PlatformObject(version, "karpenter.sh/v1", "NodePool", name);
  Json& spec = object["spec"];
  spec["template"]["metadata"]["labels"] = {{"keelson.dev/pool", name}};
  spec["template"]["spec"] = {
      {"nodeClassRef", {{"group", node_class.group}, {"kind", node_class.kind}, {"name", node_class.name}}},
      {"requirements",
       Json::array({Among("karpenter.sh/capacity-type", "In", {"spot", "on-demand"}),
                    Among("kubernetes.io/os", "In", {"linux"}), Among("kubernetes.io/arch", "In", {"amd64"})})}};
  spec["limits"] = std::move(limits);
  spec["disruption"] = {{"consolidationPolicy", "WhenEmptyOrUnderutilized"},
                        {"consolidateAfter", kIdle},
                        {"budgets", Json::array({{{"nodes", "10%"}}})}};
  return object;
}

}  // namespace

Result<NodeClass> ParseNodeClass(const std::string& text) {
  const auto parts = Split(text, '/');
  if (parts.size() == 3 && std::ranges::none_of(parts, &std::string_view::empty))
    return NodeClass{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is no class of nodes: expected such as karpenter.k8s.aws/EC2NodeClass/default", text),
              "--node-class");
}

std::vector<Json> NodePools(const std::string& version, const NodeClass& node_class, const PoolLimits& limits) {
  const std::string cores = std::to_string(limits.cores);
  Json plain = Pool(version, "keelson-cpu", node_class, {{"cpu", cores}, {kGpu, "0"}});
  Json gpus = Pool(version, "keelson-gpu", node_class, {{"cpu", cores}, {kGpu, std::to_string(limits.gpus)}});
  // Where both would do, nodes without GPUs are made.
  plain["spec"]["weight"] = 10;
  gpus["spec"]["template"]["spec"]["taints"] =
      Json::array({{{"key", kGpu}, {"value", "present"}, {"effect", "NoSchedule"}}});
  return {std::move(plain), std::move(gpus)};
}

}  // namespace keelson::kubernetes
