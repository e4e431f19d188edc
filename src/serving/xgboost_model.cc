#include "serving/xgboost_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/strings.h"
#include "serving/json_cursor.h"
#include "serving/ubjson_cursor.h"
#include "serving/xgboost_raw.h"

namespace keelson::serving {
namespace {

constexpr std::int64_t kMaxFeatures = 1 << 24;
constexpr std::int64_t kMaxOutputs = 1 << 16;
constexpr std::int32_t kMaxCategory = 1 << 24;

// How base_score, which users see as a prediction, becomes a margin.
enum class Link { kIdentity, kLogit, kLog, kRising };

// As versions 3.2 to 3.4 of the library read them, also for files of older versions.
struct ObjectiveRow {
  std::string_view name;
  MarginTransform transform;
  Link link;
};

constexpr ObjectiveRow kObjectives[] = {
    {"reg:squarederror", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:linear", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:squaredlogerror", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:pseudohubererror", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:absoluteerror", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:quantileerror", MarginTransform::kIdentity, Link::kIdentity},
    {"reg:expectileerror", MarginTransform::kRising, Link::kRising},
    {"reg:logistic", MarginTransform::kSigmoid, Link::kLogit},
    {"binary:logistic", MarginTransform::kSigmoid, Link::kLogit},
    {"binary:logitraw", MarginTransform::kIdentity, Link::kIdentity},
    {"binary:hinge", MarginTransform::kHinge, Link::kIdentity},
    {"count:poisson", MarginTransform::kExponential, Link::kLog},
    {"reg:gamma", MarginTransform::kExponential, Link::kLog},
    {"reg:tweedie", MarginTransform::kExponential, Link::kLog},
    {"survival:cox", MarginTransform::kExponential, Link::kLog},
    {"survival:aft", MarginTransform::kExponential, Link::kLog},
    {"rank:pairwise", MarginTransform::kIdentity, Link::kIdentity},
    {"rank:ndcg", MarginTransform::kIdentity, Link::kIdentity},
    {"rank:map", MarginTransform::kIdentity, Link::kIdentity},
    {"multi:softprob", MarginTransform::kSoftmax, Link::kIdentity},
    {"multi:softmax", MarginTransform::kArgMax, Link::kIdentity},
};

Status Unsound(std::string message, std::string where) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), std::move(where));
}

float ToMargin(float score, Link link) {
  switch (link) {
    case Link::kLogit:
      score = std::min(std::max(score, 1e-6f), 1.0f - 1e-6f);
      return -std::log(1.0f / score - 1.0f);
    case Link::kLog:
      return std::log(score);
    case Link::kIdentity:
    case Link::kRising:
      break;
  }
  return score;
}

// Where each output is the one before and something positive: the inverse of that something's softplus.
void ToRises(std::vector<float>* scores) {
  for (std::size_t k = scores->size() - 1; k > 0; --k) {
    const float rise = std::max((*scores)[k] - (*scores)[k - 1] - 1e-6f, 1e-6f);
    (*scores)[k] = rise + std::log(-std::expm1(-rise));
  }
}

// "5E-1" until version 3.0; "[5E-1]" or "[1E-1,2E-1]", one an output, from 3.1 on.
Result<std::vector<float>> ParseBaseScore(std::string_view text) {
  const std::string where = "learner.learner_model_param.base_score";
  std::string_view list = Trim(text);
  if (list.starts_with('[') && list.ends_with(']')) list = list.substr(1, list.size() - 2);
  std::vector<float> scores;
  for (std::string_view part : Split(list, ',')) {
    part = Trim(part);
    float value = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || stop != part.data() + part.size() || !std::isfinite(value)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected a finite number or a list of them, found \"{}\"", text.substr(0, 80)), where);
    }
    scores.push_back(value);
  }
  return scores;
}

