#include <fmt/format.h>

#include <unordered_map>

#include "data/expectation_check.h"

namespace keelson::data {
namespace {

// The columns of these names, or the text of an exception.
std::vector<const Column*> FindAll(const Table& table, const std::vector<std::string>& names, std::string& problem) {
  std::vector<const Column*> columns;
  for (const std::string& name : names) {
    columns.push_back(table.Find(name));
    if (columns.back() == nullptr) problem = fmt::format("the column \"{}\" does not exist", name);
  }
  return columns;
}

// Which rows are left out for their nulls, as the kwarg ignore_row_if says.
enum class Ignore { kNever, kAnyMissing, kAllMissing };

Ignore ReadIgnore(Kwargs& kwargs, const std::string& all, const std::string& any, const std::string& never) {
  const std::string text = kwargs.MaybeText("ignore_row_if").value_or(all);
  if (text == any) return Ignore::kAnyMissing;
  if (text == never) return Ignore::kNever;
  if (text != all) {
    kwargs.Refuse("ignore_row_if", fmt::format("\"{}\"; expected {}, {} or {}", text, all, any, never));
  }
  return Ignore::kAllMissing;
}

bool Ignored(Ignore ignore, const std::vector<const Column*>& columns, std::size_t row) {
  const auto missing =
      std::count_if(columns.begin(), columns.end(), [row](const Column* c) { return c->is_null(row); });
  return (ignore == Ignore::kAnyMissing && missing > 0) ||
         (ignore == Ignore::kAllMissing && missing == static_cast<std::ptrdiff_t>(columns.size()));
}

// Runs over the rows of several columns. `bind` sees the columns first and says what is expected of a row.
using BindColumns = std::function<RowTest(const std::vector<const Column*>&, std::string& problem)>;

Check RowsCheck(const std::vector<std::string>& names, Ignore ignore, double mostly, bool as_list,
                const BindColumns& bind) {
  return [=](const Table& table) {
    std::string problem;
    const auto columns = FindAll(table, names, problem);
    const RowTest test = problem.empty() ? bind(columns, problem) : RowTest();
    if (!problem.empty()) return Outcome::Exception(problem);
    Outcome outcome;
    outcome.columns = names;
    outcome.as_list = as_list;
    std::uint64_t ignored = 0;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (Ignored(ignore, columns, row)) {
        ++ignored;
      } else if (!test(row)) {
        outcome.unexpected_rows.push_back(row);
      }
    }
    outcome.counts = UnexpectedCounts{table.rows(), ignored, outcome.unexpected_rows.size()};
    outcome.success = MostlyHolds(table.rows() - ignored, outcome.unexpected_rows.size(), mostly);
    return outcome;
  };
}

// -1, 0 or 1; nothing when one side is null. Texts compare with texts, all other types as numbers.
std::optional<int> Compare(const Column& a, const Column& b, std::size_t row) {
  if (a.is_null(row) || b.is_null(row)) return std::nullopt;
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.type == ColumnType::kString) return sign(a.strings[row], b.strings[row]);
  if (a.type == ColumnType::kDouble || b.type == ColumnType::kDouble) return sign(a.Number(row), b.Number(row));
  return sign(a.ints[row], b.ints[row]);
}

bool Comparable(const Column& a, const Column& b) {
  const auto kind = [](ColumnType type) {
    return type == ColumnType::kString ? 0 : type == ColumnType::kTimestamp ? 1 : 2;
  };
  return kind(a.type) == kind(b.type);
}

