#pragma once

#include <string_view>

namespace keelson::tracking {

// Versions of the component's schema (schema.h).

// Histories of metrics in blocks (tracking/metric_history.h), and which runs have changed since when
// (tracking/run_index.h): whoever changes what a search looks at says so in run_change, the last change of each run.
extern const std::string_view kHistorySchema;

// What changes a run's own row says so by itself, whoever does it.
extern const std::string_view kRunTriggers;
extern const std::string_view kRunTriggersOfPostgres;

}  // namespace keelson::tracking