class TreeChecker {
 public:
  TreeChecker(RawTree& raw, std::size_t index, const XgboostModel& model)
      : raw_(raw), where_(fmt::format("learner.gradient_booster.model.trees[{}]", index)), model_(model) {}

  Result<XgboostTree> Check() {
    KEELSON_RETURN_IF_ERROR(CheckLengths());
    KEELSON_RETURN_IF_ERROR(CheckShape());
    KEELSON_RETURN_IF_ERROR(ReadCategories());
    KEELSON_RETURN_IF_ERROR(ReadLeafVectors());
    tree_.left = std::move(raw_.left_children);
    tree_.right = std::move(raw_.right_children);
    tree_.feature = std::move(raw_.split_indices);
    tree_.value = std::move(raw_.split_conditions);
    tree_.cover = std::move(raw_.sum_hessian);
    tree_.default_left.resize(nodes_);
    for (std::size_t i = 0; i < nodes_; ++i) {
      tree_.default_left[i] = raw_.default_left[i] != 0 ? 1 : 0;
      if (tree_.left[i] < 0) tree_.right[i] = -1;
      if (tree_.left[i] < 0 && !tree_.leaf_vectors.empty()) tree_.value[i] = 0;
    }
    return std::move(tree_);
  }

 private:
  std::string At(std::string_view field) const { return fmt::format("{}.{}", where_, field); }

  Status CheckLengths() {
    nodes_ = raw_.left_children.size();
    if (nodes_ == 0) return Unsound("a tree without nodes", At("left_children"));
    auto same = [&](std::size_t size, std::string_view field) -> Status {
      if (size == nodes_) return {};
      return Unsound(fmt::format("{} entries where left_children has {}", size, nodes_), At(field));
    };
    KEELSON_RETURN_IF_ERROR(same(raw_.right_children.size(), "right_children"));
    KEELSON_RETURN_IF_ERROR(same(raw_.split_indices.size(), "split_indices"));
    KEELSON_RETURN_IF_ERROR(same(raw_.split_conditions.size(), "split_conditions"));
    KEELSON_RETURN_IF_ERROR(same(raw_.default_left.size(), "default_left"));
    if (!raw_.sum_hessian.empty()) KEELSON_RETURN_IF_ERROR(same(raw_.sum_hessian.size(), "sum_hessian"));
    if (!raw_.split_type.empty()) KEELSON_RETURN_IF_ERROR(same(raw_.split_type.size(), "split_type"));
    return {};
  }

  // Walks from the root: each node at most once, so that there is no cycle and no node with two parents. Nodes that are
  // not reached (deleted by pruning) are never visited by a prediction, and what they hold does not matter.
  Status CheckShape() {
    reached_.assign(nodes_, 0);
    std::vector<std::int32_t> open = {0};
    reached_[0] = 1;
    while (!open.empty()) {
      const auto node = static_cast<std::size_t>(open.back());
      open.pop_back();
      if (raw_.left_children[node] == -1) continue;
      for (const auto* children : {&raw_.left_children, &raw_.right_children}) {
        const std::int32_t child = (*children)[node];
        const auto field = children == &raw_.left_children ? "left_children" : "right_children";
        if (child < 0 || static_cast<std::size_t>(child) >= nodes_) {
          return Unsound(fmt::format("child {} of a tree with {} nodes", child, nodes_),
                         At(fmt::format("{}[{}]", field, node)));
        }
        if (reached_[static_cast<std::size_t>(child)]++ != 0) {
          return Unsound(fmt::format("node {} is reached twice: a cycle or a second parent", child),
                         At(fmt::format("{}[{}]", field, node)));
        }
        open.push_back(child);
      }
      const std::int32_t feature = raw_.split_indices[node];
      if (feature < 0 || static_cast<std::uint32_t>(feature) >= model_.features) {
        return Unsound(fmt::format("feature {} of a model with {} features", feature, model_.features),
                       At(fmt::format("split_indices[{}]", node)));
      }
      if (std::isnan(raw_.split_conditions[node]) && !IsCategorical(node)) {
        return Unsound("a threshold that is not a number", At(fmt::format("split_conditions[{}]", node)));
      }
    }
    return {};
  }