Check MakePair(Kwargs& kwargs, bool greater) {
  const std::vector<std::string> names = {kwargs.Text("column_A"), kwargs.Text("column_B")};
  const bool or_equal = greater && kwargs.Flag("or_equal", false);
  const Ignore ignore = ReadIgnore(kwargs, "both_values_are_missing", "either_value_is_missing", "neither");
  const auto bind = [greater, or_equal](const std::vector<const Column*>& columns, std::string& problem) -> RowTest {
    const Column& a = *columns[0];
    const Column& b = *columns[1];
    const bool comparable = Comparable(a, b);
    if (!comparable && greater) {
      problem = fmt::format("TypeError: {} and {} do not compare: \"{}\" and \"{}\"", ColumnTypeName(a.type),
                            ColumnTypeName(b.type), a.name, b.name);
      return {};
    }
    return [&a, &b, comparable, greater, or_equal](std::size_t row) {
      const auto order = comparable ? Compare(a, b, row) : std::nullopt;
      if (!order) return false;
      return greater ? *order > 0 || (or_equal && *order == 0) : *order == 0;
    };
  };
  return RowsCheck(names, ignore, kwargs.Mostly(), true, bind);
}

// One row's values as bytes, equal exactly when the rows are; null equals null.
std::string RowKey(const std::vector<const Column*>& columns, std::size_t row) {
  std::string key;
  const auto put = [&key](const auto& value) { key.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  for (const Column* column : columns) {
    key.push_back(static_cast<char>(column->valid[row]));
    if (column->is_null(row)) continue;
    if (column->type == ColumnType::kString) {
      put(column->strings[row].size());
      key += column->strings[row];
    } else if (column->type == ColumnType::kDouble) {
      put(column->doubles[row] == 0 ? 0.0 : column->doubles[row]);  // -0 equals 0
    } else {
      put(column->ints[row]);
    }
  }
  return key;
}

Check MakeCompoundUnique(Kwargs& kwargs) {
  const auto names = kwargs.Texts("column_list");
  const Ignore ignore = ReadIgnore(kwargs, "all_values_are_missing", "any_value_is_missing", "never");
  const auto bind = [ignore](const std::vector<const Column*>& columns, std::string&) -> RowTest {
    auto counts = std::make_shared<std::unordered_map<std::string, std::uint32_t>>();
    const std::size_t rows = columns.empty() ? 0 : columns.front()->size();
    counts->reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      if (!Ignored(ignore, columns, row)) ++(*counts)[RowKey(columns, row)];
    }
    return [counts, columns](std::size_t row) { return counts->at(RowKey(columns, row)) == 1; };
  };
  return RowsCheck(names, ignore, kwargs.Mostly(), false, bind);
}

Check MakeSum(Kwargs& kwargs) {
  const auto names = kwargs.Texts("column_list");
  const auto total = kwargs.MaybeNumber("sum_total");
  if (!total) kwargs.Refuse("sum_total", "sum_total is missing; expected a number");
  const Ignore ignore = ReadIgnore(kwargs, "all_values_are_missing", "any_value_is_missing", "never");
  const double wanted = total.value_or(0);
  const auto bind = [wanted](const std::vector<const Column*>& columns, std::string& problem) -> RowTest {
    for (const Column* column : columns) {
      if (column->type != ColumnType::kString) continue;
      problem = fmt::format("TypeError: the column \"{}\" holds texts; expected numbers", column->name);
      return {};
    }
    return [columns, wanted](std::size_t row) {
      double sum = 0;
      for (const Column* column : columns) sum += column->is_null(row) ? 0 : column->Number(row);
      return sum == wanted;
    };
  };
  return RowsCheck(names, ignore, kwargs.Mostly(), false, bind);
}

Check MakeExists(Kwargs& kwargs) {
  const std::string name = kwargs.Text("column");
  const auto index = kwargs.MaybeWhole("column_index");
  return [name, index](const Table& table) {
    Outcome outcome;
    for (std::size_t i = 0; i < table.columns().size(); ++i) {
      if (table.columns()[i].name == name && (!index || *index == static_cast<std::int64_t>(i))) outcome.success = true;
    }
    return outcome;
  };
}

Json NamesOf(const Table& table) {
  Json names = Json::array();
  for (const Column& column : table.columns()) names.push_back(column.name);
  return names;
}

