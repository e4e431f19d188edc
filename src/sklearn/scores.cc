#include "sklearn/scores.h"

#include <algorithm>

#include "sklearn/forest.h"
#include "sklearn/tree_nodes.h"

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

constexpr std::size_t kMaxOutputs = 100'000;

// Trees over float32, as scikit-learn's own are: a row is cast before it is compared.
class TreeScores final : public Scores {
 public:
  TreeScores(std::size_t features, std::size_t width)
      : Scores(width), forest_(static_cast<std::uint32_t>(features)), initial_(width, 0.0) {}

  Status Add(const TreeNodes& tree, std::size_t width, std::size_t column, double scale) {
    return forest_.Add(tree, static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(column), scale);
  }
  void BeginWith(std::vector<double> initial) { initial_ = std::move(initial); }
  void DivideBy(double divisor) { divisor_ = divisor; }

  void Compute(std::span<const double> rows, std::span<double> out) const override {
    const std::vector<float> cast(rows.begin(), rows.end());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = initial_[i % width_];
    forest_.Predict(cast, out, width_);
    if (divisor_ == 1) return;
    for (double& value : out) value /= divisor_;
  }
  std::size_t memory_bytes() const override { return sizeof(*this) + forest_.memory_bytes(); }

 private:
  Forest<float> forest_;
  std::vector<double> initial_;
  double divisor_ = 1;
};

class HistScores final : public Scores {
 public:
  HistScores(std::size_t features, std::vector<double> baseline)
      : Scores(baseline.size()), forest_(static_cast<std::uint32_t>(features)), baseline_(std::move(baseline)) {}

  Status Add(const TreeNodes& tree, std::size_t column) {
    return forest_.Add(tree, 1, static_cast<std::uint32_t>(column));
  }
  void Compute(std::span<const double> rows, std::span<double> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = baseline_[i % width_];
    forest_.Predict(rows, out, width_);
  }
  std::size_t memory_bytes() const override { return sizeof(*this) + forest_.memory_bytes(); }

 private:
  Forest<double> forest_;
  std::vector<double> baseline_;
};

class LinearScores final : public Scores {
 public:
  LinearScores(std::vector<double> weights, std::vector<double> intercepts)
      : Scores(intercepts.size()), weights_(std::move(weights)), intercepts_(std::move(intercepts)) {}

  void Compute(std::span<const double> rows, std::span<double> out) const override {
    const std::size_t features = weights_.size() / width_;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double* const row = rows.data() + i / width_ * features;
      const double* const weights = weights_.data() + i % width_ * features;
      double sum = 0;
      for (std::size_t j = 0; j < features; ++j) sum += row[j] * weights[j];
      out[i] = sum + intercepts_[i % width_];
    }
  }
  std::size_t memory_bytes() const override {
    return sizeof(*this) + (weights_.capacity() + intercepts_.capacity()) * sizeof(double);
  }

 private:
  std::vector<double> weights_;  // width() x features
  std::vector<double> intercepts_;
};

}  // namespace

Result<std::unique_ptr<const Scores>> Scores::MeanOfTrees(const std::vector<Attributes>& trees, std::size_t features,
                                                          std::size_t classes) {
  auto scores = std::make_unique<TreeScores>(features, classes);
  for (const Attributes& each : trees) {
    KEELSON_ASSIGN_OR_RETURN(const auto nodes, ReadTree(each, classes));
    KEELSON_RETURN_IF_ERROR(scores->Add(nodes, classes, 0, 1));
  }
  scores->DivideBy(static_cast<double>(trees.size()));
  return scores;
}

