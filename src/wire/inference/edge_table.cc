#include "wire/inference/edge_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/strings.h"
#include "wire/inference/answer.h"

namespace keelson::wire::inference {
namespace {

constexpr double kExactWhole = 9'007'199'254'740'992.0;  // 2^53: doubles below hold every whole number

Result<Tensor> KeyTensor(const data::ColumnSchema& key, const RowTable::Column& column, std::size_t rows) {
  Tensor tensor;
  tensor.name = key.name;
  tensor.shape = {static_cast<std::int64_t>(rows)};
  if (column.is_text) {
    tensor.datatype = Datatype::kBytes;
    tensor.texts = column.texts;
    if (std::find(column.missing.begin(), column.missing.end(), 1) != column.missing.end()) {
      tensor.missing = column.missing;
    }
    return tensor;
  }
  const bool all_missing =
      std::all_of(column.numbers.begin(), column.numbers.end(), [](double value) { return std::isnan(value); });
  if (key.type == data::ColumnType::kString && all_missing) {
    tensor.datatype = Datatype::kBytes;
    tensor.texts.resize(rows);
    tensor.missing.assign(rows, 1);
    return tensor;
  }
  if (key.type != data::ColumnType::kInt64 && key.type != data::ColumnType::kBool) {
    tensor.datatype = Datatype::kFp64;
    tensor.doubles = column.numbers;
    return tensor;
  }
  tensor.datatype = key.type == data::ColumnType::kBool ? Datatype::kBool : Datatype::kInt64;
  for (const double value : column.numbers) {
    if (!(std::fabs(value) <= kExactWhole) || value != std::trunc(value)) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("column '{}' must be of whole numbers", key.name));
    }
    tensor.ints.push_back(static_cast<std::int64_t>(value));
  }
  return tensor;
}

void AppendCell(const RowTable::Column& column, std::size_t row, std::string* out) {
  if (column.is_text) {
    if (column.missing[row] != 0) {
      out->append("null");
    } else {
      AppendJsonString(column.texts[row], *out);
    }
  } else if (std::isnan(column.numbers[row])) {
    out->append("null");
  } else if (std::isinf(column.numbers[row])) {
    out->append(column.numbers[row] < 0 ? "-1e999" : "1e999");
  } else {
    fmt::format_to(std::back_inserter(*out), "{}", column.numbers[row]);
  }
}

}  // namespace

Result<EntityKeys> TakeEntityKeys(const data::Schema& keys, RowTable& table) {
  if (!table.named()) {
    return Fail(ErrorCode::kInvalidArgument,
                "features are looked up by the columns' names: send the rows as objects or with columns");
  }
  std::vector<Tensor> tensors;
  for (const auto& key : keys) {
    for (const auto& column : table.columns()) {
      if (column.name != key.name) continue;
      KEELSON_ASSIGN_OR_RETURN(tensors.emplace_back(), KeyTensor(key, column, table.rows()));
    }
  }
  return TakeEntityKeys(keys, tensors);
}

Status AddFeatures(const std::vector<std::string>& names, const std::vector<double>& values, RowTable* table) {
  const std::size_t rows = table->rows();
  for (std::size_t k = 0; k < names.size(); ++k) {
    for (const auto& column : table->columns()) {
      if (column.name == names[k]) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("column '{}' is looked up here and must not be sent", names[k]));
      }
    }
    RowTable::Column& column = table->columns().emplace_back();
    column.name = names[k];
    column.is_decided = true;
    for (std::size_t row = 0; row < rows; ++row) {
      // As a float32, like the tensors of an infer request.
      column.numbers.push_back(static_cast<double>(static_cast<float>(values[row * names.size() + k])));
    }
  }
  return {};
}

std::string WriteTableBody(Route::Kind kind, std::string_view predict, RowTable& table) {
  const bool scoring = kind == Route::Kind::kInvocations;
  std::string body = scoring
                         ? "{\"params\":{\"predict\":" + JsonString(predict) + "},\"dataframe_split\":{\"columns\":["
                         : "{\"instances\":[";
  if (scoring) {
    for (const auto& column : table.columns()) {
      if (body.back() != '[') body.push_back(',');
      AppendJsonString(column.name, body);
    }
    body += "],\"data\":[";
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (row != 0) body.push_back(',');
    body.push_back(scoring ? '[' : '{');
    bool first = true;
    for (const auto& column : table.columns()) {
      if (!std::exchange(first, false)) body.push_back(',');
      if (!scoring) {
        AppendJsonString(column.name, body);
        body.push_back(':');
      }
      AppendCell(column, row, &body);
    }
    body.push_back(scoring ? ']' : '}');
  }
  return body + (scoring ? "]}}" : "]}");
}

}  // namespace keelson::wire::inference
