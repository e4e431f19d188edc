#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/search.h"

namespace keelson::wire::mlflow {

// MLflow's filter language: comparisons joined by AND.
//
//   filter     = [ comparison { AND comparison } [ AND ] ]
//   comparison = identifier op value | identifier [ NOT ] IN '(' text { ',' text } ')' | identifier IS [ NOT ] NULL
//   identifier = [ entity '.' ] key        entity and key plain, in "..." or in `...`; a key may have dots
//   op         = '=' | '!=' | '<' | '<=' | '>' | '>=' | LIKE | ILIKE
//   value      = number | 'text' | "text"
//
// Words are read without letter case. What an entity, a key, an operator or a value may be depends on what is searched.
// Every error is kInvalidArgument, in MLflow's words where its own do not come from the inside of its SQL parser.
enum class Searched { kRuns, kExperiments, kModels, kVersions, kLoggedModels };

Result<std::vector<tracking::Condition>> ParseFilter(std::string_view filter, Searched searched);

// "identifier [ASC|DESC]".
Result<tracking::Order> ParseOrder(std::string_view order, Searched searched);
// All of them; a field named twice is kInternal, as it is with the reference.
Result<std::vector<tracking::Order>> ParseOrders(const std::vector<std::string>& orders, Searched searched);

}  // namespace keelson::wire::mlflow
