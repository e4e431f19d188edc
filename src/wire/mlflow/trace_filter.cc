#include "wire/mlflow/trace_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/strings.h"
#include "tracking/python_text.h"
#include "wire/mlflow/filter_reader.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Compare;
using tracking::TraceCondition;
using tracking::TraceEntity;

// One comparison as it was written: what its identifier means, and its value.
struct Clause {
  std::string
      type;  // MLflow's names: "attribute", "tag", "request_metadata", "span", "feedback", "expectation", "issue"
  std::string key;
  std::string comparator;  // in capitals
  std::vector<io::SqlValue> values;
};

const Names& FilterKeys() {
  static const Names keys = {"request_id", "timestamp",   "timestamp_ms", "execution_time",    "execution_time_ms",
                             "end_time",   "end_time_ms", "status",       "client_request_id", "name",
                             "run_id",     "prompt",      "text"};
  return keys;
}

const Names& OrderKeys() {
  static const Names keys = {"experiment_id",     "timestamp", "timestamp_ms", "execution_time",
                             "execution_time_ms", "end_time",  "end_time_ms",  "status",
                             "request_id",        "name",      "run_id"};
  return keys;
}

const Names& NumericKeys() {
  static const Names keys = {"timestamp_ms",   "timestamp",   "execution_time_ms",
                             "execution_time", "end_time_ms", "end_time"};
  return keys;
}

const Names& NumericComparators() {
  static const Names names = {"<", "<=", ">", ">=", "=", "!="};
  return names;
}

const Names& TextComparators() {
  static const Names names = {"!=", "=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE"};
  return names;
}

const Names& PairComparators() {
  static const Names names = {"!=", "=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"};
  return names;
}

const Names& AssessmentComparators() {
  static const Names names = {"!=", "=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"};
  return names;
}

bool IsAssessment(std::string_view type) {
  return type == "feedback" || type == "expectation";
}

Result<std::string> ReadType(std::string_view written) {
  static const Names types = {"tag",      "tags",     "attribute",   "attributes", "trace", "request_metadata",
                              "metadata", "feedback", "expectation", "issue",      "span"};
  const std::string_view word = written.starts_with('`') ? Unquoted(written) : written;
  if (word == "tags") return "tag";
  if (word == "attributes" || word == "trace") return "attribute";
  if (word == "metadata") return "request_metadata";
  if (Contains(types, word)) return std::string(word);
  return InvalidFilter(fmt::format("Invalid entity type '{}'. Valid values are {}", word, SetOf(types)));
}

Result<std::pair<std::string, std::string>> ReadIdentifier(std::string_view text, const Names& keys) {
  const auto [word, key] = SplitIdentifier(text);
  std::string type = "attribute";
  if (!word.empty()) {
    KEELSON_ASSIGN_OR_RETURN(type, ReadType(word));
  }
  if (type == "attribute" && !Contains(keys, key)) {
    return InvalidFilter(fmt::format("Invalid attribute key '{}' specified. Valid keys are '{}'", key, SetOf(keys)));
  }
  return std::pair(std::move(type), std::string(key));
}

// Some names stand for a tag, for metadata or for the spans' text, whatever they were written behind.
void Resolve(std::string& type, std::string& key) {
  if (type == "span") return;
  const std::string name = ToLower(key);
  const auto become = [&](std::string_view other_type, std::string_view other_key) {
    type = other_type;
    key = other_key;
  };
  if (name == "name") become("tag", tracking::kTraceName);
  if (name == "prompt") become("tag", "mlflow.linkedPrompts");
  if (name == "run_id") become("request_metadata", tracking::kTraceSourceRun);
  if (name == "text") become("span", "content");
  if (name == "timestamp" || name == "execution_time" || name == "end_time") key = name + "_ms";
}

std::unexpected<Error> NotText(std::string_view type, std::string_view value) {
  return InvalidFilter(
      fmt::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}", type, value));
}

