#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "data/expectations.h"

namespace keelson::data {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kFiles = 40;
constexpr std::size_t kCases = 420;  // of the files that are JSON

// Great Expectations' own cases are not in the tree: they stand in the folder gx of $KEELSON_SHARED, or of ../shared.
std::filesystem::path Folder() {
  const char* const shared = std::getenv("KEELSON_SHARED");
  return (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(KEELSON_SOURCE_DIR) / "../shared") /
         "gx";
}

// How many cases of one file ran, and why others did not.
struct Tally {
  std::size_t ran = 0;
  std::map<std::string, std::size_t> left_out;
};

bool Names(const Json& test, const char* key, bool otherwise) {
  if (!test.contains(key)) return otherwise;
  for (const Json& backend : test[key]) {
    if (backend.get<std::string>().starts_with("pandas")) return true;
  }
  return false;
}

Instant Moment(const std::string& text) {
  if (const auto instant = ParseInstant(text)) return *instant;
  std::tm parts{};  // "Jan 01 1970 12:00:01"
  std::istringstream in(text);
  in >> std::get_time(&parts, "%b %d %Y %H:%M:%S");
  EXPECT_FALSE(in.fail()) << text;
  return std::chrono::floor<Duration>(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

// The column as we would hold it; nothing when its values are of several types.
std::optional<Column> ColumnOf(const std::string& name, const Json& values, const std::string& pandas_type) {
  std::set<ColumnType> types;
  for (const Json& value : values) {
    if (value.is_boolean()) types.insert(ColumnType::kBool);
    if (value.is_number_integer()) types.insert(ColumnType::kInt64);
    if (value.is_number_float()) types.insert(ColumnType::kDouble);
    if (value.is_string()) types.insert(pandas_type.starts_with("date") ? ColumnType::kTimestamp : ColumnType::kString);
    if (value.is_structured()) return std::nullopt;
  }
  if (types.contains(ColumnType::kDouble)) types.erase(ColumnType::kInt64);
  if (types.size() > 1) return std::nullopt;
  Table table({{name, types.empty() ? ColumnType::kString : *types.begin()}});
  for (const Json& value : values) {
    Value cell;
    if (value.is_boolean()) cell = value.get<bool>();
    if (value.is_number_integer()) cell = value.get<std::int64_t>();
    if (value.is_number_float()) cell = value.get<double>();
    if (value.is_string()) {
      if (table.columns()[0].type == ColumnType::kTimestamp) {
        cell = Moment(value.get<std::string>());
      } else {
        cell = value.get<std::string>();
      }
    }
    EXPECT_TRUE(table.AppendRow({cell}).has_value()) << name;
  }
  return table.columns()[0];
}

// Equal as GX compares: numbers by value (with a tolerance), timestamps by the instant, everything else exactly.
bool Same(const Json& ours, const Json& theirs, double tolerance) {
  if (ours.is_number() && theirs.is_number()) return std::abs(ours.get<double>() - theirs.get<double>()) <= tolerance;
  if (ours.is_string() && theirs.is_string() && ours != theirs) {
    const auto a = ParseInstant(ours.get<std::string>());
    return a.has_value() && *a == Moment(theirs.get<std::string>());
  }
  if (ours.is_array() && theirs.is_array()) {
    return ours.size() == theirs.size() && std::equal(ours.begin(), ours.end(), theirs.begin(),
                                                      [&](auto& a, auto& b) { return Same(a, b, tolerance); });
  }
  if (ours.is_object() && theirs.is_object()) {
    for (const auto& [key, value] : theirs.items()) {
      if (!ours.contains(key) || !Same(ours[key], value, tolerance)) return false;
    }
    return true;
  }
  return ours == theirs;
}

// Compares one key of GX's `out` with ours; says what differs, or nothing.
std::string Compare(const std::string& key, const Json& theirs, const ExpectationResult& result, const Json& json,
                    const Json& unexpected, double tolerance) {
  Json ours;
  if (key == "success") {
    ours = result.success;
  } else if (key == "observed_value") {
    ours = json["result"].value("observed_value", Json());
  } else if (key == "value_counts") {
    ours = json["result"]["details"]["value_counts"];
  } else if (key == "unexpected_list") {
    ours = unexpected;
  } else if (key == "unexpected_index_list") {
    ours = Json::array();
    for (const std::size_t row : result.unexpected_rows) ours.push_back({{"pk_index", row}});
    Json rows = Json::array();
    for (const Json& each : theirs) rows.push_back({{"pk_index", each.is_object() ? each["pk_index"] : each}});
    return Same(ours, rows, 0) ? "" : fmt::format("{}: {} is not {}", key, ours.dump(), rows.dump());
  } else if (key == "result") {
    Json wanted = theirs;
    for (const char* elsewhere : {"partial_unexpected_index_list", "partial_unexpected_counts", "unexpected_index_list",
                                  "unexpected_index_query", "unexpected_index_column_names"}) {
      wanted.erase(elsewhere);  // of result formats that we do not write
    }
    if (wanted.contains("details")) wanted["details"].erase("partial_unexpected_counts_error");
    ours = json["result"];
    if (!ours.contains("details")) ours["details"] = Json::object();
    ours["unexpected_list"] = unexpected;
    return Same(ours, wanted, tolerance) ? "" : fmt::format("{}: {} is not {}", key, ours.dump(), wanted.dump());
  }
  return Same(ours, theirs, tolerance) ? "" : fmt::format("{}: {} is not {}", key, ours.dump(), theirs.dump());
}

// All unexpected values: those of a report are the first 20, and the cases are small, so that these are all.
Json UnexpectedList(const ExpectationResult& result) {
  Json list = Json::array();
  for (const std::string& value : result.partial_unexpected_json) list.push_back(Json::parse(value));
  return list;
}

// Why a case is not ours to run; "" when it is.
std::string Reason(const Json& test, const Json& in, const Table& table, const std::set<std::string>& mixed) {
  if (!Names(test, "only_for", true) || Names(test, "suppress_test_for", false)) return "not of pandas";
  if (in.contains("row_condition")) return "row condition";
  if (in.dump().find("$PARAMETER") != std::string::npos) return "evaluation parameter";
  for (const char* key : {"column", "column_A", "column_B"}) {
    if (in.contains(key) && mixed.contains(in[key].get<std::string>())) return "column of several types";
  }
  return table.columns().empty() ? "column of several types" : "";
}

void RunCase(const std::string& type, const Json& test, const Json& in, const Table& table, const std::string& where) {
  const Json suite = {{"name", "gx"}, {"expectations", {{{"expectation_type", type}, {"kwargs", in}}}}};
  const auto parsed = ExpectationSuite::Parse(suite.dump(), "case");
  Json out = test["out"];
  const Json error = test.value("error", Json::object());
  for (const Json& from : {error, out}) {
    if (!from.contains("traceback_substring")) continue;
    const auto expected = from["traceback_substring"].get<std::string>();
    const std::string message =
        parsed.has_value() ? parsed->Validate(table).results[0].exception : parsed.error().message;
    EXPECT_NE(message.find(expected), std::string::npos)
        << where << ": \"" << message << "\" has no \"" << expected << "\"";
    return;
  }
  ASSERT_TRUE(parsed.has_value()) << where << ": " << parsed.error().ToString();
  const ValidationReport report = parsed->Validate(table);
  const Json json = Json::parse(report.ToJson())["results"][0];
  const Json unexpected = UnexpectedList(report.results[0]);
  for (const auto& [key, theirs] : out.items()) {
    const std::string difference =
        Compare(key, theirs, report.results[0], json, unexpected, test.value("tolerance", 1e-12));
    EXPECT_EQ(difference, "") << where << " in " << in.dump() << " " << report.results[0].exception;
  }
}

Tally RunFile(const std::filesystem::path& path) {
  Tally tally;
  std::ifstream file(path);
  const Json cases = Json::parse(file, nullptr, false);
  if (cases.is_discarded()) {
    ++tally.left_out["whole file that is not JSON (it has an Infinity)"];
    return tally;
  }
  const std::string type = cases.value("expectation_type", "");
  const auto known = ExpectationSuite::KnownTypes();
  const bool ours = std::find(known.begin(), known.end(), type) != known.end();
  for (const Json& dataset : cases.value("datasets", Json::array())) {
    Table table;
    std::set<std::string> mixed;
    if (dataset["data"].is_object() && ours) {
      const Json types = dataset.value("schemas", Json::object()).value("pandas", Json::object());
      // GX's file order is lost in a JSON object; the names are in order in all files.
      for (const auto& [name, values] : dataset["data"].items()) {
        auto column = values.is_array() ? ColumnOf(name, values, types.value(name, "")) : std::nullopt;
        if (column) {
          table.columns().push_back(*std::move(column));
        } else {
          mixed.insert(name);
        }
      }
    }
    for (const Json& test : dataset["tests"]) {
      const Json& in = test["in"];
      std::string reason = ours ? "" : "expectation that we do not have";
      if (reason.empty() && (!Names(dataset, "only_for", true) || Names(dataset, "suppress_test_for", false))) {
        reason = "not of pandas";
      }
      if (reason.empty()) reason = Reason(test, in, table, mixed);
      if (!reason.empty()) {
        ++tally.left_out[reason];
        continue;
      }
      RunCase(type, test, in, table, path.stem().string() + ": " + test.value("title", "?"));
      ++tally.ran;
    }
  }
  return tally;
}

TEST(ExpectationsGxTest, EveryCaseOfOurExpectationsGivesWhatGreatExpectationsGave) {
  const std::filesystem::path folder = Folder();
  if (!std::filesystem::exists(folder)) {
    std::cout << "WARNING: " << folder.string() << " is absent: none of Great Expectations' " << kCases
              << " cases did run; KEELSON_SHARED names another folder\n";
    return;
  }
  std::size_t ran = 0;
  std::size_t files = 0;
  std::map<std::string, std::size_t> left_out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    const Tally tally = RunFile(entry.path());
    ran += tally.ran;
    for (const auto& [reason, count] : tally.left_out) left_out[reason] += count;
    std::string others;
    for (const auto& [reason, count] : tally.left_out) others += fmt::format(", {} {}", count, reason);
    std::cout << fmt::format("{}: {} ran{}\n", entry.path().stem().string(), tally.ran, others);
  }
  std::cout << fmt::format("{} cases ran", ran);
  std::size_t all = ran;
  for (const auto& [reason, count] : left_out) {
    std::cout << fmt::format("; {} did not: {}", count, reason);
    all += reason.starts_with("whole file") ? 0 : count;
  }
  std::cout << "\n";
  EXPECT_EQ(files, kFiles);
  EXPECT_EQ(all, kCases);
  EXPECT_GE(ran, 240u);
}

}  // namespace
}  // namespace keelson::data
