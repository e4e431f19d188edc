#include "features/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"

namespace keelson::features {
namespace {

using data::ColumnType;
using Json = nlohmann::ordered_json;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// The number as the model sees it; nothing when float32 has no place for it.
std::optional<float> ToFloat(double number) {
  if (std::isnan(number)) return kMissing;
  if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max())) return std::nullopt;
  return static_cast<float>(number);
}

std::unexpected<Error> TooLarge(const std::string& name, double number) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is beyond the range of float32", number), name);
}

std::unexpected<Error> WrongKind(const InputEncoder::Input& input, std::string_view came) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("the input \"{}\" is {}, and {} came", input.name, data::ColumnTypeName(input.type), came),
              input.name);
}

std::unexpected<Error> BadJson(std::string message, const std::string& where = "") {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), where.empty() ? "encoder" : "encoder." + where);
}

// Refuses fields that are not in `known`.
Status CheckFields(const Json& object, std::initializer_list<std::string_view> known, const std::string& where) {
  if (!object.is_object()) return BadJson("expected an object", where);
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(known, name) == known.end()) return BadJson(fmt::format("unknown field \"{}\"", name), where);
  }
  return {};
}

Result<InputEncoder::Input> ReadInput(const Json& json, const std::string& where) {
  KEELSON_RETURN_IF_ERROR(CheckFields(json, {"name", "type", "categories"}, where));
  InputEncoder::Input input;
  const auto name = json.find("name");
  const auto type = json.find("type");
  if (name == json.end() || !name->is_string()) return BadJson("\"name\" must be text", where);
  if (type == json.end() || !type->is_string()) return BadJson("\"type\" must be text", where);
  input.name = name->get<std::string>();
  const auto parsed = data::ParseColumnType(type->get<std::string>());
  if (!parsed) return BadJson(fmt::format("\"{}\" is not a type", type->get<std::string>()), where);
  input.type = *parsed;
  if (const auto categories = json.find("categories"); categories != json.end()) {
    if (input.type != ColumnType::kString) return BadJson("only an input of type string has categories", where);
    if (!categories->is_array()) return BadJson("\"categories\" must be a list", where);
    for (const Json& category : *categories) {
      if (!category.is_string()) return BadJson("a category must be text", where);
      input.categories.push_back(category.get<std::string>());
    }
  } else if (input.type == ColumnType::kString) {
    return BadJson("an input of type string needs \"categories\"", where);
  }
  return input;
}

}  // namespace

Result<InputEncoder> InputEncoder::Create(const data::Table& training, const std::vector<std::string>& inputs,
                                          const InputEncoder* previous) {
  InputEncoder encoder;
  for (const std::string& name : inputs) {
    const data::Column* column = training.Find(name);
    if (column == nullptr) return Fail(ErrorCode::kNotFound, fmt::format("the table has no column \"{}\"", name), name);
    Input input{name, column->type, {}};
    if (input.type == ColumnType::kString) {
      std::set<std::string_view> fresh;
      for (std::size_t row = 0; row < column->size(); ++row) {
        if (!column->is_null(row)) fresh.insert(column->strings[row]);
      }
      if (previous != nullptr) {
        for (const Input& old : previous->inputs_) {
          if (old.name == name && old.type == ColumnType::kString) input.categories = old.categories;
        }
      }
      for (const std::string& old : input.categories) fresh.erase(old);
      for (const std::string_view category : fresh) {
        if (!IsValidUtf8(category)) return Fail(ErrorCode::kInvalidArgument, "a category is not valid UTF-8", name);
        input.categories.emplace_back(category);
      }
    }
    encoder.inputs_.push_back(std::move(input));
  }
  KEELSON_RETURN_IF_ERROR(encoder.Index());
  return encoder;
}

