#include "wire/inference/model_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace keelson::wire::inference {
namespace {

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

bool IsMatrix(const Tensor& tensor) {
  return tensor.datatype != Datatype::kBytes && tensor.shape.size() == 2;
}

std::string Names(const data::Schema& schema) {
  std::string names;
  for (std::size_t i = 0; i < schema.size() && i < 40; ++i) names += (i == 0 ? "" : ", ") + schema[i].name;
  return names;
}

// The tensor as a column of the schema's type.
Result<data::Column> ToColumn(const data::ColumnSchema& schema, Tensor& tensor, std::size_t rows) {
  data::Column column;
  column.name = schema.name;
  column.type = schema.type;
  const bool wants_text = schema.type == data::ColumnType::kString;
  if (wants_text != (tensor.datatype == Datatype::kBytes)) {
    return Bad(fmt::format("input \"{}\" is {}, expected {}", tensor.name, DatatypeName(tensor.datatype),
                           wants_text ? "BYTES" : "a number"));
  }
  column.valid.assign(rows, 1);
  if (wants_text) {
    column.strings = std::move(tensor.texts);
    for (std::size_t i = 0; i < tensor.missing.size(); ++i) column.valid[i] = tensor.missing[i] != 0 ? 0 : 1;
  } else {
    column.doubles.resize(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const double value = tensor.Number(i);
      column.valid[i] = std::isnan(value) ? 0 : 1;
      column.doubles[i] = column.valid[i] != 0 ? value : 0;
    }
  }
  return column;
}

Result<ModelInputs> TakeMatrix(const serving::LoadedModel& model, Tensor& tensor, bool keep_columns) {
  const std::size_t features = model.features();
  if (tensor.shape[1] != static_cast<std::int64_t>(features)) {
    return Bad(fmt::format("input \"{}\" has shape {}, expected [-1,{}]", tensor.name, tensor.ShapeText(), features));
  }
  ModelInputs inputs;
  inputs.rows = static_cast<std::size_t>(tensor.shape[0]);
  if (IsInteger(tensor.datatype)) {
    inputs.numbers.reserve(tensor.ints.size());
    for (std::size_t i = 0; i < tensor.ints.size(); ++i) inputs.numbers.push_back(static_cast<float>(tensor.Number(i)));
  } else if (tensor.datatype == Datatype::kFp64) {
    inputs.numbers.assign(tensor.doubles.begin(), tensor.doubles.end());
  } else {
    inputs.numbers = std::move(tensor.floats);
  }
  if (!keep_columns || model.takes_numbers_only()) return inputs;
  const auto schema = model.payload_schema();
  for (std::size_t f = 0; f < features; ++f) {
    data::Column& column = inputs.columns.emplace_back();
    column.name = schema.inputs[f].name;
    column.type = schema.inputs[f].type;
    column.valid.resize(inputs.rows);
    const bool text = column.type == data::ColumnType::kString;
    if (text) {
      column.strings.resize(inputs.rows);
    } else {
      column.doubles.resize(inputs.rows);
    }
    for (std::size_t row = 0; row < inputs.rows; ++row) {
      const float value = inputs.numbers[row * features + f];
      column.valid[row] = std::isnan(value) ? 0 : 1;
      if (std::isnan(value)) continue;
      if (!text) {
        column.doubles[row] = static_cast<double>(value);
        continue;
      }
      // A code stands for its category; what is no code of the dictionary is logged as its number.
      const auto& categories = model.encoder()->inputs()[f].categories;
      const bool known = value >= 0 && value < static_cast<float>(categories.size()) && value == std::floor(value);
      column.strings[row] = known ? categories[static_cast<std::size_t>(value)] : fmt::format("{}", value);
    }
  }
  return inputs;
}

Result<ModelInputs> TakeColumns(const serving::LoadedModel& model, std::vector<Tensor>& tensors, bool keep_columns) {
  const data::Schema schema = model.payload_schema().inputs;
  std::vector<Tensor*> by_input(schema.size(), nullptr);
  std::optional<std::size_t> rows;
  for (Tensor& tensor : tensors) {
    const auto found =
        std::find_if(schema.begin(), schema.end(), [&](const auto& each) { return each.name == tensor.name; });
    if (found == schema.end()) {
      std::vector<std::string> names;
      for (const auto& each : schema) names.push_back(each.name);
      const auto near = DidYouMean(tensor.name, names);
      return Bad(fmt::format("unknown input \"{}\"; {}", tensor.name,
                             near ? fmt::format("did you mean \"{}\"?", *near) : "expected: " + Names(schema)));
    }
    Tensor*& place = by_input[static_cast<std::size_t>(found - schema.begin())];
    if (place != nullptr) return Bad(fmt::format("input \"{}\" stands twice in the request", tensor.name));
    place = &tensor;
    const bool vector = tensor.shape.size() == 1 || (tensor.shape.size() == 2 && tensor.shape[1] == 1);
    if (!vector) {
      return Bad(fmt::format("input \"{}\" has shape {}, expected [{}]", tensor.name, tensor.ShapeText(),
                             rows ? std::to_string(*rows) : "-1"));
    }
    const auto length = static_cast<std::size_t>(tensor.shape[0]);
    if (rows && *rows != length) {
      return Bad(fmt::format("input \"{}\" has {} rows, expected {} as those before it", tensor.name, length, *rows));
    }
    rows = length;
  }
  data::Table table;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (by_input[i] == nullptr)
      return Bad(fmt::format("input \"{}\" is missing; expected: {}", schema[i].name, Names(schema)));
    KEELSON_ASSIGN_OR_RETURN(auto column, ToColumn(schema[i], *by_input[i], *rows));
    table.columns().push_back(std::move(column));
  }
  ModelInputs inputs;
  inputs.rows = rows.value_or(0);
  KEELSON_ASSIGN_OR_RETURN(inputs.numbers, model.Encode(table));
  if (keep_columns) inputs.columns = std::move(table.columns());
  return inputs;
}

}  // namespace

Result<ModelInputs> TakeModelInputs(const serving::LoadedModel& model, std::vector<Tensor>& tensors,
                                    bool keep_columns) {
  if (tensors.size() == 1 && IsMatrix(tensors[0])) return TakeMatrix(model, tensors[0], keep_columns);
  if (model.encoder() != nullptr) return TakeColumns(model, tensors, keep_columns);
  if (tensors.size() != 1) {
    return Bad(fmt::format("{} inputs, expected one: FP32 [-1,{}]", tensors.size(), model.features()));
  }
  return Bad(fmt::format("input \"{}\" is {} {}, expected FP32 [-1,{}]", tensors[0].name,
                         DatatypeName(tensors[0].datatype), tensors[0].ShapeText(), model.features()));
}

}  // namespace keelson::wire::inference
