#include "wire/mlflow/graphql_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/strings.h"
#include "wire/mlflow/graphql_schema.h"
#include "wire/mlflow/graphql_suggest.h"

namespace keelson::wire::mlflow::graphql {
namespace {

using Json = nlohmann::json;
using Kind = Value::Kind;

constexpr std::string_view kEnumValue = "the enum value ";

bool IsInt32(std::int64_t number) {
  return number >= std::numeric_limits<std::int32_t>::min() && number <= std::numeric_limits<std::int32_t>::max();
}

std::vector<std::string> FieldNames(const SchemaType& type) {
  std::vector<std::string> names;
  for (const SchemaField& field : type.fields) names.push_back(field.name);
  return names;
}

// What is wrong with a value of a scalar: whether it is of the right kind is the caller's knowledge. `said` is the
// value as it stands there.
std::optional<std::string> ScalarMistake(std::string_view type, bool fits, std::string_view said) {
  if (fits) return std::nullopt;
  if (type == "String") return fmt::format("String cannot represent a non string value: {}", said);
  if (type == "Boolean") return fmt::format("Boolean cannot represent a non boolean value: {}", said);
  if (type == "Float") return fmt::format("Float cannot represent non numeric value: {}", said);
  return fmt::format("{} cannot represent non-integer value: {}", type, said);
}

std::string TooLong(std::string_view said) {
  return fmt::format("Int cannot represent non 32-bit signed integer value: {}", said);
}

std::optional<std::string> LeafMistake(const Value& value, const SchemaType& type) {
  if (type.kind == SchemaType::Kind::kEnum) {
    if (value.kind != Kind::kEnum) {
      return fmt::format("Enum '{}' cannot represent non-enum value: {}.{}", type.name, Printed(value),
                         DidYouMean(Printed(value), type.values, kEnumValue));
    }
    if (std::ranges::find(type.values, value.text) != type.values.end()) return std::nullopt;
    return fmt::format("Value '{}' does not exist in '{}' enum.{}", value.text, type.name,
                       DidYouMean(value.text, type.values, kEnumValue));
  }
  if (type.name == "LongString") return std::nullopt;  // reads as null
  const bool fits = type.name == "String"    ? value.kind == Kind::kText
                    : type.name == "Boolean" ? value.kind == Kind::kBool
                    : type.name == "Float"   ? value.kind == Kind::kInt || value.kind == Kind::kFloat
                                             : value.kind == Kind::kInt;
  if (auto mistake = ScalarMistake(type.name, fits, Printed(value))) return mistake;
  if (type.name != "Int") return std::nullopt;
  const auto number = ParseInt(value.text);
  return number && IsInt32(*number) ? std::nullopt : std::optional(TooLong(value.text));
}

void Check(const Value& value, std::string_view type, std::vector<std::string>& mistakes) {
  if (value.kind == Kind::kVariable) return;
  if (value.kind == Kind::kNull) {
    if (IsRequired(type)) mistakes.push_back(fmt::format("Expected value of type '{}', found null.", type));
    return;
  }
  if (IsList(type) && value.kind == Kind::kList) {
    for (const Value& item : value.items) Check(item, ItemType(type), mistakes);
    return;
  }
  const SchemaType* named = Schema::Get().Find(NamedType(type));
  if (named == nullptr) return;  // told where the type stands
  if (named->kind != SchemaType::Kind::kInput) {
    if (auto mistake = LeafMistake(value, *named)) mistakes.push_back(*std::move(mistake));
    return;
  }
  if (value.kind != Kind::kObject) {
    mistakes.push_back(fmt::format("Expected value of type '{}', found {}.", type, Printed(value)));
    return;
  }
  std::set<std::string_view> seen;
  for (const auto& [name, inner] : value.fields) {
    if (!seen.insert(name).second) {
      mistakes.push_back(fmt::format("There can be only one input field named '{}'.", name));
    }
    if (const SchemaField* field = named->Find(name)) {
      Check(inner, field->type, mistakes);
    } else {
      mistakes.push_back(fmt::format("Field '{}' is not defined by type '{}'.{}", name, named->name,
                                     DidYouMean(name, FieldNames(*named))));
    }
  }
}

// MLflow's number of an enum's value: they count from 1.
std::optional<Json> NumberOf(const SchemaType& type, std::string_view value) {
  const auto found = std::ranges::find(type.values, value);
  if (found == type.values.end()) return std::nullopt;
  return found - type.values.begin() + 1;
}

// A value of a variable as the reference's library names it in its messages: as Python would. Neither long nor deep
// values are told to their end.
void Inspect(const Json& value, int depth, std::string& out) {
  constexpr std::size_t kLongest = 240;
  constexpr int kDeepest = 3;
  if (value.is_null()) {
    out += "None";
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "True" : "False";
  } else if (value.is_string()) {
    out += value.get_ref<const std::string&>().size() > kLongest ? "'...'" : "'" + value.get<std::string>() + "'";
  } else if (!value.is_structured()) {
    out += value.dump();
  } else {
    out += value.is_array() ? '[' : '{';
    bool first = true;
    for (const auto& [name, item] : value.items()) {
      if (!first) out += ", ";
      first = false;
      if (out.size() > kLongest || depth == kDeepest) {
        out += "...";
        break;
      }
      if (value.is_object()) out += "'" + name + "': ";
      Inspect(item, depth + 1, out);
    }
    out += value.is_array() ? ']' : '}';
  }
}
std::string Inspected(const Json& value) {
  std::string text;
  Inspect(value, 0, text);
  return text;
}

// Reads one variable; the first mistake ends it.
class VariableReader {
 public:
  explicit VariableReader(std::string_view name) : name_(name) {}

