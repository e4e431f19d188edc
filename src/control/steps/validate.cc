// validate: the expectation suite of one table, over everything that is visible.
#include <fmt/format.h>

#include "control/steps/step.h"
#include "data/expectations.h"
#include "io/files.h"

namespace keelson::control::steps {
namespace {

constexpr std::size_t kExampleRows = 5;

// For each failed expectation its counts and some of the rows that failed it, whole.
Json FailuresJson(const data::ValidationReport& report, const data::Table& table) {
  Json failures = Json::array();
  for (const auto& result : report.results) {
    if (result.success) continue;
    Json failure = {
        {"expectation", result.type}, {"kwargs", Json::parse(result.kwargs_json)}, {"summary", result.Summary()}};
    if (result.counts) {
      failure["elements"] = result.counts->elements;
      failure["unexpected"] = result.counts->unexpected ? Json(*result.counts->unexpected) : Json(nullptr);
    }
    Json rows = Json::array();
    for (std::size_t i = 0; i < result.unexpected_rows.size() && i < kExampleRows; ++i) {
      Json row = Json::object();
      for (std::size_t column = 0; column < table.columns().size(); ++column) {
        const auto& values = table.columns()[column];
        const std::size_t at = result.unexpected_rows[i];
        if (values.is_null(at)) {
          row[values.name] = nullptr;
        } else if (values.type == data::ColumnType::kString) {
          row[values.name] = values.strings[at];
        } else if (values.type == data::ColumnType::kTimestamp) {
          row[values.name] = FormatInstant(InstantFromMicros(values.ints[at]));
        } else {
          row[values.name] = values.Number(at);
        }
      }
      rows.push_back(std::move(row));
    }
    failure["rows"] = std::move(rows);
    failures.push_back(std::move(failure));
  }
  return failures;
}

}  // namespace

Result<Outcome> Validate(const Context& context) {
  const Json& spec = context.spec;
  KEELSON_ASSIGN_OR_RETURN(const auto suite,
                           data::ExpectationSuite::Parse(spec.at("suite").get<std::string>(),
                                                         spec.at("table").at("name").get<std::string>()));
  KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
  KEELSON_ASSIGN_OR_RETURN(
      const data::Table table,
      LoadVisible(*engine, spec.at("table"), InstantFromMicros(spec.at("as_of").get<std::int64_t>())));
  context.progress(fmt::format("{} expectations over {} rows", suite.size(), table.rows()), 0.5);
  const data::ValidationReport report = suite.Validate(table);
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(context.output + "/validation.json", report.ToJson()));
  Outcome outcome;
  outcome.output = {{"success", report.success},
                    {"rows", table.rows()},
                    {"expectations", report.results.size()},
                    {"failures", FailuresJson(report, table)},
                    {"report", context.output + "/validation.json"}};
  outcome.refused = !report.success;
  if (outcome.refused) outcome.message = report.Summary(5);
  return outcome;
}

}  // namespace keelson::control::steps
