#include <fmt/format.h>

#include <unordered_map>

#include "base/strings.h"
#include "data/expectation_check.h"

namespace keelson::data {
namespace {

Check MakeNull(Kwargs& kwargs, bool expect_null) {
  const std::string column = kwargs.Text("column");
  const double mostly = kwargs.Mostly();
  return [column, mostly, expect_null](const Table& table) {
    const Column* found = table.Find(column);
    if (found == nullptr) return Outcome::Exception(fmt::format("the column \"{}\" does not exist", column));
    Outcome outcome;
    for (std::size_t row = 0; row < found->size(); ++row) {
      if (found->is_null(row) != expect_null) outcome.unexpected_rows.push_back(row);
    }
    if (!outcome.unexpected_rows.empty()) outcome.columns = {column};
    outcome.counts = UnexpectedCounts{found->size(), std::nullopt, outcome.unexpected_rows.size()};
    outcome.success = MostlyHolds(found->size(), outcome.unexpected_rows.size(), mostly);
    return outcome;
  };
}

Check MakeBetween(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  const double mostly = kwargs.Mostly();
  // Shared by the tests of all rows, which refer to it.
  const auto range = std::make_shared<const Range>(Range::Read(kwargs, true));
  return ValueCheck(column, mostly,
                    [range](const Column& values, std::string& problem) { return range->For(values, problem); });
}

Check MakeInSet(Kwargs& kwargs, bool expect_in) {
  const std::string column = kwargs.Text("column");
  const double mostly = kwargs.Mostly();
  const auto set = ValueSet::Read(kwargs, "value_set");
  if (!set && !expect_in) {
    kwargs.Refuse("value_set", "value_set is null (argument of type 'NoneType' is not iterable); expected a list");
  }
  if (!set) {
    return ValueCheck(column, mostly, [](const Column&, std::string&) { return RowTest(); });
  }
  const auto shared = std::make_shared<const ValueSet>(*set);
  return ValueCheck(column, mostly, [shared, expect_in](const Column& values, std::string&) -> RowTest {
    return [shared, expect_in, &values](std::size_t row) { return shared->Contains(values, row) == expect_in; };
  });
}

// Every value that occurs more than once is unexpected, each time that it occurs.
template <typename Key, typename Get>
RowTest OnlyOnce(const Column& values, Get get) {
  auto counts = std::make_shared<std::unordered_map<Key, std::uint32_t>>();
  counts->reserve(values.size());
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!values.is_null(row)) ++(*counts)[get(row)];
  }
  return [counts, get](std::size_t row) { return (*counts)[get(row)] == 1; };
}

Check MakeUnique(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  return ValueCheck(column, kwargs.Mostly(), [](const Column& values, std::string&) {
    if (values.type == ColumnType::kString) {
      return OnlyOnce<std::string_view>(values,
                                        [&values](std::size_t row) { return std::string_view(values.strings[row]); });
    }
    if (values.type == ColumnType::kDouble) {
      return OnlyOnce<double>(values, [&values](std::size_t row) { return values.doubles[row]; });
    }
    return OnlyOnce<std::int64_t>(values, [&values](std::size_t row) { return values.ints[row]; });
  });
}

// Each value compared with the last that was not null; the first is as expected.
Check MakeMonotonic(Kwargs& kwargs, bool increasing) {
  const std::string column = kwargs.Text("column");
  const double mostly = kwargs.Mostly();
  const bool strictly = kwargs.Flag("strictly", false);
  return ValueCheck(column, mostly, [increasing, strictly](const Column& values, std::string& problem) -> RowTest {
    if (values.type == ColumnType::kString) {
      problem = fmt::format("TypeError: the column \"{}\" holds texts; expected numbers or timestamps", values.name);
      return {};
    }
    auto last = std::make_shared<std::optional<double>>();
    return [last, increasing, strictly, &values](std::size_t row) {
      const double value = increasing ? values.Number(row) : -values.Number(row);
      const bool holds = !*last || (strictly ? value > **last : value >= **last);
      *last = value;
      return holds;
    };
  });
}

