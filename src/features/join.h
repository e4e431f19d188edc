#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/table.h"
#include "features/plan.h"

namespace keelson::features {

// Tables by the name of their source; not owned, alive during the call.
using SourceTables = std::map<std::string, const data::Table*, std::less<>>;

// The features of every row of `spine` as of the instant in its column `time_column`: a table with the spine's rows, in
// its order, and one kDouble column a feature ("view__aggregate"), in the plan's order. Only values known at or before
// a row's instant reach it. The order of the sources' rows does not matter, but for rows with the same key, of which
// the last counts. A null instant or key part gives what an entity never seen gives: null, and 0 for counts.
//
// The spine has the time column (a timestamp) and every key column of the entities. One merge over time by
// FeatureEngine. kInvalidArgument or kNotFound name what is missing or does not fit.
Result<data::Table> PointInTimeJoin(const data::Table& spine, std::string_view time_column, const SourceTables& sources,
                                    const Definitions& definitions);

}  // namespace keelson::features
