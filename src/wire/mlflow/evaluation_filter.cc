#include "wire/mlflow/evaluation_filter.h"

#include <fmt/format.h>

#include <utility>

#include "base/strings.h"
#include "tracking/python_json.h"
#include "wire/mlflow/filter_reader.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Compare;
using tracking::Condition;
using tracking::Entity;

const Names& SearchKeys() {
  static const Names keys = {"name", "created_time", "last_update_time", "created_by", "last_updated_by"};
  return keys;
}

const Names& OrderKeys() {
  static const Names keys = {"name", "created_time", "last_update_time"};
  return keys;
}

bool IsNumeric(std::string_view key) {
  return key == "created_time" || key == "last_update_time";
}

// A tag's key stands for itself, quotes and all.
Result<std::pair<Entity, std::string>> ReadIdentifier(std::string_view text, const Names& keys) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) {
    if (Contains(keys, text)) return std::pair(Entity::kAttribute, std::string(text));
    return InvalidFilter(fmt::format("Invalid attribute key '{}' specified. Valid keys are: {}", text, SetOf(keys)));
  }
  if (text.substr(0, dot) == "tags") return std::pair(Entity::kTag, std::string(text.substr(dot + 1)));
  return InvalidFilter(fmt::format("Invalid identifier token '{}' specified", text.substr(0, dot)));
}

Result<io::SqlValue> ReadNumber(const Token& token, std::string_view key) {
  if (token.kind != TokenKind::kNumber) {
    return InvalidFilter(
        fmt::format("Expected numeric value type for numeric attribute: {}. Found {}", key, token.text));
  }
  if (const auto whole = ParseInt(token.text)) return *whole;
  return InvalidFilter(fmt::format("Invalid value for numeric attribute '{}': '{}'", key,
                                   tracking::PythonFloat(ParseDouble(token.text).value_or(0))));
}

Result<io::SqlValue> ReadText(const Token& token, Entity entity) {
  if (IsQuotedText(token)) return std::string(Unquoted(token.text));
  if (token.kind == TokenKind::kWord) {
    return InvalidFilter(
        fmt::format("Parameter value is either not quoted or unidentified quote types used for string value {}. Use "
                    "either single or double quotes.",
                    token.text));
  }
  return InvalidFilter(
      entity == Entity::kTag
          ? fmt::format("Expected a quoted string value for tag (e.g. 'my-value'). Got value {}", token.text)
          : fmt::format("Expected a quoted string value for attributes. Got value {}", token.text));
}

Status CheckCompare(const Condition& condition, std::string_view op) {
  static const Names of_texts = {"=", "!=", "LIKE", "ILIKE"};
  static const Names of_numbers = {"=", "!=", "<", "<=", ">", ">="};
  if (condition.entity == Entity::kTag) {
    if (Contains(of_texts, op)) return {};
    return InvalidFilter(fmt::format("Invalid comparator for tag: {}", op));
  }
  const bool numeric = IsNumeric(condition.key);
  const bool in = condition.key == "name" && op == "IN";
  // Texts may be compared by their order too.
  if (Contains(of_numbers, op) || (!numeric && (Contains(of_texts, op) || in))) return {};
  return InvalidFilter(fmt::format("Invalid comparator for {} attribute: {}", numeric ? "numeric" : "string", op));
}

Result<Condition> ReadComparison(TokenReader& reader) {
  KEELSON_ASSIGN_OR_RETURN(const auto head, reader.ReadHead());
  KEELSON_ASSIGN_OR_RETURN(auto id, ReadIdentifier(head.identifier, SearchKeys()));
  Condition condition{id.first, std::move(id.second), Compare::kEqual, {}};
  if (ToUpper(head.op).starts_with("IS ")) {
    if (condition.entity == Entity::kTag) {
      return InvalidFilter(fmt::format("Invalid comparator for tag: {}", ToUpper(head.op)));
    }
    return InvalidFilter(fmt::format(
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' '{}'", condition.key));
  }
  if (reader.Peek() == nullptr) return InvalidFilter("Invalid comparison clause. Expected 3 tokens found 2");
  const bool list = reader.AtList();
  if (list && condition.entity == Entity::kTag) {
    return InvalidFilter(
        fmt::format("Expected a quoted string value for tag (e.g. 'my-value'). Got value {}", reader.ListText()));
  }
  if (list && condition.key != "name") {
    return InvalidFilter("Only ['name'] attributes support comparison with a list of quoted string values.");
  }
  if (list) {
    KEELSON_ASSIGN_OR_RETURN(condition.values, reader.ReadList());
    if (head.op != "IN") {
      return InvalidFilter("List values for 'name' are only supported with the IN comparator.");
    }
  } else {
    const bool numeric = condition.entity == Entity::kAttribute && IsNumeric(condition.key);
    KEELSON_ASSIGN_OR_RETURN(
        auto value, numeric ? ReadNumber(reader.Take(), condition.key) : ReadText(reader.Take(), condition.entity));
    condition.values.push_back(std::move(value));
  }
  KEELSON_RETURN_IF_ERROR(CheckCompare(condition, head.op));
  condition.compare = *ReadCompare(head.op);
  if ((condition.compare == Compare::kIn) != list) {
    return InvalidFilter("Invalid comparison clause. Expected a list of quoted values after IN");
  }
  return condition;
}

}  // namespace

Result<std::vector<Condition>> ParseEvaluationFilter(std::string_view filter) {
  KEELSON_ASSIGN_OR_RETURN(auto tokens, TokenizeFilter(filter));
  TokenReader reader(std::move(tokens));
  std::vector<Condition> conditions;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const bool more, reader.NextComparison());
    if (!more) return conditions;
    KEELSON_ASSIGN_OR_RETURN(Condition condition, ReadComparison(reader));
    conditions.push_back(std::move(condition));
  }
}

Result<std::vector<tracking::Order>> ParseEvaluationOrders(const std::vector<std::string>& orders) {
  std::vector<tracking::Order> read;
  for (const std::string& order : orders) {
    KEELSON_ASSIGN_OR_RETURN(const OrderText written, ReadOrderText(order));
    KEELSON_ASSIGN_OR_RETURN(const auto id, ReadIdentifier(written.identifier, OrderKeys()));
    if (id.first != Entity::kAttribute) return InvalidFilter("Invalid order_by entity: tag");
    read.push_back({id.first, id.second, written.ascending});
  }
  return read;
}

}  // namespace keelson::wire::mlflow
