#pragma once

#include <vector>

#include "base/result.h"
#include "tracking/trace_records.h"
#include "wire/mlflow/otlp.h"

namespace keelson::wire::mlflow {

// OpenTelemetry's spans as they are stored, by trace: attributes as texts of JSON, other conventions translated, and
// what the spans say of their trace. kFailedPrecondition for ids and times that no span has; kInvalidArgument, in
// MLflow's words, for a session's id that is too long.
Result<std::vector<tracking::SpanBatch>> ToBatches(std::vector<OtlpResource> resources);

}  // namespace keelson::wire::mlflow
