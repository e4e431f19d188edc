#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "io/database.h"

namespace keelson::wire::mlflow_database {

// How many rows there were, and a hash of them all in which their order has no part: two sides have the same rows when
// their sums are equal. A row that is there twice counts twice.
class RowSum {
 public:
  void Add(const io::SqlRow& row);
  std::uint64_t rows() const { return rows_; }
  std::string Hex() const;  // 64 digits
  bool operator==(const RowSum&) const = default;

 private:
  std::uint64_t rows_ = 0;
  std::array<std::uint64_t, 4> sum_ = {};  // of the rows' SHA-256, each part for itself
};

}  // namespace keelson::wire::mlflow_database
