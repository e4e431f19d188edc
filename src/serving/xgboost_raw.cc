#include "serving/xgboost_raw.h"

#include <fmt/core.h>

#include <charconv>

namespace keelson::serving {
namespace {

// Walks the document, keeping the path for error messages.
class Walker {
 public:
  explicit Walker(DocumentCursor& cursor) : cursor_(cursor) {}

  Result<RawModel> Read() {
    const bool read = Object([this](std::string_view key) {
      if (key == "learner") {
        model_.has_learner = true;
        return Learner();
      }
      if (key == "version") return cursor_.ReadInts(&model_.version);
      return cursor_.Skip();
    });
    if (!read || !cursor_.Finish()) {
      const auto where = fmt::format("{} at byte {}", path_.empty() ? "$" : path_, cursor_.problem_offset());
      return Fail(ErrorCode::kDataLoss, cursor_.problem(), where);
    }
    return std::move(model_);
  }

 private:
  // Runs `member` for each key, which reads exactly one value. The path stays where a failure happened.
  template <typename Member>
  bool Object(const Member& member) {
    if (!cursor_.EnterObject()) return false;
    std::string_view view;
    const std::size_t length = path_.size();
    while (cursor_.NextKey(&view)) {
      const std::string key(view.substr(0, 200));
      path_ += path_.empty() ? key : "." + key;
      if (!member(key)) return false;
      path_.resize(length);
    }
    return cursor_.ok();
  }

  template <typename Element>
  bool Array(const Element& element) {
    if (!cursor_.EnterArray()) return false;
    const std::size_t length = path_.size();
    for (std::size_t i = 0; cursor_.NextElement(); ++i) {
      path_ += fmt::format("[{}]", i);
      if (!element()) return false;
      path_.resize(length);
    }
    return cursor_.ok();
  }

  bool Strings(std::vector<std::string>* values) {
    values->clear();
    return Array([&] {
      values->emplace_back();
      return cursor_.ReadString(&values->back());
    });
  }

  // XGBoost writes its parameters as texts: "num_feature": "28".
  bool Parameter(std::int64_t* value) {
    if (cursor_.Peek() == ValueKind::kNumber) return cursor_.ReadInt(value);
    std::string text;
    if (!cursor_.ReadString(&text)) return false;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (error != std::errc{} || stop != text.data() + text.size()) {
      return cursor_.Refuse(fmt::format("expected a whole number, found \"{}\"", text.substr(0, 60)));
    }
    return true;
  }

  bool Learner() {
    return Object([this](std::string_view key) {
      if (key == "attributes") {
        model_.attributes.clear();
        return Object(
            [this](std::string_view name) { return cursor_.ReadString(&model_.attributes[std::string(name)]); });
      }
      if (key == "feature_names") return Strings(&model_.feature_names);
      if (key == "feature_types") return Strings(&model_.feature_types);
      if (key == "gradient_booster") return Booster(/*inner=*/false);
      if (key == "learner_model_param") return LearnerParameters();
      if (key == "objective") {
        return Object([this](std::string_view name) {
          return name == "name" ? cursor_.ReadString(&model_.objective) : cursor_.Skip();
        });
      }
      return cursor_.Skip();
    });
  }

  bool LearnerParameters() {
    return Object([this](std::string_view key) {
      if (key == "base_score") return cursor_.ReadString(&model_.base_score);
      if (key == "num_class") return Parameter(&model_.num_class);
      if (key == "num_feature") return Parameter(&model_.num_feature);
      if (key == "num_target") return Parameter(&model_.num_target);
      return cursor_.Skip();
    });
  }

  // Until version 3.2 DART wraps a whole gbtree: {"gbtree": {"model": ...}, "name": "dart", "weight_drop": [...]}.
  // Version 3.3 writes a gbtree with "weight_drop" beside its model, version 3.4 inside.
  bool Booster(bool inner) {
    return Object([this, inner](std::string_view key) {
      if (key == "name") {
        std::string name;
        if (!cursor_.ReadString(&name)) return false;
        if (!inner) model_.booster = std::move(name);
        return true;
      }
      if (key == "gbtree" && !inner) return Booster(/*inner=*/true);
      if (key == "model") return Model();
      if (key == "weight_drop") {
        model_.is_dart = true;
        return cursor_.ReadFloats(&model_.weight_drop);
      }
      return cursor_.Skip();
    });
  }

  bool Model() {
    return Object([this](std::string_view key) {
      if (key == "gbtree_model_param") {
        return Object([this](std::string_view name) {
          return name == "num_parallel_tree" ? Parameter(&model_.num_parallel_tree) : cursor_.Skip();
        });
      }
      if (key == "tree_info") return cursor_.ReadInts(&model_.tree_info);
      if (key == "iteration_indptr") return cursor_.ReadInts(&model_.iteration_indptr);
      if (key == "weight_drop") {  // of any tree booster, from version 3.4 on
        if (!cursor_.ReadFloats(&model_.weight_drop)) return false;
        model_.is_dart |= !model_.weight_drop.empty();
        return true;
      }
      if (key == "weights") return cursor_.ReadFloats(&model_.linear_weights);
      if (key == "trees") {
        model_.trees.clear();
        return Array([this] {
          model_.trees.emplace_back();
          return Tree(&model_.trees.back());
        });
      }
      return cursor_.Skip();
    });
  }

  bool Tree(RawTree* tree) {
    return Object([this, tree](std::string_view key) {
      if (key == "left_children") return cursor_.ReadInts(&tree->left_children);
      if (key == "right_children") return cursor_.ReadInts(&tree->right_children);
      if (key == "split_indices") return cursor_.ReadInts(&tree->split_indices);
      if (key == "split_type") return cursor_.ReadInts(&tree->split_type);
      if (key == "default_left") return cursor_.ReadInts(&tree->default_left);
      if (key == "split_conditions") return cursor_.ReadFloats(&tree->split_conditions);
      if (key == "categories") return cursor_.ReadInts(&tree->categories);
      if (key == "categories_nodes") return cursor_.ReadInts(&tree->categories_nodes);
      if (key == "categories_segments") return cursor_.ReadInts(&tree->categories_segments);
      if (key == "categories_sizes") return cursor_.ReadInts(&tree->categories_sizes);
      if (key == "base_weights") return cursor_.ReadFloats(&tree->base_weights);
      if (key == "sum_hessian") return cursor_.ReadFloats(&tree->sum_hessian);
      if (key == "leaf_weights") return cursor_.ReadFloats(&tree->leaf_weights);
      if (key == "tree_param") {
        return Object([this, tree](std::string_view name) {
          return name == "size_leaf_vector" ? Parameter(&tree->size_leaf_vector) : cursor_.Skip();
        });
      }
      return cursor_.Skip();
    });
  }

  DocumentCursor& cursor_;
  RawModel model_;
  std::string path_;
};

}  // namespace

Result<RawModel> ReadRawXgboostModel(DocumentCursor& cursor) {
  return Walker(cursor).Read();
}

}  // namespace keelson::serving
