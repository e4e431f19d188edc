#pragma once

#include <vector>

#include "io/database.h"

namespace keelson::tracking {

// The tables of component "tracking", version by version. A released version is never edited: a change is a further
// one, and a dump of each stands in testdata/ with a test that migrates it. Times are microseconds since 1970; a metric
// that is NaN has is_nan 1 and value 0, for SQLite knows no NaN.
const std::vector<io::Migration>& SchemaMigrations();

}  // namespace keelson::tracking