io::SqlValue NumberOf(const std::string& text) {
  if (const auto whole = ParseInt(text)) return *whole;
  const double infinity = std::numeric_limits<double>::infinity();
  return ParseDouble(text).value_or(text.starts_with('-') ? -infinity : infinity);
}

Result<io::SqlValue> ReadValue(const Clause& clause, const Token& token) {
  if (IsAssessment(clause.type)) {
    const bool numeric = Contains({"<", "<=", ">", ">="}, clause.comparator);
    const bool is_number = token.kind == TokenKind::kNumber;
    if (is_number == numeric && (is_number || IsQuotedText(token) || token.kind == TokenKind::kWord)) {
      if (is_number) return NumberOf(token.text);
    } else if (numeric) {
      return InvalidFilter(fmt::format("Expected a numeric value for {} when using comparator '{}'. Got value {}",
                                       clause.type, clause.comparator, token.text));
    } else {
      return NotText(clause.type, token.text);
    }
  }
  if (IsQuotedText(token)) return std::string(Unquoted(token.text));
  if (token.kind == TokenKind::kWord) {
    return InvalidFilter(
        fmt::format("Parameter value is either not quoted or unidentified quote types used for string value "
                    "{}. Use either single or double quotes.",
                    token.text));
  }
  if (clause.type != "attribute") return NotText(clause.type, token.text);
  if (token.kind != TokenKind::kNumber) {
    return InvalidFilter(fmt::format(
        "Expected a quoted string value or a list of quoted string values for attributes. Got value {}", token.text));
  }
  if (Contains(NumericKeys(), clause.key)) return NumberOf(token.text);
  return InvalidFilter(
      fmt::format("Only the '{}' attributes support comparison with numeric values.", SetOf(NumericKeys())));
}

Result<std::vector<io::SqlValue>> ReadValues(const Clause& clause, TokenReader& reader) {
  if (!reader.AtList()) {
    KEELSON_ASSIGN_OR_RETURN(io::SqlValue value, ReadValue(clause, reader.Take()));
    return std::vector<io::SqlValue>{std::move(value)};
  }
  static const Names lists = {"name", "status", "request_id", "run_id", "client_request_id"};
  if (clause.type == "attribute" && !Contains(lists, clause.key)) {
    return InvalidFilter(
        fmt::format("Only attributes in {} supports comparison with a list of quoted string values.", SetOf(lists)));
  }
  if (clause.type == "attribute" || clause.type == "tag" || clause.type == "span") return reader.ReadList();
  return NotText(clause.type, reader.ListText());
}

Status CheckSpan(const Clause& clause) {
  const auto refuse = [&](const Names& valid) {
    return InvalidFilter(
        fmt::format("span.{} comparator '{}' not one of '{}'", clause.key, clause.comparator, SetOf(valid)));
  };
  if (clause.key == "attributes.") return InvalidFilter("Span attribute name cannot be empty after 'attributes.'");
  if (clause.key.starts_with("attributes.") || Contains({"name", "type", "status"}, clause.key)) {
    return Contains(TextComparators(), clause.comparator) ? Status() : refuse(TextComparators());
  }
  static const Names content = {"LIKE", "ILIKE"};
  if (clause.key == "content") return Contains(content, clause.comparator) ? Status() : refuse(content);
  return InvalidFilter(
      fmt::format("Invalid span attribute '{}'. Supported attributes: name, status, type, attributes.<attribute_name>.",
                  clause.key));
}

