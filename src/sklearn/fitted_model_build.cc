// What a document's estimator is, as a FittedModel.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "sklearn/fitted_model.h"

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

constexpr std::size_t kMaxClasses = 100'000;
constexpr std::size_t kMaxSteps = 100;

struct Known {
  std::string_view module;
  std::string_view name;
};

bool IsOneOf(const Attributes& attributes, std::span<const Known> known) {
  return std::ranges::any_of(
      known, [&](const Known& each) { return each.module == attributes.module() && each.name == attributes.name(); });
}

constexpr std::array<Known, 4> kTrees = {{{"sklearn.tree._classes", "DecisionTreeClassifier"},
                                          {"sklearn.tree._classes", "DecisionTreeRegressor"},
                                          {"sklearn.tree._classes", "ExtraTreeClassifier"},
                                          {"sklearn.tree._classes", "ExtraTreeRegressor"}}};
constexpr std::array<Known, 4> kForests = {{{"sklearn.ensemble._forest", "RandomForestClassifier"},
                                            {"sklearn.ensemble._forest", "RandomForestRegressor"},
                                            {"sklearn.ensemble._forest", "ExtraTreesClassifier"},
                                            {"sklearn.ensemble._forest", "ExtraTreesRegressor"}}};
constexpr std::array<Known, 2> kBoosted = {
    {{"sklearn.ensemble._gb", "GradientBoostingClassifier"}, {"sklearn.ensemble._gb", "GradientBoostingRegressor"}}};
constexpr std::string_view kHist = "sklearn.ensemble._hist_gradient_boosting.gradient_boosting";
constexpr std::array<Known, 2> kHistBoosted = {
    {{kHist, "HistGradientBoostingClassifier"}, {kHist, "HistGradientBoostingRegressor"}}};
constexpr std::array<Known, 12> kLinear = {{{"sklearn.linear_model._base", "LinearRegression"},
                                            {"sklearn.linear_model._ridge", "Ridge"},
                                            {"sklearn.linear_model._ridge", "RidgeCV"},
                                            {"sklearn.linear_model._coordinate_descent", "Lasso"},
                                            {"sklearn.linear_model._coordinate_descent", "LassoCV"},
                                            {"sklearn.linear_model._coordinate_descent", "ElasticNet"},
                                            {"sklearn.linear_model._coordinate_descent", "ElasticNetCV"},
                                            {"sklearn.linear_model._stochastic_gradient", "SGDRegressor"},
                                            {"sklearn.linear_model._stochastic_gradient", "SGDClassifier"},
                                            {"sklearn.linear_model._logistic", "LogisticRegression"},
                                            {"sklearn.linear_model._logistic", "LogisticRegressionCV"},
                                            {"sklearn.svm._classes", "LinearSVC"}}};

bool Classifies(std::string_view name) {
  return name.ends_with("Classifier") || name.starts_with("LogisticRegression") || name == "LinearSVC";
}

bool IsIn(const Attributes& attributes, std::string_view key, std::initializer_list<std::string_view> texts) {
  return std::ranges::any_of(texts, [&](std::string_view text) { return attributes.Is(key, text); });
}

// Whether a tree takes NaN at prediction: _support_missing_values of the version that fitted it.
bool TakesMissing(const Attributes& tree) {
  const bool extra = tree.name().starts_with("ExtraTree");
  const bool random = tree.Is("splitter", "random");
  const bool best = tree.Is("splitter", "best");
  if (tree.minor() >= 9) return !extra || random;
  const bool criterion = Classifies(tree.name())
                             ? IsIn(tree, "criterion", {"gini", "log_loss", "entropy"})
                             : IsIn(tree, "criterion", {"squared_error", "friedman_mse", "poisson"});
  if (!criterion || !tree.IsNone("monotonic_cst")) return false;
  if (tree.minor() <= 5) return best;
  return extra ? random : random || best;
}

}  // namespace

class ModelBuilder {
 public:
  explicit ModelBuilder(Method method) : probabilities_(method == Method::kPredictProba), model_(new FittedModel) {}

