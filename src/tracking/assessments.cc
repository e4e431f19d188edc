#include "tracking/assessments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/strings.h"
#include "tracking/python_json.h"
#include "tracking/traces.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

constexpr std::string_view kColumns =
    "SELECT id, name, kind, value, error, created_ms, updated_ms, source_type, source_id, run_id, span_id, rationale, "
    "overrides, valid, metadata FROM assessment";

std::string TextOf(const io::SqlValue& value) {
  return io::IsNull(value) ? std::string() : io::AsText(value);
}

std::optional<std::string> OptionalOf(const io::SqlValue& value) {
  return io::IsNull(value) ? std::nullopt : std::optional(io::AsText(value));
}

io::SqlValue OrNull(const std::string& text) {
  return text.empty() ? io::SqlValue() : io::SqlValue(text);
}

io::SqlValue OrNull(const std::optional<std::string>& text) {
  return text ? io::SqlValue(*text) : io::SqlValue();
}

// Numbers are compared as such; other values are no numbers, whatever they look like.
io::SqlValue NumberOf(const std::string& value) {
  const auto json = ParseOrdered(value);
  if (!json.is_number()) return {};
  const double number = json.get<double>();
  return std::isfinite(number) ? io::SqlValue(number) : io::SqlValue();
}

io::SqlValue MetadataText(const Pairs& metadata) {
  if (metadata.empty()) return {};
  OrderedJson json = OrderedJson::object();
  for (const auto& [key, value] : metadata) json[key] = value;
  return PythonJson(json, true);
}

AssessmentRecord FromRow(const io::SqlRow& row, const std::string& trace_id) {
  AssessmentRecord record;
  record.id = io::AsText(row[0]);
  record.trace_id = trace_id;
  record.name = io::AsText(row[1]);
  record.kind = io::AsText(row[2]);
  record.value = io::AsText(row[3]);
  record.error = OptionalOf(row[4]);
  record.created_ms = io::AsInt(row[5]);
  record.updated_ms = io::AsInt(row[6]);
  record.source_type = io::AsText(row[7]);
  record.source_id = TextOf(row[8]);
  record.run_id = TextOf(row[9]);
  record.span_id = TextOf(row[10]);
  record.rationale = OptionalOf(row[11]);
  record.overrides = TextOf(row[12]);
  record.valid = io::AsInt(row[13]) != 0;
  if (!io::IsNull(row[14])) {
    const auto metadata = ParseOrdered(io::AsText(row[14]));
    for (const auto& [key, value] : metadata.items()) record.metadata.emplace_back(key, value.get<std::string>());
  }
  return record;
}

Result<AssessmentRecord> Read(io::SqlSession& session, const std::string& trace_id, const std::string& id) {
  const auto number = TraceNumber(session, trace_id);
  if (!number && number.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound, fmt::format("Trace with request_id '{}' not found", trace_id));
  }
  if (!number) return std::unexpected(number.error());
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query(fmt::format("{} WHERE id = ? AND trace = ?", kColumns), {id, *number}));
  if (!rows.empty()) return FromRow(rows[0], trace_id);
  return Fail(ErrorCode::kNotFound, fmt::format("Assessment with ID '{}' not found for trace '{}'", id, trace_id));
}

}  // namespace

Result<std::vector<AssessmentRecord>> ReadAssessments(io::SqlSession& session, std::int64_t trace,
                                                      const std::string& trace_id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query(fmt::format("{} WHERE trace = ? ORDER BY created_ms, id", kColumns), {trace}));
  std::vector<AssessmentRecord> records;
  for (const auto& row : rows) records.push_back(FromRow(row, trace_id));
  return records;
}

