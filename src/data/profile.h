#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::data {

// The shape of one column's values: counts by bin. A number's bins are cut at `edges` (bin i holds edges[i-1] < v <=
// edges[i]; one more bin at the end); a text's bins are `categories` (in byte order) plus one for all others. The last
// bin is for missing.
struct ColumnProfile {
  std::string name;
  ColumnType type = ColumnType::kDouble;
  std::vector<double> edges;
  std::vector<std::string> categories;
  std::vector<std::uint64_t> counts;  // one a bin

  // A value of the wrong kind counts as missing in a number's profile and as another category in a text's.
  std::size_t BinOf(const Value& value) const;
  std::vector<std::uint64_t> Count(const Column& column) const;  // of all its values, by this profile's bins
  std::size_t bins() const { return counts.size(); }
};

struct Profile {
  std::vector<ColumnProfile> columns;
  std::uint64_t rows = 0;

  const ColumnProfile* Find(std::string_view name) const;
  std::string ToJson() const;
  static Result<Profile> FromJson(std::string_view text);
};

// Bins by the deciles of each numeric column (fewer when values repeat; a constant has its own bin between two empty
// ones, so that any other value shows), the 50 most frequent categories of a text column.
Profile ProfileTable(const Table& table, std::size_t bins = 10);

// Population stability index of `actual` against `expected` counts (same bins): sum (a - e) ln(a / e) over bin shares,
// with shares floored at 0.0001 so that an empty bin is finite. 0 when either side is empty.
double PopulationStabilityIndex(const std::vector<std::uint64_t>& expected, const std::vector<std::uint64_t>& actual);

}  // namespace keelson::data
