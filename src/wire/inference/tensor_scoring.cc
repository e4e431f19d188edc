#include "wire/inference/tensor_scoring.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"
#include "serving/tensor_batch.h"
#include "serving/tensor_json.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/json_tensor.h"
#include "wire/inference/kserve_v1.h"
#include "wire/inference/mlflow_scoring.h"
#include "wire/inference/row_table.h"

namespace keelson::wire::inference {
namespace {

using serving::AppendTensorJson;
using serving::JsonConstants;
using serving::JsonCursor;
using serving::MlflowSignature;
using serving::TensorInfo;
using serving::ValueKind;

constexpr std::string_view kEvaluationFailed =
    "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is "
    "compatible "
    "with the model for inference.";

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// The shape of a JSON value of nested arrays, all elements of a level equally long.
class NestedShape {
 public:
  NestedShape(JsonCursor& cursor, const TensorLimits& limits) : cursor_(cursor), limits_(limits) {}

  Result<std::vector<std::int64_t>> Measure() {
    KEELSON_RETURN_IF_ERROR(Walk(0));
    shape_.resize(rank_.value_or(0));
    return shape_;
  }

 private:
  Status Malformed() const {
    return Bad(fmt::format("malformed JSON at byte {}: {}", cursor_.problem_offset(), cursor_.problem()));
  }
  Status Ragged() const { return Bad("the arrays of one level are not equally long and deep"); }

  Status Walk(std::size_t level) {
    if (cursor_.Peek() != ValueKind::kArray) {
      if (cursor_.Peek() == ValueKind::kObject) return Bad("an object where a number, a text or an array is expected");
      if (rank_.value_or(level) != level) return Ragged();
      rank_ = level;
      if (++elements_ > limits_.elements) return Bad(fmt::format("more than {} values", limits_.elements));
      if (!cursor_.Skip()) return Malformed();
      return {};
    }
    if (level == limits_.rank) return Bad(fmt::format("more than {} dimensions", limits_.rank));
    if (rank_ && level >= *rank_) return Ragged();
    if (!cursor_.EnterArray()) return Malformed();
    std::int64_t length = 0;
    for (; cursor_.NextElement(); ++length) KEELSON_RETURN_IF_ERROR(Walk(level + 1));
    if (!cursor_.ok()) return Malformed();
    if (length == 0 && rank_.value_or(level + 1) != level + 1) return Ragged();
    if (length == 0) rank_ = level + 1;
    shape_.resize(std::max(shape_.size(), level + 1), -1);
    if (shape_[level] != -1 && shape_[level] != length) return Ragged();
    shape_[level] = length;
    return {};
  }

