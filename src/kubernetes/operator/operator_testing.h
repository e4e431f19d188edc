#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/time.h"
#include "kubernetes/operator/node_room.h"

// Objects of Kubernetes as the tests of this room need them.
namespace keelson::kubernetes::testing {

using nlohmann::json;

inline const Instant kNow = ParseInstant("2026-11-30T12:00:00Z").value();

inline SharedObject Share(json object) {
  return std::make_shared<const json>(std::move(object));
}

inline json With(json object, const std::string& pointer, const json& value) {
  object[json::json_pointer(pointer)] = value;
  return object;
}

inline json TestNode(const std::string& name, const std::string& cpu = "8", int gpus = 8) {
  return {{"kind", "Node"},
          {"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}, {"pool", "a"}}}}},
          {"spec", json::object()},
          {"status",
           {{"allocatable", {{"cpu", cpu}, {"memory", "64Gi"}, {"nvidia.com/gpu", std::to_string(gpus)}}},
            {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
}

inline json PodSpecWith(const std::string& cpu, int gpus = 0) {
  json requests = {{"cpu", cpu}, {"memory", "1Gi"}};
  if (gpus > 0) requests["nvidia.com/gpu"] = std::to_string(gpus);
  return {{"containers", {{{"name", "worker"}, {"resources", {{"requests", requests}}}}}}};
}

// A pod on a node ("": on none yet); with `owner`, the uid of its Job.
inline json TestPod(const std::string& name, const std::string& node, const json& spec, const std::string& owner = {}) {
  json pod = {{"kind", "Pod"},
              {"metadata", {{"name", name}, {"namespace", "lab"}, {"uid", "u-" + name}}},
              {"spec", spec},
              {"status", {{"phase", node.empty() ? "Pending" : "Running"}}}};
  if (!node.empty()) pod["spec"]["nodeName"] = node;
  if (!owner.empty()) {
    pod["metadata"]["ownerReferences"] = json::array({{{"kind", "Job"}, {"uid", owner}, {"controller", true}}});
  }
  return pod;
}

}  // namespace keelson::kubernetes::testing
