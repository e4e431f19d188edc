#include <functional>

#include "scheduling/expected_fit.h"
#include "scheduling/fragmentation.h"
#include "scheduling/packing_rules.h"
#include "scheduling/placement.h"

namespace keelson::scheduling {
namespace {

struct Named {
  std::string name;
  std::function<std::unique_ptr<PlacementPolicy>(const Cluster&, const Mix&)> make;
};

const std::vector<Named>& Policies() {
  static const std::vector<Named> policies = {
      {"least-allocated", [](const Cluster& cluster, const Mix&) { return LeastAllocatedRule(cluster); }},
      {"first-fit", [](const Cluster&, const Mix&) { return FirstFitRule(); }},
      {"best-fit", [](const Cluster&, const Mix&) { return BestFitRule(); }},
      {"dot-product", [](const Cluster&, const Mix&) { return DotProductRule(); }},
      {"fgd", [](const Cluster&, const Mix& mix) { return FgdPolicy(mix); }},
      {"keelson", [](const Cluster& cluster, const Mix& mix) { return ExpectedFitPolicy(cluster, mix); }},
  };
  return policies;
}

}  // namespace

const std::vector<std::string>& PlacementPolicyNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Named& each : Policies()) all.push_back(each.name);
    return all;
  }();
  return names;
}

std::unique_ptr<PlacementPolicy> MakePlacementPolicy(std::string_view name, const Cluster& cluster, const Mix& mix) {
  for (const Named& each : Policies()) {
    if (each.name == name) return each.make(cluster, mix);
  }
  return nullptr;
}

}  // namespace keelson::scheduling
