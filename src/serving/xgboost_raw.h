#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/document_cursor.h"

namespace keelson::serving {

// What an XGBoost file holds, field by field, before anything is checked against anything else. Internal to the reader.
struct RawTree {
  std::vector<std::int32_t> left_children, right_children, split_indices, default_left, split_type;
  std::vector<std::int32_t> categories, categories_nodes, categories_segments, categories_sizes;
  std::vector<float> split_conditions, base_weights, leaf_weights, sum_hessian;
  std::int64_t size_leaf_vector = 1;
};

struct RawModel {
  std::vector<std::int32_t> version;
  std::string booster, objective;
  std::string base_score = "5E-1";
  std::int64_t num_class = 0, num_feature = 0, num_target = 1, num_parallel_tree = 1;
  std::vector<RawTree> trees;
  std::vector<std::int32_t> tree_info, iteration_indptr;
  std::vector<float> weight_drop, linear_weights;
  std::vector<std::string> feature_names, feature_types;
  std::map<std::string, std::string> attributes;
  bool has_learner = false;
  bool is_dart = false;
};

// Reads the document into its fields; unknown fields are passed over, as the library does.
Result<RawModel> ReadRawXgboostModel(DocumentCursor& cursor);

}  // namespace keelson::serving
