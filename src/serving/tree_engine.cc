#include "serving/tree_engine.h"

#include <fmt/core.h>

#include <cmath>

#include "serving/flat_forest.h"

namespace keelson::serving {
namespace {

class LinearModel final : public XgboostEngine {
 public:
  explicit LinearModel(const XgboostModel& model) : XgboostEngine(model, {}), weights_(model.linear_weights) {}

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
  void AddContributions(const float* row, float* contributions) const override {
    for (std::size_t k = 0; k < outputs_; ++k, contributions += features_ + 1) {
      for (std::size_t i = 0; i < features_; ++i) {
        if (!std::isnan(row[i])) contributions[i] = row[i] * weights_[i * outputs_ + k];
      }
      contributions[features_] = weights_[std::size_t{features_} * outputs_ + k];
    }
  }

 private:
  std::vector<float> weights_;
};

}  // namespace

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

}  // namespace keelson::serving
