#include "wire/mlflow/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.h"
#include "tracking/python_text.h"
#include "wire/mlflow/filter_reader.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Compare;
using tracking::Condition;
using tracking::Entity;
using tracking::PythonText;

std::unexpected<Error> Invalid(std::string message) {
  return InvalidFilter(std::move(message));
}

// ---- what each kind of search knows ----

struct Rules {
  Names attributes;       // that may be filtered by
  Names numeric;          // of these, numbers
  Names lists;            // of these, those that take IN
  Names order;            // that may be ordered by
  Names identifiers;      // words before the dot
  bool words_as_written;  // LIKE and IN must be in capitals
};

const Rules& RulesOf(Searched searched) {
  static const Rules runs = {
      {"artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id", "created", "Created",
       "run name", "Run name", "Run Name"},
      {"start_time", "end_time", "created", "Created"},
      {"run_id"},
      {"artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id", "created", "Created"},
      {"metric", "metrics", "parameter", "parameters", "param", "params", "tag", "tags", "attribute", "attributes",
       "attr", "run", "dataset", "datasets"},
      false};
  static const Rules experiments = {{"name", "experiment_id", "creation_time", "last_update_time"},
                                    {"creation_time", "last_update_time"},
                                    {"experiment_id"},
                                    {"name", "experiment_id", "creation_time", "last_update_time"},
                                    {"attribute", "tag", "tags"},
                                    true};
  static const Rules models = {
      {"name"}, {}, {"name"}, {"timestamp", "last_updated_timestamp", "name"}, {"attribute", "tag", "tags"}, false};
  static const Rules versions = {{"name", "version_number", "run_id", "source_path"},
                                 {"version_number", "creation_timestamp", "last_updated_timestamp"},
                                 {"name", "run_id"},
                                 {"name", "version_number", "creation_timestamp", "last_updated_timestamp"},
                                 {"attribute", "tag", "tags"},
                                 false};
  static const Rules logged = {
      {"model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms", "last_updated_timestamp_ms",
       "status", "lifecycle_stage", "model_type", "source_run_id", "status_message"},
      {"creation_timestamp_ms", "last_updated_timestamp_ms"},
      {"model_id", "experiment_id", "name", "artifact_location", "lifecycle_stage", "model_type", "source_run_id",
       "status_message"},
      {},
      {"attributes", "metrics", "params", "tags"},
      false};
  switch (searched) {
    case Searched::kRuns:
      return runs;
    case Searched::kExperiments:
      return experiments;
    case Searched::kModels:
      return models;
    case Searched::kVersions:
      return versions;
    case Searched::kLoggedModels:
      break;
  }
  return logged;
}

// ---- identifiers ----

struct Identifier {
  Entity entity;
  std::string key;
};

std::string_view EntityName(Entity entity) {
  switch (entity) {
    case Entity::kAttribute:
      return "attribute";
    case Entity::kMetric:
      return "metric";
    case Entity::kParam:
      return "parameter";
    case Entity::kTag:
      return "tag";
    case Entity::kDataset:
      break;
  }
  return "dataset";
}

Result<Entity> ReadEntity(std::string_view word, Searched searched) {
  const Rules& rules = RulesOf(searched);
  const std::string_view plain = searched == Searched::kRuns ? Unquoted(word) : word;
  if (!Contains(rules.identifiers, plain)) {
    if (searched == Searched::kRuns) {
      return Invalid(
          fmt::format("Invalid entity type '{}'. Valid values are ['metric', 'parameter', 'tag', "
                      "'attribute', 'dataset']",
                      plain));
    }
    if (searched == Searched::kLoggedModels) {
      return Invalid(fmt::format(
          "Invalid entity type: {}. Expected one of ['attributes', 'metrics', 'params', 'tags'].", PythonText(plain)));
    }
    return Invalid(fmt::format("Invalid entity type '{}'. Valid entity types are ('attribute', 'tag', 'tags')", plain));
  }
  if (plain.starts_with("metric")) return Entity::kMetric;
  if (plain.starts_with("param")) return Entity::kParam;
  if (plain.starts_with("tag")) return Entity::kTag;
  if (plain.starts_with("dataset")) return Entity::kDataset;
  return Entity::kAttribute;
}

std::string Alias(std::string_view key, Searched searched) {
  if (searched == Searched::kRuns) {
    if (ToLower(key) == "created") return "start_time";
    if (ToLower(key) == "run name") return "run_name";
  }
  if (searched == Searched::kLoggedModels) {
    if (key == "creation_time" || key == "creation_timestamp") return "creation_timestamp_ms";
    if (key == "last_updated_timestamp") return "last_updated_timestamp_ms";
  }
  return std::string(key);
}

