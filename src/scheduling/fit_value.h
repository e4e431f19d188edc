#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::scheduling {

// How much GPU a node is still good for: the mean, over a fixed sample of sequences of GPU pods drawn from the mix, of
// what a node in this state would take of them, one after the other, whatever fits. It sees what FGD cannot: CPU that
// runs out before the GPUs do, and left-over shares, several pods ahead.
//
// Depends on the mix and the cluster's largest node, and on the node's free CPU, memory and GPUs and their model; the
// same on every machine. Pods and nodes are rounded against the pod to 1/32,000 of the largest node. Not thread-safe:
// the last values are kept.
class FitValue {
 public:
  FitValue(const Cluster& cluster, const Mix& mix);

  // In thousandths of a GPU, from 0 to the node's free ones.
  float Of(const NodeState& node);

 private:
  static constexpr int kLanes = 16;   // sequences, walked side by side
  static constexpr int kLength = 54;  // pods of a sequence
  static constexpr std::size_t kKept = std::size_t{1} << 17;

  // Aligned by name: g++ aligns such a type by 16 where it compiles without AVX, and expects 32 where it does with it.
  using Lanes [[gnu::vector_size(2 * kLanes)]] = std::int16_t;
  struct alignas(2 * kLanes) Step {  // one pod of each lane
    Lanes cpu, memory, gpus, milli;
  };
  struct Sequences {  // for one model: without the pods that may not use it
    std::vector<Step> steps;
    int length = 0;
  };
  struct Key {
    std::array<std::int16_t, kMostGpus> gpus{};  // ascending
    std::int16_t cpu = 0;
    std::int16_t memory = 0;
    std::int16_t model = -1;
  };
  struct Kept {
    std::uint64_t hash = 0;  // stands for the key: of 2^64, so that two states are never taken for each other
    float value = 0;
  };

  Key KeyOf(const NodeState& node) const;
  float Compute(const Key& key) const;
  // What is left of the GPUs, summed over all sequences. `left` holds `gpus` GPUs as they are at first.
  static int Walk(const Sequences& sequences, const Key& key, std::int16_t least_cpu, Lanes* left, std::size_t gpus);

  std::int64_t cpu_unit_ = 1;
  std::int64_t memory_unit_ = 1;
  std::int16_t least_cpu_ = 0;  // of any pod
  std::vector<Sequences> models_;
  std::vector<Kept> kept_;  // by the hash's last bits; a later value takes the place of an earlier one
};

}  // namespace keelson::scheduling
