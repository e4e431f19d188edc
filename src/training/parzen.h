#pragma once

#include <vector>

#include "base/random.h"
#include "training/search.h"

namespace keelson::training {

// The joint density of points, estimated from observed ones: a mixture of one kernel a point and a wide prior. A kernel
// is a product over the ranges: a truncated normal (of the logarithm where the range says so; its mass around each
// value where the range is of whole numbers or has a step), or smoothed shares of the choices. Immutable; `space` must
// outlive it.
class ParzenEstimator {
 public:
  // `weights`: one a point; the prior weighs `prior_weight`.
  ParzenEstimator(const std::vector<Range>& space, const std::vector<const Point*>& points,
                  const std::vector<double>& weights, double prior_weight = 1);

  Point Draw(Random& random) const;
  double LogDensity(const Point& point) const;

 private:
  struct Normal {
    double mean = 0;  // on the range's scale: its logarithm where it says so
    double width = 0;
    double inside = 1;    // share of the untruncated normal that lies in the range
    double log_peak = 0;  // of the density
  };
  // One range of all kernels, the prior's last.
  struct Axis {
    const Range* range = nullptr;
    double low = 0;  // of the scale; half a step beyond the ends where there are steps
    double high = 0;
    double half = 0;                      // of a step
    std::vector<Normal> normals;          // of numbers
    std::vector<std::size_t> chosen;      // of choices: each kernel's; the prior has none
    double log_chosen = 0, log_rest = 0;  // of a kernel's share for its own choice, and for each other one
  };
  static Axis MakeAxis(const Range& range, std::size_t place, const std::vector<const Point*>& points,
                       double prior_weight);
  static void MakeNormals(Axis& axis, std::size_t place, const std::vector<const Point*>& points);
  static double DrawFrom(const Axis& axis, std::size_t kernel, Random& random);
  static void AddLogDensity(const Axis& axis, double value, std::vector<double>& densities);

  std::vector<double> weights_;  // of the kernels; their sum is 1
  std::vector<Axis> axes_;
};

}  // namespace keelson::training
