#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// One regression tree as the file tells it, nodes in the file's order, checked: node 0 is the root, every other node
// has exactly one parent and is reached from it, every index is in range. left[i] == -1 marks a leaf.
struct XgboostTree {
  std::vector<std::int32_t> left;
  std::vector<std::int32_t> right;
  std::vector<std::int32_t> feature;
  std::vector<float> value;                // of a split its threshold; of a leaf its value (0 where leaves are vectors)
  std::vector<std::uint8_t> default_left;  // where a missing value goes
  std::vector<std::uint8_t> categorical;   // the split asks for membership in a set; empty when no split does
  std::vector<std::vector<std::int32_t>>
      categories;            // of a categorical split: what goes right, each in [0, 2^24); else empty
  std::vector<float> cover;  // the sum of hessians of the training rows that came by; empty when the file has none
  std::vector<float> leaf_vectors;  // nodes x outputs, row-major; empty when leaves are scalars

  std::size_t size() const { return left.size(); }
  bool is_leaf(std::size_t node) const { return left[node] < 0; }
};

// How margins become what the library's own predict gives.
enum class MarginTransform { kIdentity, kSigmoid, kExponential, kHinge, kSoftmax, kArgMax, kRising };

// An XGBoost model as its file says it (versions 1.6 to 3.x, JSON or UBJSON; boosters gbtree, dart, gblinear).
struct XgboostModel {
  std::array<int, 3> version{};
  std::string objective;
  std::string booster;
  MarginTransform transform = MarginTransform::kIdentity;
  std::uint32_t features = 0;
  std::uint32_t outputs = 1;       // margins a row: classes or targets
  std::vector<float> base_margin;  // one an output: base_score after the objective's link
  std::vector<XgboostTree> trees;
  std::vector<std::int32_t> tree_output;      // the output that a tree of scalar leaves adds to
  std::vector<float> tree_weights;            // DART's, one a tree; empty: all 1
  std::vector<std::int32_t> iteration_begin;  // trees of boosting round r: [iteration_begin[r], iteration_begin[r + 1])
  std::vector<float> linear_weights;          // gblinear: (features + 1) x outputs, the last row is the bias
  std::vector<std::string> feature_names;     // empty when the model has none
  std::vector<std::string> feature_types;
  std::map<std::string, std::string> attributes;  // such as best_iteration

  std::size_t rounds() const { return iteration_begin.empty() ? 0 : iteration_begin.size() - 1; }
  // Values a row that predict gives: outputs, but 1 for multi:softmax.
  std::uint32_t predictions() const { return transform == MarginTransform::kArgMax ? 1 : outputs; }
};

// Both forms; UBJSON is told from JSON by its second byte, as the library does. Errors: kDataLoss for what is no such
// document (truncated, corrupt, a lying length), kInvalidArgument for a document that is no sound model (an index out
// of range, a cycle, lengths that disagree), kUnsupported for what is sound but not served (an unknown objective or
// booster); `where` is the path into the document and the byte offset. Memory stays within a small multiple of the
// file's size.
Result<XgboostModel> ReadXgboostModel(std::string_view content);

}  // namespace keelson::serving
