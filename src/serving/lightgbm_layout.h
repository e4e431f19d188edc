#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "serving/lightgbm_model.h"
#include "serving/narrow_layouts.h"

namespace keelson::serving {

// LightGBM's trees in narrow nodes, so that they are laid out and computed as XGBoost's are. Exact, for rows are
// floats:
//
// - "goes right if value > threshold", a double, is "value >= the least float above the threshold"; that values within
//   1e-35 of zero are zero is in the choice of that float too;
// - where nothing is missing, NaN is zero: the default direction is that of zero;
// - where zero is missing, the column that the split looks at has NaN for zero;
// - a categorical split looks at a column of its own, one for each feature and set: 0 in the set, else 1.
//
// Columns are made from the features' values once a row. Immutable; safe from any thread.
class LightgbmLayout {
 public:
  // Rounds [begin, end) of a sound model. nullptr for what is walked only: linear leaves, infinite thresholds, more
  // columns or nodes than narrow nodes can name, and more columns than a walk has steps.
  static std::unique_ptr<const LightgbmLayout> Build(const LightgbmModel& model, std::size_t begin, std::size_t end);

  // Adds the leaf of every tree, in their order, to the `count` x outputs sums.
  void Add(const float* rows, std::size_t count, double* sums) const;
  std::size_t memory_bytes() const;

 private:
  struct Column {
    enum class Kind { kValue, kZeroMissing, kSet } kind = Kind::kValue;
    std::uint32_t feature = 0;
    std::uint32_t set_begin = 0;  // in set_words_
    std::uint32_t set_size = 0;
  };
  struct Builder;

  LightgbmLayout() = default;
  void Expand(const float* rows, std::size_t count, float* columns) const;

  std::size_t features_ = 0;
  std::size_t outputs_ = 1;
  std::vector<Column> columns_;  // empty: they are the features
  std::vector<std::uint32_t> set_words_;
  std::vector<double> leaves_;
  std::unique_ptr<const NarrowLayouts<DoubleLeaves>> layouts_;
};

}  // namespace keelson::serving
