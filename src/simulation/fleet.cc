#include "simulation/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::simulation {

int Fleet::Pool::spot_nodes() const {
  return static_cast<int>(std::lround(spot_share * nodes));
}

std::int64_t Fleet::Pool::PriceOf(int number) const {
  return number < spot_nodes() ? spot_price.value_or(price) : price;
}

bool Fleet::priced() const {
  return std::ranges::any_of(pools, [](const Pool& pool) { return pool.price > 0 || pool.spot_price.value_or(0) > 0; });
}

scheduling::Cluster ClusterOf(const Fleet& fleet) {
  scheduling::Cluster cluster;
  cluster.models = fleet.models;
  cluster.levels = {"zone"};
  cluster.pools.clear();
  std::map<std::string, int> zones;
  for (const Fleet::Pool& pool : fleet.pools) {
    const int zone = zones.try_emplace(pool.zone, static_cast<int>(zones.size())).first->second;
    scheduling::Node node = pool.node;
    node.pool = static_cast<int>(cluster.pools.size());
    node.domains = {zone};
    for (int i = 0; i < pool.nodes; ++i) {
      node.name = fmt::format("{}-{}", pool.name, i);
      cluster.nodes.push_back(node);
    }
    cluster.pools.push_back({pool.name, pool.labels, {}});
  }
  if (cluster.pools.empty()) cluster.pools.emplace_back();
  return cluster;
}

}  // namespace keelson::simulation
