#include "wire/mlflow/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json_depth.h"
#include "base/strings.h"
#include "wire/mlflow/proto_json.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kDeepest = 100;  // as protobuf reads
constexpr std::string_view kSeeDocs = " See the API docs for more information about request parameters.";

std::string CamelCase(std::string_view name) {
  std::string camel;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    camel += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return camel;
}

std::optional<std::int64_t> ToInt(const Json& value, Type type) {
  std::optional<std::int64_t> number;
  if (value.is_number_unsigned()) {
    if (value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      number = value.get<std::int64_t>();
    }
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    const double d = value.get<double>();
    if (std::trunc(d) == d && std::abs(d) < 9.2e18) number = static_cast<std::int64_t>(d);
  } else if (value.is_string()) {
    std::string_view text = value.get_ref<const std::string&>();
    if (text.starts_with('+')) text.remove_prefix(1);
    number = ParseInt(text);
  }
  if (!number || type != Type::kInt32) return number;
  if (*number < std::numeric_limits<std::int32_t>::min() || *number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return number;
}

std::optional<double> ToDouble(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "nan") return std::nullopt;
  if (text == "Infinity" || text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity" || text == "-inf") return -std::numeric_limits<double>::infinity();
  return ParseDouble(text);
}

// A value of its field's type; nothing when it is not; null for an enum's name that is not known, which is passed over.
std::optional<Json> Convert(const Json& value, const Field& field);

std::optional<Json> ConvertMessage(const Json& value, std::span<const Field> fields) {
  if (!value.is_object()) return std::nullopt;
  Json read = Json::object();
  for (const Field& field : fields) {
    auto found = value.find(field.name);
    if (found == value.end()) found = value.find(CamelCase(field.name));
    if (found == value.end() || found->is_null()) continue;
    if (!field.repeated) {
      auto one = Convert(*found, field);
      if (!one) return std::nullopt;
      if (!one->is_null()) read[field.name] = *std::move(one);
      continue;
    }
    if (!found->is_array()) return std::nullopt;
    Json all = Json::array();
    for (const Json& item : *found) {
      auto one = Convert(item, field);
      if (!one) return std::nullopt;
      if (!one->is_null()) all.push_back(*std::move(one));
    }
    read[field.name] = std::move(all);
  }
  return read;
}

// "assessmentName,feedback" are the fields assessment_name and feedback.
Json MaskOf(std::string_view text) {
  Json names = Json::array();
  for (const std::string_view part : Split(text, ',')) {
    std::string name;
    for (const char c : part) {
      if (c >= 'A' && c <= 'Z') name += '_';
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

std::optional<Json> ConvertText(const std::string& text, Type type) {
  if (type == Type::kMask) return MaskOf(text);
  const auto ms = type == Type::kTime ? ReadTimestamp(text) : ReadSpanOfTime(text);
  return ms ? std::optional<Json>(*ms) : std::nullopt;
}

std::optional<Json> Convert(const Json& value, const Field& field) {
  switch (field.type) {
    case Type::kText:
      return value.is_string() ? std::optional(value) : std::nullopt;
    case Type::kBool:
      return value.is_boolean() ? std::optional(value) : std::nullopt;
    case Type::kInt64:
    case Type::kInt32:
      if (const auto number = ToInt(value, field.type)) return *number;
      return std::nullopt;
    case Type::kDouble:
      if (const auto number = ToDouble(value)) return *number;
      return std::nullopt;
    case Type::kEnum: {
      if (value.is_string()) {
        const auto found = std::ranges::find(field.enum_names, value.get_ref<const std::string&>());
        if (found != field.enum_names.end()) return field.enum_first + (found - field.enum_names.begin());
      }
      const auto number = ToInt(value, Type::kInt32);
      if (!number) return value.is_string() ? std::optional<Json>(nullptr) : std::nullopt;
      const std::int64_t place = *number - field.enum_first;
      if (place < 0 || place >= static_cast<std::int64_t>(field.enum_names.size())) return std::nullopt;
      return *number;
    }
    case Type::kMessage:
      return ConvertMessage(value, field.fields);
    case Type::kMap:
      if (!value.is_object() || !std::ranges::all_of(value, [](const Json& each) { return each.is_string(); })) {
        return std::nullopt;
      }
      return value;
    case Type::kJson:
      return value;
    case Type::kTime:
    case Type::kSpanOfTime:
    case Type::kMask:
      return value.is_string() ? ConvertText(value.get_ref<const std::string&>(), field.type) : std::nullopt;
  }
  return std::nullopt;
}

std::string_view PythonType(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "NoneType";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::string:
      return "str";
    case Json::value_t::array:
      return "list";
    case Json::value_t::object:
      return "dict";
    case Json::value_t::number_float:
      return "float";
    default:
      return "int";
  }
}

bool Holds(Rule rule, const Json& value) {
  switch (rule) {
    case Rule::kRequired:
      return !value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty());
    case Rule::kText:
      return value.is_string();
    case Rule::kInt:
      return value.is_number() || value.is_boolean() || (value.is_string() && ToInt(value, Type::kInt64));
    case Rule::kFloat:
      return value.is_number() || value.is_boolean() || (value.is_string() && ToDouble(value));
    case Rule::kBool:
      return value.is_boolean();
    case Rule::kArray:
      return value.is_array();
    case Rule::kTexts:
      return std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
    case Rule::kNone:
      break;
  }
  return true;
}

std::unexpected<Error> Invalid(std::string_view name, const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'.{}", text, name,
                          PythonType(value), kSeeDocs));
}

