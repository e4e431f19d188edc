#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sklearn/attributes.h"
#include "sklearn/input_check.h"
#include "sklearn/python_document.h"
#include "sklearn/scores.h"
#include "sklearn/transform.h"

namespace keelson::sklearn {

// Which of an estimator's methods answers.
enum class Method { kPredict, kPredictProba };

// A fitted estimator of scikit-learn, or a pipeline with one at its end, computed by us as scikit-learn does:
//
// - DecisionTree-, ExtraTree-, RandomForest- and ExtraTreesClassifier and -Regressor,
//   GradientBoosting- and HistGradientBoostingClassifier and -Regressor;
// - LinearRegression, Ridge, Lasso, ElasticNet, their CV forms, SGDRegressor; LogisticRegression and its CV form,
//   SGDClassifier, LinearSVC;
// - behind StandardScaler, MinMaxScaler, SimpleImputer (mean, median, constant) and passthrough.
//
// Trees and what stands before them give scikit-learn's bits: sums of doubles in the order of the trees. A linear model
// differs in the last bits, for the order in which BLAS adds depends on the machine; and so do probabilities that go
// through exp. Immutable; safe from any thread.
class FittedModel {
 public:
  // Of what a document holds. kUnsupported says what is not one of those, or not as those are left by the versions that
  // we know.
  static Result<std::unique_ptr<const FittedModel>> Build(const Document& document, Method method);

  std::size_t features() const { return features_; }
  // What the first estimator that looks at them calls the features; empty when it was fitted without names.
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  bool transforms() const { return !transforms_.empty(); }  // whether something stands before the estimator
  bool keeps_integers() const { return keeps_integers_; }   // a transform that treats whole numbers otherwise
  // The labels that classes of an answer stand for; null when answers are numbers.
  const Labels* labels() const { return labels_ ? &*labels_ : nullptr; }
  // Numbers a row; 0 is one without a dimension of its own.
  std::size_t width() const { return width_; }
  std::size_t memory_bytes() const { return sizeof(*this) + scores_->memory_bytes(); }

  struct Answer {
    std::vector<double> numbers;         // rows x max(width(), 1)
    std::vector<std::uint32_t> classes;  // places in *labels(), when there are labels
  };
  // kInvalidArgument with the words of scikit-learn's ValueError.
  Result<Answer> Predict(const Rows& rows) const;

 private:
  // How scores become an answer.
  enum class Decision {
    kNumber,          // the score
    kExponential,     // exp of the score
    kLargest,         // the class of the largest, of equal ones the first
    kAbove,           // the second class when the score is above 0
    kFrom,            // the second class when the score is not below 0
    kShares,          // the scores are the probabilities
    kLogistic,        // of two classes, by the logistic function
    kDoubleLogistic,  // the same of twice the score
    kSoftmax,
    kLogisticOfEach,  // the logistic function of each, divided by their sum
  };
  friend class ModelBuilder;

  FittedModel() = default;
  void Decide(std::span<const double> scores, std::size_t count, Answer* answer) const;

  std::vector<std::unique_ptr<const Transform>> transforms_;
  InputCheck check_;
  std::unique_ptr<const Scores> scores_;
  Decision decision_ = Decision::kNumber;
  std::optional<Labels> labels_;
  std::size_t features_ = 0;
  std::vector<std::string> feature_names_;
  std::size_t width_ = 0;
  bool keeps_integers_ = false;
};

}  // namespace keelson::sklearn
