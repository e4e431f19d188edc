#include "serving/tree_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "serving/flat_forest.h"

namespace keelson::serving {
namespace {

// As the library computes it: the negated margin is held below 88.7 against overflow.
float Sigmoid(float margin) {
  const float x = std::min(-margin, 88.7f);
  const float denominator = std::exp(x) + 1.0f + 1e-16f;
  return 1.0f / denominator;
}

void Softmax(float* values, std::size_t count) {
  float largest = values[0];
  for (std::size_t i = 1; i < count; ++i) largest = std::fmax(values[i], largest);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = std::exp(values[i] - largest);
    sum += static_cast<double>(values[i]);
  }
  for (std::size_t i = 0; i < count; ++i) values[i] /= static_cast<float>(sum);
}

class LinearModel final : public TreeEngine {
 public:
  explicit LinearModel(const XgboostModel& model) : TreeEngine(model), weights_(model.linear_weights) {}

  void PredictLeaves(const float*, std::span<std::int32_t>) const override {}
  std::size_t trees() const override { return 0; }
  std::size_t memory_bytes() const override { return sizeof(*this) + weights_.size() * sizeof(float); }

 protected:
  void AddTrees(const float* rows, std::size_t count, float* margins) const override {
    for (std::size_t row = 0; row < count; ++row) {
      const float* x = rows + row * features_;
      for (std::size_t k = 0; k < outputs_; ++k) {
        float sum = weights_[std::size_t{features_} * outputs_ + k] + margins[row * outputs_ + k];
        for (std::size_t i = 0; i < features_; ++i) {
          if (!std::isnan(x[i])) sum += x[i] * weights_[i * outputs_ + k];
        }
        margins[row * outputs_ + k] = sum;
      }
    }
  }

 private:
  std::vector<float> weights_;
};

}  // namespace

TreeEngine::TreeEngine(const XgboostModel& model)
    : features_(model.features),
      outputs_(model.outputs),
      predictions_(model.predictions()),
      transform_(model.transform),
      base_margin_(model.base_margin) {}

Result<std::unique_ptr<const TreeEngine>> BuildLinear(const XgboostModel& model) {
  return std::make_unique<const LinearModel>(model);
}

Result<std::unique_ptr<const TreeEngine>> TreeEngine::Build(const XgboostModel& model, RoundRange rounds) {
  if (model.booster == "gblinear") return BuildLinear(model);
  const std::size_t available = model.rounds();
  const std::size_t last = rounds.end == 0 ? available : rounds.end;
  if (rounds.begin > last || last > available) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("rounds [{}, {}) of a model with {}", rounds.begin, rounds.end, available));
  }
  const std::size_t begin = available == 0 ? 0 : static_cast<std::size_t>(model.iteration_begin[rounds.begin]);
  const std::size_t end = available == 0 ? 0 : static_cast<std::size_t>(model.iteration_begin[last]);
  return FitsNarrow(model, begin, end) ? BuildNarrowForest(model, begin, end) : BuildWideForest(model, begin, end);
}

void TreeEngine::Predict(std::span<const float> rows, std::size_t count, PredictKind kind, std::span<float> out) const {
  const bool arg_max = kind == PredictKind::kValue && transform_ == MarginTransform::kArgMax;
  // The margins of an arg max have no place in `out`: a block of rows at a time goes through this thread's scratch.
  thread_local std::vector<float> scratch;
  const std::size_t block = arg_max ? 64 : std::max<std::size_t>(count, 1);
  if (arg_max && scratch.size() < block * outputs_) scratch.resize(block * outputs_);
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t size = std::min(block, count - first);
    float* margins = arg_max ? scratch.data() : out.data() + first * outputs_;
    for (std::size_t i = 0; i < size; ++i) std::copy(base_margin_.begin(), base_margin_.end(), margins + i * outputs_);
    AddTrees(rows.data() + first * features_, size, margins);
    if (arg_max) {
      for (std::size_t i = 0; i < size; ++i) {
        const float* row = margins + i * outputs_;
        out[first + i] = static_cast<float>(std::max_element(row, row + outputs_) - row);
      }
    }
  }
  if (kind == PredictKind::kMargin || arg_max) return;
  const std::size_t total = count * outputs_;
  switch (transform_) {
    case MarginTransform::kSigmoid:
      for (std::size_t i = 0; i < total; ++i) out[i] = Sigmoid(out[i]);
      break;
    case MarginTransform::kExponential:
      for (std::size_t i = 0; i < total; ++i) out[i] = std::exp(out[i]);
      break;
    case MarginTransform::kHinge:
      for (std::size_t i = 0; i < total; ++i) out[i] = out[i] > 0.0f ? 1.0f : 0.0f;
      break;
    case MarginTransform::kSoftmax:
      for (std::size_t i = 0; i < count; ++i) Softmax(out.data() + i * outputs_, outputs_);
      break;
    case MarginTransform::kIdentity:
    case MarginTransform::kArgMax:
      break;
  }
}

}  // namespace keelson::serving