  JsonCursor& cursor_;
  const TensorLimits& limits_;
  std::vector<std::int64_t> shape_;
  std::optional<std::size_t> rank_;
  std::size_t elements_ = 0;
};

// The value at the beginning of `json` as an input of the model. A scalar has no dimension.
Result<Tensor> ReadValue(std::string_view json, const TensorInfo& info, const TensorLimits& limits) {
  JsonCursor measured(json);
  auto shape = NestedShape(measured, limits).Measure();
  if (!shape) return Bad(fmt::format("input \"{}\": {}", info.name, shape.error().message));
  Tensor tensor;
  tensor.name = info.name;
  tensor.datatype = info.datatype;
  tensor.shape = std::move(*shape);
  const bool scalar = tensor.shape.empty();
  const std::string wrapped = scalar ? fmt::format("[{}]", json.substr(0, measured.offset())) : "";
  if (scalar) tensor.shape = {1};
  JsonCursor cursor(scalar ? std::string_view(wrapped) : json);
  KEELSON_RETURN_IF_ERROR(ReadJsonData(cursor, &tensor));
  if (scalar) tensor.shape.clear();
  return tensor;
}

const TensorInfo* FindInput(const serving::LoadedModel& model, std::string_view name) {
  const auto& inputs = model.tensor_inputs();
  const auto found = std::ranges::find(inputs, name, &TensorInfo::name);
  return found == inputs.end() ? nullptr : &*found;
}

Result<const TensorInfo*> OnlyInput(const serving::LoadedModel& model) {
  const auto& inputs = model.tensor_inputs();
  if (inputs.size() == 1) return inputs.data();
  std::vector<std::string> names;
  for (const auto& input : inputs) names.push_back(input.name);
  return Bad(fmt::format(
      "Unable to map numpy array input to the expected model input. Numpy arrays can only be used as input for MLflow "
      "ONNX models that have a single input. This model requires {} inputs. Please pass in data as either a dictionary "
      "or a DataFrame with the following tensors: ['{}'].",
      inputs.size(), fmt::join(names, "', '")));
}

// By the names of inputs each one's JSON.
using Values = std::map<std::string, std::string, std::less<>>;

Result<std::vector<Tensor>> TakeValues(const Values& values, const serving::LoadedModel& model, bool pass_over,
                                       const TensorLimits& limits) {
  std::vector<Tensor> tensors;
  for (const auto& [name, json] : values) {
    const TensorInfo* const info = FindInput(model, name);
    if (info == nullptr && pass_over) continue;
    if (info == nullptr) return Bad(fmt::format("Invalid input name: {}", name));
    KEELSON_ASSIGN_OR_RETURN(tensors.emplace_back(), ReadValue(json, *info, limits));
  }
  return tensors;
}

Status Misses(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  return Fail(ErrorCode::kFailedPrecondition, fmt::format("Model is missing inputs ['{}'].", fmt::join(names, "', '")));
}

// What the signature names and `has` does not.
template <typename Has>
std::vector<std::string> Missing(const MlflowSignature& signature, const Has& has) {
  std::vector<std::string> missing;
  for (const auto& column : signature.columns) {
    if (column.required && !has(column.name)) missing.push_back(column.name);
  }
  return missing;
}

// The members of the object at the cursor.
Status ReadMembers(std::string_view json, JsonCursor& cursor, const TensorLimits& limits, Values* members) {
  std::string_view key;
  if (!cursor.EnterObject()) return Bad("malformed JSON");
  while (cursor.NextKey(&key)) {
    std::string& value = (*members)[std::string(key)];  // of a name that stands twice the last, as in Python
    if (members->size() > limits.inputs) return Bad(fmt::format("more than {} names", limits.inputs));
    const std::size_t begin = cursor.ValueOffset();
    if (!cursor.Skip()) break;
    value = json.substr(begin, cursor.offset() - begin);
  }
  if (!cursor.ok()) return Bad("malformed JSON");
  return {};
}

// A list of objects as one array for each name.
Result<Values> ReadObjects(std::string_view json, const TensorLimits& limits) {
  Values values;
  JsonCursor cursor(json);
  if (!cursor.EnterArray()) return Bad("malformed JSON");
  std::size_t count = 0;
  std::vector<std::size_t> sizes;
  while (cursor.NextElement()) {
    if (cursor.Peek() != ValueKind::kObject) return Bad("objects and other values side by side");
    const std::size_t names = values.size();
    Values row;
    KEELSON_RETURN_IF_ERROR(ReadMembers(json, cursor, limits, &row));
    for (const auto& [name, value] : row) {
      const auto [found, is_new] = values.try_emplace(name);
      if (is_new && count > 0) return Bad("The length of values for each input/column name are not the same");
      found->second.append(is_new ? "[" : ",").append(value);
    }
    if (count++ > 0 && row.size() != names) {
      return Bad("The length of values for each input/column name are not the same");
    }
  }
  if (!cursor.ok()) return Bad("malformed JSON");
  for (auto& [name, value] : values) value.push_back(']');
  return values;
}

bool IsListOfObjects(std::string_view json) {
  JsonCursor cursor(json);
  return cursor.Peek() == ValueKind::kArray && cursor.EnterArray() && cursor.NextElement() &&
         cursor.Peek() == ValueKind::kObject;
}

// Nested arrays, by names or by themselves. `signature` is of tensors, or there is none.
Result<std::vector<Tensor>> TakeArrays(std::string_view json, const serving::LoadedModel& model,
                                       const std::optional<MlflowSignature>& signature, const TensorLimits& limits) {
  const bool named = signature && signature->named();
  std::optional<Values> values;
  JsonCursor cursor(json);
  if (IsListOfObjects(json)) {
    KEELSON_ASSIGN_OR_RETURN(values, ReadObjects(json, limits));
  } else if (cursor.Peek() == ValueKind::kObject) {
    KEELSON_RETURN_IF_ERROR(ReadMembers(json, cursor, limits, &values.emplace()));
  }
  if (values) {
    if (named) {
      KEELSON_RETURN_IF_ERROR(
          Misses(Missing(*signature, [&](const std::string& name) { return values->contains(name); })));
    }
    return TakeValues(*values, model, named, limits);
  }
  if (named && signature->columns.size() > 1) {
    return Fail(ErrorCode::kFailedPrecondition,
                "This model contains a tensor-based model signature with input names, which suggests a dictionary "
                "input mapping input name to tensor, or a pandas DataFrame input containing columns mapping input name "
                "to flattened list value from tensor, but an array was found.");
  }
  KEELSON_ASSIGN_OR_RETURN(const auto* only, OnlyInput(model));
  std::vector<Tensor> tensors(1);
  KEELSON_ASSIGN_OR_RETURN(tensors[0], ReadValue(json, *only, limits));
  return tensors;
}

// What a signature of tensors makes an error of the schema and not of the model.
Status CheckShapes(std::span<const Tensor> tensors, const serving::LoadedModel& model) {
  for (const Tensor& tensor : tensors) {
    const TensorInfo* const info = FindInput(model, tensor.name);
    const auto fits = [](std::int64_t wanted, std::int64_t length) { return wanted < 0 || wanted == length; };
    if (info->shape.empty() || std::ranges::equal(info->shape, tensor.shape, fits)) continue;
    return Fail(ErrorCode::kFailedPrecondition, fmt::format("Shape of input {} does not match expected shape {}.",
                                                            tensor.ShapeText(), ShapeText(info->shape)));
  }
  return {};
}

// Columns side by side, or one of them, as the input's datatype.
Result<Tensor> TakeColumns(std::span<RowTable::Column* const> columns, std::size_t rows, const TensorInfo& info) {
  Tensor tensor;
  tensor.name = info.name;
  tensor.datatype = info.datatype;
  tensor.shape = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns.size())};
  if (columns.size() == 1 && info.shape.size() == 1) tensor.shape.pop_back();
  for (std::size_t row = 0; row < rows; ++row) {
    for (const auto* column : columns) {
      if (column->is_text != (info.datatype == Datatype::kBytes)) {
        return Bad(fmt::format("input \"{}\": column '{}' has {}, expected {}", info.name, column->name,
                               column->is_text ? "texts" : "numbers", DatatypeName(info.datatype)));
      }
      if (column->is_text) {
        tensor.texts.push_back(column->texts[row]);
        continue;
      }
      const double value = column->numbers[row];
      if (info.datatype == Datatype::kFp64) {
        tensor.doubles.push_back(value);
      } else if (IsFloat(info.datatype)) {
        tensor.floats.push_back(static_cast<float>(value));
      } else {
        constexpr double kExact = 9007199254740992.0;  // 2^53
        if (!(std::abs(value) <= kExact) || value != std::trunc(value)) {
          return Bad(fmt::format("input \"{}\": {} is no {}", info.name, value, DatatypeName(info.datatype)));
        }
        tensor.ints.push_back(static_cast<std::int64_t>(value));
      }
    }
  }
  return tensor;
}