Result<Clause> ReadClause(TokenReader& reader) {
  KEELSON_ASSIGN_OR_RETURN(const auto head, reader.ReadHead());
  Clause clause;
  KEELSON_ASSIGN_OR_RETURN(auto identifier, ReadIdentifier(head.identifier, FilterKeys()));
  clause.type = std::move(identifier.first);
  clause.key = std::move(identifier.second);
  clause.comparator = ToUpper(head.op);
  if (clause.comparator != "IS NULL" && clause.comparator != "IS NOT NULL") {
    if (reader.Peek() == nullptr) return InvalidFilter("Invalid comparison clause. Expected 3 tokens found 2");
    const bool was_list = reader.AtList();
    KEELSON_ASSIGN_OR_RETURN(clause.values, ReadValues(clause, reader));
    if (was_list != (clause.comparator == "IN" || clause.comparator == "NOT IN")) {
      return InvalidFilter(was_list ? "Invalid comparison clause. A list of values goes with IN alone"
                                    : "Invalid comparison clause. Expected a list of quoted values after IN");
    }
    if (clause.type == "span") KEELSON_RETURN_IF_ERROR(CheckSpan(clause));
  }
  Resolve(clause.type, clause.key);
  return clause;
}

Status CheckComparator(const Clause& clause) {
  const auto refuse = [&](std::string_view end, const Names& valid) {
    return InvalidFilter(fmt::format("Invalid comparator '{}' not one of '{}{}", clause.comparator, SetOf(valid), end));
  };
  if (clause.type == "issue") {
    if (clause.key != "id") {
      return InvalidFilter(fmt::format("Invalid issue attribute '{}'. Supported attributes: id", clause.key));
    }
    if (clause.comparator == "=") return {};
    return InvalidFilter(fmt::format("issue.{} comparator '{}' not one of '{{'='}}'", clause.key, clause.comparator));
  }
  if (clause.type == "attribute") {
    const bool numeric = Contains(NumericKeys(), clause.key);
    if (Contains(numeric ? NumericComparators() : TextComparators(), clause.comparator)) return {};
    return refuse(numeric ? "" : "'", TextComparators());
  }
  if (clause.type == "tag" || clause.type == "request_metadata") {
    if (Contains(PairComparators(), clause.comparator)) return {};
    return refuse(clause.type == "tag" ? "" : "'", PairComparators());
  }
  if (clause.type == "span") return CheckSpan(clause);
  if (clause.key.empty()) return InvalidFilter("Assessment field name cannot be empty");
  if (Contains(AssessmentComparators(), clause.comparator)) return {};
  return InvalidFilter(fmt::format("assessment.{} comparator '{}' not one of '{}'", clause.key, clause.comparator,
                                   SetOf(AssessmentComparators())));
}

Status CheckPrompt(const Clause& clause) {
  if (clause.comparator != "=") {
    return InvalidFilter(fmt::format(
        "Invalid comparator '{}' for prompts filter. Only '=' is supported with format: prompt = \"name/version\"",
        clause.comparator));
  }
  const std::string& value = io::AsText(clause.values.at(0));
  if (std::ranges::count(value, '/') == 1) return {};
  return InvalidFilter(
      fmt::format("Invalid prompts filter value '{}'. Expected format: prompt = \"name/version\"", value));
}

Status CheckReserved(const Clause& clause) {
  if (Contains({"=", "!=", "IS NULL", "IS NOT NULL"}, clause.comparator)) return {};
  return InvalidFilter(
      fmt::format("Comparator '{}' is not supported for reserved metadata '{}'. Only '=', '!=', 'IS NULL', and "
                  "'IS NOT NULL' are supported.",
                  clause.comparator, clause.key));
}

