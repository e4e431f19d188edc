#include <fmt/format.h>

#include <map>

#include "data/expectation_check.h"

namespace keelson::data {
namespace {

// A statistic of a column's values that are not null; null JSON when there are too few. `problem`: an exception's text.
using Statistic = std::function<Json(const Column&, std::string& problem)>;

UnexpectedCounts CountMissing(const Column& column) {
  const auto missing = static_cast<std::uint64_t>(std::count(column.valid.begin(), column.valid.end(), 0));
  return UnexpectedCounts{column.size(), missing, std::nullopt};
}

Check OnColumn(std::string name, std::function<void(const Column&, Outcome&)> evaluate) {
  return [name = std::move(name), evaluate = std::move(evaluate)](const Table& table) {
    const Column* column = table.Find(name);
    if (column == nullptr) return Outcome::Exception(fmt::format("the column \"{}\" does not exist", name));
    Outcome outcome;
    outcome.counts = CountMissing(*column);
    evaluate(*column, outcome);
    return outcome;
  };
}

// The observed value as a column of its own, so that a range compares it like any value.
Column AsColumn(const Json& observed, ColumnType type) {
  Column column;
  column.name = "observed_value";
  column.type = observed.is_string() ? type : ColumnType::kDouble;
  column.valid = {1};
  if (column.type == ColumnType::kTimestamp) {
    column.ints = {ToMicros(ParseInstant(observed.get<std::string>()).value_or(Instant{}))};
  } else if (column.type == ColumnType::kString) {
    column.strings = {observed.get<std::string>()};
  } else {
    column.doubles = {observed.get<double>()};
  }
  return column;
}

CheckFactory InRange(Statistic statistic, bool bounds_required) {
  return [statistic = std::move(statistic), bounds_required](Kwargs& kwargs) -> Check {
    const std::string name = kwargs.Text("column");
    const auto range = std::make_shared<const Range>(Range::Read(kwargs, bounds_required));
    return OnColumn(name, [range, statistic](const Column& column, Outcome& outcome) {
      outcome.observed = statistic(column, outcome.exception);
      if (!outcome.exception.empty()) return;
      if (outcome.observed.is_null()) {
        outcome.success = !range->min && !range->max;
        return;
      }
      const Column observed = AsColumn(outcome.observed, column.type);
      const RowTest test = range->For(observed, outcome.exception);
      outcome.success = outcome.exception.empty() && test(0);
    });
  };
}

// The values that are not null as numbers; refuses texts, and instants unless they are allowed.
std::vector<double> Numbers(const Column& column, std::string& problem) {
  if (column.type == ColumnType::kString || column.type == ColumnType::kTimestamp) {
    problem =
        fmt::format("TypeError: the column \"{}\" is {}; expected numbers", column.name, ColumnTypeName(column.type));
    return {};
  }
  std::vector<double> values;
  values.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (!column.is_null(row)) values.push_back(column.Number(row));
  }
  return values;
}

long double SumOf(const std::vector<double>& values) {
  long double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

Json Sum(const Column& column, std::string& problem) {
  return static_cast<double>(SumOf(Numbers(column, problem)));
}

Json Mean(const Column& column, std::string& problem) {
  const auto values = Numbers(column, problem);
  if (values.empty()) return nullptr;
  return static_cast<double>(SumOf(values) / static_cast<long double>(values.size()));
}

Json Deviation(const Column& column, std::string& problem) {
  const auto values = Numbers(column, problem);
  if (values.size() < 2) return nullptr;
  // In doubles, as pandas does it: bounds in suites are often written from its answers.
  const double mean = static_cast<double>(SumOf(values)) / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (mean - value) * (mean - value);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Json Median(const Column& column, std::string& problem) {
  auto values = Numbers(column, problem);
  if (values.empty()) return nullptr;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

Json Extreme(const Column& column, bool largest) {
  std::optional<std::size_t> best;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (column.is_null(row)) continue;
    const auto less = [&column](std::size_t a, std::size_t b) {
      if (column.type == ColumnType::kString) return column.strings[a] < column.strings[b];
      if (column.type == ColumnType::kDouble) return column.doubles[a] < column.doubles[b];
      return column.ints[a] < column.ints[b];
    };
    if (!best || (largest ? less(*best, row) : less(row, *best))) best = row;
  }
  if (!best) return nullptr;
  const Json value = JsonOf(column, *best);
  return value.is_boolean() ? Json(value.get<bool>() ? 1 : 0) : value;
}

// Distinct values with their counts, in the order of the values.
std::vector<std::pair<Json, std::uint64_t>> Distinct(const Column& column) {
  std::vector<std::pair<Json, std::uint64_t>> distinct;
  const auto count = [&](const auto& get) {
    std::map<std::decay_t<decltype(get(0))>, std::pair<std::size_t, std::uint64_t>> counts;
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (column.is_null(row)) continue;
      auto& [first, number] = counts.try_emplace(get(row), row, 0).first->second;
      ++number;
    }
    for (const auto& [value, entry] : counts) distinct.emplace_back(JsonOf(column, entry.first), entry.second);
  };
  if (column.type == ColumnType::kString) {
    count([&column](std::size_t row) { return std::string_view(column.strings[row]); });
  } else if (column.type == ColumnType::kDouble) {
    count([&column](std::size_t row) { return column.doubles[row]; });
  } else {
    count([&column](std::size_t row) { return column.ints[row]; });
  }
  return distinct;
}

// Whether a distinct value is in the set; for timestamps by the instant.
bool In(const ValueSet& set, const Json& value, ColumnType type) {
  if (type != ColumnType::kTimestamp) return set.ContainsJson(value);
  return set.Contains(AsColumn(value, type), 0);
}

enum class SetRelation { kWithin, kContains, kEquals };

CheckFactory DistinctAgainstSet(SetRelation relation) {
  return [relation](Kwargs& kwargs) -> Check {
    const std::string name = kwargs.Text("column");
    const auto set = ValueSet::Read(kwargs, "value_set");
    if (!set && relation != SetRelation::kWithin) kwargs.Refuse("value_set", "value_set is missing; expected a list");
    return OnColumn(name, [set, relation](const Column& column, Outcome& outcome) {
      const auto distinct = Distinct(column);
      outcome.observed = Json::array();
      outcome.details = {{"value_counts", Json::array()}};
      std::uint64_t inside = 0;
      std::uint64_t outside = 0;
      for (const auto& [value, count] : distinct) {
        outcome.observed.push_back(value);
        outcome.details["value_counts"].push_back({{"value", value}, {"count", count}});
        ++(!set || In(*set, value, column.type) ? inside : outside);
      }
      std::uint64_t wanted = 0;
      if (set) {
        std::vector<Json> seen;
        for (const Json& value : set->values()) {
          if (!value.is_null() && std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
        }
        wanted = seen.size();
      }
      outcome.success = (relation == SetRelation::kContains || outside == 0) &&
                        (relation == SetRelation::kWithin || inside >= wanted);
    });
  };
}

Json DistinctCount(const Column& column, std::string&) {
  return Distinct(column).size();
}

Json DistinctShare(const Column& column, std::string&) {
  const auto counts = CountMissing(column);
  const std::uint64_t values = counts.elements - *counts.missing;
  if (values == 0) return nullptr;
  return static_cast<double>(Distinct(column).size()) / static_cast<double>(values);
}

Check MakeMostCommon(Kwargs& kwargs) {
  const std::string name = kwargs.Text("column");
  const auto set = ValueSet::Read(kwargs, "value_set");
  const bool ties_okay = kwargs.Flag("ties_okay", false);
  if (!set) kwargs.Refuse("value_set", "value_set is missing; expected a list");
  return OnColumn(name, [set, ties_okay](const Column& column, Outcome& outcome) {
    std::uint64_t most = 0;
    const auto distinct = Distinct(column);
    for (const auto& [value, count] : distinct) most = std::max(most, count);
    outcome.observed = Json::array();
    std::size_t inside = 0;
    for (const auto& [value, count] : distinct) {
      if (count != most) continue;
      outcome.observed.push_back(value);
      if (In(*set, value, column.type)) ++inside;
    }
    outcome.success = inside > 0 && (ties_okay || outcome.observed.size() == 1);
  });
}

// A range of one quantile: [min or null, max or null].
using QuantileRange = std::pair<std::optional<double>, std::optional<double>>;

std::vector<std::pair<double, QuantileRange>> ReadQuantiles(Kwargs& kwargs) {
  const Json ranges = kwargs.Any("quantile_ranges");
  std::vector<std::pair<double, QuantileRange>> read;
  const auto refuse = [&](const char* message) {
    kwargs.Refuse("quantile_ranges", message);
    return std::vector<std::pair<double, QuantileRange>>();
  };
  if (!ranges.is_object() || ranges.size() != 2 || !ranges.contains("quantiles") || !ranges.contains("value_ranges") ||
      !ranges["quantiles"].is_array() || !ranges["value_ranges"].is_array() ||
      ranges["quantiles"].size() != ranges["value_ranges"].size()) {
    return refuse("expected {\"quantiles\": [...], \"value_ranges\": [[min, max], ...]} of equal lengths");
  }
  for (std::size_t i = 0; i < ranges["quantiles"].size(); ++i) {
    const Json& quantile = ranges["quantiles"][i];
    const Json& range = ranges["value_ranges"][i];
    if (!quantile.is_number() || quantile < 0 || quantile > 1) return refuse("a quantile is not a number from 0 to 1");
    const bool pair = range.is_array() && range.size() == 2 && (range[0].is_null() || range[0].is_number()) &&
                      (range[1].is_null() || range[1].is_number());
    if (!pair || (range[0].is_number() && range[1].is_number() && range[0] > range[1])) {
      return refuse("quantile_ranges must consist of ordered pairs of numbers or null");
    }
    const auto bound = [](const Json& value) {
      return value.is_null() ? std::nullopt : std::optional(value.get<double>());
    };
    read.push_back({quantile.get<double>(), {bound(range[0]), bound(range[1])}});
  }
  return read;
}

Check MakeQuantiles(Kwargs& kwargs) {
  const std::string name = kwargs.Text("column");
  const auto quantiles = ReadQuantiles(kwargs);
  const bool relative_error = kwargs.Flag("allow_relative_error", false);
  if (relative_error) kwargs.Refuse("allow_relative_error", "our quantiles are exact; expected false");
  return OnColumn(name, [quantiles](const Column& column, Outcome& outcome) {
    auto values = Numbers(column, outcome.exception);
    if (!outcome.exception.empty()) return;
    outcome.success = true;
    outcome.observed = {{"quantiles", Json::array()}, {"values", Json::array()}};
    outcome.details = {{"success_details", Json::array()}};
    for (const auto& [quantile, range] : quantiles) {
      Json value;
      bool holds = false;
      if (!values.empty()) {
        // The nearest value, of two equally near the even one: as pandas' "nearest".
        const double at = std::nearbyint(quantile * static_cast<double>(values.size() - 1));
        const auto nth = values.begin() + static_cast<std::ptrdiff_t>(at);
        std::nth_element(values.begin(), nth, values.end());
        const double found = *nth;
        holds = (!range.first || found >= *range.first) && (!range.second || found <= *range.second);
        value = found;
      }
      outcome.success = outcome.success && holds;
      outcome.observed["quantiles"].push_back(quantile);
      outcome.observed["values"].push_back(value);
      outcome.details["success_details"].push_back(holds);
    }
  });
}

}  // namespace

CheckFactories StatisticChecks() {
  const auto extreme = [](bool largest) {
    return [largest](const Column& column, std::string&) { return Extreme(column, largest); };
  };
  return {
      {"expect_column_sum_to_be_between", InRange(Sum, true)},
      {"expect_column_mean_to_be_between", InRange(Mean, false)},
      {"expect_column_median_to_be_between", InRange(Median, false)},
      {"expect_column_stdev_to_be_between", InRange(Deviation, false)},
      {"expect_column_min_to_be_between", InRange(extreme(false), false)},
      {"expect_column_max_to_be_between", InRange(extreme(true), false)},
      {"expect_column_unique_value_count_to_be_between", InRange(DistinctCount, false)},
      {"expect_column_proportion_of_unique_values_to_be_between", InRange(DistinctShare, false)},
      {"expect_column_distinct_values_to_be_in_set", DistinctAgainstSet(SetRelation::kWithin)},
      {"expect_column_distinct_values_to_contain_set", DistinctAgainstSet(SetRelation::kContains)},
      {"expect_column_distinct_values_to_equal_set", DistinctAgainstSet(SetRelation::kEquals)},
      {"expect_column_most_common_value_to_be_in_set", MakeMostCommon},
      {"expect_column_quantile_values_to_be_between", MakeQuantiles},
  };
}

}  // namespace keelson::data
