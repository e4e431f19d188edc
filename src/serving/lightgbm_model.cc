#include "serving/lightgbm_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "serving/lightgbm_text.h"

namespace keelson::serving {
namespace {

constexpr std::int64_t kMaxFeatures = 1 << 24;
constexpr std::int64_t kMaxOutputs = 1 << 16;
constexpr std::int64_t kMaxLeaves = 1 << 28;

std::unexpected<Error> Unsound(std::string message, std::string where) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), std::move(where));
}

struct ObjectiveRow {
  std::string_view name;
  LightgbmTransform transform;
};

// The names that the library writes and their aliases.
constexpr ObjectiveRow kObjectives[] = {
    {"regression", LightgbmTransform::kIdentity},    {"regression_l2", LightgbmTransform::kIdentity},
    {"regression_l1", LightgbmTransform::kIdentity}, {"huber", LightgbmTransform::kIdentity},
    {"fair", LightgbmTransform::kIdentity},          {"quantile", LightgbmTransform::kIdentity},
    {"mape", LightgbmTransform::kIdentity},          {"poisson", LightgbmTransform::kExponential},
    {"gamma", LightgbmTransform::kExponential},      {"tweedie", LightgbmTransform::kExponential},
    {"binary", LightgbmTransform::kSigmoid},         {"multiclass", LightgbmTransform::kSoftmax},
    {"multiclassova", LightgbmTransform::kSigmoid},  {"cross_entropy", LightgbmTransform::kSigmoid},
    {"xentropy", LightgbmTransform::kSigmoid},       {"cross_entropy_lambda", LightgbmTransform::kLog1pExp},
    {"xentlambda", LightgbmTransform::kLog1pExp},    {"lambdarank", LightgbmTransform::kIdentity},
    {"rank_xendcg", LightgbmTransform::kIdentity},   {"custom", LightgbmTransform::kIdentity},
};

// "binary sigmoid:1", "multiclass num_class:3", "regression sqrt"; no line at all for a custom objective.
Status ReadObjective(const LightgbmBlock& head, LightgbmModel* model) {
  const auto words = Split(head.Text("objective"), ' ');
  if (!head.Has("objective") || words.empty() || words[0].empty()) return {};
  model->objective = std::string(words[0]);
  const auto* row = std::find_if(std::begin(kObjectives), std::end(kObjectives),
                                 [&](const ObjectiveRow& candidate) { return candidate.name == words[0]; });
  if (row == std::end(kObjectives)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the objective \"{}\" is not one that is served", words[0].substr(0, 80)),
                head.At("objective"));
  }
  model->transform = row->transform;
  for (const std::string_view word : words) {
    if (word == "sqrt" && row->transform == LightgbmTransform::kIdentity && words[0] != "huber") {
      model->transform = LightgbmTransform::kSignedSquare;
    }
    if (!word.starts_with("sigmoid:")) continue;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data() + 8, end, model->sigmoid);
    if (error != std::errc{} || stop != end || !(model->sigmoid > 0) || !std::isfinite(model->sigmoid)) {
      return Unsound(fmt::format("expected a positive number behind \"sigmoid:\", found \"{}\"", word.substr(0, 60)),
                     head.At("objective"));
    }
  }
  return {};
}

Status ReadHead(const LightgbmBlock& head, LightgbmModel* model) {
  KEELSON_ASSIGN_OR_RETURN(const auto classes, head.Whole("num_class"));
  KEELSON_ASSIGN_OR_RETURN(const auto last_feature, head.Whole("max_feature_idx"));
  if (classes < 1 || classes > kMaxOutputs) {
    return Unsound(fmt::format("{} classes; 1 to 65536 are served", classes), head.At("num_class"));
  }
  if (last_feature < 0 || last_feature >= kMaxFeatures) {
    return Unsound(fmt::format("{} features; 1 to 2^24 are served", last_feature + 1), head.At("max_feature_idx"));
  }
  if (head.Has("num_tree_per_iteration")) {
    KEELSON_ASSIGN_OR_RETURN(const auto each, head.Whole("num_tree_per_iteration"));
    if (each != classes) {
      return Unsound(fmt::format("{} trees a round for {} classes", each, classes), head.At("num_tree_per_iteration"));
    }
  }
  model->features = static_cast<std::uint32_t>(last_feature + 1);
  model->outputs = static_cast<std::uint32_t>(classes);
  model->average = head.Has("average_output");
  if (!head.Has("feature_names")) return Unsound("no line feature_names=", head.where());
  for (const std::string_view name : Split(head.Text("feature_names"), ' ')) model->feature_names.emplace_back(name);
  if (model->feature_names.size() != model->features) {
    return Unsound(fmt::format("{} names for {} features", model->feature_names.size(), model->features),
                   head.At("feature_names"));
  }
  KEELSON_RETURN_IF_ERROR(ReadObjective(head, model));
  const bool one = model->transform != LightgbmTransform::kSoftmax && model->objective != "multiclassova" &&
                   !model->objective.empty() && model->objective != "custom";
  if (one && model->outputs != 1) {
    return Unsound(fmt::format("{} classes with the objective {}", classes, model->objective), head.At("num_class"));
  }
  return {};
}

