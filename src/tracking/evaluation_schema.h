#pragma once

#include <string_view>

#include "io/database.h"

namespace keelson::tracking {

// What spans cost and whose model they asked, in columns, and evaluation data sets: a version of the component's schema
// (schema.h).
extern const std::string_view kEvaluationSchema;

// Fills those columns of the spans that are there. Within the migration.
Status FillSpanColumns(io::SqlSession& session);

}  // namespace keelson::tracking