  bool IsCategorical(std::size_t node) const { return !raw_.split_type.empty() && raw_.split_type[node] == 1; }

  Status ReadCategories() {
    bool any = false;
    for (std::size_t i = 0; i < nodes_; ++i) {
      any |= reached_[i] != 0 && raw_.left_children[i] != -1 && IsCategorical(i);
    }
    if (!any) return {};
    tree_.categorical.assign(nodes_, 0);
    tree_.categories.resize(nodes_);
    for (std::size_t i = 0; i < nodes_; ++i) {
      tree_.categorical[i] = raw_.left_children[i] != -1 && IsCategorical(i) ? 1 : 0;
    }
    const std::size_t sets = raw_.categories_nodes.size();
    if (raw_.categories_segments.size() != sets || raw_.categories_sizes.size() != sets) {
      return Unsound("categories_nodes, categories_segments and categories_sizes differ in length", where_);
    }
    std::size_t total = 0;
    for (std::size_t i = 0; i < sets; ++i) {
      const std::int64_t node = raw_.categories_nodes[i];
      const std::int64_t begin = raw_.categories_segments[i];
      const std::int64_t size = raw_.categories_sizes[i];
      if (node < 0 || node >= static_cast<std::int64_t>(nodes_)) {
        return Unsound(fmt::format("node {} of a tree with {} nodes", node, nodes_),
                       At(fmt::format("categories_nodes[{}]", i)));
      }
      const auto length = static_cast<std::int64_t>(raw_.categories.size());
      if (begin < 0 || size < 0 || begin > length - size) {
        return Unsound(fmt::format("segment [{}, {}+{}) of {} categories", begin, begin, size, length),
                       At(fmt::format("categories_segments[{}]", i)));
      }
      total += static_cast<std::size_t>(size);
      if (total > raw_.categories.size()) {
        return Unsound("segments overlap", At(fmt::format("categories_segments[{}]", i)));
      }
      auto& set = tree_.categories[static_cast<std::size_t>(node)];
      for (std::int64_t k = begin; k < begin + size; ++k) {
        const std::int32_t category = raw_.categories[static_cast<std::size_t>(k)];
        if (category < 0 || category >= kMaxCategory) {
          return Unsound(fmt::format("category {} is not in [0, 2^24)", category),
                         At(fmt::format("categories[{}]", k)));
        }
        set.push_back(category);
      }
    }
    return {};
  }

