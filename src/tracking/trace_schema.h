#pragma once

#include <string_view>

namespace keelson::tracking {

// Traces, their spans and assessments: a version of the component's schema (schema.h).
extern const std::string_view kTraceSchema;

}  // namespace keelson::tracking