// `typed`: every field is of its type, so that only what is asked beside that is looked at.
Status Check(const Json& given, const Field& field, bool typed) {
  const bool required = std::ranges::find(field.rules, Rule::kRequired) != field.rules.end();
  auto found = given.find(field.name);
  if (found == given.end() && !required) return {};
  static const Json nothing;
  if (found == given.end() && field.name == "run_id") found = given.find("run_uuid");
  const Json& value = found == given.end() ? nothing : *found;
  for (const Rule rule : field.rules) {
    if ((typed && rule != Rule::kRequired) || Holds(rule, value)) continue;
    if (rule != Rule::kRequired) return Invalid(field.name, value);
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Missing value for required parameter '{}'.{}", field.name, kSeeDocs));
  }
  if (field.at_most > 0) {
    const auto number = ToInt(value, Type::kInt64);
    if (number && *number > field.at_most) return Invalid(field.name, value);
  }
  return {};
}

Status CheckAliases(const Json& given, std::span<const Field> fields) {
  if (!given.is_object()) return {};
  for (const Field& field : fields) {
    const std::string camel = CamelCase(field.name);
    if (camel != field.name && given.contains(field.name) && given.contains(camel)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Request specifies both '{}' and '{}'; provide only one of them.", field.name, camel));
    }
  }
  return {};
}

Json FromBody(const std::string& body) {
  if (JsonDepth(body) > kDeepest) return Json::object();
  Json given = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (given.is_string()) {  // old clients send their JSON as a JSON text
    const std::string inner = given.get<std::string>();
    given = JsonDepth(inner) > kDeepest ? Json() : Json::parse(inner, nullptr, false);
  }
  return given.is_discarded() || given.is_null() ? Json::object() : given;
}

Result<Json> FromQuery(std::string_view query, std::span<const Field> fields) {
  const auto pairs = QueryPairs(query);
  Json given = Json::object();
  for (const Field& field : fields) {
    for (const auto& [name, value] : pairs) {
      if (name != field.name) continue;
      if (field.repeated) {
        given[field.name].push_back(value);
      } else if (!given.contains(field.name)) {
        given[field.name] = value;
      }
    }
    if (field.type != Type::kBool || !given.contains(field.name)) continue;
    const std::string value = given[field.name];
    if (ToLower(value) != "true" && ToLower(value) != "false") {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Invalid boolean value: {}, must be 'true' or 'false'.", value));
    }
    given[field.name] = ToLower(value) == "true";
  }
  return given;
}