  // Multi-output trees: leaf_weights by leaf, the leaf's number in right_children (3.x), or base_weights by node (2.x).
  Status ReadLeafVectors() {
    if (raw_.size_leaf_vector <= 1) return {};
    const auto width = static_cast<std::size_t>(raw_.size_leaf_vector);
    if (width != model_.outputs) {
      return Unsound(fmt::format("leaves of {} values in a model with {} outputs", width, model_.outputs),
                     At("tree_param.size_leaf_vector"));
    }
    const bool by_leaf = !raw_.leaf_weights.empty();
    const auto& source = by_leaf ? raw_.leaf_weights : raw_.base_weights;
    const std::size_t count = source.size() / width;
    if (by_leaf ? nodes_ > 2 * count : nodes_ != count) {  // a tree of n leaves has 2n - 1 nodes
      return Unsound(fmt::format("{} leaf vectors for {} nodes", count, nodes_),
                     At(by_leaf ? "leaf_weights" : "base_weights"));
    }
    tree_.leaf_vectors.assign(nodes_ * width, 0.0f);
    for (std::size_t i = 0; i < nodes_; ++i) {
      if (reached_[i] == 0 || raw_.left_children[i] != -1) continue;
      const std::int64_t slot = by_leaf ? raw_.right_children[i] : static_cast<std::int64_t>(i);
      if (slot < 0 || slot >= static_cast<std::int64_t>(count)) {
        return Unsound(fmt::format("leaf vector {} of {}", slot, count), At(fmt::format("right_children[{}]", i)));
      }
      std::copy_n(source.begin() + slot * static_cast<std::int64_t>(width), width,
                  tree_.leaf_vectors.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    return {};
  }

  RawTree& raw_;
  std::string where_;
  const XgboostModel& model_;
  XgboostTree tree_;
  std::size_t nodes_ = 0;
  std::vector<std::uint8_t> reached_;
};

Status CheckTreeLists(RawModel& raw, XgboostModel* model) {
  const std::string base = "learner.gradient_booster.model";
  if (raw.tree_info.size() != raw.trees.size()) {
    return Unsound(fmt::format("{} entries for {} trees", raw.tree_info.size(), raw.trees.size()), base + ".tree_info");
  }
  for (std::size_t i = 0; i < raw.tree_info.size(); ++i) {
    if (raw.tree_info[i] < 0 || static_cast<std::uint32_t>(raw.tree_info[i]) >= model->outputs) {
      return Unsound(fmt::format("output {} of a model with {}", raw.tree_info[i], model->outputs),
                     fmt::format("{}.tree_info[{}]", base, i));
    }
  }
  if (raw.is_dart && raw.weight_drop.size() != raw.trees.size()) {
    return Unsound(fmt::format("{} weights for {} trees", raw.weight_drop.size(), raw.trees.size()),
                   "learner.gradient_booster.weight_drop");
  }
  model->tree_output = std::move(raw.tree_info);
  model->tree_weights = std::move(raw.weight_drop);

  const auto trees = static_cast<std::int32_t>(raw.trees.size());
  if (!raw.iteration_indptr.empty()) {
    const auto& rounds = raw.iteration_indptr;
    if (rounds.front() != 0 || rounds.back() != trees || !std::is_sorted(rounds.begin(), rounds.end())) {
      return Unsound(fmt::format("not a rising list from 0 to {} trees", trees), base + ".iteration_indptr");
    }
    model->iteration_begin = std::move(raw.iteration_indptr);
    return {};
  }
  // Before version 2.0 every round grew the same number of trees.
  const bool vectors = !raw.trees.empty() && raw.trees.front().size_leaf_vector > 1;
  const std::int64_t each = raw.num_parallel_tree * (vectors ? 1 : static_cast<std::int64_t>(model->outputs));
  if (each < 1 || trees % each != 0) {
    return Unsound(fmt::format("{} trees in rounds of {}", trees, each),
                   base + ".gbtree_model_param.num_parallel_tree");
  }
  for (std::int64_t begin = 0; begin <= trees; begin += each) {
    model->iteration_begin.push_back(static_cast<std::int32_t>(begin));
  }
  return {};
}

Status CheckDimensions(const RawModel& raw, XgboostModel* model) {
  const std::string base = "learner.learner_model_param";
  if (raw.num_feature < 0 || raw.num_feature > kMaxFeatures) {
    return Unsound(fmt::format("{} features; at most 2^24 are served", raw.num_feature), base + ".num_feature");
  }
  if (raw.num_class < 0 || raw.num_class > kMaxOutputs) {
    return Unsound(fmt::format("{} classes; at most 65536 are served", raw.num_class), base + ".num_class");
  }
  if (raw.num_target < 0 || raw.num_target > kMaxOutputs) {
    return Unsound(fmt::format("{} targets; at most 65536 are served", raw.num_target), base + ".num_target");
  }
  model->features = static_cast<std::uint32_t>(raw.num_feature);
  model->outputs = static_cast<std::uint32_t>(std::max<std::int64_t>({raw.num_class, raw.num_target, 1}));
  return {};
}

Result<XgboostModel> Assemble(RawModel raw) {
  if (!raw.has_learner) return Fail(ErrorCode::kInvalidArgument, "not an XGBoost model: it has no \"learner\"", "$");
  XgboostModel model;
  std::copy_n(raw.version.begin(), std::min<std::size_t>(3, raw.version.size()), model.version.begin());
  KEELSON_RETURN_IF_ERROR(CheckDimensions(raw, &model));

  const auto* row = std::find_if(std::begin(kObjectives), std::end(kObjectives),
                                 [&](const ObjectiveRow& candidate) { return candidate.name == raw.objective; });
  if (row == std::end(kObjectives)) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("the objective \"{}\" is not one that is served; a custom objective's model can be saved with "
                    "the objective that has the same transformation",
                    raw.objective.substr(0, 80)),
        "learner.objective.name");
  }
  model.objective = raw.objective;
  model.transform = row->transform;

