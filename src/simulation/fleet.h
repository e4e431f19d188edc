#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::simulation {

// The machines of a simulation, in pools of equal ones, and what they cost.
struct Fleet {
  struct Pool {
    std::string name;  // differs from all others'
    int nodes = 0;
    scheduling::Node node;  // what each of them has; its name, pool and domains are not looked at
    std::map<std::string, std::string> labels;
    std::string zone;                        // which fails as a whole
    std::int64_t price = 0;                  // of a node an hour, in millionths of the currency
    std::optional<std::int64_t> spot_price;  // nothing: they are not sold so
    double spot_share = 0;                   // of its nodes, rounded; the first ones
    double interruptions = 0.05;             // of a spot node in an hour; unsaid, as much as `keelson advise` assumes

    int spot_nodes() const;
    std::int64_t PriceOf(int number) const;  // of the node of that number in the pool
  };
  std::string currency = "USD";
  scheduling::GpuModels models;
  std::vector<Pool> pools;

  bool priced() const;  // something of it has a price
};

// Its nodes pool by pool, named "POOL-NUMBER", in one domain each of the level "zone".
scheduling::Cluster ClusterOf(const Fleet& fleet);

}  // namespace keelson::simulation
