#include "tracking/traces.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "tracking/assessments.h"
#include "tracking/experiments.h"
#include "tracking/pairs.h"
#include "tracking/python_text.h"
#include "tracking/trace_usage.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

std::unexpected<Error> NotFound(const std::string& id) {
  return Fail(ErrorCode::kNotFound, fmt::format("Trace with ID '{}' not found.", id));
}

template <typename T>
io::SqlValue OrNull(const std::optional<T>& value) {
  return value ? io::SqlValue(*value) : io::SqlValue();
}

std::optional<std::string> TextOrNone(const io::SqlValue& value) {
  return io::IsNull(value) ? std::nullopt : std::optional(io::AsText(value));
}

bool IsPromoted(std::string_view key) {
  return key == kTraceSession || key == kTraceTokenUsage || key == kTraceCost;
}

// Writes what metadata says into the trace's own columns; what it does not say stays.
Status PutPromoted(io::SqlSession& session, std::int64_t number, const Pairs& metadata) {
  if (const auto session_id = TraceRecord::Find(metadata, kTraceSession)) {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE trace SET session_id = ? WHERE number = ?", {*session_id, number}));
  }
  if (const auto usage = TraceRecord::Find(metadata, kTraceTokenUsage)) {
    KEELSON_RETURN_IF_ERROR(PutTokenCounts(session, number, ReadTokenCounts(*usage)));
  }
  if (const auto cost = TraceRecord::Find(metadata, kTraceCost)) {
    KEELSON_RETURN_IF_ERROR(PutCosts(session, number, ReadCosts(*cost)));
  }
  return {};
}

Status PutMetadata(io::SqlSession& session, std::int64_t number, const Pairs& metadata) {
  KEELSON_RETURN_IF_ERROR(PutPromoted(session, number, metadata));
  Pairs others;
  std::ranges::copy_if(metadata, std::back_inserter(others), [](const auto& pair) { return !IsPromoted(pair.first); });
  return PutTracePairs(session, "trace_metadata", number, others);
}

Status PutTags(io::SqlSession& session, std::int64_t number, const Pairs& tags) {
  if (const auto name = TraceRecord::Find(tags, kTraceName)) {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE trace SET name = ? WHERE number = ?", {*name, number}));
  }
  Pairs others;
  std::ranges::copy_if(tags, std::back_inserter(others), [](const auto& pair) { return pair.first != kTraceName; });
  return PutTracePairs(session, "trace_tag", number, others);
}

Result<ExperimentRecord> ActiveExperiment(io::SqlSession& session, std::int64_t id) {
  KEELSON_ASSIGN_OR_RETURN(auto experiment, ReadExperiment(session, id));
  KEELSON_RETURN_IF_ERROR(RequireActive(experiment));
  return experiment;
}

}  // namespace

std::optional<std::string> TraceRecord::Find(const Pairs& pairs, std::string_view key) {
  const auto found = std::ranges::find(pairs.rbegin(), pairs.rend(), key, &Pairs::value_type::first);
  return found == pairs.rend() ? std::nullopt : std::optional(found->second);
}

Status PutTokenCounts(io::SqlSession& session, std::int64_t number, const TokenCounts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!counts[i]) continue;
    KEELSON_RETURN_IF_ERROR(
        session.Execute(fmt::format("UPDATE trace SET {} = ? WHERE number = ?", kTokenKeys[i]), {*counts[i], number}));
  }
  return {};
}

Status PutCosts(io::SqlSession& session, std::int64_t number, const Costs& costs) {
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (!costs[i]) continue;
    KEELSON_RETURN_IF_ERROR(
        session.Execute(fmt::format("UPDATE trace SET {} = ? WHERE number = ?", kCostKeys[i]), {*costs[i], number}));
  }
  return {};
}

Result<std::int64_t> TraceNumber(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT number FROM trace WHERE id = ?", {id}));
  if (rows.empty()) return NotFound(id);
  return io::AsInt(rows[0][0]);
}

Status PutTracePairs(io::SqlSession& session, std::string_view table, std::int64_t trace, const Pairs& pairs) {
  return PutPairs(
      session,
      fmt::format("INSERT INTO {} (trace, key, value) VALUES (?, ?, ?) ON CONFLICT (trace, key) DO UPDATE SET value "
                  "= excluded.value",
                  table),
      trace, pairs);
}

Pairs NewTraceTags(const ExperimentRecord& experiment, const std::string& id) {
  return {{std::string(kTraceArtifactLocation),
           AppendToUri(experiment.artifact_location, fmt::format("traces/{}/artifacts", id))}};
}

