#pragma once

#include <vector>

#include "serving/tree_engine.h"
#include "serving/xgboost_model.h"

namespace keelson::serving {

// What the layouts of XGBoost models share: base margins, transformations, the kinds of answer.
class XgboostEngine : public TreeEngine {
 public:
  std::uint32_t width(PredictKind kind) const final;
  Status Supports(PredictKind kind) const final;
  void Predict(std::span<const float> rows, std::size_t count, PredictKind kind, std::span<float> out) const final;

 protected:
  // `explains` is what Supports(kContributions) says.
  XgboostEngine(const XgboostModel& model, Status explains);

  // Adds every tree to `margins` (count x outputs_, filled with the base margin already).
  virtual void AddTrees(const float* rows, std::size_t count, float* margins) const = 0;
  // Adds every tree's SHAP values to `contributions` (outputs_ x (features_ + 1), all zero at first).
  virtual void AddContributions(const float* row, float* contributions) const = 0;

  std::uint32_t outputs_;

 private:
  void Transform(std::size_t count, std::span<float> out) const;
  void PredictArgMax(std::span<const float> rows, std::size_t count, std::span<float> out) const;
  void PredictContributions(std::span<const float> rows, std::size_t count, std::span<float> out) const;

  std::uint32_t predictions_;
  MarginTransform transform_;
  std::vector<float> base_margin_;
  Status explains_;
};

// Whether trees [begin, end) can be explained: kUnsupported with the reason.
Status CanExplain(const XgboostModel& model, std::size_t begin, std::size_t end);

// The bias that a tree contributes: the mean of its leaves, weighted by cover, added up as the library does.
float MeanLeaf(const XgboostTree& tree, std::span<const std::int32_t> breadth_first);

}  // namespace keelson::serving