Result<Identifier> ReadIdentifier(std::string_view text, Searched searched, const Names& valid) {
  Identifier found{Entity::kAttribute, ""};
  const auto [word, key] = SplitIdentifier(text);
  if (!word.empty()) {
    KEELSON_ASSIGN_OR_RETURN(found.entity, ReadEntity(word, searched));
  }
  if (found.entity == Entity::kAttribute && searched == Searched::kLoggedModels) {
    found.key = Alias(key, searched);
    if (!Contains(valid, found.key)) return Invalid(fmt::format("Invalid attribute key '{}' specified.", key));
    return found;
  }
  if (found.entity == Entity::kAttribute && !Contains(valid, key)) {
    return Invalid(fmt::format("Invalid attribute key '{}' specified. Valid keys are '{}'", key, SetOf(valid)));
  }
  const Names datasets = {"name", "digest", "context"};
  if (found.entity == Entity::kDataset && !Contains(datasets, key)) {
    return Invalid(fmt::format("Invalid dataset key '{}' specified. Valid keys are '{}'", key, SetOf(datasets)));
  }
  found.key = found.entity == Entity::kAttribute ? Alias(key, searched) : std::string(key);
  return found;
}

// ---- operators ----

Status CheckCompare(const Identifier& id, std::string_view op, Searched searched) {
  const Rules& rules = RulesOf(searched);
  const bool numeric =
      id.entity == Entity::kMetric || (id.entity == Entity::kAttribute && Contains(rules.numeric, id.key));
  const Names numbers = {"!=", "<", "<=", "=", ">", ">="};
  const Names pairs = {"!=", "=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE"};
  const Names texts = {"!=", "=", "ILIKE", "IN", "LIKE", "NOT IN"};
  if (searched == Searched::kLoggedModels) {
    if (Contains(numeric ? numbers : texts, op)) return {};
    return Invalid(
        fmt::format("Invalid comparison operator for {}s.{}: {}. Expected one of {}.", EntityName(id.entity), id.key,
                    PythonText(op),
                    numeric ? "('<', '<=', '>', '>=', '=', '!=')" : "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')"));
  }
  if (searched == Searched::kRuns) {
    const Names& valid = numeric ? numbers : id.entity == Entity::kParam || id.entity == Entity::kTag ? pairs : texts;
    if (Contains(valid, op)) return {};
    return Invalid(fmt::format("Invalid comparator '{}' not one of '{}", op, SetOf(valid)));
  }
  const bool is_tag = id.entity == Entity::kTag;
  const bool null_test = op == "IS NULL" || op == "IS NOT NULL";
  Names valid = {"=", "!=", "LIKE", "ILIKE"};
  if (searched == Searched::kExperiments && is_tag && null_test) return {};
  if (numeric) valid = numbers;
  if (!is_tag && Contains(rules.lists, id.key)) {
    valid = searched == Searched::kExperiments ? Names{"=", "!=", "IN", "NOT IN"} : texts;
  }
  if (Contains(valid, op)) return {};
  if (is_tag) return Invalid(fmt::format("Invalid comparator for tag: {}", op));
  if (searched == Searched::kExperiments) {
    return Invalid(id.key == "experiment_id"
                       ? fmt::format("Invalid comparator for experiment_id: {}", op)
                       : fmt::format("Invalid comparator for {} attribute: {}", numeric ? "numeric" : "string", op));
  }
  return Invalid(numeric ? fmt::format("Invalid comparator for attribute {}: {}", id.key, op)
                         : fmt::format("Invalid comparator for attribute: {}", op));
}

// ---- values ----

Result<io::SqlValue> ReadNumber(const Token& token, const Identifier& id, Searched searched) {
  const bool metric = id.entity == Entity::kMetric;
  if (token.kind != TokenKind::kNumber) {
    if (metric) return Invalid(fmt::format("Expected numeric value type for metric. Found {}", token.text));
    if (searched == Searched::kVersions && token.kind == TokenKind::kText) {
      return Invalid(fmt::format("Invalid value for numeric attribute '{}': {}", id.key, token.text));
    }
    return Invalid(fmt::format("Expected numeric value type for numeric attribute: {}. Found {}", id.key, token.text));
  }
  if (!metric) {
    if (const auto whole = ParseInt(token.text)) return *whole;
  }
  const auto number = ParseDouble(token.text);
  if (!number) {  // out of a double's range
    return token.text.starts_with('-') ? -std::numeric_limits<double>::infinity()
                                       : std::numeric_limits<double>::infinity();
  }
  const bool whole_only = searched == Searched::kExperiments || searched == Searched::kVersions;
  if (!metric && whole_only) {
    return Invalid(fmt::format("Invalid value for numeric attribute '{}': {}", id.key, *number));
  }
  return *number;
}