Status PutAssessment(io::SqlSession& session, std::int64_t trace, const AssessmentRecord& given, bool replaces) {
  if (replaces) KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM assessment WHERE id = ?", {given.id}));
  KEELSON_RETURN_IF_ERROR(session.Execute(
      "INSERT INTO assessment (id, trace, name, kind, value, error, number, created_ms, updated_ms, source_type, "
      "source_id, run_id, span_id, rationale, overrides, valid, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?)",
      {given.id, trace, given.name, given.kind, given.value, OrNull(given.error), NumberOf(given.value),
       given.created_ms, given.updated_ms, given.source_type, OrNull(given.source_id), OrNull(given.run_id),
       OrNull(given.span_id), OrNull(given.rationale), OrNull(given.overrides), std::int64_t{given.valid ? 1 : 0},
       MetadataText(given.metadata)}));
  return {};
}

Result<AssessmentRecord> Assessments::Create(AssessmentRecord given) {
  if (given.id.empty()) given.id = "a-" + RandomId();
  given.valid = true;
  return Writing(database_, [&](io::SqlSession& session) -> Result<AssessmentRecord> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, given.trace_id));
    if (!given.overrides.empty()) {
      KEELSON_ASSIGN_OR_RETURN(
          const std::int64_t overridden,
          session.Execute("UPDATE assessment SET valid = 0 WHERE trace = ? AND id = ?", {number, given.overrides}));
      if (overridden == 0) {
        return Fail(ErrorCode::kNotFound,
                    fmt::format("Assessment with ID '{}' not found for trace '{}'", given.overrides, given.trace_id));
      }
    }
    const Status put = PutAssessment(session, number, given, /*replaces=*/false);
    if (!put && put.error().code == ErrorCode::kAlreadyExists) {
      return Fail(
          ErrorCode::kInternal,
          fmt::format("Failed to create assessment for trace '{}' due to a constraint violation.", given.trace_id));
    }
    if (!put) return std::unexpected(put.error());
    return given;
  });
}

Result<AssessmentRecord> Assessments::Get(const std::string& trace_id, const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) { return Read(session, trace_id, id); });
}

Result<AssessmentRecord> Assessments::Update(const std::string& trace_id, const std::string& id, const Change& change) {
  const auto refuse = [](std::string message) { return Fail(ErrorCode::kInvalidArgument, std::move(message)); };
  return Writing(database_, [&](io::SqlSession& session) -> Result<AssessmentRecord> {
    KEELSON_ASSIGN_OR_RETURN(AssessmentRecord record, Read(session, trace_id, id));
    if (record.kind == "issue") return refuse("A reference to an issue cannot be changed.");
    if (change.expectation && change.feedback) {
      return refuse("Cannot specify both `expectation` and `feedback` parameters.");
    }
    if (change.expectation && record.kind != "expectation") {
      return refuse("Cannot update expectation value on a Feedback assessment.");
    }
    if (change.feedback && record.kind != "feedback") {
      return refuse("Cannot update feedback value on an Expectation assessment.");
    }
    if (change.name) record.name = *change.name;
    if (change.expectation) record.value = *change.expectation;
    if (change.feedback) {
      record.value = *change.feedback;
      record.error = change.error;
    }
    if (change.rationale && record.kind == "feedback") record.rationale = change.rationale;
    for (const auto& [key, value] : change.metadata) {
      const auto found = std::ranges::find(record.metadata, key, &Pairs::value_type::first);
      if (found == record.metadata.end()) {
        record.metadata.emplace_back(key, value);
      } else {
        found->second = value;
      }
    }
    record.updated_ms = NowMillis();
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE assessment SET name = ?, value = ?, error = ?, number = ?, updated_ms = ?, rationale = ?, metadata = ? "
        "WHERE id = ?",
        {record.name, record.value, OrNull(record.error), NumberOf(record.value), record.updated_ms,
         OrNull(record.rationale), MetadataText(record.metadata), id}));
    return record;
  });
}

Status Assessments::Delete(const std::string& trace_id, const std::string& id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    const auto record = Read(session, trace_id, id);
    if (!record && record.error().code == ErrorCode::kNotFound) return {};
    if (!record) return std::unexpected(record.error());
    if (!record->overrides.empty()) {
      KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE assessment SET valid = 1 WHERE id = ?", {record->overrides}));
    }
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM assessment WHERE id = ?", {id}));
    return {};
  });
}

}  // namespace keelson::tracking
