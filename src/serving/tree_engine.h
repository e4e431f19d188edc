#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "serving/xgboost_model.h"

namespace keelson::serving {

// Boosting rounds to use, [begin, end); end 0 means all of them, as the library's predict does unless told.
struct RoundRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// What the caller wants of a row.
enum class PredictKind {
  kValue,   // what the library's predict returns: probabilities, means, the class of multi:softmax
  kMargin,  // the untransformed sum
};

// Predicts with a tree ensemble (or a linear model). Built once from a model, which is not needed afterwards;
// immutable, so any number of threads may call it. Predict allocates nothing, takes no lock and cannot fail.
//
// Values are those of the library, bit for bit: leaves are added in float32 in the order of the trees to the base
// margin, and the transformations are computed as the library computes them (with the machine's own expf).
class TreeEngine {
 public:
  // kInvalidArgument for a range outside the model's rounds, kUnsupported for what would need more memory than the
  // format allows (2^31 nodes).
  static Result<std::unique_ptr<const TreeEngine>> Build(const XgboostModel& model, RoundRange rounds = {});
  virtual ~TreeEngine() = default;

  std::uint32_t features() const { return features_; }
  // Values a row for a kind.
  std::uint32_t width(PredictKind kind) const { return kind == PredictKind::kMargin ? outputs_ : predictions_; }

  // `rows` holds `count` rows of features() values each, row-major; NaN is missing. `out` has count x width(kind)
  // places.
  void Predict(std::span<const float> rows, std::size_t count, PredictKind kind, std::span<float> out) const;

  // The leaf that each tree sends the row to, numbered as in the model's file; one a tree. Nothing for a linear model.
  virtual void PredictLeaves(const float* row, std::span<std::int32_t> out) const = 0;
  virtual std::size_t trees() const = 0;
  virtual std::size_t memory_bytes() const = 0;

 protected:
  explicit TreeEngine(const XgboostModel& model);

  // Adds every tree to `margins` (count x outputs_, filled with the base margin already).
  virtual void AddTrees(const float* rows, std::size_t count, float* margins) const = 0;

  std::uint32_t features_;
  std::uint32_t outputs_;
  std::uint32_t predictions_;
  MarginTransform transform_;
  std::vector<float> base_margin_;
};

}  // namespace keelson::serving