Result<TraceRecord> ReadTrace(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT number, experiment_id, started_ms, duration_ms, state, client_request_id, request_preview, "
                    "response_preview, name, session_id, input_tokens, output_tokens, total_tokens, "
                    "cache_read_input_tokens, cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, "
                    "input_cost, output_cost, total_cost FROM trace WHERE id = ?",
                    {id}));
  if (rows.empty()) return NotFound(id);
  const auto& row = rows[0];
  TraceRecord trace;
  trace.number = io::AsInt(row[0]);
  trace.id = id;
  trace.experiment_id = io::AsInt(row[1]);
  trace.started_ms = io::AsInt(row[2]);
  if (!io::IsNull(row[3])) trace.duration_ms = io::AsInt(row[3]);
  trace.state = io::AsText(row[4]);
  trace.client_request_id = TextOrNone(row[5]);
  trace.request_preview = TextOrNone(row[6]);
  trace.response_preview = TextOrNone(row[7]);
  KEELSON_ASSIGN_OR_RETURN(
      trace.tags, ReadPairs(session, "SELECT key, value FROM trace_tag WHERE trace = ? ORDER BY key", trace.number));
  KEELSON_ASSIGN_OR_RETURN(
      trace.metadata,
      ReadPairs(session, "SELECT key, value FROM trace_metadata WHERE trace = ? ORDER BY key", trace.number));
  if (!io::IsNull(row[8])) trace.tags.emplace_back(kTraceName, io::AsText(row[8]));
  if (!io::IsNull(row[9])) trace.metadata.emplace_back(kTraceSession, io::AsText(row[9]));
  TokenCounts counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!io::IsNull(row[10 + i])) counts[i] = io::AsInt(row[10 + i]);
  }
  Costs costs;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (!io::IsNull(row[16 + i])) costs[i] = io::AsDouble(row[16 + i]);
  }
  if (auto text = WriteTokenCounts(counts)) trace.metadata.emplace_back(kTraceTokenUsage, *std::move(text));
  if (auto text = WriteCosts(costs)) trace.metadata.emplace_back(kTraceCost, *std::move(text));
  KEELSON_ASSIGN_OR_RETURN(trace.assessments, ReadAssessments(session, trace.number, id));
  return trace;
}

Result<TraceRecord> Traces::Start(const TraceRecord& given) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<TraceRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ActiveExperiment(session, given.experiment_id));
    // A client that comes with the spans before it comes with the trace says the rest here.
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO trace (id, experiment_id, started_ms, duration_ms, state, client_request_id, request_preview, "
        "response_preview) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET experiment_id = "
        "excluded.experiment_id, started_ms = excluded.started_ms, duration_ms = excluded.duration_ms, state = "
        "excluded.state, client_request_id = excluded.client_request_id, request_preview = "
        "coalesce(excluded.request_preview, trace.request_preview), response_preview = "
        "coalesce(excluded.response_preview, trace.response_preview)",
        {given.id, given.experiment_id, given.started_ms, OrNull(given.duration_ms), given.state,
         OrNull(given.client_request_id), OrNull(given.request_preview), OrNull(given.response_preview)}));
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, given.id));
    KEELSON_RETURN_IF_ERROR(PutTags(session, number, given.tags));
    KEELSON_RETURN_IF_ERROR(PutTags(session, number, NewTraceTags(experiment, given.id)));
    KEELSON_RETURN_IF_ERROR(PutMetadata(session, number, given.metadata));
    KEELSON_RETURN_IF_ERROR(PutTracePairs(session, "trace_metadata", number, {{std::string(kTraceFinal), "true"}}));
    for (AssessmentRecord assessment : given.assessments) {
      if (assessment.id.empty()) assessment.id = "a-" + RandomId();
      KEELSON_RETURN_IF_ERROR(PutAssessment(session, number, assessment, /*replaces=*/true));
    }
    return ReadTrace(session, given.id);
  });
}

Result<TraceRecord> Traces::StartOld(std::int64_t experiment_id, std::int64_t started_ms, const Pairs& metadata,
                                     const Pairs& tags) {
  const std::string id = RandomId();
  return Writing(database_, [&](io::SqlSession& session) -> Result<TraceRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ActiveExperiment(session, experiment_id));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO trace (id, experiment_id, started_ms, state) VALUES (?, ?, ?, 'IN_PROGRESS')",
                        {id, experiment_id, started_ms}));
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, id));
    KEELSON_RETURN_IF_ERROR(PutTags(session, number, tags));
    KEELSON_RETURN_IF_ERROR(PutTags(session, number, NewTraceTags(experiment, id)));
    KEELSON_RETURN_IF_ERROR(PutMetadata(session, number, metadata));
    return ReadTrace(session, id);
  });
}

