#include "control/row_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/strings.h"
#include "control/json_rows.h"
#include "io/files.h"

namespace keelson::control {
namespace {

std::vector<std::string> NamesOf(const data::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& column : schema) names.push_back(column.name);
  return names;
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

// The columns that no row had, as nulls.
data::Table WithAllColumns(data::Table table, const data::Schema& schema, std::size_t rows) {
  if (table.columns().size() == schema.size()) return table;
  data::Table whole(schema);
  std::size_t given = 0;
  for (auto& column : whole.columns()) {
    if (given < table.columns().size() && table.columns()[given].name == column.name) {
      column = std::move(table.columns()[given++]);
    } else {
      for (std::size_t row = 0; row < rows; ++row) column.AppendNull();
    }
  }
  return whole;
}

}  // namespace

std::vector<const data::ExpectationResult*> Objections(const std::vector<data::ExpectationResult>& failures,
                                                       std::size_t rows) {
  std::vector<const data::ExpectationResult*> objections;
  for (const auto& result : failures) {
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

Result<std::unique_ptr<RowIntake>> RowIntake::Open(Options options,
                                                   const std::function<Status(const RowLog::Batch&)>& visit) {
  auto intake = std::unique_ptr<RowIntake>(new RowIntake(std::move(options)));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(intake->options_.log_path.substr(0, intake->options_.log_path.rfind('/'))));
  KEELSON_ASSIGN_OR_RETURN(intake->log_, RowLog::Open(intake->options_.log_path, intake->options_.key_column, visit));
  return intake;
}

Result<PushedRows> RowIntake::Read(std::string_view body) const {
  KEELSON_ASSIGN_OR_RETURN(JsonRows read, ReadJsonRows(body, options_.schema, kRowsAtMost));
  PushedRows pushed;
  if (options_.suite && read.rows > 0) {
    const auto failures = options_.suite->Failures(read.table);
    const auto objections = Objections(failures, read.rows);
    if (!objections.empty()) {
      pushed.refused_rows = Json::parse(body).at("rows");
      std::string summary;
      Json reasons = Json::array();
      for (const auto* objection : objections) {
        summary += (summary.empty() ? "" : "; ") + objection->Summary();
        reasons.push_back(FailureJson(*objection, pushed.refused_rows));
      }
      pushed.refusal = {
          {"summary", summary}, {"rows", read.rows}, {"unknown_columns", read.unknown}, {"failures", reasons}};
      return pushed;
    }
  }
  if (!read.unknown.empty()) {
    const auto near = DidYouMean(read.unknown.front(), NamesOf(options_.schema));
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown column \"{}\"{}", read.unknown.front(),
                            near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
                "rows");
  }
  pushed.rows = WithAllColumns(std::move(read.table), options_.schema, read.rows);
  return pushed;
}

Result<RowsAnswer> RowIntake::Accept(const PushedRows& pushed, Instant clock) {
  RowsAnswer answer;
  if (pushed.refusal) {
    KEELSON_RETURN_IF_ERROR(Quarantine(pushed));
    answer.refusal = pushed.refusal;
  } else {
    KEELSON_ASSIGN_OR_RETURN(answer.accepted, log_->OnlyNew(pushed.rows));
    answer.repeated = pushed.rows.rows() - answer.accepted.rows();
    KEELSON_RETURN_IF_ERROR(log_->Append(answer.accepted, clock));
  }
  answer.sequence = log_->sequence();
  return answer;
}

// Kept for a person to look at; the same batch again replaces its file.
Status RowIntake::Quarantine(const PushedRows& refused) {
  ++refused_batches_;
  const std::string content = Json{{"report", *refused.refusal}, {"rows", refused.refused_rows}}.dump(
      1, ' ', false, Json::error_handler_t::replace);
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(options_.quarantine_folder));
  return io::WriteFileAtomically(
      fmt::format("{}/{}.json", options_.quarantine_folder,
                  Sha256::Hex(refused.refused_rows.dump(-1, ' ', false, Json::error_handler_t::replace)).substr(0, 32)),
      content);
}

}  // namespace keelson::control