Result<std::unique_ptr<const Scores>> Scores::Boosted(const Attributes& attributes, std::size_t features,
                                                      std::vector<double> initial) {
  KEELSON_ASSIGN_OR_RETURN(const double rate, attributes.Number("learning_rate"));
  KEELSON_ASSIGN_OR_RETURN(const auto* stages, attributes.Get("estimators_"));
  KEELSON_ASSIGN_OR_RETURN(const auto estimators, attributes.Items("estimators_"));
  const std::size_t width = initial.size();
  const bool flat = stages->kind == Kind::kArray && attributes.document().array(*stages).fortran;
  if (flat || estimators.empty() || estimators.size() % width != 0) return attributes.Unlike("estimators_");
  auto scores = std::make_unique<TreeScores>(features, width);
  scores->BeginWith(std::move(initial));
  for (std::size_t i = 0; i < estimators.size(); ++i) {
    const auto& document = attributes.document();
    KEELSON_ASSIGN_OR_RETURN(const auto tree, Attributes::Of(document, document.at(estimators[i])));
    if (tree.module() != "sklearn.tree._classes" || tree.name() != "DecisionTreeRegressor") {
      return attributes.Unlike("estimators_");
    }
    KEELSON_ASSIGN_OR_RETURN(const auto nodes, ReadTree(tree, 1));
    KEELSON_RETURN_IF_ERROR(scores->Add(nodes, 1, i % width, rate));
  }
  return scores;
}

Result<std::unique_ptr<const Scores>> Scores::HistBoosted(const Attributes& attributes, std::size_t features) {
  for (const char* key : {"is_categorical_", "_preprocessor"}) {
    if (!attributes.IsNone(key)) return attributes.Unlike(key);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto width, attributes.Int("n_trees_per_iteration_"));
  if (width <= 0 || width > static_cast<std::int64_t>(kMaxOutputs)) return attributes.Unlike("n_trees_per_iteration_");
  KEELSON_ASSIGN_OR_RETURN(auto baseline, attributes.Doubles("_baseline_prediction", static_cast<std::size_t>(width)));
  auto scores = std::make_unique<HistScores>(features, std::move(baseline));
  KEELSON_ASSIGN_OR_RETURN(const auto iterations, attributes.Items("_predictors"));
  const auto& document = attributes.document();
  for (const Ref iteration : iterations) {
    const Value& predictors = document.at(iteration);
    if (predictors.kind != Kind::kList || predictors.items.size() != scores->width()) {
      return attributes.Unlike("_predictors");
    }
    for (std::size_t column = 0; column < predictors.items.size(); ++column) {
      KEELSON_ASSIGN_OR_RETURN(const auto predictor, Attributes::Of(document, document.at(predictors.items[column])));
      if (predictor.name() != "TreePredictor" ||
          predictor.module() != "sklearn.ensemble._hist_gradient_boosting.predictor") {
        return attributes.Unlike("_predictors");
      }
      KEELSON_ASSIGN_OR_RETURN(const auto nodes, ReadHistTree(predictor));
      KEELSON_RETURN_IF_ERROR(scores->Add(nodes, column));
    }
  }
  return scores;
}

Result<std::unique_ptr<const Scores>> Scores::Linear(const Attributes& attributes, std::size_t features,
                                                     std::size_t outputs) {
  KEELSON_ASSIGN_OR_RETURN(auto weights, attributes.DoubleMatrix("coef_"));
  const auto expected = [&](std::initializer_list<std::size_t> shape) {
    return std::equal(
        weights.shape.begin(), weights.shape.end(), shape.begin(), shape.end(),
        [](std::int64_t length, std::size_t wanted) { return length == static_cast<std::int64_t>(wanted); });
  };
  // A regressor has a vector, a classifier a matrix; a regressor's matrix answers with a matrix of one column.
  const bool regresses = outputs == 0;
  const std::size_t width = regresses ? 1 : outputs;
  if (regresses ? !expected({features}) : !expected({outputs, features})) return attributes.Unlike("coef_");
  std::vector<double> intercepts(width, 0.0);
  if (const auto one = attributes.Number("intercept_"); one) {
    intercepts.assign(width, *one);
  } else {
    KEELSON_ASSIGN_OR_RETURN(intercepts, attributes.Doubles("intercept_", width));
  }
  return std::make_unique<LinearScores>(std::move(weights.values), std::move(intercepts));
}

}  // namespace keelson::sklearn
