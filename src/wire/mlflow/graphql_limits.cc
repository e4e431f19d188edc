#include "wire/mlflow/graphql_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

namespace keelson::wire::mlflow::graphql {
namespace {

constexpr std::size_t kDeepest = 10;
constexpr std::size_t kMostSelections = 1000;
constexpr std::size_t kMostRootFields = 10;
constexpr std::size_t kMostAliases = 10;

}  // namespace

// The fields of a level, those of its fragments among them; a fragment counts once a level.
std::vector<const Selection*> FieldsOf(const Document& document, const std::vector<Selection>& selections) {
  std::vector<const Selection*> fields;
  std::vector<const std::vector<Selection>*> open = {&selections};
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (const Selection& selection : *open[i]) {
      if (selection.kind == Selection::Kind::kField) {
        fields.push_back(&selection);
      } else if (selection.kind == Selection::Kind::kInline) {
        open.push_back(&selection.selections);
      } else if (const Fragment* fragment = document.Find(selection.name);
                 fragment != nullptr && seen.insert(fragment->name).second) {
        open.push_back(&fragment->selections);
      }
    }
    if (fields.size() > kMostSelections) break;
  }
  return fields;
}

std::optional<std::string> TooLarge(const Document& document) {
  std::size_t root_fields = 0;
  std::size_t most_aliases = 0;
  std::size_t total = 0;
  for (const Operation& operation : document.operations) {
    std::vector<std::pair<const std::vector<Selection>*, std::size_t>> open = {{&operation.selections, 1}};
    while (!open.empty()) {
      const auto [selections, depth] = open.back();
      open.pop_back();
      if (depth > kDeepest) return fmt::format("Query exceeds maximum depth of {}", kDeepest);
      std::size_t aliases = 0;
      for (const Selection* field : FieldsOf(document, *selections)) {
        if (depth == 1) ++root_fields;
        if (!field->alias.empty()) ++aliases;
        if (!field->selections.empty()) open.emplace_back(&field->selections, depth + 1);
        if (++total > kMostSelections) {
          return fmt::format("Query exceeds maximum total selections of {}", kMostSelections);
        }
      }
      most_aliases = std::max(most_aliases, aliases);
    }
  }
  const auto too_many = [](std::size_t most, std::string_view what, std::size_t got, std::string_view variable) {
    return fmt::format(
        "GraphQL queries should have at most {0} {1}, got {2} {1}. To increase the limit, set the {3} environment "
        "variable.",
        most, what, got, variable);
  };
  if (root_fields > kMostRootFields) {
    return too_many(kMostRootFields, "root fields", root_fields, "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS");
  }
  if (most_aliases > kMostAliases) {
    return too_many(kMostAliases, "aliases", most_aliases, "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES");
  }
  return std::nullopt;
}

}  // namespace keelson::wire::mlflow::graphql
