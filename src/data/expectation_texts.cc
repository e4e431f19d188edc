#include <fmt/format.h>

#include "data/expectation_check.h"
#include "data/regex.h"

namespace keelson::data {
namespace {

// A value as Python's str() writes it, which is what pandas searches.
std::string PythonText(const Column& column, std::size_t row) {
  switch (column.type) {
    case ColumnType::kBool:
      return column.ints[row] != 0 ? "True" : "False";
    case ColumnType::kInt64:
      return fmt::to_string(column.ints[row]);
    case ColumnType::kDouble: {
      std::string text = fmt::to_string(column.doubles[row]);
      if (text.find_first_of(".en") == std::string::npos) text += ".0";
      return text;
    }
    case ColumnType::kString:
      return column.strings[row];
    case ColumnType::kTimestamp: {
      std::string text = FormatInstant(InstantFromMicros(column.ints[row]));
      text[10] = ' ';
      return text.substr(0, text.size() - 1);
    }
  }
  return "";
}

std::optional<Regex> Compile(Kwargs& kwargs, const std::string& name, const std::string& pattern) {
  auto regex = Regex::Compile(pattern);
  if (regex.has_value()) return *std::move(regex);
  kwargs.Refuse(name, regex.error().message);
  return std::nullopt;
}

// Whether so many of the patterns as `all` says match; `expected` is the wanted answer.
Check RegexCheck(std::string column, double mostly, std::vector<Regex> patterns, bool all, bool expected) {
  const auto shared = std::make_shared<const std::vector<Regex>>(std::move(patterns));
  return [column = std::move(column), mostly, shared, all, expected](const Table& table) {
    std::string trouble;
    Outcome outcome = ValueCheck(column, mostly, [&](const Column& values, std::string&) -> RowTest {
      return [&](std::size_t row) {
        std::string text;
        const bool is_text = values.type == ColumnType::kString;
        if (!is_text) text = PythonText(values, row);
        std::size_t matched = 0;
        for (const Regex& regex : *shared) {
          const auto found = regex.Search(is_text ? values.strings[row] : text);
          if (!found.has_value() && trouble.empty()) trouble = found.error().message;
          if (found.value_or(false)) ++matched;
        }
        return (all ? matched == shared->size() : matched > 0) == expected;
      };
    })(table);
    if (!trouble.empty()) return Outcome::Exception(std::move(trouble));
    return outcome;
  };
}

Check MakeRegex(Kwargs& kwargs, bool expected) {
  const std::string column = kwargs.Text("column");
  std::vector<Regex> patterns;
  if (auto regex = Compile(kwargs, "regex", kwargs.Text("regex"))) patterns.push_back(*std::move(regex));
  return RegexCheck(column, kwargs.Mostly(), std::move(patterns), false, expected);
}

Check MakeRegexList(Kwargs& kwargs, bool expected) {
  const std::string column = kwargs.Text("column");
  std::vector<Regex> patterns;
  for (const std::string& pattern : kwargs.Texts("regex_list")) {
    if (auto regex = Compile(kwargs, "regex_list", pattern)) patterns.push_back(*std::move(regex));
  }
  std::string match_on = "any";
  if (expected) match_on = kwargs.MaybeText("match_on").value_or("any");
  if (match_on != "any" && match_on != "all") {
    kwargs.Refuse("match_on", fmt::format("match_on is \"{}\"; expected any or all", match_on));
  }
  return RegexCheck(column, kwargs.Mostly(), std::move(patterns), match_on == "all", expected);
}

// In characters, as Python counts: bytes that begin one.
std::int64_t Length(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

Check LengthCheck(std::string column, double mostly, std::optional<std::int64_t> min, std::optional<std::int64_t> max,
                  bool strict_min, bool strict_max) {
  return ValueCheck(std::move(column), mostly,
                    [min, max, strict_min, strict_max](const Column& values, std::string& problem) -> RowTest {
                      if (values.type != ColumnType::kString) {
                        problem = fmt::format("TypeError: object of type '{}' has no len(): the column \"{}\" is {}",
                                              values.type == ColumnType::kInt64 ? "int" : ColumnTypeName(values.type),
                                              values.name, ColumnTypeName(values.type));
                        return {};
                      }
                      return [=, &values](std::size_t row) {
                        const std::int64_t length = Length(values.strings[row]);
                        if (min && (strict_min ? length <= *min : length < *min)) return false;
                        return !max || (strict_max ? length < *max : length <= *max);
                      };
                    });
}

Check MakeLengthsBetween(Kwargs& kwargs) {
  const auto min = kwargs.MaybeWhole("min_value");
  const auto max = kwargs.MaybeWhole("max_value");
  const std::string column = kwargs.Text("column");
  const bool strict_min = kwargs.Flag("strict_min", false);
  const bool strict_max = kwargs.Flag("strict_max", false);
  if (!min && !max) kwargs.Refuse("", "min_value and max_value cannot both be None");
  return LengthCheck(column, kwargs.Mostly(), min, max, strict_min, strict_max);
}

Check MakeLengthsEqual(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  const auto value = kwargs.MaybeWhole("value");
  if (!value) kwargs.Refuse("value", "value is missing; expected a whole number");
  return LengthCheck(column, kwargs.Mostly(), value, value, false, false);
}

Check MakeJsonParseable(Kwargs& kwargs) {
  const std::string column = kwargs.Text("column");
  return ValueCheck(column, kwargs.Mostly(), [](const Column& values, std::string& problem) -> RowTest {
    if (values.type != ColumnType::kString) {
      problem =
          fmt::format("TypeError: the column \"{}\" is {}; expected texts", values.name, ColumnTypeName(values.type));
      return {};
    }
    return [&values](std::size_t row) { return Json::accept(values.strings[row]); };
  });
}

}  // namespace

CheckFactories TextChecks() {
  return {
      {"expect_column_values_to_match_regex", [](Kwargs& k) { return MakeRegex(k, true); }},
      {"expect_column_values_to_not_match_regex", [](Kwargs& k) { return MakeRegex(k, false); }},
      {"expect_column_values_to_match_regex_list", [](Kwargs& k) { return MakeRegexList(k, true); }},
      {"expect_column_values_to_not_match_regex_list", [](Kwargs& k) { return MakeRegexList(k, false); }},
      {"expect_column_value_lengths_to_be_between", MakeLengthsBetween},
      {"expect_column_value_lengths_to_equal", MakeLengthsEqual},
      {"expect_column_values_to_be_json_parseable", MakeJsonParseable},
  };
}

}  // namespace keelson::data
