#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/expectations.h"
#include "data/table.h"

namespace keelson::data {

// Inside the evaluator: how an expectation is made from its kwargs and what it answers. Included by .cc files only.

using Json = nlohmann::json;

// What a check found. `columns` name the columns whose values stand in the list of unexpected values; without such
// values they may be left out.
struct Outcome {
  bool success = false;
  std::optional<UnexpectedCounts> counts;
  std::vector<std::size_t> unexpected_rows;
  std::vector<std::string> columns;
  bool as_list = false;  // of several columns: [a, b] instead of {"a": ..., "b": ...}
  Json observed = Json::value_t::discarded;
  Json details = Json::value_t::discarded;
  std::string exception;

  bool Holds() const { return success && exception.empty(); }

  static Outcome Exception(std::string message) {
    Outcome outcome;
    outcome.exception = std::move(message);
    return outcome;
  }
};

// Pure and safe from any thread.
using Check = std::function<Outcome(const Table&)>;

// The kwargs of one expectation. Getters note the first mistake; Finish gives it, or names a kwarg that nobody asked
// for.
class Kwargs {
 public:
  Kwargs(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  std::string Text(const std::string& name);                      // required
  std::optional<std::string> MaybeText(const std::string& name);  // nothing when absent or null
  std::optional<double> MaybeNumber(const std::string& name);
  std::optional<std::int64_t> MaybeWhole(const std::string& name);  // "must be integers"
  bool Flag(const std::string& name, bool otherwise);
  double Mostly();
  std::vector<std::string> Texts(const std::string& name);  // required list
  Json Any(const std::string& name);                        // null when absent

  void Refuse(const std::string& name, std::string message, ErrorCode code = ErrorCode::kInvalidArgument);
  Status Finish();

 private:
  const Json* Find(const std::string& name);

  const Json& object_;
  std::string path_;
  std::set<std::string> asked_;
  std::optional<Error> error_;
};

using CheckFactory = std::function<Check(Kwargs&)>;

// The factories of each group, by expectation type.
using CheckFactories = std::vector<std::pair<std::string, CheckFactory>>;
CheckFactories ValueChecks();      // of each value of a column
CheckFactories TextChecks();       // of each text of a column
CheckFactories StatisticChecks();  // of a whole column
CheckFactories TableChecks();      // of the table, or of several columns

// The value of a cell as JSON; timestamps as RFC 3339.
Json JsonOf(const Column& column, std::size_t row);

// Runs over one column: `bind` gives the test of a row (true: as expected), or an exception's text in `problem`.
using RowTest = std::function<bool(std::size_t)>;
using Bind = std::function<RowTest(const Column&, std::string& problem)>;
Check ValueCheck(std::string column, double mostly, Bind bind);

// Success of `unexpected` rows among `tested`; none tested is success.
bool MostlyHolds(std::uint64_t tested, std::uint64_t unexpected, double mostly);

// One side of a range: a number, or a text that may be an instant. Compares with a cell of a column.
struct Bound {
  std::optional<long double> number;
  std::optional<std::string> text;
  std::optional<Instant> instant;  // when the text is one

  static std::optional<Bound> Read(Kwargs& kwargs, const std::string& name);
};

// Whether a value lies in the range. Made for one column type; `problem` says when the bounds are of another type.
struct Range {
  std::optional<Bound> min;
  std::optional<Bound> max;
  bool strict_min = false;
  bool strict_max = false;

  static Range Read(Kwargs& kwargs, bool bounds_required);
  bool Holds(long double value) const;
  bool HoldsText(const std::string& value) const;
  RowTest For(const Column& column, std::string& problem) const;
};

// A set of JSON values, asked for the cells of one column.
class ValueSet {
 public:
  static std::optional<ValueSet> Read(Kwargs& kwargs, const std::string& name);  // nothing when null
  bool Contains(const Column& column, std::size_t row) const;
  bool ContainsJson(const Json& value) const;
  const std::vector<Json>& values() const { return values_; }

 private:
  std::vector<Json> values_;
  std::set<std::int64_t> ints_;
  std::set<double> doubles_;
  std::set<std::string, std::less<>> texts_;
  std::set<std::int64_t> instants_;
  bool has_true_ = false;
  bool has_false_ = false;
};

}  // namespace keelson::data
