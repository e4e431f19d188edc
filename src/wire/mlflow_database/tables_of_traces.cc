// Traces.
#include <array>

#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {

std::span<const Table> TablesOfTraces() {
  static constexpr std::array kTables = {
      Table{
          .name = "traces",
          .theirs =
              "SELECT request_id, experiment_id, timestamp_ms, execution_time_ms, status, client_request_id, "
              "request_preview, response_preview, trace_name, session_id, input_tokens, output_tokens, total_tokens, "
              "cache_read_input_tokens, cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, "
              "input_cost, output_cost, total_cost FROM trace_info ORDER BY timestamp_ms, request_id",
          .ours =
              "SELECT id, experiment_id, started_ms, duration_ms, state, client_request_id, request_preview, "
              "response_preview, name, session_id, input_tokens, output_tokens, total_tokens, cache_read_input_tokens, "
              "cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, input_cost, output_cost, total_cost "
              "FROM trace",
          .put = "INSERT OR IGNORE INTO trace (id, experiment_id, started_ms, duration_ms, state, client_request_id, "
                 "request_preview, response_preview, name, session_id, input_tokens, output_tokens, total_tokens, "
                 "cache_read_input_tokens, cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, "
                 "input_cost, "
                 "output_cost, total_cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          .take = "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
                  "client_request_id, request_preview, response_preview, trace_name, session_id, input_tokens, "
                  "output_tokens, total_tokens, cache_read_input_tokens, cache_creation_input_tokens, "
                  "cache_creation_input_tokens_above_1hr, input_cost, output_cost, total_cost) VALUES (?, ?, ?, ?, ?, "
                  "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      },
      Table{
          .name = "tags of traces",
          .uris = {1},
          .theirs = "SELECT key, coalesce(value, ''), request_id FROM trace_tags",
          .ours = "SELECT p.key, p.value, t.id FROM trace_tag p JOIN trace t ON t.number = p.trace",
          .put = "INSERT OR IGNORE INTO trace_tag SELECT number, ?, ? FROM trace WHERE id = ?",
          .take = "INSERT INTO trace_tags (key, value, request_id) VALUES (?, ?, ?)",
      },
      Table{
          .name = "metadata of traces",
          .theirs = "SELECT key, coalesce(value, ''), request_id FROM trace_request_metadata",
          .ours = "SELECT p.key, p.value, t.id FROM trace_metadata p JOIN trace t ON t.number = p.trace",
          .put = "INSERT OR IGNORE INTO trace_metadata SELECT number, ?, ? FROM trace WHERE id = ?",
          .take = "INSERT INTO trace_request_metadata (key, value, request_id) VALUES (?, ?, ?)",
      },
      Table{
          .name = "spans",
          .theirs = "SELECT span_id, parent_span_id, coalesce(name, ''), type, status, start_time_unix_nano, "
                    "end_time_unix_nano, content, input_cost, output_cost, total_cost, model_name, model_provider, "
                    "trace_id FROM spans",
          .ours = "SELECT s.id, s.parent_id, s.name, s.type, s.status, s.started_ns, s.ended_ns, s.content, "
                  "s.input_cost, s.output_cost, s.total_cost, s.model_name, s.model_provider, t.id FROM span s "
                  "JOIN trace t ON t.number = s.trace",
          .put = "INSERT OR IGNORE INTO span (trace, id, parent_id, name, type, status, started_ns, ended_ns, content, "
                 "input_cost, output_cost, total_cost, model_name, model_provider) "
                 "SELECT number, ?, ?, ?, ?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, CAST(? AS REAL), CAST(? AS "
                 "REAL), CAST(? AS REAL), ?, ? FROM trace WHERE id = ?",
          .take = "INSERT INTO spans (trace_id, experiment_id, span_id, parent_span_id, name, type, status, "
                  "start_time_unix_nano, end_time_unix_nano, content, input_cost, output_cost, total_cost, model_name, "
                  "model_provider) SELECT request_id, experiment_id, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                  "?12, ?13 FROM trace_info WHERE request_id = ?14",
      },
      Table{
          .name = "assessments",
          .theirs =
              "SELECT assessment_id, name, assessment_type, value, error, CASE WHEN is_numeric_value THEN "
              "aggregate_value END, created_timestamp, last_updated_timestamp, source_type, source_id, run_id, "
              "span_id, rationale, overrides, CASE WHEN valid THEN 1 ELSE 0 END, assessment_metadata, trace_id FROM "
              "assessments",
          .ours =
              "SELECT a.id, a.name, a.kind, a.value, a.error, a.number, a.created_ms, a.updated_ms, a.source_type, "
              "a.source_id, a.run_id, a.span_id, a.rationale, a.overrides, a.valid, a.metadata, t.id FROM assessment a "
              "JOIN trace t ON t.number = a.trace",
          .put =
              "INSERT OR IGNORE INTO assessment (trace, id, name, kind, value, error, number, created_ms, updated_ms, "
              "source_type, source_id, run_id, span_id, rationale, overrides, valid, metadata) SELECT number, ?, ?, ?, "
              "?, ?, CAST(? AS REAL), CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?, ?, ?, ?, ?, CAST(? AS INTEGER), ? "
              "FROM trace WHERE id = ?",
          .take = "INSERT INTO assessments (assessment_id, name, assessment_type, value, error, aggregate_value, "
                  "is_numeric_value, created_timestamp, last_updated_timestamp, source_type, source_id, run_id, "
                  "span_id, rationale, overrides, valid, assessment_metadata, trace_id, experiment_id, "
                  "trace_timestamp_ms) SELECT ?1, ?2, ?3, ?4, ?5, CASE WHEN ?6 IS NOT NULL THEN ?6 WHEN ?4 = 'true' OR "
                  "lower(trim(trim(?4, '\"'))) = 'yes' THEN 1.0 WHEN ?4 = 'false' OR lower(trim(trim(?4, '\"'))) = "
                  "'no' THEN 0.0 END, ?6 IS NOT NULL, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, request_id, "
                  "experiment_id, timestamp_ms FROM trace_info WHERE request_id = ?17",
      },
      Table{
          .name = "runs of traces",
          .theirs =
              "SELECT DISTINCT destination_id, source_id FROM entity_associations WHERE source_type = 'trace' AND "
              "destination_type = 'run'",
          .ours = "SELECT p.run_id, t.id FROM trace_run p JOIN trace t ON t.number = p.trace",
          .put = "INSERT OR IGNORE INTO trace_run (run_id, trace) SELECT ?, number FROM trace WHERE id = ?",
          .take = "INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, "
                  "destination_id, created_time) SELECT lower(hex(randomblob(16))), 'trace', request_id, 'run', ?1, "
                  "timestamp_ms FROM trace_info WHERE request_id = ?2",
      },
      Table{
          .name = "prompts of traces",
          .theirs =
              "SELECT DISTINCT destination_id, source_id FROM entity_associations WHERE source_type = 'trace' AND "
              "destination_type = 'prompt_version'",
          .ours = "SELECT p.prompt, t.id FROM trace_prompt p JOIN trace t ON t.number = p.trace",
          .put = "INSERT OR IGNORE INTO trace_prompt (prompt, trace) SELECT ?, number FROM trace WHERE id = ?",
          .take = "INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, "
                  "destination_id, created_time) SELECT lower(hex(randomblob(16))), 'trace', request_id, "
                  "'prompt_version', ?1, timestamp_ms FROM trace_info WHERE request_id = ?2",
      },
  };
  return kTables;
}

}  // namespace keelson::wire::mlflow_database