Status CheckContentType(const io::HttpRequest& request) {
  if (request.method != "POST" && request.method != "PUT") return {};
  const std::string_view type = io::FindHeader(request.headers, "content-type");
  if (type.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "Bad Request. Content-Type header is missing.");
  }
  if (type.substr(0, type.find(';')) == "application/json") return {};
  return Fail(ErrorCode::kInvalidArgument, "Bad Request. Content-Type must be one of ['application/json'].");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> QueryPairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view part : Split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto decode = [](std::string_view text) {
      std::string spaced(text);
      std::ranges::replace(spaced, '+', ' ');
      return io::PercentDecode(spaced);
    };
    std::string value = equals < part.size() ? decode(part.substr(equals + 1)) : std::string();
    if (!IsValidUtf8(value)) value.clear();
    pairs.emplace_back(decode(part.substr(0, equals)), std::move(value));
  }
  return pairs;
}

Result<Message> ReadRequest(const io::HttpRequest& request, std::span<const Field> fields) {
  Json given;
  const bool by_query = request.method == "GET" && !request.query.empty();
  if (by_query) {
    KEELSON_ASSIGN_OR_RETURN(given, FromQuery(request.query, fields));
  } else {
    KEELSON_RETURN_IF_ERROR(CheckContentType(request));
    given = FromBody(request.body);
  }
  if (!given.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("The request must be a JSON object.{}", kSeeDocs));
  }
  KEELSON_RETURN_IF_ERROR(CheckAliases(given, fields));
  auto read = ConvertMessage(given, fields);
  for (const Field& field : fields) KEELSON_RETURN_IF_ERROR(Check(given, field, read.has_value()));
  if (!read) {
    for (const Field& field : fields) {  // the first that is not of its type
      const auto found = given.find(field.name);
      if (found == given.end() || ConvertMessage({{field.name, *found}}, {&field, 1})) continue;
      return Invalid(field.name, *found);
    }
    return Fail(ErrorCode::kInvalidArgument, fmt::format("A value of the request is not of its type.{}", kSeeDocs));
  }
  return Message(*std::move(read));
}

std::string Message::Text(std::string_view name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? std::string() : found->get<std::string>();
}

std::int64_t Message::Int(std::string_view name, std::int64_t otherwise) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? otherwise : found->get<std::int64_t>();
}

double Message::Double(std::string_view name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? 0 : found->get<double>();
}

bool Message::Bool(std::string_view name, bool otherwise) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? otherwise : found->get<bool>();
}

std::vector<std::string> Message::Texts(std::string_view name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? std::vector<std::string>() : found->get<std::vector<std::string>>();
}

std::vector<Message> Message::Messages(std::string_view name) const {
  std::vector<Message> messages;
  if (const auto found = fields_.find(name); found != fields_.end()) {
    for (const auto& each : *found) messages.emplace_back(each);
  }
  return messages;
}

Message Message::Inner(std::string_view name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? Message() : Message(*found);
}

std::optional<std::string> Message::OptionalText(std::string_view name) const {
  if (!Has(name)) return std::nullopt;
  return Text(name);
}

std::vector<std::pair<std::string, std::string>> Message::Pairs(std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Message& each : Messages(name)) pairs.emplace_back(each.Text("key"), each.Text("value"));
  return pairs;
}

std::vector<std::pair<std::string, std::string>> Message::Map(std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, value] : Value(name).items()) pairs.emplace_back(key, value.get<std::string>());
  return pairs;
}

const Json& Message::Value(std::string_view name) const {
  static const Json kNull;
  const auto found = fields_.find(name);
  return found == fields_.end() ? kNull : *found;
}

std::string Message::RunId() const {
  std::string id = Text("run_id");
  return id.empty() ? Text("run_uuid") : id;
}

}  // namespace keelson::wire::mlflow
