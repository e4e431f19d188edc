#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace keelson::features {

// How a window's values become one number. `kLast` is the most recently known value. Of an empty window: count gives 0,
// every other gives null.
enum class AggregateFunction { kMean, kSum, kCount, kMin, kMax, kStd, kLast };
std::string_view AggregateFunctionName(AggregateFunction function);  // "mean", ...
std::optional<AggregateFunction> ParseAggregateFunction(std::string_view name);

// A feature: `fn` over the values of `of` that became known in (t - window, t].
struct Aggregate {
  std::string name;
  std::string of;  // a column of the view's source, or an expression over its columns, such as "arr_delay > 15"
  AggregateFunction fn = AggregateFunction::kMean;
  Duration window{};
};

// What things a feature describes: a name for a tuple of key columns, such as route = (origin, dest).
struct Entity {
  std::string name;
  std::vector<std::string> keys;
};

// A feature view: the aggregates of one source by one entity. A value counts from the instant at which it was known:
// the source's `known` column for the columns that `of` mentions, else the row's own time.
struct View {
  std::string name;
  std::string entity;
  std::string source;
  std::optional<Duration> ttl;  // values known longer ago than this are never used, whatever the window
  std::vector<Aggregate> aggregates;
};

// A model's name for a view's feature, as Feast writes full feature names: "route_history__delay_mean_7d".
inline std::string FullName(const View& view, const Aggregate& aggregate) {
  return view.name + "__" + aggregate.name;
}

}  // namespace keelson::features