// The names under which pandas, Spark and SQL suites know our types, in lower case.
std::optional<ColumnType> TypeNamed(std::string_view name) {
  static const std::map<ColumnType, std::set<std::string>> names = {
      {ColumnType::kBool, {"bool", "bool_", "boolean", "booleantype"}},
      {ColumnType::kInt64,
       {"int", "int8", "int16", "int32", "int64", "int_", "integer", "bigint", "smallint", "tinyint", "integertype",
        "longtype", "shorttype", "bytetype", "long", "int64dtype"}},
      {ColumnType::kDouble,
       {"float", "float16", "float32", "float64", "float_", "double", "double precision", "real", "numeric", "decimal",
        "doubletype", "floattype", "decimaltype"}},
      {ColumnType::kString,
       {"str", "string", "object", "varchar", "text", "char", "nvarchar", "stringtype", "stringdtype"}},
      {ColumnType::kTimestamp,
       {"timestamp", "timestamptz", "timestamp with time zone", "timestamptype", "datetime", "datetime64",
        "datetime64[ns]", "datetime64[us]", "datetime64[ns, utc]", "datetime64[us, utc]", "date", "datetype"}}};
  for (const auto& [type, synonyms] : names) {
    if (synonyms.contains(ToLower(name))) return type;
  }
  return std::nullopt;
}

// Our columns have one type: the values are all of it or none is.
Check TypeCheck(std::string column, std::set<ColumnType> types, double mostly) {
  return [column = std::move(column), types = std::move(types), mostly](const Table& table) {
    const Column* found = table.Find(column);
    if (found == nullptr) return Outcome::Exception(fmt::format("the column \"{}\" does not exist", column));
    Outcome outcome = ValueCheck(column, mostly, [&types](const Column& values, std::string&) -> RowTest {
      const bool fits = types.contains(values.type);
      return [fits](std::size_t) { return fits; };
    })(table);
    const bool all_missing = outcome.counts->missing == outcome.counts->elements;
    if (!types.contains(found->type) && !all_missing) outcome.success = false;
    outcome.observed = ColumnTypeName(found->type);
    return outcome;
  };
}

Check MakeOfType(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  const std::string name = kwargs.Text("type_");
  const auto type = TypeNamed(name);
  if (!type) {
    kwargs.Refuse("type_",
                  fmt::format("\"{}\" is no type that we know; expected for example int64, float64, str, bool or "
                              "datetime64",
                              name));
  }
  return TypeCheck(column, type ? std::set{*type} : std::set<ColumnType>(), kwargs.Mostly());
}

// Names of other backends' types are common in such lists and match nothing here.
Check MakeInTypeList(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  const double mostly = kwargs.Mostly();
  if (kwargs.Any("type_list").is_null()) {
    return ValueCheck(column, mostly, [](const Column&, std::string&) { return RowTest(); });
  }
  std::set<ColumnType> types;
  for (const std::string& name : kwargs.Texts("type_list")) {
    if (const auto type = TypeNamed(name)) types.insert(*type);
  }
  if (types.empty()) {
    kwargs.Refuse("type_list",
                  "none of its names is a type that we know; expected for example int64, float64, str, bool or "
                  "datetime64");
  }
  return TypeCheck(column, std::move(types), mostly);
}

}  // namespace

CheckFactories ValueChecks() {
  return {
      {"expect_column_values_to_be_null", [](Kwargs& k) { return MakeNull(k, true); }},
      {"expect_column_values_to_not_be_null", [](Kwargs& k) { return MakeNull(k, false); }},
      {"expect_column_values_to_be_between", MakeBetween},
      {"expect_column_values_to_be_in_set", [](Kwargs& k) { return MakeInSet(k, true); }},
      {"expect_column_values_to_not_be_in_set", [](Kwargs& k) { return MakeInSet(k, false); }},
      {"expect_column_values_to_be_unique", MakeUnique},
      {"expect_column_values_to_be_increasing", [](Kwargs& k) { return MakeMonotonic(k, true); }},
      {"expect_column_values_to_be_decreasing", [](Kwargs& k) { return MakeMonotonic(k, false); }},
      {"expect_column_values_to_be_of_type", MakeOfType},
      {"expect_column_values_to_be_in_type_list", MakeInTypeList},
  };
}

}  // namespace keelson::data
