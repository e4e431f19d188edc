#include "sklearn/transform.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace keelson::sklearn {
namespace {

// (x - shift) / scale
class StandardScaler final : public Transform {
 public:
  static Result<std::unique_ptr<const Transform>> Build(const Attributes& attributes, InputCheck check) {
    KEELSON_ASSIGN_OR_RETURN(const bool shifts, attributes.Bool("with_mean"));
    KEELSON_ASSIGN_OR_RETURN(const bool scales, attributes.Bool("with_std"));
    const std::size_t features = check.features;
    std::unique_ptr<StandardScaler> scaler(new StandardScaler(std::move(check)));
    if (shifts) {
      KEELSON_ASSIGN_OR_RETURN(scaler->shift_, attributes.Doubles("mean_", features));
    }
    if (scales) {
      KEELSON_ASSIGN_OR_RETURN(scaler->scale_, attributes.Doubles("scale_", features));
    }
    return scaler;
  }
  void Apply(std::span<double> rows) const override {
    const std::size_t features = check_.features;
    for (std::size_t begin = 0; begin < rows.size(); begin += features) {
      for (std::size_t i = 0; i < shift_.size(); ++i) rows[begin + i] -= shift_[i];
      for (std::size_t i = 0; i < scale_.size(); ++i) rows[begin + i] /= scale_[i];
    }
  }

 private:
  explicit StandardScaler(InputCheck check) : Transform(std::move(check)) {}
  std::vector<double> shift_, scale_;
};

// x * scale + least, perhaps kept within a range
class MinMaxScaler final : public Transform {
 public:
  static Result<std::unique_ptr<const Transform>> Build(const Attributes& attributes, InputCheck check) {
    const std::size_t features = check.features;
    std::unique_ptr<MinMaxScaler> scaler(new MinMaxScaler(std::move(check)));
    KEELSON_ASSIGN_OR_RETURN(scaler->scale_, attributes.Doubles("scale_", features));
    KEELSON_ASSIGN_OR_RETURN(scaler->least_, attributes.Doubles("min_", features));
    KEELSON_ASSIGN_OR_RETURN(const bool clips, attributes.Bool("clip"));
    if (!clips) return scaler;
    KEELSON_ASSIGN_OR_RETURN(const auto range, attributes.Items("feature_range"));
    if (range.size() != 2) return attributes.Unlike("feature_range");
    for (const Ref ref : range) {
      const Value& end = attributes.document().at(ref);
      if (end.kind == Value::Kind::kFloat) {
        scaler->range_.push_back(end.number);
      } else if (end.kind == Value::Kind::kInt) {
        scaler->range_.push_back(static_cast<double>(end.integer));
      } else {
        return attributes.Unlike("feature_range");
      }
    }
    return scaler;
  }
  void Apply(std::span<double> rows) const override {
    const std::size_t features = check_.features;
    for (std::size_t at = 0; at < rows.size(); ++at) {
      double& value = rows[at];
      value = value * scale_[at % features] + least_[at % features];
      if (!range_.empty() && !std::isnan(value)) value = std::min(std::max(value, range_[0]), range_[1]);
    }
  }

 private:
  explicit MinMaxScaler(InputCheck check) : Transform(std::move(check)) {}
  std::vector<double> scale_, least_, range_;
};

// NaN becomes the column's own number.
class SimpleImputer final : public Transform {
 public:
  static Result<std::unique_ptr<const Transform>> Build(const Attributes& attributes, InputCheck check) {
    const bool constant = attributes.Is("strategy", "constant");
    if (!constant && !attributes.Is("strategy", "mean") && !attributes.Is("strategy", "median")) {
      return attributes.Unlike("strategy");
    }
    KEELSON_ASSIGN_OR_RETURN(const double missing, attributes.Number("missing_values"));
    if (!std::isnan(missing)) return attributes.Unlike("missing_values");
    KEELSON_ASSIGN_OR_RETURN(const bool adds, attributes.Bool("add_indicator"));
    if (adds) return attributes.Unlike("add_indicator");
    KEELSON_ASSIGN_OR_RETURN(const auto* type, attributes.Get("_fit_dtype"));
    if (type->kind != Value::Kind::kType) return attributes.Unlike("_fit_dtype");
    const ElementType& element = attributes.document().type(*type);
    if (element.kind != 'f' || element.size != 8) return attributes.Unlike("_fit_dtype");
    std::unique_ptr<SimpleImputer> imputer(new SimpleImputer(std::move(check)));
    KEELSON_ASSIGN_OR_RETURN(imputer->values_, attributes.Doubles("statistics_", imputer->check_.features));
    // A column without any value when it was fitted is left out of what comes after.
    if (std::ranges::any_of(imputer->values_, [](double value) { return std::isnan(value); })) {
      return attributes.Unlike("statistics_");
    }
    imputer->constant_ = constant;
    return imputer;
  }
  void Apply(std::span<double> rows) const override {
    for (std::size_t at = 0; at < rows.size(); ++at) {
      if (std::isnan(rows[at])) rows[at] = values_[at % check_.features];
    }
  }
  bool keeps_integers() const override { return constant_; }

 private:
  explicit SimpleImputer(InputCheck check) : Transform(std::move(check)) {}
  std::vector<double> values_;
  bool constant_ = false;
};

}  // namespace

Result<InputCheck> CheckOf(const Attributes& attributes) {
  KEELSON_ASSIGN_OR_RETURN(const auto features, attributes.Int("n_features_in_"));
  if (features <= 0 || features > 1'000'000) return attributes.Unlike("n_features_in_");
  InputCheck check;
  check.estimator = attributes.name();
  check.features = static_cast<std::size_t>(features);
  return check;
}

Result<std::unique_ptr<const Transform>> Transform::Build(const Attributes& attributes) {
  const bool preprocesses = attributes.module() == "sklearn.preprocessing._data";
  const bool standard = preprocesses && attributes.name() == "StandardScaler";
  const bool min_max = preprocesses && attributes.name() == "MinMaxScaler";
  const bool imputes = attributes.module() == "sklearn.impute._base" && attributes.name() == "SimpleImputer";
  if (!standard && !min_max && !imputes) return nullptr;
  KEELSON_ASSIGN_OR_RETURN(auto check, CheckOf(attributes));
  check.missing = true;
  check.precision = InputCheck::Precision::kFloat64;
  if (standard) return StandardScaler::Build(attributes, std::move(check));
  if (min_max) return MinMaxScaler::Build(attributes, std::move(check));
  return SimpleImputer::Build(attributes, std::move(check));
}

}  // namespace keelson::sklearn
