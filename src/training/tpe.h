#pragma once

#include "training/search.h"

namespace keelson::training {

// The tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) of whole points (Falkner et al., ICML 2018):
// random for the first outcomes; then the best tenth of them (at most 25) against the others, each a mixture of one
// kernel a point whose widths reach to the neighbours but are never under (high - low) / min(100, 1.25 n + 2), plus one
// wide prior; of 64 candidates drawn from the good mixture the one with the greatest ratio good / bad. Old bad outcomes
// weigh less once there are more than 25. Running trials count as bad, so that parallel trials keep away from each
// other; failed ones (NaN) as the worst. Immutable; safe from any thread.
class TpeSampler final : public Sampler {
 public:
  explicit TpeSampler(const SamplerSettings& settings) : settings_(settings) {}
  Point Suggest(const std::vector<Range>& space, std::uint64_t trial_number, const std::vector<TrialOutcome>& outcomes,
                const std::vector<Point>& running) const override;

 private:
  SamplerSettings settings_;
};

}  // namespace keelson::training