Check MakeColumnSet(Kwargs& kwargs) {
  const bool given = !kwargs.Any("column_set").is_null();
  const auto wanted = given ? kwargs.Texts("column_set") : std::vector<std::string>();
  const bool exact = kwargs.Flag("exact_match", true);
  return [given, wanted, exact](const Table& table) {
    Outcome outcome;
    std::vector<std::string> found;
    for (const Column& column : table.columns()) found.push_back(column.name);
    std::sort(found.begin(), found.end());
    outcome.observed = found;
    if (!given && !exact) {
      outcome.success = true;
      return outcome;
    }
    const std::set<std::string> asked(wanted.begin(), wanted.end());
    Json mismatched = Json::object();
    for (const std::string& name : found) {
      if (!asked.contains(name)) mismatched["unexpected"].push_back(name);
    }
    for (const std::string& name : asked) {
      if (!std::binary_search(found.begin(), found.end(), name)) mismatched["missing"].push_back(name);
    }
    outcome.success = !mismatched.contains("missing") && (!exact || !mismatched.contains("unexpected"));
    outcome.details = {{"mismatched", mismatched}};
    return outcome;
  };
}

Check MakeOrderedList(Kwargs& kwargs) {
  const auto wanted = kwargs.Texts("column_list");
  return [wanted](const Table& table) {
    Outcome outcome;
    outcome.observed = NamesOf(table);
    outcome.success = outcome.observed == Json(wanted);
    return outcome;
  };
}

using Counter = std::uint64_t (*)(const Table&);

CheckFactory CountBetween(Counter counter) {
  return [counter](Kwargs& kwargs) -> Check {
    const auto min = kwargs.MaybeWhole("min_value");
    const auto max = kwargs.MaybeWhole("max_value");
    if (min && max && *min > *max) {
      kwargs.Refuse("",
                    "min_value cannot be greater than max_value; Minimum Threshold cannot be larger than Maximum "
                    "Threshold");
    }
    return [counter, min, max](const Table& table) {
      Outcome outcome;
      const auto count = static_cast<std::int64_t>(counter(table));
      outcome.observed = count;
      outcome.success = (!min || count >= *min) && (!max || count <= *max);
      return outcome;
    };
  };
}

CheckFactory CountEqual(Counter counter) {
  return [counter](Kwargs& kwargs) -> Check {
    const auto value = kwargs.MaybeWhole("value");
    if (!value) kwargs.Refuse("value", "value is missing; expected a whole number");
    return [counter, value](const Table& table) {
      Outcome outcome;
      outcome.observed = counter(table);
      outcome.success = static_cast<std::int64_t>(counter(table)) == *value;
      return outcome;
    };
  };
}

std::uint64_t Rows(const Table& table) {
  return table.rows();
}
std::uint64_t Columns(const Table& table) {
  return table.columns().size();
}

}  // namespace

CheckFactories TableChecks() {
  return {
      {"expect_column_to_exist", MakeExists},
      {"expect_table_columns_to_match_set", MakeColumnSet},
      {"expect_table_columns_to_match_ordered_list", MakeOrderedList},
      {"expect_table_row_count_to_be_between", CountBetween(Rows)},
      {"expect_table_row_count_to_equal", CountEqual(Rows)},
      {"expect_table_column_count_to_be_between", CountBetween(Columns)},
      {"expect_table_column_count_to_equal", CountEqual(Columns)},
      {"expect_column_pair_values_a_to_be_greater_than_b", [](Kwargs& k) { return MakePair(k, true); }},
      {"expect_column_pair_values_to_be_equal", [](Kwargs& k) { return MakePair(k, false); }},
      {"expect_compound_columns_to_be_unique", MakeCompoundUnique},
      {"expect_multicolumn_sum_to_equal", MakeSum},
  };
}

}  // namespace keelson::data
