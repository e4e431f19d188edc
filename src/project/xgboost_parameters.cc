#include "project/xgboost_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "project/scalars.h"

namespace keelson::project {
namespace {

using Kind = XgboostParameter::Kind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostInt = 2147483647;

XgboostParameter Whole(std::string name, double low, double high = kMostInt) {
  return {std::move(name), Kind::kInt, low, high, {}};
}
XgboostParameter Real(std::string name, double low, double high = kInfinity) {
  return {std::move(name), Kind::kNumber, low, high, {}};
}
XgboostParameter Flag(std::string name) {
  return {std::move(name), Kind::kBool, 0, 1, {}};
}
XgboostParameter Any(std::string name) {
  return {std::move(name), Kind::kText, 0, 0, {}};
}
XgboostParameter Enum(std::string name, std::vector<std::string> choices) {
  return {std::move(name), Kind::kChoice, 0, 0, std::move(choices)};
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kAliases = {{{"eta", "learning_rate"},
                                                                                    {"gamma", "min_split_loss"},
                                                                                    {"lambda", "reg_lambda"},
                                                                                    {"alpha", "reg_alpha"},
                                                                                    {"seed", "random_state"},
                                                                                    {"nthread", "n_jobs"}}};

}  // namespace

const std::vector<XgboostParameter>& XgboostParameters() {
  static const std::vector<XgboostParameter> parameters = {
      Enum("booster", {"gbtree", "dart"}),
      Whole("verbosity", 0, 3),
      Flag("disable_default_eval_metric"),
      // the tree booster
      Real("eta", 0, 1),
      Real("learning_rate", 0, 1),
      Real("gamma", 0),
      Real("min_split_loss", 0),
      Whole("max_depth", 0, 64),
      Real("min_child_weight", 0),
      Real("max_delta_step", 0),
      Real("subsample", 0.0001, 1),
      Enum("sampling_method", {"uniform", "gradient_based"}),
      Real("colsample_bytree", 0.0001, 1),
      Real("colsample_bylevel", 0.0001, 1),
      Real("colsample_bynode", 0.0001, 1),
      Real("lambda", 0),
      Real("reg_lambda", 0),
      Real("alpha", 0),
      Real("reg_alpha", 0),
      Enum("tree_method", {"auto", "exact", "approx", "hist"}),
      Real("scale_pos_weight", 0),
      Any("updater"),
      Flag("refresh_leaf"),
      Enum("grow_policy", {"depthwise", "lossguide"}),
      Whole("max_leaves", 0),
      Whole("max_bin", 2),
      Whole("num_parallel_tree", 1),
      Any("monotone_constraints"),
      Any("interaction_constraints"),
      Enum("multi_strategy", {"one_output_per_tree", "multi_output_tree"}),
      Whole("max_cached_hist_node", 1),
      Whole("max_cat_to_onehot", 1),
      Whole("max_cat_threshold", 1),
      // dart
      Enum("sample_type", {"uniform", "weighted"}),
      Enum("normalize_type", {"tree", "forest"}),
      Real("rate_drop", 0, 1),
      Flag("one_drop"),
      Real("skip_drop", 0, 1),
      // the learning task
      Any("objective"),
      Real("base_score", -kInfinity),
      Any("eval_metric"),
      Whole("seed", 0),
      Whole("random_state", 0),
      Real("tweedie_variance_power", 1, 2),
      Real("huber_slope", 0),
      Any("quantile_alpha"),
      Enum("aft_loss_distribution", {"normal", "logistic", "extreme"}),
      Real("aft_loss_distribution_scale", 0),
      Enum("lambdarank_pair_method", {"mean", "topk"}),
      Whole("lambdarank_num_pair_per_sample", 1),
      Flag("lambdarank_normalization"),
      Flag("lambdarank_score_normalization"),
      Flag("lambdarank_unbiased"),
      Real("lambdarank_bias_norm", 0),
      Flag("ndcg_exp_gain"),
      Whole("num_class", 2),
  };
  return parameters;
}

const XgboostParameter* FindXgboostParameter(std::string_view name) {
  const auto& all = XgboostParameters();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& parameter) { return parameter.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<std::string> XgboostParameterSetByUs(std::string_view name) {
  if (name == "nthread" || name == "n_jobs") return "train.resources.cpu";
  if (name == "num_boost_round" || name == "n_estimators" || name == "num_round") return "rounds";
  if (name == "device") return "Keelson, which trains on the CPU";
  if (name == "seed_per_iteration") return "Keelson, so that a resumed training equals an uninterrupted one";
  if (name == "validate_parameters" || name == "process_type") return "Keelson";
  return std::nullopt;
}

std::string XgboostAlias(std::string_view name) {
  for (const auto& [one, other] : kAliases) {
    if (name == one) return std::string(other);
    if (name == other) return std::string(one);
  }
  return "";
}

std::optional<std::string> WrongXgboostValue(const XgboostParameter& parameter, const YamlNode& value) {
  const bool scalar = value.kind == YamlNode::Kind::kScalar;
  switch (parameter.kind) {
    case Kind::kInt:
    case Kind::kNumber: {
      const auto number = scalar && LooksLikeNumber(value) ? ParseDouble(value.text) : std::nullopt;
      const bool whole = parameter.kind == Kind::kNumber || (scalar && ParseInt(value.text).has_value());
      if (number && whole && *number >= parameter.low && *number <= parameter.high) return std::nullopt;
      std::string expected = parameter.kind == Kind::kInt ? "a whole number" : "a number";
      if (parameter.low != -kInfinity) expected += fmt::format(" from {}", parameter.low);
      if (parameter.high != kInfinity && parameter.high != kMostInt) expected += fmt::format(" to {}", parameter.high);
      return expected;
    }
    case Kind::kBool:
      if (scalar && (LooksLikeBool(value) || value.text == "0" || value.text == "1")) return std::nullopt;
      return "true or false";
    case Kind::kChoice:
      if (scalar && std::ranges::find(parameter.choices, value.text) != parameter.choices.end()) return std::nullopt;
      return OneOf(parameter.choices);
    case Kind::kText:
      if (scalar && !value.text.empty()) return std::nullopt;
      return "text or a number";
  }
  return std::nullopt;
}

}  // namespace keelson::project
