#pragma once

#include <string>

#include "io/database.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// Rows of registered models and versions, within a transaction; kNotFound in MLflow's words.
Result<ModelRecord> ReadModel(io::SqlSession& session, const std::string& name);
Result<VersionRecord> ReadVersionRecord(io::SqlSession& session, const std::string& name, std::int64_t version);

// Of the models (`m`) or versions (`v`, `versions` true) only those that hold every tag condition; prompts only where a
// condition asks for them.
SqlText TagConditionsSql(const std::vector<Condition>& conditions, bool versions);

}  // namespace keelson::tracking
