#include "serving/tree_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "serving/flat_forest.h"
#include "serving/lightgbm_engine.h"

namespace keelson::serving {
namespace {

// The library starts every output of a linear model from the first base score.
XgboostModel WithOneBase(XgboostModel model) {
  std::fill(model.base_margin.begin(), model.base_margin.end(), model.base_margin.front());
  return model;
}

class LinearModel final : public XgboostEngine {
 public:
  explicit LinearModel(const XgboostModel& model)
      : XgboostEngine(WithOneBase(model), {}), weights_(model.linear_weights) {}

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

// Resolves the end and checks the range.
Result<RoundRange> CheckRounds(RoundRange rounds, std::size_t available) {
  const std::size_t end = rounds.end == 0 ? available : rounds.end;
  if (rounds.begin > end || end > available) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("rounds [{}, {}) of a model with {}", rounds.begin, rounds.end, available));
  }
  return RoundRange{rounds.begin, static_cast<std::uint32_t>(end)};
}

}  // namespace

Result<std::unique_ptr<const TreeEngine>> BuildLinear(const XgboostModel& model) {
  return std::make_unique<const LinearModel>(model);
}

Result<std::unique_ptr<const TreeEngine>> TreeEngine::Build(const XgboostModel& model, RoundRange rounds) {
  if (model.booster == "gblinear") return BuildLinear(model);
  KEELSON_ASSIGN_OR_RETURN(const auto range, CheckRounds(rounds, model.rounds()));
  const bool none = model.rounds() == 0;
  const std::size_t begin = none ? 0 : static_cast<std::size_t>(model.iteration_begin[range.begin]);
  const std::size_t end = none ? 0 : static_cast<std::size_t>(model.iteration_begin[range.end]);
  return FitsNarrow(model, begin, end) ? BuildNarrowForest(model, begin, end) : BuildWideForest(model, begin, end);
}

Result<std::unique_ptr<const TreeEngine>> TreeEngine::Build(const LightgbmModel& model, RoundRange rounds) {
  KEELSON_ASSIGN_OR_RETURN(const auto range, CheckRounds(rounds, model.rounds()));
  std::size_t size = 0;
  for (const LightgbmTree& tree : model.trees) {
    size += tree.leaves() + tree.set_words.size();
    for (const auto& terms : tree.leaf_features) size += terms.size();
  }
  if (size >= std::size_t{1} << 31)
    return Fail(ErrorCode::kUnsupported, "more than 2^31 leaves, terms and category bits");
  return std::make_unique<const LightgbmEngine>(model, range.begin, range.end);
}

}  // namespace keelson::serving
