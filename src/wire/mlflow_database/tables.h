#pragma once

#include <array>
#include <span>
#include <string_view>

namespace keelson::wire::mlflow_database {

// One kind of thing, as the tables of MLflow 3.17 keep it and as ours do. Both selects give the same columns with the
// same meaning, so that the rows of one side can be put on the other and compared.
struct Table {
  std::string_view name;         // "params", for people
  std::array<int, 2> uris = {};  // which columns hold places of artifacts; 0: none
  bool relative = false;         // whether a place of ours without a scheme is below the root of artifacts
  std::string_view theirs;       // a select from MLflow's tables, the rows in the order in which they are put
  std::string_view ours;         // the same from ours
  std::string_view put;          // puts such a row into ours, or leaves the one that is there
  std::string_view take;         // puts a row of ours into MLflow's, which are SQLite's and have none such
};

// In the order in which they can be put. Histories of metrics are not among them: ours are no rows.
std::span<const Table> Tables();
// Their parts.
std::span<const Table> TablesOfRuns();
std::span<const Table> TablesOfRegistry();
std::span<const Table> TablesOfTraces();
std::span<const Table> TablesOfEvaluation();

// The revision of MLflow's schema that these selects read (`alembic_version`).
inline constexpr std::string_view kRevision = "dc11669786a5";

// What MLflow keeps and we have no place for.
std::span<const std::string_view> TablesWithoutPlace();

// What we keep and MLflow has no place for.
struct Unwritten {
  std::string_view table;
  std::string_view what;  // for people
};
std::span<const Unwritten> OursWithoutPlace();

// The script that makes the empty tables of that revision in SQLite: mlflow_3_17.sql beside this.
std::string_view MlflowSchema();

}  // namespace keelson::wire::mlflow_database
