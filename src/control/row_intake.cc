#include "control/row_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::control {
namespace {

std::vector<std::string> NamesOf(const data::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& column : schema) names.push_back(column.name);
  return names;
}

// A JSON value as a cell; AppendRow then checks it against the column's type.
Result<data::Value> CellOf(const Json& json, const std::string& where) {
  if (json.is_null()) return data::Value{std::monostate{}};
  if (json.is_boolean()) return data::Value{json.get<bool>()};
  if (json.is_number_integer()) {
    if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) {
      return Fail(ErrorCode::kInvalidArgument, "the number is too large for a 64-bit integer", where);
    }
    return data::Value{json.get<std::int64_t>()};
  }
  if (json.is_number_float()) return data::Value{json.get<double>()};
  if (json.is_string()) return data::Value{json.get<std::string>()};
  return Fail(ErrorCode::kInvalidArgument, "a cell must be null, a boolean, a number or text", where);
}

constexpr std::size_t kExampleRows = 5;

// What failed, with counts and some of the rows.
Json FailureJson(const data::ExpectationResult& result, const Json& rows) {
  Json failure = {
      {"expectation", result.type}, {"kwargs", Json::parse(result.kwargs_json)}, {"summary", result.Summary()}};
  if (result.counts && result.counts->unexpected) {
    failure["unexpected"] = *result.counts->unexpected;
    failure["elements"] = result.counts->elements;
  }
  Json examples = Json::array();
  for (std::size_t i = 0; i < result.unexpected_rows.size() && i < kExampleRows; ++i) {
    examples.push_back(rows.at(result.unexpected_rows[i]));
  }
  failure["example_rows"] = std::move(examples);
  return failure;
}

}  // namespace

std::vector<const data::ExpectationResult*> Objections(const data::ValidationReport& report, std::size_t rows) {
  std::vector<const data::ExpectationResult*> objections;
  for (const auto& result : report.results) {
    if (result.success) continue;
    if (rows < RowIntake::kWholeBatch && result.exception.empty()) {
      if (result.type.starts_with("expect_table_row_count")) continue;
      if (result.counts && !result.counts->unexpected) continue;  // a statistic of the column
      if (result.counts) {
        const Json kwargs = Json::parse(result.kwargs_json);
        const auto given = kwargs.find("mostly");  // null says the same as nothing
        const double mostly = given != kwargs.end() && given->is_number() ? given->get<double>() : 1.0;
        if (static_cast<double>(*result.counts->unexpected) <= std::ceil((1 - mostly) * RowIntake::kSmallBatch - 1e-9))
          continue;
      }
    }
    objections.push_back(&result);
  }
  return objections;
}

Result<data::Table> TableOfJsonRows(const Json& rows, const data::Schema& schema, std::vector<std::string>& unknown) {
  if (!rows.is_array())
    return Fail(ErrorCode::kInvalidArgument, "expected an array of rows, each an object by column", "rows");
  std::set<std::string> present;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].is_object()) {
      return Fail(ErrorCode::kInvalidArgument, "a row must be an object by column name", fmt::format("rows[{}]", i));
    }
    for (const auto& [name, value] : rows[i].items()) present.insert(name);
  }
  data::Schema columns;
  for (const auto& column : schema) {
    if (present.erase(column.name) > 0) columns.push_back(column);
  }
  unknown.assign(present.begin(), present.end());
  data::Table table(columns);
  std::vector<data::Value> values(columns.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto cell = rows[i].find(columns[c].name);
      const std::string where = fmt::format("rows[{}].{}", i, columns[c].name);
      if (cell == rows[i].end()) {
        values[c] = std::monostate{};
      } else {
        KEELSON_ASSIGN_OR_RETURN(values[c], CellOf(*cell, where));
      }
    }
    if (auto appended = table.AppendRow(values); !appended) {
      Error error = appended.error();
      error.where = fmt::format("rows[{}]{}", i, error.where.empty() ? "" : "." + error.where);
      return std::unexpected(std::move(error));
    }
  }
  return table;
}

Result<std::unique_ptr<RowIntake>> RowIntake::Open(Options options,
                                                   const std::function<Status(const RowLog::Batch&)>& visit) {
  auto intake = std::unique_ptr<RowIntake>(new RowIntake(std::move(options)));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(intake->options_.log_path.substr(0, intake->options_.log_path.rfind('/'))));
  KEELSON_ASSIGN_OR_RETURN(intake->log_, RowLog::Open(intake->options_.log_path, intake->options_.key_column, visit));
  return intake;
}

Result<RowsAnswer> RowIntake::Push(const Json& rows, Instant clock) {
  if (rows.is_array() && rows.size() > kRowsAtMost) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("a batch has at most {} rows, this one has {}; push it in parts", kRowsAtMost, rows.size()),
                "rows");
  }
  std::vector<std::string> unknown;
  KEELSON_ASSIGN_OR_RETURN(data::Table table, TableOfJsonRows(rows, options_.schema, unknown));
  RowsAnswer answer;
  if (options_.suite && !rows.empty()) {
    const data::ValidationReport report = options_.suite->Validate(table);
    const auto objections = Objections(report, table.rows());
    if (!objections.empty()) {
      std::string summary;
      Json failures = Json::array();
      for (const auto* objection : objections) {
        summary += (summary.empty() ? "" : "; ") + objection->Summary();
        failures.push_back(FailureJson(*objection, rows));
      }
      Json refusal = {
          {"summary", summary}, {"rows", rows.size()}, {"unknown_columns", unknown}, {"failures", failures}};
      KEELSON_RETURN_IF_ERROR(Quarantine(rows, refusal));
      answer.refusal = std::move(refusal);
      answer.sequence = log_->sequence();
      return answer;
    }
  }
  if (!unknown.empty()) {
    const auto near = DidYouMean(unknown.front(), NamesOf(options_.schema));
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown column \"{}\"{}", unknown.front(),
                            near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
                "rows");
  }
  // Columns that no row had are null.
  data::Table whole(options_.schema);
  std::vector<data::Value> values(options_.schema.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::size_t given = 0;
    for (std::size_t c = 0; c < values.size(); ++c) {
      const bool has = given < table.columns().size() && table.columns()[given].name == options_.schema[c].name;
      values[c] = has ? table.At(row, given++) : data::Value{std::monostate{}};
    }
    KEELSON_RETURN_IF_ERROR(whole.AppendRow(values));
  }
  KEELSON_ASSIGN_OR_RETURN(answer.accepted, log_->OnlyNew(whole));
  answer.repeated = whole.rows() - answer.accepted.rows();
  KEELSON_RETURN_IF_ERROR(log_->Append(answer.accepted, clock));
  answer.sequence = log_->sequence();
  return answer;
}

// Kept for a person to look at; the same batch again replaces its file.
Status RowIntake::Quarantine(const Json& rows, const Json& report) {
  ++refused_batches_;
  const std::string content =
      Json{{"report", report}, {"rows", rows}}.dump(1, ' ', false, Json::error_handler_t::replace);
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(options_.quarantine_folder));
  return io::WriteFileAtomically(
      fmt::format("{}/{}.json", options_.quarantine_folder,
                  Sha256::Hex(rows.dump(-1, ' ', false, Json::error_handler_t::replace)).substr(0, 32)),
      content);
}

}  // namespace keelson::control
