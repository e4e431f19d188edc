#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::training {

// One hyperparameter's range. Whole numbers include both ends.
struct Range {
  std::string name;
  enum class Kind { kFloat, kInt, kChoice } kind = Kind::kFloat;
  double low = 0;
  double high = 0;
  bool log = false;                  // searched by its logarithm; low must be above 0
  std::vector<std::string> choices;  // of kChoice

  bool operator==(const Range&) const = default;
};

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

// "tpe" or "random"; kInvalidArgument otherwise, with a suggestion.
Result<std::unique_ptr<Sampler>> MakeSampler(const std::string& algorithm, std::uint64_t seed);

}  // namespace keelson::training
