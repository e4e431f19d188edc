#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::data {

// Counts over a table's rows, as Great Expectations gives them. `missing` is nothing where nulls are what is tested.
struct UnexpectedCounts {
  std::uint64_t elements = 0;
  std::optional<std::uint64_t> missing;
  std::optional<std::uint64_t> unexpected;  // nothing where a statistic of the column is tested
};

// What one expectation found. Texts ending in `_json` are JSON values.
struct ExpectationResult {
  std::string type;         // expect_column_values_to_be_between
  std::string kwargs_json;  // as in the suite
  std::string meta_json;    // as in the suite
  bool success = false;
  std::optional<UnexpectedCounts> counts;
  std::vector<std::string> partial_unexpected_json;  // the first 20 unexpected values
  std::vector<std::size_t> unexpected_rows;          // all of them, from 0
  std::string observed_value_json;                   // "" when there is none
  std::string details_json;                          // ""  when there are none
  std::string exception;                             // why it could not be evaluated; "" when it could

  // One line for people: "column \"temp\": 3 of 24 values are not between -30 and 120, such as 300, 301".
  std::string Summary() const;
};

struct ValidationReport {
  bool success = true;  // every expectation held
  std::string suite_name;
  std::vector<ExpectationResult> results;

  // Great Expectations' validation result (v1): success, results, suite_name, statistics, meta.
  std::string ToJson() const;
  // The lines of the expectations that failed, at most `at_most`.
  std::string Summary(std::size_t at_most = 20) const;
};

// A Great Expectations suite file, read whole and checked before anything is evaluated; then immutable, so that any
// thread may validate. Reads v0.18 (`expectation_type`, `expectation_suite_name`) and v1 (`type`, `name`) files. Kwargs
// that only shape Great Expectations' own report (result_format, catch_exceptions, include_config, batch_id) are
// accepted; row conditions and evaluation parameters are kUnsupported. Regular expressions are PCRE2 with limits,
// searched anywhere in the text as pandas does.
class ExpectationSuite {
 public:
  // kInvalidArgument says what is wrong and expected, with `where` = "file: $.expectations[3].kwargs.min_value".
  static Result<ExpectationSuite> Parse(std::string_view text, const std::string& file);
  ExpectationSuite(ExpectationSuite&&) noexcept;
  ExpectationSuite& operator=(ExpectationSuite&&) noexcept;
  ~ExpectationSuite();

  const std::string& name() const;
  std::size_t size() const;
  ValidationReport Validate(const Table& table) const;
  // Only the results that are no success: quick where all is well, for rows that come a few at a time.
  std::vector<ExpectationResult> Failures(const Table& table) const;

  // The types that Parse knows, sorted.
  static std::vector<std::string> KnownTypes();

 private:
  struct State;
  explicit ExpectationSuite(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace keelson::data