  KEELSON_ASSIGN_OR_RETURN(model.base_margin, ParseBaseScore(raw.base_score));
  if (model.base_margin.size() == 1) model.base_margin.resize(model.outputs, model.base_margin.front());
  if (model.base_margin.size() != model.outputs) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} values for {} outputs", model.base_margin.size(), model.outputs),
                "learner.learner_model_param.base_score");
  }
  for (float& score : model.base_margin) score = ToMargin(score, row->link);
  if (row->link == Link::kRising) ToRises(&model.base_margin);

  model.booster = raw.booster;
  if (raw.booster == "gblinear") {
    const std::size_t expected = (std::size_t{model.features} + 1) * model.outputs;
    if (raw.linear_weights.size() != expected) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} weights where {} features and {} outputs need {}", raw.linear_weights.size(),
                              model.features, model.outputs, expected),
                  "learner.gradient_booster.model.weights");
    }
    model.linear_weights = std::move(raw.linear_weights);
  } else if (raw.booster == "gbtree" || raw.booster == "dart") {
    KEELSON_RETURN_IF_ERROR(CheckTreeLists(raw, &model));
    model.trees.reserve(raw.trees.size());
    for (std::size_t i = 0; i < raw.trees.size(); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto tree, TreeChecker(raw.trees[i], i, model).Check());
      model.trees.push_back(std::move(tree));
      raw.trees[i] = RawTree{};
    }
  } else {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the booster \"{}\" is not one of gbtree, dart, gblinear", raw.booster.substr(0, 80)),
                "learner.gradient_booster.name");
  }
  model.feature_names = std::move(raw.feature_names);
  model.feature_types = std::move(raw.feature_types);
  model.attributes = std::move(raw.attributes);
  return model;
}

}  // namespace

Result<XgboostModel> ReadXgboostModel(std::string_view content) {
  if (content.empty()) return Fail(ErrorCode::kDataLoss, "the file is empty", "$ at byte 0");
  if (content.starts_with("binf") || content.starts_with("bs64")) {
    return Fail(ErrorCode::kUnsupported,
                "XGBoost's deprecated binary format: load it with xgboost 1.6 to 3.0 and save it as .ubj or .json",
                "$ at byte 0");
  }
  // A JSON object goes on with white space, a quote or its end; a UBJSON one with a length marker or a count.
  const bool json = content[0] != '{' || content.size() < 2 || content[1] == '"' || content[1] == '}' ||
                    content[1] == ' ' || content[1] == '\n' || content[1] == '\r' || content[1] == '\t';
  if (json) {
    JsonCursor cursor(content);
    KEELSON_ASSIGN_OR_RETURN(auto raw, ReadRawXgboostModel(cursor));
    return Assemble(std::move(raw));
  }
  UbjsonCursor cursor(content);
  KEELSON_ASSIGN_OR_RETURN(auto raw, ReadRawXgboostModel(cursor));
  return Assemble(std::move(raw));
}

}  // namespace keelson::serving