  Result<Json> Read(const Json& value, std::string_view type, const std::string& path) {
    if (value.is_null()) {
      if (!IsRequired(type)) return Json();
      return Wrong(value, path, fmt::format("Expected non-nullable type '{}' not to be None.", type));
    }
    if (IsList(WithoutRequired(type))) return ReadList(value, ItemType(type), path);
    const SchemaType& named = *Schema::Get().Find(NamedType(type));
    return named.kind == SchemaType::Kind::kInput ? ReadInput(value, named, path) : ReadLeaf(value, named, path);
  }

 private:
  std::unexpected<Error> Wrong(const Json& value, const std::string& path, std::string_view why) const {
    const std::string at = path.empty() ? "" : fmt::format(" at '{}{}'", name_, path);
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Variable '${}' got invalid value {}{}; {}", name_, Inspected(value), at, why));
  }

  Result<Json> ReadList(const Json& value, std::string_view item_type, const std::string& path) {
    Json list = Json::array();
    if (!value.is_array()) {
      KEELSON_ASSIGN_OR_RETURN(Json only, Read(value, item_type, path));
      list.push_back(std::move(only));
      return list;
    }
    for (const Json& each : value) {
      KEELSON_ASSIGN_OR_RETURN(Json item, Read(each, item_type, fmt::format("{}[{}]", path, list.size())));
      list.push_back(std::move(item));
    }
    return list;
  }

  Result<Json> ReadInput(const Json& value, const SchemaType& type, const std::string& path) {
    if (!value.is_object()) return Wrong(value, path, fmt::format("Expected type '{}' to be a mapping.", type.name));
    Json input = Json::object();
    for (const auto& [name, each] : value.items()) {
      const SchemaField* field = type.Find(name);
      if (field == nullptr) {
        return Wrong(value, path,
                     fmt::format("Field '{}' is not defined by type '{}'.{}", name, type.name,
                                 DidYouMean(name, FieldNames(type))));
      }
      KEELSON_ASSIGN_OR_RETURN(Json read, Read(each, field->type, fmt::format("{}.{}", path, name)));
      if (!read.is_null()) input[field->source] = std::move(read);
    }
    return input;
  }

  Result<Json> ReadLeaf(const Json& value, const SchemaType& type, const std::string& path) {
    if (type.kind == SchemaType::Kind::kEnum) return ReadEnum(value, type, path);
    if (type.name == "LongString" && value.is_string()) {
      if (const auto number = ParseInt(value.get<std::string>())) return Json(*number);
    }
    const bool whole = value.is_number_integer();
    const bool fits = type.name == "String"    ? value.is_string()
                      : type.name == "Boolean" ? value.is_boolean()
                      : type.name == "Float"   ? value.is_number()
                                               : whole;
    if (const auto mistake = ScalarMistake(type.name, fits, Inspected(value))) return Wrong(value, path, *mistake);
    const bool short_enough = value.is_number_unsigned() ? value.get<std::uint64_t>() <= INT32_MAX
                                                         : !whole || IsInt32(value.get<std::int64_t>());
    if (type.name == "Int" && !short_enough) return Wrong(value, path, TooLong(Inspected(value)));
    return value;
  }

