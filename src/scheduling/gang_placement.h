#pragma once

#include <cstddef>
#include <vector>

#include "scheduling/placement.h"
#include "scheduling/workload.h"

namespace keelson::scheduling {

// The number of the level in the cluster's topology; -1 for "" and one that is not there.
int FindLevel(const Cluster& cluster, const std::string& level);
// The domain of the level in which the node stands; 0 when the level is none (-1); -1 when the node stands in none.
int DomainOf(const Cluster& cluster, std::size_t node, int level);

// Puts gangs through the placement core, all or nothing. Refers to its arguments, which must outlive it.
class GangPlacer {
 public:
  GangPlacer(const Cluster& cluster, const std::vector<PodShape>& shapes, Placer& placer)
      : cluster_(cluster), shapes_(shapes), placer_(placer) {}

  // Puts as many pods as fit, from `least` to `most`, on nodes that are open (null: all) and stand as is wished; puts
  // none and returns none when fewer fit. Of the domains that have room enough the one with the least of it is taken.
  std::vector<PodPlace> Put(std::size_t shape, int least, int most, const TopologyWish& wish,
                            const std::vector<char>* open);
  void Remove(std::size_t shape, const std::vector<PodPlace>& places);
  void Occupy(std::size_t shape, const std::vector<PodPlace>& places);  // Placer::Occupy, of each

 private:
  std::vector<PodPlace> PutWithin(std::size_t shape, int least, int most, const std::vector<char>* open);
  // The nodes of the domain of `level` that suits best; empty when none has room enough.
  std::vector<char> BestDomain(std::size_t shape, int least, int most, int level, const std::vector<char>* open);

  const Cluster& cluster_;
  const std::vector<PodShape>& shapes_;
  Placer& placer_;
};

}  // namespace keelson::scheduling