Status InputEncoder::Index() {
  std::set<std::string_view> names;
  codes_.resize(inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    const auto fail = [&](std::string message) {
      return Fail(ErrorCode::kInvalidArgument, std::move(message), input.name);
    };
    if (!names.insert(input.name).second) return fail(fmt::format("there are two inputs \"{}\"", input.name));
    if (input.type == ColumnType::kTimestamp) {
      return fail(
          fmt::format("the input \"{}\" is a timestamp, which says nothing to a model of the future; derive numbers "
                      "from it in the table's SQL, or leave it out",
                      input.name));
    }
    if (input.categories.size() > kMaximumCategories)
      return fail(fmt::format("more than {} categories", kMaximumCategories));
    for (const std::string& category : input.categories) {
      if (!codes_[i].try_emplace(category, static_cast<float>(codes_[i].size())).second) {
        return fail(fmt::format("the category \"{}\" is there twice", category));
      }
    }
  }
  return {};
}

float InputEncoder::Code(std::size_t input, std::string_view category) const {
  const auto found = codes_[input].find(category);
  return found == codes_[input].end() ? kMissing : found->second;
}

Result<std::vector<float>> InputEncoder::Encode(const data::Table& table) const {
  const std::size_t rows = table.rows();
  std::vector<float> out(rows * width(), kMissing);
  for (std::size_t i = 0; i < width(); ++i) {
    const Input& input = inputs_[i];
    const data::Column* column = table.Find(input.name);
    if (column == nullptr)
      return Fail(ErrorCode::kNotFound, fmt::format("the input \"{}\" is missing", input.name), input.name);
    const bool text = input.type == ColumnType::kString;
    if (text != (column->type == ColumnType::kString) || column->type == ColumnType::kTimestamp) {
      return WrongKind(input, data::ColumnTypeName(column->type));
    }
    for (std::size_t row = 0; row < rows; ++row) {
      if (column->is_null(row)) continue;
      if (text) {
        out[row * width() + i] = Code(i, column->strings[row]);
        continue;
      }
      const auto number = ToFloat(column->Number(row));
      if (!number) return TooLarge(input.name, column->Number(row));
      out[row * width() + i] = *number;
    }
  }
  return out;
}

Status InputEncoder::EncodeRow(std::span<const data::Value> row, std::span<float> out) const {
  if (row.size() != width() || out.size() != width()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("a row has {} inputs, and {} came", width(), row.size()));
  }
  for (std::size_t i = 0; i < width(); ++i) {
    const data::Value& value = row[i];
    out[i] = kMissing;
    if (std::holds_alternative<std::monostate>(value)) continue;
    if (const auto* text = std::get_if<std::string>(&value)) {
      if (inputs_[i].type != ColumnType::kString) return WrongKind(inputs_[i], "text");
      out[i] = Code(i, *text);
      continue;
    }
    if (std::holds_alternative<Instant>(value)) return WrongKind(inputs_[i], "a timestamp");
    if (inputs_[i].type == ColumnType::kString) return WrongKind(inputs_[i], "a number");
    const auto* truth = std::get_if<bool>(&value);
    const auto* integer = std::get_if<std::int64_t>(&value);
    const double number = truth != nullptr     ? (*truth ? 1.0 : 0.0)
                          : integer != nullptr ? static_cast<double>(*integer)
                                               : std::get<double>(value);
    const auto narrow = ToFloat(number);
    if (!narrow) return TooLarge(inputs_[i].name, number);
    out[i] = *narrow;
  }
  return {};
}

std::string InputEncoder::ToJson() const {
  Json list = Json::array();
  for (const Input& input : inputs_) {
    Json item = {{"name", input.name}, {"type", data::ColumnTypeName(input.type)}};
    if (input.type == ColumnType::kString) item["categories"] = input.categories;
    list.push_back(std::move(item));
  }
  return Json{{"inputs", std::move(list)}}.dump();
}

Result<InputEncoder> InputEncoder::FromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return BadJson("not valid JSON");
  KEELSON_RETURN_IF_ERROR(CheckFields(json, {"inputs"}, ""));
  const auto list = json.find("inputs");
  if (list == json.end() || !list->is_array()) return BadJson("\"inputs\" must be a list");
  InputEncoder encoder;
  for (const Json& item : *list) {
    KEELSON_ASSIGN_OR_RETURN(encoder.inputs_.emplace_back(),
                             ReadInput(item, fmt::format("inputs[{}]", encoder.inputs_.size())));
  }
  KEELSON_RETURN_IF_ERROR(encoder.Index());
  return encoder;
}

}  // namespace keelson::features