Result<TraceCondition> ToCondition(Clause clause) {
  KEELSON_RETURN_IF_ERROR(CheckComparator(clause));
  TraceCondition condition;
  condition.compare = ReadCompare(clause.comparator).value_or(Compare::kEqual);
  condition.key = clause.key;
  if (clause.type == "tag") {
    condition.entity = TraceEntity::kTag;
    if (clause.key == tracking::kTraceName) condition.entity = TraceEntity::kAttribute;
    if (clause.key == "mlflow.linkedPrompts") {
      KEELSON_RETURN_IF_ERROR(CheckPrompt(clause));
      condition.entity = TraceEntity::kPrompt;
    }
  } else if (clause.type == "request_metadata") {
    condition.entity = TraceEntity::kMetadata;
    if (clause.key == tracking::kTraceSession) condition.entity = TraceEntity::kAttribute;
    if (clause.key == tracking::kTraceTokenUsage || clause.key == tracking::kTraceCost) {
      KEELSON_RETURN_IF_ERROR(CheckReserved(clause));
    }
  } else if (clause.type == "span") {
    condition.entity = TraceEntity::kSpan;
    if (clause.key.starts_with("attributes.")) {
      condition.entity = TraceEntity::kSpanAttribute;
      const std::string_view name = std::string_view(clause.key).substr(std::string_view("attributes.").size());
      condition.key = name.starts_with('`') ? Unquoted(name) : name;
      if (condition.compare == Compare::kIn || condition.compare == Compare::kNotIn) {
        return InvalidFilter(fmt::format("span.{} takes no list of values", clause.key));
      }
    }
  } else if (IsAssessment(clause.type)) {
    condition.entity = clause.type == "feedback" ? TraceEntity::kFeedback : TraceEntity::kExpectation;
  } else if (clause.type == "issue") {
    condition.entity = TraceEntity::kIssue;
  }
  condition.values = std::move(clause.values);
  return condition;
}

Result<tracking::TraceOrder> ParseOrder(const std::string& written) {
  KEELSON_ASSIGN_OR_RETURN(const OrderText order, ReadOrderText(written));
  KEELSON_ASSIGN_OR_RETURN(auto identifier, ReadIdentifier(order.identifier, OrderKeys()));
  auto& [type, key] = identifier;
  Resolve(type, key);
  tracking::TraceOrder read{TraceEntity::kAttribute, key, order.ascending};
  if (type == "attribute" || (type == "tag" && key == tracking::kTraceName)) return read;
  if (type == "tag") {
    read.entity = TraceEntity::kTag;
    return read;
  }
  if (type != "request_metadata") return InvalidFilter(fmt::format("Invalid identifier type '{}'", type));
  if (key == tracking::kTraceTokenUsage || key == tracking::kTraceCost) {
    return InvalidFilter(
        fmt::format("Ordering by reserved metadata '{}' is not supported because it is represented by multiple "
                    "columns.",
                    key));
  }
  if (key != tracking::kTraceSession) read.entity = TraceEntity::kMetadata;
  return read;
}

}  // namespace

Result<std::vector<TraceCondition>> ParseTraceFilter(std::string_view filter) {
  KEELSON_ASSIGN_OR_RETURN(auto tokens, TokenizeFilter(filter));
  TokenReader reader(std::move(tokens));
  std::vector<Clause> clauses;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const bool more, reader.NextComparison());
    if (!more) break;
    KEELSON_ASSIGN_OR_RETURN(Clause clause, ReadClause(reader));
    clauses.push_back(std::move(clause));
  }
  std::vector<TraceCondition> conditions;
  for (Clause& clause : clauses) {
    KEELSON_ASSIGN_OR_RETURN(TraceCondition condition, ToCondition(std::move(clause)));
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

Result<std::vector<tracking::TraceOrder>> ParseTraceOrders(const std::vector<std::string>& orders) {
  std::vector<tracking::TraceOrder> read;
  std::set<std::pair<TraceEntity, std::string>> seen;
  for (const std::string& order : orders) {
    KEELSON_ASSIGN_OR_RETURN(tracking::TraceOrder one, ParseOrder(order));
    if (!seen.emplace(one.entity, one.key).second) {
      std::vector<std::string> quoted;
      for (const auto& each : orders) quoted.push_back(tracking::PythonText(each));
      return Fail(ErrorCode::kInternal,
                  fmt::format("`order_by` contains duplicate fields: [{}]", fmt::join(quoted, ", ")));
    }
    read.push_back(std::move(one));
  }
  return read;
}

}  // namespace keelson::wire::mlflow
