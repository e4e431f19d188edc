// Spans as they come, many calls to a trace and many traces to a call.
#include <algorithm>
#include <iterator>
#include <limits>

#include "tracking/experiments.h"
#include "tracking/pairs.h"
#include "tracking/trace_usage.h"
#include "tracking/traces.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

constexpr std::int64_t kNanosInMilli = 1'000'000;

// What a call's spans say of their trace's time and end.
struct Extent {
  std::int64_t started_ms = std::numeric_limits<std::int64_t>::max();
  std::optional<std::int64_t> ended_ms;
  std::optional<std::string> state;  // by the root's status
};

Extent ExtentOf(const SpanBatch& batch) {
  Extent extent;
  for (const SpanRecord& span : batch.spans) {
    extent.started_ms = std::min(extent.started_ms, span.started_ns / kNanosInMilli);
    if (span.ended_ns) {
      extent.ended_ms = std::max(extent.ended_ms.value_or(0), *span.ended_ns / kNanosInMilli);
    }
    if (span.parent_id.empty() && !extent.state) extent.state = span.status == "ERROR" ? "ERROR" : "OK";
  }
  return extent;
}

Status MakeTrace(io::SqlSession& session, const ExperimentRecord& experiment, const std::string& id,
                 const Extent& extent) {
  KEELSON_RETURN_IF_ERROR(
      session.Execute("INSERT INTO trace (id, experiment_id, started_ms, duration_ms, state) VALUES (?, ?, ?, ?, ?)",
                      {id, experiment.id, extent.started_ms,
                       extent.ended_ms ? io::SqlValue(*extent.ended_ms - extent.started_ms) : io::SqlValue(),
                       extent.state.value_or("IN_PROGRESS")}));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, TraceNumber(session, id));
  return PutTracePairs(session, "trace_tag", number, NewTraceTags(experiment, id));
}

Status PutSpan(io::SqlSession& session, std::int64_t trace, const SpanRecord& span) {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? io::SqlValue(*value) : io::SqlValue();
  };
  std::vector<io::SqlValue> values = {trace,
                                      span.id,
                                      span.parent_id.empty() ? io::SqlValue() : io::SqlValue(span.parent_id),
                                      span.name,
                                      text(span.type),
                                      span.status,
                                      span.started_ns,
                                      span.ended_ns ? io::SqlValue(*span.ended_ns) : io::SqlValue(),
                                      text(span.usage),
                                      text(span.cost),
                                      span.content};
  std::ranges::move(ToSql(span.model), std::back_inserter(values));
  KEELSON_RETURN_IF_ERROR(session.Execute(
      "INSERT INTO span (trace, id, parent_id, name, type, status, started_ns, ended_ns, usage, cost, content, "
      "input_cost, output_cost, total_cost, model_name, model_provider) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?) ON CONFLICT (trace, id) DO UPDATE SET parent_id = excluded.parent_id, name = excluded.name, type = "
      "excluded.type, status = excluded.status, started_ns = excluded.started_ns, ended_ns = excluded.ended_ns, usage "
      "= "
      "excluded.usage, cost = excluded.cost, content = excluded.content, input_cost = excluded.input_cost, output_cost "
      "= excluded.output_cost, total_cost = excluded.total_cost, model_name = excluded.model_name, model_provider = "
      "excluded.model_provider",
      values));
  return {};
}

// All spans of a trace, as far as sums of what they used need them.
Result<std::vector<SpanRecord>> ReadTree(io::SqlSession& session, std::int64_t trace) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT id, parent_id, usage, cost FROM span WHERE trace = ?", {trace}));
  std::vector<SpanRecord> spans;
  for (const auto& row : rows) {
    SpanRecord span;
    span.id = io::AsText(row[0]);
    if (!io::IsNull(row[1])) span.parent_id = io::AsText(row[1]);
    if (!io::IsNull(row[2])) span.usage = io::AsText(row[2]);
    if (!io::IsNull(row[3])) span.cost = io::AsText(row[3]);
    spans.push_back(std::move(span));
  }
  return spans;
}

