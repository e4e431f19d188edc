#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "io/database.h"
#include "wire/mlflow_database/row_sum.h"

namespace keelson::wire::mlflow_database {

// The points of all runs: rows of run, key, value, whether it is NaN, time and step.

// Puts those of MLflow's tables into our histories. Those that are there already change nothing.
Status PutHistories(io::SqlSession& theirs, io::Database& database);

// Puts ours into MLflow's tables, which have none yet, with the latest of each.
Status TakeHistories(io::Database& database, const Clock& clock, io::SqlSession& theirs);

Result<RowSum> SumOfTheirs(io::SqlSession& theirs);
Result<RowSum> SumOfOurs(io::Database& database, const Clock& clock);

}  // namespace keelson::wire::mlflow_database
