#pragma once

#include <vector>

#include "base/random.h"
#include "training/search.h"

namespace keelson::training {

// The density of one range's values, estimated from observed ones: a mixture of one truncated normal a value and a wide
// prior, or smoothed counts for choices. Immutable; `range` must outlive it.
class ParzenEstimator {
 public:
  // `weights`: one a value; the prior weighs 1.
  ParzenEstimator(const Range& range, const std::vector<double>& values, const std::vector<double>& weights);

  double Draw(Random& random) const;
  double LogDensity(double value) const;

 private:
  struct Kernel {
    double weight;
    double mean;  // on the range's scale: its logarithm where it says so
    double width;
    double inside;  // share of the untruncated normal that lies in the range
  };
  double ToScale(double value) const;
  void MakeKernels(const std::vector<double>& values, const std::vector<double>& weights);
  void MakeCounts(const std::vector<double>& values, const std::vector<double>& weights);

  const Range& range_;
  double low_ = 0;  // of the scale; half a step beyond the ends for whole numbers
  double high_ = 0;
  std::vector<Kernel> kernels_;
  std::vector<double> shares_;  // of choices
};

}  // namespace keelson::training