Result<io::SqlValue> ReadText(const Token& token, const Identifier& id, Searched searched) {
  if (IsQuotedText(token)) return std::string(Unquoted(token.text));
  if (token.kind == TokenKind::kWord) {
    return Invalid(
        fmt::format("Parameter value is either not quoted or unidentified quote types used for string value "
                    "{}. Use either single or double quotes.",
                    token.text));
  }
  if (id.entity == Entity::kAttribute) {
    const bool registry = searched == Searched::kModels || searched == Searched::kVersions;
    if (searched == Searched::kVersions && token.kind == TokenKind::kNumber) {
      return Invalid(fmt::format("Only the '{}' attributes support comparison with numeric values.",
                                 SetOf(RulesOf(searched).numeric)));
    }
    return Invalid(registry ? fmt::format("Expected a quoted string value or a list of quoted string values for "
                                          "attributes. Got value {}",
                                          token.text)
                            : fmt::format("Expected a quoted string value for attributes. Got value {}", token.text));
  }
  if (id.entity == Entity::kDataset) {
    return Invalid(fmt::format("Expected a quoted string value for dataset attributes. Got value {}", token.text));
  }
  return Invalid(fmt::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                             EntityName(id.entity), token.text));
}

// Experiment ids are numbers in the tables and texts in the language.
Status ToNumbers(Condition& condition) {
  for (auto& value : condition.values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) continue;
    const auto number = ParseInt(*text);
    if (!number) {
      return Invalid(fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", *text));
    }
    value = *number;
  }
  return {};
}

// A logged model's status is kept as its number.
Status ToStatus(Condition& condition) {
  constexpr std::array<std::string_view, 4> kNames = {"UNSPECIFIED", "PENDING", "READY", "FAILED"};
  for (auto& value : condition.values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) continue;
    const auto found = std::ranges::find(kNames, *text);
    value = found == kNames.end() ? std::int64_t{-1} : found - kNames.begin();
  }
  return {};
}

// ---- the grammar ----

class Parser {
 public:
  Parser(std::vector<Token> tokens, Searched searched) : reader_(std::move(tokens)), searched_(searched) {}

  Result<std::vector<Condition>> Run() {
    std::vector<Condition> conditions;
    for (;;) {
      KEELSON_ASSIGN_OR_RETURN(const bool more, reader_.NextComparison());
      if (!more) return conditions;
      KEELSON_ASSIGN_OR_RETURN(Condition condition, ReadComparison());
      conditions.push_back(std::move(condition));
    }
  }

 private:
  Result<Condition> ReadComparison() {
    KEELSON_ASSIGN_OR_RETURN(const auto head, reader_.ReadHead());
    const std::string upper = ToUpper(head.op);
    KEELSON_ASSIGN_OR_RETURN(const Identifier id,
                             ReadIdentifier(head.identifier, searched_, RulesOf(searched_).attributes));
    Condition condition{id.entity, id.key, Compare::kEqual, {}};
    if (upper == "IS NULL" || upper == "IS NOT NULL") {
      KEELSON_RETURN_IF_ERROR(CheckNullTest(id));
      condition.compare = *ReadCompare(upper);
      return condition;
    }
    if (reader_.Peek() == nullptr) {
      return Invalid("Invalid comparison clause. Expected 3 tokens found 2");
    }
    KEELSON_RETURN_IF_ERROR(ReadValues(id, condition));
    KEELSON_RETURN_IF_ERROR(CheckCompare(id, RulesOf(searched_).words_as_written ? head.op : upper, searched_));
    condition.compare = ReadCompare(upper).value_or(Compare::kEqual);
    const bool list = condition.compare == Compare::kIn || condition.compare == Compare::kNotIn;
    if (list != (condition.values.size() > 1 || was_list_)) {
      return Invalid(list ? "Invalid comparison clause. Expected a list of quoted values after IN"
                          : "Invalid comparison clause. A list of values goes with IN alone");
    }
    if (searched_ == Searched::kExperiments && id.key == "experiment_id" && id.entity == Entity::kAttribute) {
      KEELSON_RETURN_IF_ERROR(ToNumbers(condition));
    }
    const bool like = condition.compare == Compare::kLike || condition.compare == Compare::kILike;
    if (searched_ == Searched::kLoggedModels && id.key == "status" && id.entity == Entity::kAttribute && !like) {
      KEELSON_RETURN_IF_ERROR(ToStatus(condition));
    }
    return condition;
  }

