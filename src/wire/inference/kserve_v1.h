#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/inference/row_table.h"

namespace keelson::wire::inference {

// Where the rows of a v1 body begin and end, and by which name they came.
struct V1Rows {
  std::string_view name;  // "instances" or "inputs"
  std::string_view rows;
};
Result<V1Rows> FindV1Rows(std::string_view body);

// Bodies of KServe's v1 protocol: {"instances": [row, ...]} or {"inputs": [row, ...]} ("inputs" wins, as in KServe).
// A row is an array of the features in order, or an object by their names. kInvalidArgument in KServe's words.
Status ReadV1Request(std::string_view body, RowTable* table);

// {"predictions": [...]}
std::string WriteV1Predictions(std::span<const float> values, std::span<const std::int64_t> shape);
// {"explanations": [...], "feature_names": [..., "bias"]}: SHAP values of each row, the last of them the bias.
std::string WriteV1Explanations(std::span<const float> values, std::span<const std::int64_t> shape,
                                const std::vector<std::string>& names);

}  // namespace keelson::wire::inference
