#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/mlflow_database/row_sum.h"

namespace keelson::wire::mlflow_database {

// What an import or an export has the same of on both sides.
struct ComparedKind {
  std::string name;        // "params"
  std::uint64_t rows = 0;  // the same on both sides
  std::string hash;        // of all rows
};

// Adds to `kinds` how many there are; kDataLoss when the sides differ.
Status Compare(std::string_view kind, const RowSum& theirs, const RowSum& ours, std::vector<ComparedKind>& kinds);

}  // namespace keelson::wire::mlflow_database