  Status CheckNullTest(const Identifier& id) const {
    const bool pair = id.entity == Entity::kTag || id.entity == Entity::kParam;
    if (searched_ == Searched::kRuns && !pair) {
      return Invalid(fmt::format("IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{}'",
                                 EntityName(id.entity), id.key));
    }
    if (searched_ == Searched::kExperiments && !pair) {
      return Invalid(fmt::format("IS NULL / IS NOT NULL is only supported for tags, not for attribute '{}'", id.key));
    }
    if (searched_ == Searched::kRuns || searched_ == Searched::kExperiments) return {};
    return Invalid("Invalid comparison clause. Expected 3 tokens found 2");
  }

  Status ReadValues(const Identifier& id, Condition& condition) {
    was_list_ = reader_.AtList();
    const Rules& rules = RulesOf(searched_);
    const bool numeric =
        id.entity == Entity::kMetric || (id.entity == Entity::kAttribute && Contains(rules.numeric, id.key));
    if (!was_list_) {
      const Token& token = reader_.Take();
      KEELSON_ASSIGN_OR_RETURN(auto value, numeric ? ReadNumber(token, id, searched_) : ReadText(token, id, searched_));
      condition.values.push_back(std::move(value));
      return {};
    }
    if (id.entity == Entity::kAttribute && !Contains(rules.lists, id.key)) {
      std::vector<std::string> lists;
      for (const auto name : rules.lists) lists.push_back(PythonText(name));
      return Invalid(fmt::format("Only [{}] attributes support comparison with a list of quoted string values.",
                                 fmt::join(lists, ", ")));
    }
    if (id.entity != Entity::kAttribute && id.entity != Entity::kDataset && searched_ != Searched::kLoggedModels) {
      return Invalid(fmt::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                                 EntityName(id.entity), reader_.ListText()));
    }
    KEELSON_ASSIGN_OR_RETURN(condition.values, reader_.ReadList());
    return {};
  }

  TokenReader reader_;
  Searched searched_;
  bool was_list_ = false;
};

}  // namespace

Result<std::vector<Condition>> ParseFilter(std::string_view filter, Searched searched) {
  KEELSON_ASSIGN_OR_RETURN(auto tokens, TokenizeFilter(filter));
  return Parser(std::move(tokens), searched).Run();
}

Result<tracking::Order> ParseOrder(std::string_view order, Searched searched) {
  KEELSON_ASSIGN_OR_RETURN(const OrderText written, ReadOrderText(order));
  tracking::Order read;
  read.ascending = written.ascending;
  const Rules& rules = RulesOf(searched);
  const std::string& text = written.identifier;
  if (searched == Searched::kModels) {
    if (!Contains(rules.order, text)) {
      return Invalid(
          fmt::format("Invalid order by key '{}' specified. Valid keys are '{}'", text, SetOf({"name", "timestamp"})));
    }
    read.key = text == "timestamp" ? "last_updated_timestamp" : text;
    return read;
  }
  const Searched words = searched == Searched::kVersions ? Searched::kExperiments : searched;
  KEELSON_ASSIGN_OR_RETURN(const Identifier id, ReadIdentifier(text, words, rules.order));
  if (searched != Searched::kRuns && id.entity != Entity::kAttribute) {
    return Invalid(fmt::format("Invalid order_by entity: {}", EntityName(id.entity)));
  }
  if (id.entity == Entity::kDataset) return Invalid("Invalid identifier type 'dataset'");
  read.entity = id.entity;
  read.key = id.key;
  return read;
}

Result<std::vector<tracking::Order>> ParseOrders(const std::vector<std::string>& orders, Searched searched) {
  std::vector<tracking::Order> read;
  std::set<std::pair<Entity, std::string>> seen;
  for (const std::string& order : orders) {
    KEELSON_ASSIGN_OR_RETURN(tracking::Order one, ParseOrder(order, searched));
    if (!seen.emplace(one.entity, one.key).second && searched != Searched::kExperiments) {
      std::vector<std::string> quoted;
      for (const auto& each : orders) quoted.push_back(PythonText(each));
      return Fail(ErrorCode::kInternal,
                  fmt::format("`order_by` contains duplicate fields: [{}]", fmt::join(quoted, ", ")));
    }
    read.push_back(std::move(one));
  }
  return read;
}

}  // namespace keelson::wire::mlflow
