#include "app/simulate/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "app/simulate/machines.h"
#include "base/strings.h"
#include "project/quantity.h"

namespace keelson::app {
namespace {

using scheduling::Resource;

struct Change {
  std::string_view kind;   // "nodes"
  std::string_view about;  // "a100"
  std::string_view value;  // "+2"
};

// What is wrong with it; "" for nothing.
using Problem = std::string;

Problem ChangeNodes(const Change& change, const simulation::Fleet& fleet, simulation::Fleet::Pool& pool) {
  const bool relative = change.value.starts_with('+') || change.value.starts_with('-');
  const auto number = ParseInt(change.value.starts_with('+') ? change.value.substr(1) : change.value);
  if (!number) return fmt::format("'{}' is no number of nodes such as 8, +2 or -1", change.value);
  std::int64_t others = 0;
  for (const auto& each : fleet.pools) others += each.nodes;
  others -= pool.nodes;
  const bool countable = *number >= -kMostMachines && *number <= kMostMachines;
  const std::int64_t nodes = countable ? *number + (relative ? pool.nodes : 0) : kMostMachines + 1;
  if (nodes < 0) return fmt::format("it has {} nodes only", pool.nodes);
  if (nodes + others > kMostMachines) return fmt::format("there are more than {} machines", kMostMachines);
  pool.nodes = static_cast<int>(nodes);
  return "";
}

Problem ChangePool(const Change& change, simulation::Fleet& fleet) {
  const auto pool = std::ranges::find(fleet.pools, change.about, &simulation::Fleet::Pool::name);
  if (pool == fleet.pools.end()) {
    std::vector<std::string> names;
    for (const auto& each : fleet.pools) names.push_back(each.name);
    return fmt::format("there is no pool '{}'; there are {}", change.about, names.empty() ? "none" : Join(names, ", "));
  }
  if (change.kind == "nodes") return ChangeNodes(change, fleet, *pool);
  if (change.kind == "spot") {
    const auto share = ParsePart(change.value);
    if (!share) return fmt::format("'{}' is no part from 0 to 1", change.value);
    pool->spot_share = *share;
  } else {
    const auto price = ParsePrice(change.value);
    if (!price) return fmt::format("'{}' is no price an hour such as 2.50", change.value);
    if (change.kind == "price") pool->price = *price;
    if (change.kind == "spot-price") pool->spot_price = *price;
  }
  return WrongPrices(*pool);
}

std::optional<std::int64_t> AmountOf(Resource resource, std::string_view text) {
  return project::ParseQuantity(text, resource == Resource::kCpu || resource == Resource::kGpu
                                          ? project::Unit::kThousandths
                                          : project::Unit::kWhole);
}

Problem ChangeQuota(const Change& change, scheduling::Queues& queues) {
  const std::vector<std::string_view> names = Split(change.about, '/');
  if (names.size() < 2 || names.size() > 3) return "expected QUEUE/RESOURCE or QUEUE/FLAVOR/RESOURCE";
  const auto queue = std::ranges::find(queues.cluster_queues, names[0], &scheduling::ClusterQueue::name);
  if (queue == queues.cluster_queues.end()) return fmt::format("there is no ClusterQueue '{}'", names[0]);
  auto flavor = queue->flavors.begin();
  if (names.size() == 3) {
    flavor = std::ranges::find(queue->flavors, names[1], &scheduling::FlavorQuota::flavor);
    if (flavor == queue->flavors.end()) return fmt::format("it has no flavor '{}'", names[1]);
  } else if (queue->flavors.size() != 1) {
    return fmt::format("it has {} flavors: say which, as QUEUE/FLAVOR/RESOURCE", queue->flavors.size());
  }
  for (std::size_t r = 0; r < scheduling::kResourceCount; ++r) {
    const auto resource = static_cast<Resource>(r);
    if (scheduling::ResourceName(resource) != names.back()) continue;
    const auto amount = AmountOf(resource, change.value);
    if (!amount) return fmt::format("'{}' is no quantity such as 64 or 256Gi", change.value);
    auto& quota = flavor->of[r];
    if (!quota) return fmt::format("its flavor '{}' has no quota of {}", flavor->flavor, names.back());
    quota->nominal = *amount;
    return "";
  }
  return fmt::format("there is no resource '{}'; there are cpu, memory, disk and gpu", names.back());
}

Problem Apply(std::string_view text, simulation::Fleet& fleet, scheduling::Queues& queues) {
  const std::size_t colon = text.find(':');
  const std::size_t equal = text.rfind('=');
  if (colon == std::string_view::npos || equal == std::string_view::npos || equal < colon)
    return "expected such as nodes:POOL=+1 or quota:QUEUE/cpu=64";
  const Change change{text.substr(0, colon), text.substr(colon + 1, equal - colon - 1), text.substr(equal + 1)};
  if (change.kind == "quota") return ChangeQuota(change, queues);
  for (const char* kind : {"nodes", "price", "spot-price", "spot"}) {
    if (change.kind == kind) return ChangePool(change, fleet);
  }
  return fmt::format("'{}' is none of nodes, price, spot-price, spot and quota", change.kind);
}

}  // namespace

Status ApplyWhatIf(std::string_view text, simulation::Fleet& fleet, scheduling::Queues& queues) {
  for (const std::string_view each : Split(text, ',')) {
    if (const Problem problem = Apply(each, fleet, queues); !problem.empty())
      return Fail(ErrorCode::kInvalidArgument, fmt::format("what if '{}': {}", each, problem));
  }
  return {};
}

}  // namespace keelson::app
