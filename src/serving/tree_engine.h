#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

struct XgboostModel;
struct LightgbmModel;

// Boosting rounds to use, [begin, end); end 0 means all of them, as the libraries' predict does unless told.
struct RoundRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// What the caller wants of a row.
enum class PredictKind {
  kValue,          // what the library's predict returns: probabilities, means, the class of multi:softmax
  kMargin,         // the untransformed sum
  kLeaves,         // one a tree: the leaf that the row falls into, numbered as the library does
  kContributions,  // SHAP values: for each output one a feature, then the bias; they sum to the margin
};

// Predicts with a tree ensemble (or a linear model). Built once from a model, which is not needed afterwards;
// immutable, so any number of threads may call it. Predict takes no lock, cannot fail, and allocates nothing but its
// thread's scratch, once.
//
// Values are those of the library, bit for bit: leaves are added in the library's type and order (float32 in XGBoost,
// double in LightGBM, rounded to float32 at the end), and the transformations are computed as the library computes them
// (with the machine's own exp).
class TreeEngine {
 public:
  // kInvalidArgument for a range outside the model's rounds, kUnsupported for what would need more memory than the
  // format allows (2^31 nodes).
  static Result<std::unique_ptr<const TreeEngine>> Build(const XgboostModel& model, RoundRange rounds = {});
  static Result<std::unique_ptr<const TreeEngine>> Build(const LightgbmModel& model, RoundRange rounds = {});
  virtual ~TreeEngine() = default;

  std::uint32_t features() const { return features_; }
  // Values a row for a kind.
  virtual std::uint32_t width(PredictKind kind) const = 0;
  // kUnsupported says why this model cannot give a kind: contributions of vector leaves, of linear leaves, of trees
  // deeper than 1,000 levels or without their covers; leaves of a linear model.
  virtual Status Supports(PredictKind kind) const = 0;

  // `rows` holds `count` rows of features() values each, row-major; NaN is missing. `out` has count x width(kind)
  // places. Only for a kind that Supports says yes to.
  virtual void Predict(std::span<const float> rows, std::size_t count, PredictKind kind,
                       std::span<float> out) const = 0;

  // The leaf that each tree sends the row to, numbered as in the model's file; one a tree. Nothing for a linear model.
  virtual void PredictLeaves(const float* row, std::span<std::int32_t> out) const = 0;
  virtual std::size_t trees() const = 0;
  virtual std::size_t memory_bytes() const = 0;

 protected:
  explicit TreeEngine(std::uint32_t features) : features_(features) {}

  std::uint32_t features_;
};

}  // namespace keelson::serving
