#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::training {

// One hyperparameter's range. Whole numbers and those with a step include both ends.
struct Range {
  std::string name;
  enum class Kind { kFloat, kInt, kChoice } kind = Kind::kFloat;
  double low = 0;
  double high = 0;
  bool log = false;                  // searched by its logarithm; low must be above 0
  std::vector<std::string> choices;  // of kChoice
  double step = 0;                   // values are low, low + step, ...; 0: any, or each whole number
  bool normal = false;               // the middle is likelier: a normal whose three deviations reach to the ends

  bool operator==(const Range&) const = default;
};

// Half of what lies between two values; 0 where every number is one.
double HalfStep(const Range& range);
// Where the share of the lowest value begins; above 0 where logarithms are taken.
double LowestOf(const Range& range);
// The value of the range that is nearest.
double OnStep(const Range& range, double value);

// kInvalidArgument names the range: no name or one twice, low above high, infinite, a logarithm of nothing, no choices.
Status CheckRanges(const std::vector<Range>& space);
// What is searched when a project file names no ranges: eta, max_depth, min_child_weight, subsample, colsample_bytree,
// lambda.
std::vector<Range> DefaultXgboostSpace();

// A point of the space: one number a range, in order; of a choice the index of the chosen one.
using Point = std::vector<double>;
// As the trainer takes them: {"eta": "0.0831", "max_depth": "6"}; the shortest text that reads back as the same number.
std::map<std::string, std::string> ToParameters(const std::vector<Range>& space, const Point& point);

// A trial that ended. The objective is always minimised: give 1 - AUC, a loss, an error. NaN for a failed trial.
struct TrialOutcome {
  Point point;
  double objective = 0;
};

// Suggests the next point from what is known. Pure: the same seed, trial number and outcomes give the same point on
// every machine, so that there is no state to lose: a search that was killed goes on from the stored outcomes. Outcomes
// must be given in one order (by trial number). `running` are the points of trials that have not ended.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual Point Suggest(const std::vector<Range>& space, std::uint64_t trial_number,
                        const std::vector<TrialOutcome>& outcomes, const std::vector<Point>& running) const = 0;
};

// How a sampler differs from the usual one. Of random only the seed counts.
struct SamplerSettings {
  std::uint64_t seed = 1;
  int startup = 10;     // outcomes before which the tree-structured Parzen estimator is random
  int candidates = 64;  // that it chooses a point from
  double gamma = 0;     // the best ceil(gamma * sqrt(outcomes)) are good, at most 25; 0: a tenth of them, at most 25
  double prior_weight = 1;
};

// "tpe" or "random"; kInvalidArgument otherwise, with a suggestion.
Result<std::unique_ptr<Sampler>> MakeSampler(const std::string& algorithm, const SamplerSettings& settings);

}  // namespace keelson::training
