#pragma once

#include <string>

#include "tracking/trace_records.h"
#include "wire/mlflow/answer.h"

namespace keelson::wire::mlflow {

// Traces as MLflow writes them.
void Write(JsonWriter& json, const tracking::AssessmentRecord& assessment);
void Write(JsonWriter& json, const tracking::TraceRecord& trace);     // version 3's info
void WriteOld(JsonWriter& json, const tracking::TraceRecord& trace);  // version 2's
void Write(JsonWriter& json, const tracking::WholeTrace& trace);      // trace_info and spans, as OTLP has them
// One stored span as OTLP's JSON has it, as MLflow makes it of protobuf: ids in base64, times as numbers.
void WriteSpan(JsonWriter& json, const std::string& content);

}  // namespace keelson::wire::mlflow
