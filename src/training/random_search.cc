#include "training/random_search.h"

#include <algorithm>
#include <cmath>

namespace keelson::training {
namespace {

double RandomValue(const Range& range, Random& random) {
  if (range.kind == Range::Kind::kChoice) return static_cast<double>(random.Below(range.choices.size()));
  const double half = range.kind == Range::Kind::kInt ? 0.5 : 0;  // each whole number gets an equal share
  const double low = range.low - half;
  const double high = range.high + half;
  const double share = random.Uniform();
  const double value =
      range.log ? std::exp(std::log(low) + share * (std::log(high) - std::log(low))) : low + share * (high - low);
  return std::clamp(half > 0 ? std::round(value) : value, range.low, range.high);
}

}  // namespace

Point RandomPoint(const std::vector<Range>& space, Random& random) {
  Point point;
  for (const Range& range : space) point.push_back(RandomValue(range, random));
  return point;
}

Random TrialRandom(std::uint64_t seed, std::uint64_t trial_number) {
  Random mix(seed);
  const std::uint64_t base = mix.Next();
  return Random(base ^ (0x9e3779b97f4a7c15ULL * (trial_number + 1)));
}

Point RandomSampler::Suggest(const std::vector<Range>& space, std::uint64_t trial_number,
                             const std::vector<TrialOutcome>&, const std::vector<Point>&) const {
  Random random = TrialRandom(seed_, trial_number);
  return RandomPoint(space, random);
}

}  // namespace keelson::training
