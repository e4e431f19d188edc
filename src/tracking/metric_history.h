#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "io/database.h"
#include "tracking/packed_points.h"

namespace keelson::tracking {

// The histories of metrics in the tables, within a transaction; `run` and `key` are numbers of the tables.
//
// A batch is added to the run's log (metric_log) as it came, one row however many points it has. When the log is long
// enough it is folded: its points go into the blocks of their keys (metric_block), each of up to kBlockPoints points,
// in order, none twice, no two blocks overlapping. So a write costs one row, and a reader finds in the first and last
// step of each block which it needs. What was logged twice, by a client that tried again, is seen once.

inline constexpr std::size_t kBlockPoints = 1024;

// `keys` is how many keys the points are of, about.
Status AppendHistory(io::SqlSession& session, std::int64_t run, const std::vector<HistoryPoint>& points,
                     std::size_t keys);
// Folds what is in the run's log now. Readers see no difference.
Status FoldHistory(io::SqlSession& session, std::int64_t run);

using StepRange = std::optional<std::pair<std::int64_t, std::int64_t>>;  // both ends belong to it

// By step, then time, then value.
Result<std::vector<HistoryPoint>> ReadHistory(io::SqlSession& session, std::int64_t run, std::int64_t key,
                                              const StepRange& steps);
// At most `at_most` (> 0) of them, evenly chosen, the first and the last among them. The points are cut into buckets
// whose sizes differ by one at most, the larger ones first; each gives its first point, but the last gives its last.
// Reads only the blocks that hold a chosen point.
Result<std::vector<HistoryPoint>> SampleHistory(io::SqlSession& session, std::int64_t run, std::int64_t key,
                                                std::size_t at_most, const StepRange& steps);

// The rows of table metric_row, which kept one point each before schema 3, as blocks. For the migration.
Status FoldFormerRows(io::SqlSession& session);

}  // namespace keelson::tracking
