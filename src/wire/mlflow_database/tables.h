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
  std::string_view theirs;       // a select from MLflow's tables, the rows in the order in which they are put
  std::string_view ours;         // the same from ours
  std::string_view put;          // puts such a row into ours, or leaves the one that is there
};

// In the order in which they can be put. Histories of metrics are not among them: ours are no rows.
std::span<const Table> Tables();

// The revision of MLflow's schema that these selects read (`alembic_version`).
inline constexpr std::string_view kRevision = "dc11669786a5";

// What MLflow keeps and we have no place for.
std::span<const std::string_view> TablesWithoutPlace();

}  // namespace keelson::wire::mlflow_database
