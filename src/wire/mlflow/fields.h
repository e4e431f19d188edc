#pragma once

#include <array>
#include <string_view>

#include "tracking/records.h"
#include "tracking/search.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/message.h"

namespace keelson::wire::mlflow {

// Fields that many requests have, and how they are read.

inline constexpr std::array<Rule, 3> kText = {Rule::kText};
inline constexpr std::array<Rule, 3> kRequiredText = {Rule::kRequired, Rule::kText};
inline constexpr std::array<Rule, 3> kTextRequired = {Rule::kText, Rule::kRequired};

inline constexpr std::array kPairFields = {Field{.name = "key"}, Field{.name = "value"}};
constexpr Field PairsField(std::string_view name) {
  return {.name = name, .type = Type::kMessage, .repeated = true, .rules = {Rule::kArray}, .fields = kPairFields};
}

inline constexpr std::array<std::string_view, 3> kViews = {"ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
constexpr Field ViewField(std::string_view name) {
  return {.name = name, .type = Type::kEnum, .rules = {Rule::kInt}, .enum_names = kViews};
}
tracking::View ViewOf(const Message& message, std::string_view name);

inline constexpr Field kOrderBy = {.name = "order_by", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}};
inline constexpr Field kRunIdField = {.name = "run_id", .rules = kRequiredText};
inline constexpr Field kRunUuidField = {.name = "run_uuid"};

// filter, order_by, max_results and page_token.
Result<tracking::Search> ReadSearch(const Message& message, Searched searched, std::int64_t default_size);
// kInvalidArgument unless 1 to 50,000.
Status CheckPageSize(std::int64_t size);

// A URI where clients are to keep artifacts. Only those below "mlflow-artifacts:/" come through this server; of others
// it keeps the name.
Status CheckHost(std::string_view field, std::string_view uri);  // refuses URIs that lead to another machine
Status CheckLocation(std::string_view field, std::string_view location);

}  // namespace keelson::wire::mlflow
