#pragma once

#include <memory>
#include <vector>

#include "scheduling/placement.h"

namespace keelson::scheduling {

// Fragmentation Gradient Descent as published ("Beware of Fragmentation", USENIX ATC'23), and its measure.
//
// The typical pods are the most frequent shapes (CPU, GPUs, models; memory does not count) that make up 95 % of the
// load; of more than kMostTypical the most frequent ones.
class Fragmentation {
 public:
  static constexpr std::size_t kMostTypical = 512;

  explicit Fragmentation(const Mix& mix);

  // Thousandths of the node's free GPUs that a typical pod, drawn at random, cannot use: all of them when the pod does
  // not fit or wants no GPU, else those on GPUs that are too full for it.
  double Amount(const NodeState& node) const;

 private:
  struct Typical {
    std::int64_t cpu_milli;
    int gpus;
    int gpu_milli;
    ModelSet models;
    double frequency;
  };
  std::vector<std::vector<Typical>> by_model_;  // the typical pods that may use a GPU of the model
};

// Where the fragmentation grows least: score int(100 * sigmoid(decrease / 1000)). The rounding is part of what was
// published: most nodes tie, and the first of them wins.
std::unique_ptr<PlacementPolicy> FgdPolicy(const Mix& mix);

}  // namespace keelson::scheduling
