#include "serving/xgboost_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "serving/flat_forest.h"
#include "serving/tree_shap.h"

namespace keelson::serving {
namespace {

constexpr std::uint64_t kMaxContributions = std::uint64_t{1} << 26;  // a row

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

// Expectiles do not cross: each is the one before and the softplus of its own margin.
void Rise(float* values, std::size_t count) {
  for (std::size_t k = 1; k < count; ++k) {
    const float softplus = std::fmax(values[k], 0.0f) + std::log1p(std::exp(-std::fabs(values[k])));
    values[k] = values[k - 1] + (1e-6f + softplus);
  }
}

}  // namespace

XgboostEngine::XgboostEngine(const XgboostModel& model, Status explains)
    : TreeEngine(model.features),
      outputs_(model.outputs),
      predictions_(model.predictions()),
      transform_(model.transform),
      base_margin_(model.base_margin),
      explains_(std::move(explains)) {}

std::uint32_t XgboostEngine::width(PredictKind kind) const {
  switch (kind) {
    case PredictKind::kValue:
      return predictions_;
    case PredictKind::kLeaves:
      return static_cast<std::uint32_t>(trees());
    case PredictKind::kContributions:
      return outputs_ * (features_ + 1);
    case PredictKind::kMargin:
      break;
  }
  return outputs_;
}

Status XgboostEngine::Supports(PredictKind kind) const {
  if (kind == PredictKind::kLeaves && trees() == 0) {
    return Fail(ErrorCode::kUnsupported, "the model has no trees, so a row falls into no leaf");
  }
  if (kind != PredictKind::kContributions) return {};
  if (std::uint64_t{outputs_} * (std::uint64_t{features_} + 1) > kMaxContributions) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} outputs of {} features each: at most 2^26 contributions a row", outputs_, features_));
  }
  return explains_;
}

void XgboostEngine::Predict(std::span<const float> rows, std::size_t count, PredictKind kind,
                            std::span<float> out) const {
  if (kind == PredictKind::kContributions) return PredictContributions(rows, count, out);
  if (kind == PredictKind::kLeaves) {
    thread_local std::vector<std::int32_t> leaves;
    leaves.resize(trees());
    for (std::size_t i = 0; i < count; ++i) {
      PredictLeaves(rows.data() + i * features_, leaves);
      std::transform(leaves.begin(), leaves.end(), out.begin() + static_cast<std::ptrdiff_t>(i * leaves.size()),
                     [](std::int32_t leaf) { return static_cast<float>(leaf); });
    }
    return;
  }
  if (kind == PredictKind::kValue && transform_ == MarginTransform::kArgMax) return PredictArgMax(rows, count, out);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy(base_margin_.begin(), base_margin_.end(), out.data() + i * outputs_);
  }
  AddTrees(rows.data(), count, out.data());
  if (kind == PredictKind::kValue) Transform(count, out);
}

// The margins have no place in `out`: a block of rows at a time goes through this thread's scratch.
void XgboostEngine::PredictArgMax(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  constexpr std::size_t kBlock = 64;
  thread_local std::vector<float> scratch;
  if (scratch.size() < kBlock * outputs_) scratch.resize(kBlock * outputs_);
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    for (std::size_t i = 0; i < size; ++i) {
      std::copy(base_margin_.begin(), base_margin_.end(), scratch.data() + i * outputs_);
    }
    AddTrees(rows.data() + first * features_, size, scratch.data());
    for (std::size_t i = 0; i < size; ++i) {
      const float* row = scratch.data() + i * outputs_;
      out[first + i] = static_cast<float>(std::max_element(row, row + outputs_) - row);
    }
  }
}

void XgboostEngine::PredictContributions(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  const std::size_t columns = std::size_t{features_} + 1;
  std::fill_n(out.begin(), static_cast<std::ptrdiff_t>(count * outputs_ * columns), 0.0f);
  for (std::size_t i = 0; i < count; ++i) {
    float* const row = out.data() + i * outputs_ * columns;
    AddContributions(rows.data() + i * features_, row);
    for (std::size_t k = 0; k < outputs_; ++k) row[k * columns + features_] += base_margin_[k];
  }
}

void XgboostEngine::Transform(std::size_t count, std::span<float> out) const {
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
    case MarginTransform::kRising:
      for (std::size_t i = 0; i < count; ++i) Rise(out.data() + i * outputs_, outputs_);
      break;
    case MarginTransform::kIdentity:
    case MarginTransform::kArgMax:
      break;
  }
}

Status CanExplain(const XgboostModel& model, std::size_t begin, std::size_t end) {
  for (std::size_t t = begin; t < end; ++t) {
    const XgboostTree& tree = model.trees[t];
    if (!tree.leaf_vectors.empty()) {
      return Fail(ErrorCode::kUnsupported, "contributions are not defined for trees with vector leaves");
    }
    if (tree.cover.empty()) {
      return Fail(ErrorCode::kUnsupported, "the model's file has no sum_hessian, which contributions need");
    }
    if (OrderBreadthFirst(tree).depth > static_cast<int>(kMaxExplainedDepth)) {
      return Fail(ErrorCode::kUnsupported, fmt::format("tree {} is deeper than the {} levels that contributions are "
                                                       "computed for",
                                                       t, kMaxExplainedDepth));
    }
  }
  return {};
}

float MeanLeaf(const XgboostTree& tree, std::span<const std::int32_t> breadth_first) {
  std::vector<float> mean(tree.size());
  for (auto each = breadth_first.rbegin(); each != breadth_first.rend(); ++each) {
    const auto node = static_cast<std::size_t>(*each);
    if (tree.is_leaf(node)) {
      mean[node] = tree.value[node];
      continue;
    }
    const auto left = static_cast<std::size_t>(tree.left[node]);
    const auto right = static_cast<std::size_t>(tree.right[node]);
    float sum = mean[left] * tree.cover[left];
    sum += mean[right] * tree.cover[right];
    mean[node] = sum / tree.cover[node];
  }
  return mean[0];
}

}  // namespace keelson::serving
