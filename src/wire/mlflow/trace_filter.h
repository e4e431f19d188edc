#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/traces.h"

namespace keelson::wire::mlflow {

// The language of filters over traces: as filter.h has it, with RLIKE, and with these identifiers:
//
//   attribute.KEY or trace.KEY or KEY   request_id, timestamp, execution_time, end_time, status, client_request_id,
//   name,
//                                       run_id, prompt ("name/version"), text (of any span)
//   tag.KEY, metadata.KEY               KEY is any
//   span.name, span.type, span.status, span.content, span.attributes.KEY: of one and the same span
//   feedback.NAME, expectation.NAME     their values: texts by = != LIKE ILIKE RLIKE, numbers by < <= > >=
//   issue.id
//
// Every error is kInvalidArgument, in MLflow's words where its own do not come from the inside of its SQL parser.
Result<std::vector<tracking::TraceCondition>> ParseTraceFilter(std::string_view filter);
// A field named twice is kInternal, as it is with the reference.
Result<std::vector<tracking::TraceOrder>> ParseTraceOrders(const std::vector<std::string>& orders);

}  // namespace keelson::wire::mlflow
