#include "wire/inference/row_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace keelson::wire::inference {
namespace {

constexpr std::size_t kMaxColumns = 65'536;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::string Called(const RowTable::Column& column, std::size_t place) {
  return column.name.empty() ? fmt::format("column {}", place) : fmt::format("column '{}'", column.name);
}

}  // namespace

Result<std::size_t> RowTable::Named(std::string_view name, std::size_t hint) {
  named_ = true;
  if (hint < columns_.size() && columns_[hint].name == name) return hint;
  auto [found, is_new] = places_.try_emplace(std::string(name), columns_.size());
  if (!is_new) return found->second;
  if (columns_.size() == kMaxColumns) return Bad(fmt::format("more than {} columns", kMaxColumns));
  Column& column = columns_.emplace_back();
  column.name = name;
  if (rows_ > 0) {
    ragged_ = true;
    for (std::size_t i = 0; i < rows_; ++i) KEELSON_RETURN_IF_ERROR(AddMissing(found->second));
  }
  return found->second;
}

Result<std::size_t> RowTable::Placed(std::size_t place) {
  while (columns_.size() <= place) {
    if (columns_.size() == kMaxColumns) return Bad(fmt::format("more than {} columns", kMaxColumns));
    if (rows_ > 0) return Bad(fmt::format("a row of more than {} values, as the rows before it have", columns_.size()));
    columns_.emplace_back();
  }
  return place;
}

Status RowTable::CountCell() {
  if (++cells_ > limits_.elements) return Bad(fmt::format("more than {} values", limits_.elements));
  return {};
}

Status RowTable::AddNumber(std::size_t column, double value) {
  KEELSON_RETURN_IF_ERROR(CountCell());
  Column& to = columns_[column];
  if (to.is_text) return Bad(fmt::format("{} has a number among texts", Called(to, column)));
  to.is_decided = true;
  to.numbers.push_back(value);
  return {};
}

Status RowTable::AddText(std::size_t column, std::string value) {
  KEELSON_RETURN_IF_ERROR(CountCell());
  Column& to = columns_[column];
  if (!to.is_text) {
    if (to.is_decided) return Bad(fmt::format("{} has a text among numbers", Called(to, column)));
    to.is_text = true;
    to.is_decided = true;
    to.texts.resize(to.numbers.size());
    to.missing.assign(to.numbers.size(), 1);
    to.numbers.clear();
  }
  to.texts.push_back(std::move(value));
  to.missing.push_back(0);
  return {};
}

Status RowTable::AddMissing(std::size_t column) {
  KEELSON_RETURN_IF_ERROR(CountCell());
  Column& to = columns_[column];
  if (to.is_text) {
    to.texts.emplace_back();
    to.missing.push_back(1);
  } else {
    to.numbers.push_back(kNan);
  }
  return {};
}

Status RowTable::EndRow(std::size_t rows) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].size() > rows) return Bad(fmt::format("{} stands twice in a row", Called(columns_[i], i)));
    if (columns_[i].size() < rows) ragged_ = true;
    while (columns_[i].size() < rows) KEELSON_RETURN_IF_ERROR(AddMissing(i));
  }
  rows_ = rows;
  return {};
}

Status RowTable::Rename(const std::vector<std::string>& names) {
  if (columns_.empty() && rows_ == 0) {
    for (const auto& name : names) KEELSON_RETURN_IF_ERROR(Named(name, columns_.size()));
    return {};
  }
  if (names.size() != columns_.size()) {
    return Bad(fmt::format("{} columns passed, passed data had {} columns", names.size(), columns_.size()));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    columns_[i].name = names[i];
    if (!places_.try_emplace(names[i], i).second) return Bad(fmt::format("column '{}' stands twice", names[i]));
  }
  named_ = true;
  return {};
}

namespace {

std::vector<std::string> Names(std::vector<RowTable::Column>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

// Where nobody gave the features names.
bool HasNamesOfItsOwn(const serving::LoadedModel& model) {
  const auto& names = model.feature_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != fmt::format("f{}", i)) return true;
  }
  return false;
}

Tensor ToTensor(std::string name, std::size_t rows, RowTable::Column& column) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.shape = {static_cast<std::int64_t>(rows)};
  if (column.is_text) {
    tensor.datatype = Datatype::kBytes;
    tensor.texts = std::move(column.texts);
    if (std::ranges::find(column.missing, 1) != column.missing.end()) tensor.missing = std::move(column.missing);
  } else {
    tensor.datatype = Datatype::kFp64;
    tensor.doubles = std::move(column.numbers);
  }
  return tensor;
}