  Result<std::unique_ptr<const FittedModel>> Build(const Document& document) {
    KEELSON_ASSIGN_OR_RETURN(const auto root, Attributes::Of(document, document.root()));
    if (root.minor() == 0) return root.Unlike("_sklearn_version");
    if (root.module() == "sklearn.pipeline" && root.name() == "Pipeline") {
      KEELSON_RETURN_IF_ERROR(TakePipeline(root));
    } else {
      KEELSON_RETURN_IF_ERROR(TakeEstimator(root));
    }
    model_->features_ =
        model_->transforms_.empty() ? model_->check_.features : model_->transforms_.front()->check().features;
    return std::move(model_);
  }

 private:
  using Decision = FittedModel::Decision;

  Status TakePipeline(const Attributes& pipeline) {
    for (const char* key : {"memory", "transform_input"}) {
      if (!pipeline.IsNone(key)) return pipeline.Unlike(key);
    }
    KEELSON_ASSIGN_OR_RETURN(const auto steps, pipeline.Items("steps"));
    if (steps.empty() || steps.size() > kMaxSteps) return pipeline.Unlike("steps");
    const Document& document = pipeline.document();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Value& step = document.at(steps[i]);
      const bool pair = step.kind == Kind::kTuple && step.items.size() == 2;
      if (!pair) return pipeline.Unlike("steps");
      const Value& held = document.at(step.items[1]);
      const bool last = i + 1 == steps.size();
      if (!last && (held.kind == Kind::kNone || (held.kind == Kind::kText && held.text == "passthrough"))) continue;
      KEELSON_ASSIGN_OR_RETURN(const auto attributes, Attributes::Of(document, held));
      if (last) return TakeEstimator(attributes);
      KEELSON_ASSIGN_OR_RETURN(auto transform, Transform::Build(attributes));
      if (transform == nullptr) return Unknown(attributes);
      TakeNames(attributes);
      model_->keeps_integers_ = model_->keeps_integers_ || transform->keeps_integers();
      model_->transforms_.push_back(std::move(transform));
    }
    return {};
  }

  // Those of the first that looks at the columns: what comes after it is given an array.
  void TakeNames(const Attributes& attributes) {
    if (!model_->transforms_.empty()) return;
    if (auto names = attributes.Names("feature_names_in_")) model_->feature_names_ = std::move(*names);
  }

  static std::unexpected<Error> Unknown(const Attributes& attributes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}.{} is none of those that are computed natively", attributes.module().substr(0, 100),
                            attributes.name().substr(0, 100)));
  }

  Status TakeEstimator(const Attributes& attributes) {
    TakeNames(attributes);
    if (const auto names = attributes.Names("feature_names_in_"); !names && !attributes.IsNone("feature_names_in_")) {
      return attributes.Unlike("feature_names_in_");
    }
    const bool tree = IsOneOf(attributes, kTrees);
    const bool forest = IsOneOf(attributes, kForests);
    const bool boosted = IsOneOf(attributes, kBoosted);
    const bool hist = IsOneOf(attributes, kHistBoosted);
    const bool linear = IsOneOf(attributes, kLinear);
    if (!tree && !forest && !boosted && !hist && !linear) return Unknown(attributes);
    if (attributes.minor() == 0) return attributes.Unlike("_sklearn_version");
    KEELSON_ASSIGN_OR_RETURN(model_->check_, CheckOf(attributes));
    classifies_ = Classifies(attributes.name());
    if (probabilities_ && !classifies_) {
      return Fail(ErrorCode::kUnsupported, "the probabilities of what is no classifier");
    }
    if (classifies_) {
      KEELSON_ASSIGN_OR_RETURN(labels_, attributes.ClassLabels("classes_"));
      if (labels_.count() == 0 || labels_.count() > kMaxClasses) return attributes.Unlike("classes_");
    }
    if (tree || forest) {
      KEELSON_RETURN_IF_ERROR(TakeTrees(attributes, forest));
    } else if (boosted) {
      KEELSON_RETURN_IF_ERROR(TakeBoosted(attributes));
    } else if (hist) {
      KEELSON_RETURN_IF_ERROR(TakeHistBoosted(attributes));
    } else {
      KEELSON_RETURN_IF_ERROR(TakeLinear(attributes));
    }
    if (probabilities_) {
      model_->width_ = labels_.count();
    } else if (classifies_) {
      model_->labels_ = std::move(labels_);
    }
    return {};
  }

  std::size_t features() const { return model_->check_.features; }

  Status TakeTrees(const Attributes& attributes, bool forest) {
    KEELSON_ASSIGN_OR_RETURN(const auto outputs, attributes.Int("n_outputs_"));
    if (outputs != 1) return attributes.Unlike("n_outputs_");
    std::vector<Attributes> trees;
    if (!forest) trees.push_back(attributes);
    if (forest) {
      KEELSON_ASSIGN_OR_RETURN(const auto estimators, attributes.Items("estimators_"));
      for (const Ref ref : estimators) {
        KEELSON_ASSIGN_OR_RETURN(trees.emplace_back(),
                                 Attributes::Of(attributes.document(), attributes.document().at(ref)));
        if (!IsOneOf(trees.back(), kTrees) || Classifies(trees.back().name()) != classifies_) {
          return attributes.Unlike("estimators_");
        }
      }
      if (trees.empty()) return attributes.Unlike("estimators_");
    }
    model_->check_.precision = InputCheck::Precision::kFloat32;
    model_->check_.missing = TakesMissing(trees.front());
    KEELSON_ASSIGN_OR_RETURN(model_->scores_,
                             Scores::MeanOfTrees(trees, features(), classifies_ ? labels_.count() : 1));
    model_->decision_ = probabilities_ ? Decision::kShares : classifies_ ? Decision::kLargest : Decision::kNumber;
    return {};
  }

  // Where the sum begins: the link of what a dummy estimator says, the same for every row.
  Result<std::vector<double>> InitialOf(const Attributes& attributes, std::size_t outputs, bool exponential) {
    if (attributes.Is("init_", "zero")) return std::vector<double>(outputs, 0.0);
    KEELSON_ASSIGN_OR_RETURN(const auto* object, attributes.Get("init_"));
    KEELSON_ASSIGN_OR_RETURN(const auto dummy, Attributes::Of(attributes.document(), *object));
    if (dummy.module() != "sklearn.dummy") return attributes.Unlike("init_");
    if (!classifies_) {
      if (dummy.name() != "DummyRegressor") return attributes.Unlike("init_");
      return dummy.Doubles("constant_", 1);
    }
    if (dummy.name() != "DummyClassifier" || !dummy.Is("_strategy", "prior")) return attributes.Unlike("init_");
    KEELSON_ASSIGN_OR_RETURN(auto shares, dummy.Doubles("class_prior_", labels_.count()));
    // Nearer to 0 or 1 the versions clip differently.
    constexpr double kNear = 1e-6;
    if (std::ranges::any_of(shares, [](double share) { return !(share > kNear && share < 1 - kNear); })) {
      return dummy.Unlike("class_prior_");
    }
    if (outputs == 1) {
      const double logit = std::log(shares[1] / (1 - shares[1]));
      return std::vector<double>{exponential ? 0.5 * logit : logit};
    }
    double logs = 0;
    for (const double share : shares) logs += std::log(share);
    const double mean = std::exp(logs / static_cast<double>(shares.size()));
    for (double& share : shares) share = std::log(share / mean);
    return shares;
  }

  Status TakeBoosted(const Attributes& attributes) {
    const bool exponential = attributes.Is("loss", "exponential");
    const bool known = classifies_ ? exponential || attributes.Is("loss", "log_loss")
                                   : IsIn(attributes, "loss", {"squared_error", "absolute_error", "huber", "quantile"});
    if (!known) return attributes.Unlike("loss");
    const std::size_t classes = labels_.count();
    if (classifies_ && (classes < 2 || (exponential && classes > 2))) return attributes.Unlike("classes_");
    const std::size_t outputs = classifies_ && classes > 2 ? classes : 1;
    model_->check_.precision = InputCheck::Precision::kFloat32;
    KEELSON_ASSIGN_OR_RETURN(auto initial, InitialOf(attributes, outputs, exponential));
    KEELSON_ASSIGN_OR_RETURN(model_->scores_, Scores::Boosted(attributes, features(), std::move(initial)));
    if (!classifies_) return {};
    if (probabilities_) {
      model_->decision_ = outputs > 1   ? Decision::kSoftmax
                          : exponential ? Decision::kDoubleLogistic
                                        : Decision::kLogistic;
    } else {
      model_->decision_ = outputs > 1 ? Decision::kLargest : Decision::kFrom;
    }
    return {};
  }

  Status TakeHistBoosted(const Attributes& attributes) {
    const bool exponential = !classifies_ && IsIn(attributes, "loss", {"poisson", "gamma"});
    const bool known = classifies_
                           ? attributes.Is("loss", "log_loss")
                           : exponential || IsIn(attributes, "loss", {"squared_error", "absolute_error", "quantile"});
    if (!known) return attributes.Unlike("loss");
    model_->check_.precision = InputCheck::Precision::kFloat64;
    model_->check_.finite = false;
    model_->check_.missing = true;
    KEELSON_ASSIGN_OR_RETURN(model_->scores_, Scores::HistBoosted(attributes, features()));
    const std::size_t outputs = model_->scores_->width();
    const std::size_t classes = labels_.count();
    if (outputs != (classifies_ && classes > 2 ? classes : 1) || (classifies_ && classes < 2)) {
      return attributes.Unlike("n_trees_per_iteration_");
    }
    if (probabilities_) {
      model_->decision_ = outputs > 1 ? Decision::kSoftmax : Decision::kLogistic;
    } else if (classifies_) {
      model_->decision_ = outputs > 1 ? Decision::kLargest : Decision::kAbove;
    } else {
      model_->decision_ = exponential ? Decision::kExponential : Decision::kNumber;
    }
    return {};
  }

  Status TakeLinear(const Attributes& attributes) {
    const std::size_t classes = labels_.count();
    if (classifies_ && classes < 2) return attributes.Unlike("classes_");
    const std::size_t outputs = !classifies_ ? 0 : classes > 2 ? classes : 1;
    KEELSON_ASSIGN_OR_RETURN(model_->scores_, Scores::Linear(attributes, features(), outputs));
    if (!classifies_) return {};
    if (!probabilities_) {
      model_->decision_ = outputs > 1 ? Decision::kLargest : Decision::kAbove;
      return {};
    }
    KEELSON_ASSIGN_OR_RETURN(model_->decision_, LinearShares(attributes, outputs > 1));
    return {};
  }

  static Result<Decision> LinearShares(const Attributes& attributes, bool several) {
    const Decision each = several ? Decision::kLogisticOfEach : Decision::kLogistic;
    if (attributes.name() == "SGDClassifier") {
      if (!attributes.Is("loss", "log_loss")) return attributes.Unlike("loss");
      return each;
    }
    if (!attributes.name().starts_with("LogisticRegression")) return Unknown(attributes);
    // Since 1.8 there is no multi_class any more; before, it could make two classes' probabilities a softmax.
    const bool chooses = attributes.IsNone("multi_class") || IsIn(attributes, "multi_class", {"deprecated", "auto"});
    if (!chooses) return attributes.Unlike("multi_class");
    if (several && IsIn(attributes, "solver", {"liblinear", "newton-cholesky"}) && attributes.minor() < 8) {
      return attributes.Unlike("solver");
    }
    return several ? Decision::kSoftmax : each;
  }

  bool probabilities_;
  bool classifies_ = false;
  Labels labels_;
  std::unique_ptr<FittedModel> model_;
};

Result<std::unique_ptr<const FittedModel>> FittedModel::Build(const Document& document, Method method) {
  return ModelBuilder(method).Build(document);
}

}  // namespace keelson::sklearn