Result<TraceRecord> Traces::EndOld(const std::string& id, std::int64_t ended_ms, const std::string& state,
                                   const Pairs& metadata, const Pairs& tags) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<TraceRecord> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, id));
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE trace SET duration_ms = ? - started_ms, state = ? WHERE number = ?",
                                            {ended_ms, state, number}));
    KEELSON_RETURN_IF_ERROR(PutMetadata(session, number, metadata));
    KEELSON_RETURN_IF_ERROR(PutTags(session, number, tags));
    return ReadTrace(session, id);
  });
}

Result<TraceRecord> Traces::Get(const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadTrace(session, id); });
}

Result<std::vector<TraceRecord>> Traces::GetAll(const std::vector<std::string>& ids,
                                                const std::optional<std::vector<std::int64_t>>& experiments) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<TraceRecord>> {
    std::vector<TraceRecord> found;
    std::set<std::string_view> seen;
    for (const std::string& id : ids) {
      if (!seen.insert(id).second) continue;
      auto trace = ReadTrace(session, id);
      if (!trace && trace.error().code == ErrorCode::kNotFound) continue;
      if (!trace) return std::unexpected(trace.error());
      if (experiments && std::ranges::find(*experiments, trace->experiment_id) == experiments->end()) continue;
      found.push_back(*std::move(trace));
    }
    return found;
  });
}

Result<std::vector<WholeTrace>> Traces::GetWhole(const std::vector<std::string>& ids,
                                                 const std::optional<std::vector<std::int64_t>>& experiments) {
  KEELSON_ASSIGN_OR_RETURN(auto traces, GetAll(ids, experiments));
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<WholeTrace>> {
    std::vector<WholeTrace> whole;
    for (const TraceRecord& trace : traces) {
      WholeTrace one{trace, {}};
      KEELSON_ASSIGN_OR_RETURN(auto rows,
                               session.Query("SELECT content FROM span WHERE trace = ? ORDER BY parent_id IS NOT NULL, "
                                             "started_ns, id",
                                             {trace.number}));
      for (auto& row : rows) one.spans.push_back(std::get<std::string>(std::move(row[0])));
      whole.push_back(std::move(one));
    }
    return whole;
  });
}

Result<std::int64_t> Traces::Delete(const Deletion& which) {
  SqlText sql;
  sql.Add("DELETE FROM trace WHERE number IN (SELECT number FROM trace WHERE experiment_id = ?", which.experiment_id);
  if (which.until_ms) sql.Add(" AND started_ms <= ?", *which.until_ms);
  if (!which.ids.empty()) {
    sql.Add(" AND id IN (");
    for (std::size_t i = 0; i < which.ids.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", which.ids[i]);
    sql.Add(")");
  }
  sql.Add(" ORDER BY started_ms, id");
  if (which.at_most) sql.Add(" LIMIT ?", *which.at_most);
  sql.Add(")");
  return Writing(database_, [&](io::SqlSession& session) { return session.Execute(sql.text, sql.values); });
}

Status Traces::SetTag(const std::string& id, const std::string& key, const std::string& value) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, id));
    return PutTags(session, number, {{key, value}});
  });
}

Status Traces::DeleteTag(const std::string& id, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    const auto absent = [&] {
      return Fail(ErrorCode::kNotFound, fmt::format("No trace tag with key '{}' for trace with ID '{}'", key, id));
    };
    const auto number = TraceNumber(session, id);
    if (!number && number.error().code == ErrorCode::kNotFound && key != kTraceName) return absent();
    if (!number) return std::unexpected(number.error());
    KEELSON_ASSIGN_OR_RETURN(
        const std::int64_t gone,
        key == kTraceName
            ? session.Execute("UPDATE trace SET name = NULL WHERE number = ? AND name IS NOT NULL", {*number})
            : session.Execute("DELETE FROM trace_tag WHERE trace = ? AND key = ?", {*number, key}));
    if (gone == 0) return absent();
    return {};
  });
}

Status Traces::LinkRun(const std::vector<std::string>& ids, const std::string& run_id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    for (const std::string& id : ids) {
      KEELSON_RETURN_IF_ERROR(session.Execute(
          "INSERT OR IGNORE INTO trace_run (run_id, trace) SELECT ?, number FROM trace WHERE id = ?", {run_id, id}));
    }
    return {};
  });
}

Status Traces::LinkPrompts(const std::string& id, const std::vector<std::string>& prompts) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, id));
    for (const std::string& prompt : prompts) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT OR IGNORE INTO trace_prompt (prompt, trace) VALUES (?, ?)", {prompt, number}));
    }
    return {};
  });
}

}  // namespace keelson::tracking
