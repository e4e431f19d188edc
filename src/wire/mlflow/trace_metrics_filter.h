#pragma once

#include <string_view>

#include "base/result.h"
#include "tracking/trace_metrics.h"

namespace keelson::wire::mlflow {

// One filter of a sum over traces, which is one comparison by '=':
//
//   trace.status, trace.tag.KEY, trace.metadata.KEY    in every view
//   span.name, span.status, span.type                  in the view of spans
//   assessment.name, assessment.type                   in the view of assessments
//
// Adds to the query what it asks. kInvalidArgument in MLflow's words.
Status AddMetricsFilter(std::string_view filter, tracking::TraceMetricsQuery& query);

// TRACES, SPANS, ASSESSMENTS
std::string_view NameOf(tracking::TraceView view);

}  // namespace keelson::wire::mlflow
