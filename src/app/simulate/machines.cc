#include "app/simulate/machines.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "base/strings.h"
#include "project/quantity.h"

namespace keelson::app {
namespace {

constexpr std::int64_t kMostNodes = 100'000;  // in all
// Of one machine; so that those of all can be summed up.
constexpr std::int64_t kMostCpuMilli = 10'000'000;
constexpr std::int64_t kMostMemory = std::int64_t{1} << 44;

// "4xREST" as 4 and "REST".
std::optional<std::pair<std::int64_t, std::string_view>> Times(std::string_view text) {
  const std::size_t x = text.find('x');
  if (x == std::string_view::npos) return std::nullopt;
  const auto count = ParseInt(text.substr(0, x));
  if (!count || *count < 1) return std::nullopt;
  return std::pair(*count, text.substr(x + 1));
}

// Adds the nodes of one text; what is wrong with it, "" for nothing.
std::string Add(std::string_view text, scheduling::Cluster& cluster) {
  const auto parts = Split(text, ',');
  const auto nodes = Times(parts.front());
  if (!nodes || parts.size() < 2 || parts.size() > 3) return "expected such as 4x16,64Gi or 2x96,680Gi,8xA100";
  const auto cpu = project::ParseQuantity(nodes->second, project::Unit::kThousandths);
  const auto memory = project::ParseQuantity(parts[1], project::Unit::kWhole);
  if (!cpu || !memory) return "expected cores and memory such as 16 and 64Gi";
  if (*cpu < 1 || *memory < 1) return "a machine without cores or memory";
  if (*cpu > kMostCpuMilli || *memory > kMostMemory) return "more than 10,000 cores or 16Ti of memory in one machine";
  scheduling::Node node;
  node.capacity = {*cpu, *memory};
  if (parts.size() == 3) {
    const auto gpus = Times(parts[2]);
    if (!gpus || gpus->second.empty() || gpus->first > scheduling::kMostGpus)
      return fmt::format("expected GPUs such as 8xA100, at most {} of them", scheduling::kMostGpus);
    const auto model = cluster.models.Add(gpus->second);
    if (!model) return fmt::format("there are more than {} models of GPUs", scheduling::GpuModels::kMost);
    node.gpus = static_cast<int>(gpus->first);
    node.model = *model;
  }
  if (nodes->first > kMostNodes - static_cast<std::int64_t>(cluster.nodes.size()))
    return fmt::format("there are more than {} machines", kMostNodes);
  for (std::int64_t i = 0; i < nodes->first; ++i) {
    node.name = fmt::format("machine-{}", cluster.nodes.size());
    cluster.nodes.push_back(node);
  }
  return "";
}

}  // namespace

Result<scheduling::Cluster> ParseMachines(const std::vector<std::string>& texts) {
  scheduling::Cluster cluster;
  for (const std::string& text : texts) {
    if (const std::string wrong = Add(text, cluster); !wrong.empty())
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}': {}", text, wrong));
  }
  return cluster;
}

}  // namespace keelson::app
