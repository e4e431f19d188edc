#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::scheduling {

// What it costs to take the room of pods that fit in few places: several whole GPUs of one node, or much CPU. As in the
// sale of seats, a place is worth what it brings times the chance that it will be asked for: worth * P(demand >=
// places), the demand until the GPUs are full taken as normal with the variance of a Poisson law.
//
// At most 64 shapes are guarded, those whose demand weighs most: every shape of two GPUs or more, and the pods without
// GPU, which are worth the GPUs that their CPU is on average needed for. A place of theirs is never counted as demand
// that ends with the GPUs: they go on coming.
class RoomPrices {
 public:
  RoomPrices(const Cluster& cluster, const Mix& mix);

  // The guarded shapes of which the node would have fewer places, if it became `after`: a bit for each.
  std::uint64_t Lost(int node_index, const NodeState& after) const;
  // The price of the dearest of them now, in thousandths of a GPU.
  float Of(std::uint64_t lost) const;
  void Changed(int node_index, const NodeState& before, const NodeState& after);

 private:
  static constexpr std::size_t kMost = 64;
  static constexpr int kPricedEvery = 16;  // changes
  using Four [[gnu::vector_size(16)]] = float;
  using FourInts [[gnu::vector_size(16)]] = std::int32_t;
  using Places = std::array<FourInts, kMost / 4>;

  struct Guard {
    double demand_part = 0;  // of all pods: of this shape and of those that would need its place too
    double worth = 0;
    double places = 0;  // in the cluster
    bool gpus = false;
  };

  static std::int32_t OfGuard(const Places& places, std::size_t guard) { return places[guard / 4][guard % 4]; }
  Places Count(const NodeState& node) const;
  void Reprice();

  std::vector<Guard> guards_;
  // Of each guard, four at a time: 1 / what a place needs. Zero needs count as next to nothing.
  std::array<Four, kMost / 4> per_cpu_{}, per_memory_{}, per_gpus_{};
  std::vector<std::uint64_t> usable_;  // by model: the guards that may use it; the last for nodes without GPU
  std::vector<Places> places_;         // by node
  std::array<float, kMost> price_{};
  std::uint64_t priced_ = 0;  // the guards with a price above nothing
  double gpu_per_pod_ = 0;    // thousandths, on average
  double free_gpu_ = 0;
  double all_gpu_ = 0;
  int changes_ = 0;
};

}  // namespace keelson::scheduling