class TreeReader {
 public:
  TreeReader(const LightgbmBlock& block, std::uint32_t features) : block_(block), features_(features) {}

  Result<LightgbmTree> Read() {
    KEELSON_ASSIGN_OR_RETURN(const auto leaves, block_.Whole("num_leaves"));
    if (leaves < 1 || leaves > kMaxLeaves) return Unsound(fmt::format("{} leaves", leaves), block_.At("num_leaves"));
    leaves_ = static_cast<std::size_t>(leaves);
    KEELSON_RETURN_IF_ERROR(Need("leaf_value"));
    KEELSON_RETURN_IF_ERROR(block_.Doubles("leaf_value", leaves_, &tree_.leaf_value));
    KEELSON_RETURN_IF_ERROR(block_.Ints("leaf_count", leaves_, &tree_.leaf_count));
    if (leaves_ > 1) KEELSON_RETURN_IF_ERROR(ReadSplits());
    if (block_.Text("is_linear") == "1") KEELSON_RETURN_IF_ERROR(ReadLinearLeaves());
    return std::move(tree_);
  }

 private:
  Status Need(std::string_view key) const {
    if (block_.Has(key)) return {};
    return Unsound(fmt::format("no line {}=", key), block_.where());
  }

  Status ReadSplits() {
    const std::size_t splits = leaves_ - 1;
    for (const std::string_view key : {"left_child", "right_child", "split_feature", "threshold"}) {
      KEELSON_RETURN_IF_ERROR(Need(key));
    }
    KEELSON_RETURN_IF_ERROR(block_.Ints("left_child", splits, &tree_.left));
    KEELSON_RETURN_IF_ERROR(block_.Ints("right_child", splits, &tree_.right));
    KEELSON_RETURN_IF_ERROR(block_.Ints("split_feature", splits, &tree_.feature));
    KEELSON_RETURN_IF_ERROR(block_.Doubles("threshold", splits, &tree_.threshold));
    KEELSON_RETURN_IF_ERROR(block_.Ints("internal_count", splits, &tree_.internal_count));
    std::vector<std::int32_t> decision;
    KEELSON_RETURN_IF_ERROR(block_.Ints("decision_type", splits, &decision));
    decision.resize(splits);
    for (std::size_t i = 0; i < splits; ++i) {
      if (decision[i] < 0 || decision[i] > 11) {
        return Unsound(fmt::format("decision {} of split {}; 0 to 11 are known", decision[i], i),
                       block_.At("decision_type"));
      }
      tree_.decision.push_back(static_cast<std::uint8_t>(decision[i]));
    }
    KEELSON_RETURN_IF_ERROR(ReadSets());
    for (std::size_t i = 0; i < splits; ++i) KEELSON_RETURN_IF_ERROR(CheckSplit(i));
    return CheckShape();
  }

  Status ReadSets() {
    if (!block_.Has("num_cat")) return {};
    KEELSON_ASSIGN_OR_RETURN(const auto sets, block_.Whole("num_cat"));
    if (sets == 0) return {};
    if (sets < 0 || sets > kMaxLeaves) return Unsound(fmt::format("{} sets", sets), block_.At("num_cat"));
    KEELSON_RETURN_IF_ERROR(Need("cat_boundaries"));
    KEELSON_RETURN_IF_ERROR(Need("cat_threshold"));
    KEELSON_RETURN_IF_ERROR(block_.Ints("cat_boundaries", static_cast<std::size_t>(sets) + 1, &tree_.set_begin));
    if (tree_.set_begin.front() != 0 || !std::is_sorted(tree_.set_begin.begin(), tree_.set_begin.end())) {
      return Unsound("not a rising list from 0", block_.At("cat_boundaries"));
    }
    return block_.Words("cat_threshold", static_cast<std::size_t>(tree_.set_begin.back()), &tree_.set_words);
  }

