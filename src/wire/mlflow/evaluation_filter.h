#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/search.h"

namespace keelson::wire::mlflow {

// The language of filters over evaluation data sets: as filter.h has it, with the identifiers name, created_by,
// last_updated_by, created_time, last_update_time (milliseconds) and tags.KEY. IN is for names alone. Every error is
// kInvalidArgument, in MLflow's words where its own do not come from the inside of its SQL parser.
Result<std::vector<tracking::Condition>> ParseEvaluationFilter(std::string_view filter);
// By name, created_time or last_update_time.
Result<std::vector<tracking::Order>> ParseEvaluationOrders(const std::vector<std::string>& orders);

}  // namespace keelson::wire::mlflow