Result<std::vector<Tensor>> TakeFrame(RowTable& table, const serving::LoadedModel& model,
                                      const std::optional<MlflowSignature>& signature) {
  if (table.rows() == 0) return Bad("there is no row to predict");
  std::map<std::string_view, RowTable::Column*> by_name;
  std::vector<RowTable::Column*> columns;
  for (auto& column : table.columns()) {
    by_name.emplace(column.name, &column);
    columns.push_back(&column);
  }
  if (signature && signature->named()) {
    const auto has = [&](const std::string& name) { return table.named() && by_name.contains(name); };
    KEELSON_RETURN_IF_ERROR(Misses(Missing(*signature, has)));
    columns.clear();
    for (const auto& column : signature->columns) {
      if (!has(column.name)) continue;
      if (model.is_pyfunc()) KEELSON_RETURN_IF_ERROR(ConvertColumn(column, by_name.at(column.name)));
      columns.push_back(by_name.at(column.name));
    }
  }
  const auto names = model.column_names();
  if (!signature && table.named() && !names.empty() &&
      !std::ranges::equal(columns, names, {}, [](const RowTable::Column* column) { return column->name; })) {
    return Bad(fmt::format("{} ValueError: The feature names should match those that were passed during fit.",
                           kEvaluationFailed));
  }
  std::vector<Tensor> tensors;
  const auto& inputs = model.tensor_inputs();
  if (inputs.size() == 1) {
    KEELSON_ASSIGN_OR_RETURN(tensors.emplace_back(), TakeColumns(columns, table.rows(), inputs[0]));
    return tensors;
  }
  for (const auto& input : inputs) {
    const auto found = by_name.find(input.name);
    if (found == by_name.end() && input.optional) continue;
    if (found == by_name.end()) return Bad(fmt::format("there is no column '{}'", input.name));
    KEELSON_ASSIGN_OR_RETURN(auto tensor, TakeColumns({&found->second, 1}, table.rows(), input));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// How many entries an output has when it is read flat: an object of labels is one.
std::size_t FlatLength(const Tensor& tensor) {
  return tensor.labels.empty() ? tensor.elements() : tensor.elements() / tensor.labels.size();
}

void AppendFlat(const Tensor& tensor, std::size_t i, JsonConstants constants, std::string* out) {
  const std::span<const std::int64_t> shape(tensor.shape);
  const std::size_t width = tensor.labels.empty() ? 1 : tensor.labels.size();
  AppendTensorJson(tensor, i * width, tensor.labels.empty() ? shape.subspan(shape.size()) : shape.last(1), constants,
                   out);
}

// {"name": what `value` appends, ...}
template <typename Append>
void AppendObject(std::span<const Tensor> outputs, std::string* out, const Append& append) {
  out->push_back('{');
  for (const Tensor& output : outputs) {
    if (&output != outputs.data()) out->append(", ");
    AppendJsonString(output.name, *out);
    out->append(": ");
    append(output);
  }
  out->push_back('}');
}

}  // namespace

Result<TensorScoring> ReadTensorScoring(std::string_view content_type, std::string_view body,
                                        const serving::LoadedModel& model,
                                        const std::optional<MlflowSignature>& signature, const TensorLimits& limits) {
  KEELSON_ASSIGN_OR_RETURN(const auto type, ScoringType(content_type));
  const bool by_columns = signature && !signature->tensors;
  TensorScoring scoring;
  RowTable table(limits);
  if (type == "text/csv") {
    KEELSON_RETURN_IF_ERROR(ReadScoringCsv(body, &table));
  } else {
    KEELSON_ASSIGN_OR_RETURN(const auto opened, OpenScoringBody(body));
    if (!by_columns && !opened.format.starts_with("dataframe")) {
      KEELSON_ASSIGN_OR_RETURN(scoring.inputs, TakeArrays(body.substr(opened.data), model, signature, limits));
      if (signature) KEELSON_RETURN_IF_ERROR(CheckShapes(scoring.inputs, model));
      return scoring;
    }
    KEELSON_RETURN_IF_ERROR(ReadScoringRows(body, opened, &table));
  }
  scoring.frame = !signature || by_columns;
  KEELSON_ASSIGN_OR_RETURN(scoring.inputs, TakeFrame(table, model, signature));
  return scoring;
}

Result<std::string> WriteTensorScoring(const TensorScoring& asked, std::span<const Tensor> outputs) {
  std::string body = "{\"predictions\": ";
  if (!asked.frame) {
    AppendObject(outputs, &body, [&](const Tensor& output) {
      AppendTensorJson(output, 0, output.shape, JsonConstants::kPython, &body);
    });
    return body + "}";
  }
  const std::size_t length = outputs.empty() ? 0 : FlatLength(outputs[0]);
  if (std::ranges::any_of(outputs, [&](const Tensor& output) { return FlatLength(output) != length; })) {
    return Bad(fmt::format("{} Its outputs, read flat, are not equally long: ask with \"inputs\" or \"instances\"",
                           kEvaluationFailed));
  }
  body.push_back('[');
  for (std::size_t i = 0; i < length; ++i) {
    if (i != 0) body.append(", ");
    AppendObject(outputs, &body, [&](const Tensor& output) { AppendFlat(output, i, JsonConstants::kPython, &body); });
  }
  return body + "]}";
}

std::string WritePyfuncScoring(std::span<const Tensor> outputs) {
  std::string body = "{\"predictions\": ";
  AppendTensorJson(outputs[0], 0, outputs[0].shape, JsonConstants::kPython, &body);
  return body + "}";
}

Error EvaluationError(const Error& error) {
  if (error.code != ErrorCode::kInvalidArgument) return error;
  return {error.code, fmt::format("{} {}", kEvaluationFailed, error.message), error.where};
}

Result<TensorScoring> ReadTensorV1(std::string_view body, const serving::LoadedModel& model,
                                   const TensorLimits& limits) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, FindV1Rows(body));
  TensorScoring scoring;
  KEELSON_ASSIGN_OR_RETURN(scoring.inputs, TakeArrays(found.rows, model, std::nullopt, limits));
  return scoring;
}

std::string WriteTensorV1(std::span<const Tensor> outputs) {
  std::string body = "{\"predictions\":";
  const auto all = [&](const Tensor& output) {
    AppendTensorJson(output, 0, output.shape, JsonConstants::kNull, &body);
  };
  const auto rows = serving::RowsOf(outputs);
  if (outputs.size() == 1) {
    all(outputs[0]);
  } else if (!rows) {
    AppendObject(outputs, &body, all);
  } else {
    body.push_back('[');
    for (std::size_t row = 0; row < *rows; ++row) {
      if (row != 0) body.push_back(',');
      AppendObject(outputs, &body, [&](const Tensor& output) {
        const auto shape = std::span<const std::int64_t>(output.shape).subspan(1);
        AppendTensorJson(output, row * (output.elements() / *rows), shape, JsonConstants::kNull, &body);
      });
    }
    body.push_back(']');
  }
  return body + "}";
}

}  // namespace keelson::wire::inference
