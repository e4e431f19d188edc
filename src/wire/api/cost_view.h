#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "control/types.h"
#include "scheduling/cost.h"

namespace keelson::control {
class Costs;
class JobRunner;
}  // namespace keelson::control

namespace keelson::wire::api {

// What of the cost is asked for: `from` and `to` as instants, the last 30 days by default, and `by`.
struct CostQuery {
  Instant from;
  Instant to;
  scheduling::CostBy by = scheduling::CostBy::kProject;
};
Result<CostQuery> ReadCostQuery(std::string_view query, Instant now);

// Amounts of money are in the currency that it names. Called on the control thread.
control::Json CostView(const control::Costs& costs, const CostQuery& query);
// What could be saved in that time, and how well what is foretold from all that ran held.
control::Json AdviceView(const control::Costs& costs, const control::JobRunner& jobs, const CostQuery& query);

}  // namespace keelson::wire::api
