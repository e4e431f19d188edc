#pragma once

#include "training/search.h"

namespace keelson::training {

// The tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), range by range, with the settings that have
// become usual: random for the first 10 outcomes; then the best min(ceil(n / 10), 25) outcomes against the others, each
// a mixture of truncated normals (of their logarithms where the range says so) whose widths reach to the neighbours but
// are never under (high - low) / min(100, n + 2), plus one wide prior; choices by smoothed counts; of 24 candidates
// drawn from the good mixture the one with the greatest ratio good / bad. Old bad outcomes weigh less once there are
// more than 25. Running trials count as bad, so that parallel trials keep away from each other; failed ones (NaN) as
// the worst. Immutable; safe from any thread.
class TpeSampler final : public Sampler {
 public:
  explicit TpeSampler(std::uint64_t seed) : seed_(seed) {}
  Point Suggest(const std::vector<Range>& space, std::uint64_t trial_number, const std::vector<TrialOutcome>& outcomes,
                const std::vector<Point>& running) const override;

 private:
  std::uint64_t seed_;
};

}  // namespace keelson::training
