#include "wire/mlflow/trace_metrics_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <optional>
#include <string>

#include "tracking/python_text.h"
#include "wire/mlflow/filter_reader.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::TraceEntity;
using tracking::TraceView;

struct Entity {
  std::string_view name = {};
  bool has_key = false;
  std::string_view column = {};  // of a span's or an assessment's row
};

struct Kind {
  std::string_view name;
  TraceView view;
  std::array<Entity, 3> entities;
};

constexpr std::array kKinds = {
    Kind{"trace", TraceView::kTraces, {{{"status"}, {"tag", true}, {"metadata", true}}}},
    Kind{"span", TraceView::kSpans, {{{"name", false, "name"}, {"status", false, "status"}, {"type", false, "type"}}}},
    Kind{"assessment", TraceView::kAssessments, {{{"name", false, "name"}, {"type", false, "kind"}, {}}}}};

struct Identifier {
  const Kind* kind = nullptr;
  const Entity* entity = nullptr;
  std::string key;
};

std::string_view WithoutTicks(std::string_view text) {
  return text.starts_with('`') ? Unquoted(text) : text;
}

Result<Identifier> ReadIdentifier(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) {
    return InvalidFilter(
        fmt::format("Invalid identifier {}. Columns should be specified as 'trace.<key>', 'span.<key>', "
                    "'assessment.<key>'.",
                    tracking::PythonText(text)));
  }
  const std::size_t second = text.find('.', first + 1);
  const std::string_view word = WithoutTicks(text.substr(0, first));
  const std::string_view entity =
      text.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  Identifier read;
  for (const Kind& kind : kKinds) {
    if (kind.name == word) read.kind = &kind;
  }
  if (read.kind == nullptr) {
    return InvalidFilter(
        fmt::format("Invalid view type '{}'. Valid values are dict_keys(['trace', 'span', 'assessment'])", word));
  }
  std::vector<std::string> known;
  for (const Entity& each : read.kind->entities) {
    if (each.name.empty()) continue;
    known.push_back(tracking::PythonText(each.name));
    if (each.name == entity) read.entity = &each;
  }
  if (read.entity == nullptr) {
    return InvalidFilter(fmt::format("Invalid entity '{}' specified for view type '{}'. Valid entities are [{}]",
                                     entity, word, fmt::join(known, ", ")));
  }
  const bool has_key = second != std::string_view::npos;
  if (read.entity->has_key && !has_key) {
    return InvalidFilter(fmt::format("Filtering by {1} requires a key, e.g. '{0}.{1}.<key> = <value>'", word, entity));
  }
  if (!read.entity->has_key && has_key) {
    return InvalidFilter(fmt::format("Filtering by {1} does not require a key, use '{0}.{1}' instead", word, entity));
  }
  if (has_key) read.key = Unquoted(text.substr(second + 1));
  return read;
}

Result<std::string> ReadValue(const Token& token, std::string_view entity) {
  if (IsQuotedText(token)) return std::string(Unquoted(token.text));
  if (token.kind == TokenKind::kWord) {
    return InvalidFilter(
        fmt::format("Parameter value is either not quoted or unidentified quote types used for string value {}. Use "
                    "either single or double quotes.",
                    token.text));
  }
  return InvalidFilter(
      fmt::format("Expected a quoted string value for {} value (e.g. 'my-value'). Got value {}", entity, token.text));
}

tracking::TraceCondition OfTrace(const Identifier& id, std::string value) {
  if (id.entity->name == "status") return {TraceEntity::kAttribute, "status", tracking::Compare::kEqual, {value}};
  const bool promoted = id.key == (id.entity->name == "tag" ? tracking::kTraceName : tracking::kTraceSession);
  if (promoted) return {TraceEntity::kAttribute, id.key, tracking::Compare::kEqual, {value}};
  return {id.entity->name == "tag" ? TraceEntity::kTag : TraceEntity::kMetadata,
          id.key,
          tracking::Compare::kEqual,
          {std::move(value)}};
}

}  // namespace

std::string_view NameOf(TraceView view) {
  constexpr std::array<std::string_view, 3> kNames = {"TRACES", "SPANS", "ASSESSMENTS"};
  return kNames.at(static_cast<std::size_t>(view));
}

Status AddMetricsFilter(std::string_view filter, tracking::TraceMetricsQuery& query) {
  KEELSON_ASSIGN_OR_RETURN(auto tokens, TokenizeFilter(filter));
  TokenReader reader(std::move(tokens));
  KEELSON_ASSIGN_OR_RETURN(const bool any, reader.NextComparison());
  const auto not_one = [&] {
    return InvalidFilter(fmt::format("Invalid filter: '{}'. Expected one filter clause.", filter));
  };
  if (!any) return not_one();
  KEELSON_ASSIGN_OR_RETURN(const auto head, reader.ReadHead());
  KEELSON_ASSIGN_OR_RETURN(const Identifier id, ReadIdentifier(head.identifier));
  if (head.op != "=") {
    return InvalidFilter(fmt::format("Invalid comparator: '{}', only '=' operator is supported", head.op));
  }
  if (reader.Peek() == nullptr) return InvalidFilter("Invalid comparison clause. Expected 3 tokens found 2");
  KEELSON_ASSIGN_OR_RETURN(std::string value, ReadValue(reader.Take(), id.entity->name));
  if (reader.Peek() != nullptr) {
    return InvalidFilter(fmt::format("Invalid clause(s) in filter string: {}", reader.Peek()->text));
  }
  if (id.kind->view == TraceView::kTraces) {
    query.of_traces.push_back(OfTrace(id, std::move(value)));
    return {};
  }
  if (id.kind->view != query.view) {
    return InvalidFilter(fmt::format("Filtering by {} is only supported for {} view type, got {}", id.kind->name,
                                     NameOf(id.kind->view), NameOf(query.view)));
  }
  query.of_rows.emplace_back(id.entity->column, std::move(value));
  return {};
}

}  // namespace keelson::wire::mlflow
