#include "training/random_search.h"

#include <algorithm>
#include <cmath>

namespace keelson::training {
namespace {

double RandomValue(const Range& range, Random& random) {
  if (range.kind == Range::Kind::kChoice) return static_cast<double>(random.Below(range.choices.size()));
  const auto scaled = [&](double value) { return range.log ? std::log(value) : value; };
  const double low = scaled(LowestOf(range));  // each value gets an equal share
  const double high = scaled(range.high + HalfStep(range));
  double share = random.Uniform();
  if (range.normal) {
    do {
      share = 0.5 + random.Normal() / 6;
    } while (share < 0 || share > 1);
  }
  const double value = low + share * (high - low);
  return OnStep(range, range.log ? std::exp(value) : value);
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
