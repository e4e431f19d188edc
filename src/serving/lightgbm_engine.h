#pragma once

#include <memory>
#include <vector>

#include "serving/lightgbm_layout.h"
#include "serving/lightgbm_model.h"
#include "serving/tree_engine.h"
#include "serving/tree_shap.h"

namespace keelson::serving {

// LightGBM's trees as they are, and laid out for sums (LightgbmLayout): thresholds and leaves are doubles, a missing
// value means what the split says it means, and values within 1e-35 of zero are zero, as the library's own predictor
// has it.
class LightgbmEngine final : public TreeEngine {
 public:
  // Rounds [begin, end) of a sound model.
  LightgbmEngine(const LightgbmModel& model, std::size_t begin, std::size_t end);

  std::uint32_t width(PredictKind kind) const override;
  Status Supports(PredictKind kind) const override;
  void Predict(std::span<const float> rows, std::size_t count, PredictKind kind, std::span<float> out) const override;
  void PredictLeaves(const float* row, std::span<std::int32_t> out) const override;
  std::size_t trees() const override { return trees_.size(); }
  std::size_t memory_bytes() const override;

 private:
  // Children are places in nodes_, or ~(place in leaves_) when negative.
  struct Node {
    double threshold;  // of a categorical split: the place of its set in sets_
    std::int32_t left;
    std::int32_t right;
    std::uint32_t feature;
    std::uint8_t decision;
  };
  struct Set {
    std::uint32_t begin = 0;  // in set_words_
    std::uint32_t words = 0;
  };
  struct Linear {
    double constant = 0;
    std::uint32_t begin = 0;  // in linear_terms_
    std::uint32_t end = 0;
  };
  struct Term {
    std::uint32_t feature = 0;
    double coefficient = 0;
  };
  struct Tree {
    std::int32_t root = 0;  // as a child
    std::uint32_t first_leaf = 0;
    std::uint32_t depth = 0;
    double mean = 0;  // of its leaves, weighted by their training rows
    bool linear = false;
  };
  struct Explained;

  void AddTree(const LightgbmTree& tree);
  Status FindObstacle(const LightgbmModel& model, std::size_t begin, std::size_t end) const;
  std::int32_t Next(const Node& node, double value) const;
  std::int32_t Walk(const Tree& tree, const double* row) const;  // gives the place of the leaf
  double Value(const Tree& tree, const double* row) const;
  void Sum(const double* row, double* sums) const;
  void PredictSums(const float* rows, std::size_t count, PredictKind kind, float* out) const;
  void Transform(double* sums) const;
  void Contributions(const double* row, double* phi) const;

  std::uint32_t outputs_;
  LightgbmTransform transform_;
  double sigmoid_;
  double divisor_;  // the number of rounds of a random forest, else 1
  std::vector<Node> nodes_;
  std::vector<double> leaves_;
  std::vector<double> node_cover_, leaf_cover_;  // empty when the model cannot be explained
  std::vector<Set> sets_;
  std::vector<std::uint32_t> set_words_;
  std::vector<Linear> linear_;  // one a leaf; empty without linear leaves
  std::vector<Term> linear_terms_;
  std::vector<Tree> trees_;
  Status explains_;
  std::unique_ptr<const LightgbmLayout> layout_;  // for sums; null: they are walked
};

}  // namespace keelson::serving
