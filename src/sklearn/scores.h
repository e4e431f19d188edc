#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "sklearn/attributes.h"

namespace keelson::sklearn {

// What an estimator computes of a row before it decides: one number or one for each class. Immutable.
class Scores {
 public:
  virtual ~Scores() = default;

  std::size_t width() const { return width_; }
  // `rows` are row-major and were checked; `out` has rows x width() places.
  virtual void Compute(std::span<const double> rows, std::span<double> out) const = 0;
  virtual std::size_t memory_bytes() const = 0;

  // The mean of the leaves of one or more trees, of `classes` values each (of a regressor one).
  static Result<std::unique_ptr<const Scores>> MeanOfTrees(const std::vector<Attributes>& trees, std::size_t features,
                                                           std::size_t classes);
  // GradientBoosting's sum of its beginning and of trees; `initial` has a value for each output.
  static Result<std::unique_ptr<const Scores>> Boosted(const Attributes& attributes, std::size_t features,
                                                       std::vector<double> initial);
  // HistGradientBoosting's.
  static Result<std::unique_ptr<const Scores>> HistBoosted(const Attributes& attributes, std::size_t features);
  // coef_ and intercept_, for `outputs` of them.
  static Result<std::unique_ptr<const Scores>> Linear(const Attributes& attributes, std::size_t features,
                                                      std::size_t outputs);

 protected:
  explicit Scores(std::size_t width) : width_(width) {}

  std::size_t width_;
};

}  // namespace keelson::sklearn
