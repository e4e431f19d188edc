#pragma once

#include "base/random.h"
#include "training/search.h"

namespace keelson::training {

// One random point, uniform in each range (in its logarithm where it says so).
Point RandomPoint(const std::vector<Range>& space, Random& random);

// The generator of one trial: independent of how many draws other trials took.
Random TrialRandom(std::uint64_t seed, std::uint64_t trial_number);

// Independent random points; blind to outcomes. Immutable; safe from any thread.
class RandomSampler final : public Sampler {
 public:
  explicit RandomSampler(std::uint64_t seed) : seed_(seed) {}
  Point Suggest(const std::vector<Range>& space, std::uint64_t trial_number, const std::vector<TrialOutcome>& outcomes,
                const std::vector<Point>& running) const override;

 private:
  std::uint64_t seed_;
};

}  // namespace keelson::training