  Result<Json> ReadEnum(const Json& value, const SchemaType& type, const std::string& path) {
    if (!value.is_string()) {
      return Wrong(value, path,
                   fmt::format("Enum '{}' cannot represent non-string value: {}.{}", type.name, Inspected(value),
                               DidYouMean(Inspected(value), type.values, kEnumValue)));
    }
    const std::string text = value.get<std::string>();
    if (auto number = NumberOf(type, text)) return *std::move(number);
    return Wrong(value, path,
                 fmt::format("Value '{}' does not exist in '{}' enum.{}", text, type.name,
                             DidYouMean(text, type.values, kEnumValue)));
  }

  std::string_view name_;
};

}  // namespace

std::string Printed(const Value& value) {
  std::string text;
  switch (value.kind) {
    case Kind::kVariable:
      return "$" + value.text;
    case Kind::kText:
      AppendJsonString(value.text, text);
      return text;
    case Kind::kList:
      for (const Value& item : value.items) text += (text.empty() ? "" : ", ") + Printed(item);
      return "[" + text + "]";
    case Kind::kObject:
      for (const auto& [name, inner] : value.fields) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, Printed(inner));
      }
      return "{" + text + "}";
    default:
      return value.text;
  }
}

std::vector<std::string> ValueMistakes(const Value& value, std::string_view type) {
  std::vector<std::string> mistakes;
  Check(value, type, mistakes);
  return mistakes;
}

std::optional<Json> ValueOf(const Value& value, std::string_view type, const Json& variables) {
  if (value.kind == Kind::kVariable) {
    const auto found = variables.find(value.text);
    return found == variables.end() ? std::nullopt : std::optional(*found);
  }
  if (value.kind == Kind::kNull) return Json();
  if (IsList(type)) {
    Json list = Json::array();
    if (value.kind != Kind::kList) return Json::array({ValueOf(value, ItemType(type), variables).value_or(Json())});
    for (const Value& item : value.items) list.push_back(ValueOf(item, ItemType(type), variables).value_or(Json()));
    return list;
  }
  const SchemaType& named = *Schema::Get().Find(NamedType(type));
  if (named.kind == SchemaType::Kind::kInput) {
    Json input = Json::object();
    for (const auto& [name, inner] : value.fields) {
      const SchemaField& field = *named.Find(name);
      if (auto read = ValueOf(inner, field.type, variables); read && !read->is_null()) {
        input[field.source] = *std::move(read);
      }
    }
    return input;
  }
  if (named.kind == SchemaType::Kind::kEnum) return NumberOf(named, value.text);
  if (value.kind == Kind::kBool) return value.text == "true";
  if (value.kind == Kind::kText) return named.name == "LongString" ? Json() : Json(value.text);
  if (const auto number = ParseInt(value.text); number && value.kind == Kind::kInt) return *number;
  return named.name == "Float" ? Json(ParseDouble(value.text).value_or(0)) : Json();
}

Result<Json> Variables(const Operation& operation, const Json& given) {
  Json read = Json::object();
  for (const Variable& variable : operation.variables) {
    const auto found = given.find(variable.name);
    if (found != given.end() && !(found->is_null() && IsRequired(variable.type))) {
      KEELSON_ASSIGN_OR_RETURN(read[variable.name], VariableReader(variable.name).Read(*found, variable.type, ""));
    } else if (found != given.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Variable '${}' of non-null type '{}' must not be null.", variable.name, variable.type));
    } else if (variable.has_default) {
      read[variable.name] = ValueOf(variable.otherwise, variable.type, Json::object()).value_or(Json());
    } else if (IsRequired(variable.type)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Variable '${}' of required type '{}' was not provided.", variable.name, variable.type));
    }
  }
  return read;
}

}  // namespace keelson::wire::mlflow::graphql