  Status CheckSplit(std::size_t i) const {
    const std::int32_t feature = tree_.feature[i];
    if (feature < 0 || static_cast<std::uint32_t>(feature) >= features_) {
      return Unsound(fmt::format("split {} asks feature {} of {}", i, feature, features_), block_.At("split_feature"));
    }
    const double threshold = tree_.threshold[i];
    if (std::isnan(threshold)) {
      return Unsound(fmt::format("the threshold of split {} is not a number", i), block_.At("threshold"));
    }
    if ((tree_.decision[i] & LightgbmTree::kCategorical) == 0) return {};
    const auto sets = static_cast<double>(tree_.set_begin.empty() ? 0 : tree_.set_begin.size() - 1);
    if (!(threshold >= 0 && threshold < sets)) {
      return Unsound(fmt::format("split {} asks for set {} of {}", i, threshold, sets), block_.At("threshold"));
    }
    return {};
  }

  // From the root: every split and every leaf once, so that there is no cycle and nothing has two parents.
  Status CheckShape() {
    std::vector<std::uint8_t> split_seen(leaves_ - 1), leaf_seen(leaves_);
    std::vector<std::pair<std::int32_t, std::uint32_t>> open = {{0, 0}};
    while (!open.empty()) {
      const auto [node, depth] = open.back();
      open.pop_back();
      tree_.depth = std::max(tree_.depth, depth);
      auto& seen = node < 0 ? leaf_seen : split_seen;
      const auto place = static_cast<std::size_t>(node < 0 ? ~node : node);
      if (place >= seen.size()) {
        return Unsound(fmt::format("child {} of a tree with {} leaves", node, leaves_),
                       block_.At("left_child, right_child"));
      }
      if (seen[place]++ != 0) {
        return Unsound(fmt::format("child {} is reached twice: a cycle or a second parent", node),
                       block_.At("left_child, right_child"));
      }
      if (node < 0) continue;
      open.emplace_back(tree_.left[place], depth + 1);
      open.emplace_back(tree_.right[place], depth + 1);
    }
    return {};
  }

  Status ReadLinearLeaves() {
    KEELSON_RETURN_IF_ERROR(block_.Doubles("leaf_const", leaves_, &tree_.leaf_constant));
    tree_.leaf_constant.resize(leaves_);
    tree_.leaf_features.resize(leaves_);
    tree_.leaf_coefficients.resize(leaves_);
    std::vector<std::int32_t> counts, features;
    std::vector<double> coefficients;
    KEELSON_RETURN_IF_ERROR(block_.Ints("num_features", leaves_, &counts));
    std::size_t total = 0;
    for (const std::int32_t count : counts) {
      if (count < 0) return Unsound("a negative count", block_.At("num_features"));
      total += static_cast<std::size_t>(count);
    }
    if (total > 0) {
      KEELSON_RETURN_IF_ERROR(Need("leaf_features"));
      KEELSON_RETURN_IF_ERROR(Need("leaf_coeff"));
    }
    KEELSON_RETURN_IF_ERROR(block_.Ints("leaf_features", total, &features));
    KEELSON_RETURN_IF_ERROR(block_.Doubles("leaf_coeff", total, &coefficients));
    auto feature = features.begin();
    auto coefficient = coefficients.begin();
    for (std::size_t leaf = 0; leaf < counts.size(); ++leaf) {
      tree_.leaf_features[leaf].assign(feature, feature + counts[leaf]);
      tree_.leaf_coefficients[leaf].assign(coefficient, coefficient + counts[leaf]);
      feature += counts[leaf];
      coefficient += counts[leaf];
      for (const std::int32_t each : tree_.leaf_features[leaf]) {
        if (each >= 0 && static_cast<std::uint32_t>(each) < features_) continue;
        return Unsound(fmt::format("leaf {} uses feature {} of {}", leaf, each, features_), block_.At("leaf_features"));
      }
    }
    return {};
  }

  const LightgbmBlock& block_;
  const std::uint32_t features_;
  std::size_t leaves_ = 0;
  LightgbmTree tree_;
};

}  // namespace

bool IsLightgbmText(std::string_view content) {
  return content.starts_with("tree\n") || content.starts_with("tree\r\n");
}

Result<LightgbmModel> ReadLightgbmModel(std::string_view content) {
  if (!IsLightgbmText(content)) {
    return Fail(ErrorCode::kDataLoss, "not a LightGBM model: its first line is not \"tree\"", "line 1");
  }
  KEELSON_ASSIGN_OR_RETURN(const auto text, ReadLightgbmText(content));
  LightgbmModel model;
  KEELSON_RETURN_IF_ERROR(ReadHead(text.head, &model));
  model.trees.reserve(text.trees.size());
  for (const LightgbmBlock& block : text.trees) {
    KEELSON_ASSIGN_OR_RETURN(auto tree, TreeReader(block, model.features).Read());
    model.trees.push_back(std::move(tree));
  }
  if (model.trees.size() % model.outputs != 0) {
    return Unsound(fmt::format("{} trees in rounds of {}", model.trees.size(), model.outputs),
                   text.head.At("num_class"));
  }
  return model;
}

}  // namespace keelson::serving
