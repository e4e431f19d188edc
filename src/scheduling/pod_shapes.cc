#include "scheduling/pod_shapes.h"

#include <fmt/format.h>

namespace keelson::scheduling {
namespace {

std::string KeyOf(const PodShape& pod) {
  std::string key = fmt::format("{} {} {} {} {} {}", pod.request.cpu_milli, pod.request.memory_bytes, pod.disk_bytes,
                                pod.gpus, pod.gpu_milli, pod.models);
  for (const auto& [name, value] : pod.selector) key += fmt::format("\n{}={}", name, value);
  for (const Toleration& each : pod.tolerations) {
    key += fmt::format("\n!{}={}", each.key, each.value ? "=" + *each.value : "");
  }
  return key;
}

}  // namespace

std::size_t PodShapes::Number(const PodShape& pod) {
  const auto [entry, fresh] = numbers_.try_emplace(KeyOf(pod), shapes_.size());
  if (fresh) shapes_.push_back(pod);
  return entry->second;
}

}  // namespace keelson::scheduling