// Tokens and money as the whole tree says. What the client said itself, of a trace that it has finished, stands.
Status PutSums(io::SqlSession& session, const TraceRecord& trace, const SpanBatch& batch) {
  const bool has_usage = std::ranges::any_of(batch.spans, [](const SpanRecord& s) { return s.usage.has_value(); });
  const bool has_cost = std::ranges::any_of(batch.spans, [](const SpanRecord& s) { return s.cost.has_value(); });
  if (!has_usage && !has_cost) return {};
  const bool is_final = TraceRecord::Find(trace.metadata, kTraceFinal).has_value();
  KEELSON_ASSIGN_OR_RETURN(const auto tree, ReadTree(session, trace.number));
  if (has_usage && !(is_final && TraceRecord::Find(trace.metadata, kTraceTokenUsage))) {
    if (const auto sums = SumTokens(tree)) {
      KEELSON_RETURN_IF_ERROR(PutTokenCounts(session, trace.number, *sums));
    }
  }
  if (has_cost && !(is_final && TraceRecord::Find(trace.metadata, kTraceCost))) {
    if (const auto sums = SumCosts(tree)) KEELSON_RETURN_IF_ERROR(PutCosts(session, trace.number, *sums));
  }
  return {};
}

// Start and end as far as the spans reach, and the rest where nobody has said it. A finished trace keeps its own.
Status PutExtent(io::SqlSession& session, const TraceRecord& trace, const SpanBatch& batch, const Extent& extent) {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? io::SqlValue(*value) : io::SqlValue();
  };
  if (!TraceRecord::Find(trace.metadata, kTraceFinal)) {
    const std::int64_t started = std::min(trace.started_ms, extent.started_ms);
    std::optional<std::int64_t> duration = trace.duration_ms;
    if (extent.ended_ms) {
      std::int64_t ended = *extent.ended_ms;
      if (trace.duration_ms) ended = std::max(ended, trace.started_ms + *trace.duration_ms);
      duration = ended - started;
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE trace SET started_ms = ?, duration_ms = ? WHERE number = ?",
                        {started, duration ? io::SqlValue(*duration) : io::SqlValue(), trace.number}));
  }
  if (extent.state) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE trace SET state = ? WHERE number = ? AND state IN ('IN_PROGRESS', 'STATE_UNSPECIFIED')",
                        {*extent.state, trace.number}));
  }
  KEELSON_RETURN_IF_ERROR(session.Execute(
      "UPDATE trace SET request_preview = coalesce(request_preview, ?), response_preview = coalesce(response_preview, "
      "?), session_id = coalesce(session_id, ?) WHERE number = ?",
      {text(batch.request_preview), text(batch.response_preview), text(batch.session_id), trace.number}));
  if (batch.user_id && !TraceRecord::Find(trace.metadata, kTraceUser)) {
    return PutTracePairs(session, "trace_metadata", trace.number, {{std::string(kTraceUser), *batch.user_id}});
  }
  return {};
}

Status PutBatch(io::SqlSession& session, std::int64_t experiment_id, const SpanBatch& batch) {
  const Extent extent = ExtentOf(batch);
  auto trace = ReadTrace(session, batch.trace_id);
  if (!trace && trace.error().code == ErrorCode::kNotFound) {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, experiment_id));
    KEELSON_RETURN_IF_ERROR(MakeTrace(session, experiment, batch.trace_id, extent));
    trace = ReadTrace(session, batch.trace_id);
  }
  if (!trace) return std::unexpected(trace.error());
  for (const SpanRecord& span : batch.spans) KEELSON_RETURN_IF_ERROR(PutSpan(session, trace->number, span));
  KEELSON_RETURN_IF_ERROR(PutExtent(session, *trace, batch, extent));
  KEELSON_RETURN_IF_ERROR(PutSums(session, *trace, batch));
  Pairs tags = {{std::string(kTraceSpansLocation), "TRACKING_STORE"}};
  for (const auto& tag : batch.tags) {
    if (tag.first != kTraceName) tags.push_back(tag);
  }
  if (const auto name = TraceRecord::Find(batch.tags, kTraceName)) {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE trace SET name = ? WHERE number = ?", {*name, trace->number}));
  }
  return PutTracePairs(session, "trace_tag", trace->number, tags);
}

}  // namespace

Status Traces::LogSpans(std::int64_t experiment_id, const std::vector<SpanBatch>& batches) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    for (const SpanBatch& batch : batches) KEELSON_RETURN_IF_ERROR(PutBatch(session, experiment_id, batch));
    return {};
  });
}

}  // namespace keelson::tracking