// The columns of the table in the order of the model's features.
Result<std::vector<RowTable::Column*>> Select(const serving::LoadedModel& model,
                                              const std::optional<serving::MlflowSignature>& signature,
                                              RowTable& table) {
  auto& columns = table.columns();
  std::vector<RowTable::Column*> selected;
  std::vector<std::string> wanted;
  if (model.encoder() != nullptr) {
    wanted = model.feature_names();
  } else if (signature && signature->named() && !signature->tensors) {
    for (const auto& column : signature->columns) wanted.push_back(column.name);
  }
  if (table.named() && !wanted.empty()) {
    std::vector<std::string> missing;
    std::unordered_map<std::string_view, RowTable::Column*> by_name;
    for (auto& column : columns) by_name.emplace(column.name, &column);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto found = by_name.find(wanted[i]);
      if (found == by_name.end()) {
        missing.push_back(wanted[i]);
        continue;
      }
      if (model.encoder() == nullptr) KEELSON_RETURN_IF_ERROR(ConvertColumn(signature->columns[i], found->second));
      selected.push_back(found->second);
    }
    if (!missing.empty()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("Model is missing inputs ['{}'].", fmt::join(missing, "', '")));
    }
  } else {
    for (auto& column : columns) selected.push_back(&column);
    if (table.named() && HasNamesOfItsOwn(model) && Names(columns) != model.feature_names()) {
      return Bad(fmt::format("feature_names mismatch: ['{}'] ['{}']", fmt::join(model.feature_names(), "', '"),
                             fmt::join(Names(columns), "', '")));
    }
  }
  if (selected.size() != model.feature_names().size()) {
    return Bad(
        fmt::format("Feature shape mismatch, expected: {}, got {}", model.feature_names().size(), selected.size()));
  }
  return selected;
}

}  // namespace

Status ConvertColumn(const serving::MlflowSignature::Column& wanted, RowTable::Column* column) {
  const auto fail = [&](std::string_view why) -> Status {
    return Bad(fmt::format("Data is not compatible with model signature. Failed to convert column {} to type '{}'. {}",
                           wanted.name, wanted.type, why));
  };
  if (wanted.type == "string" || wanted.type == "binary" || wanted.type == "datetime") {
    return fail("The model takes numbers.");
  }
  if (column->is_text) {
    for (std::size_t i = 0; i < column->texts.size(); ++i) {
      const auto number = column->missing[i] != 0 ? std::optional(kNan) : ParseDouble(Trim(column->texts[i]));
      if (!number) return fail(fmt::format("Error: could not convert string to float: '{}'", column->texts[i]));
      column->numbers.push_back(*number);
    }
    column->texts.clear();
    column->is_text = false;
  }
  if (wanted.type == "long" || wanted.type == "integer") {
    for (double& value : column->numbers) {
      if (!std::isfinite(value)) return fail("Error: Cannot convert non-finite values (NA or inf) to integer");
      value = std::trunc(value);
    }
  }
  return {};
}

Result<ModelInputs> TakeTable(const serving::LoadedModel& model,
                              const std::optional<serving::MlflowSignature>& signature, RowTable& table,
                              bool keep_columns) {
  if (table.rows() == 0) return Bad("there is no row to predict");
  KEELSON_ASSIGN_OR_RETURN(const auto selected, Select(model, signature, table));
  std::vector<Tensor> tensors;
  if (model.encoder() != nullptr) {
    const auto& inputs = model.encoder()->inputs();
    const bool codes = std::ranges::none_of(selected, [](const auto* column) { return column->is_text; });
    const bool texts = std::ranges::any_of(inputs, [](const auto& input) { return !input.categories.empty(); });
    // Categories by their codes, as the original library takes them: then the rows are a matrix.
    if (!codes || !texts) {
      for (std::size_t i = 0; i < selected.size(); ++i) {
        tensors.push_back(ToTensor(model.feature_names()[i], table.rows(), *selected[i]));
      }
      return TakeModelInputs(model, tensors, keep_columns);
    }
  }
  Tensor& matrix = tensors.emplace_back();
  matrix.name = "rows";
  matrix.shape = {static_cast<std::int64_t>(table.rows()), static_cast<std::int64_t>(selected.size())};
  matrix.floats.resize(table.rows() * selected.size());
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const RowTable::Column& column = *selected[i];
    if (column.is_text) return Bad(fmt::format("{} has text; the model takes numbers", Called(column, i)));
    for (std::size_t row = 0; row < table.rows(); ++row) {
      matrix.floats[row * selected.size() + i] = static_cast<float>(column.numbers[row]);
    }
  }
  return TakeModelInputs(model, tensors, keep_columns);
}

}  // namespace keelson::wire::inference
