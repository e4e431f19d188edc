#include "wire/mlflow_database/tables.h"

#include <array>

namespace keelson::wire::mlflow_database {
namespace {

constexpr std::array kTables = {
    Table{
        .name = "experiments",
        .uris = {2},
        .theirs =
            "SELECT experiment_id, name, coalesce(artifact_location, ''), lifecycle_stage, coalesce(creation_time, "
            "0) * 1000, coalesce(last_update_time, 0) * 1000 FROM experiments ORDER BY experiment_id",
        .ours = "SELECT id, name, artifact_location, lifecycle, created_us, updated_us FROM experiment",
        .put =
            "INSERT INTO experiment (id, name, artifact_location, lifecycle, created_us, updated_us) VALUES (?, ?, ?, "
            "?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, artifact_location = "
            "excluded.artifact_location, lifecycle = excluded.lifecycle, created_us = excluded.created_us, updated_us "
            "= excluded.updated_us",
    },
    Table{
        .name = "tags of experiments",
        .theirs = "SELECT experiment_id, key, coalesce(value, '') FROM experiment_tags",
        .ours = "SELECT experiment_id, key, value FROM experiment_tag",
        .put = "INSERT OR IGNORE INTO experiment_tag VALUES (?, ?, ?)",
    },
    Table{
        .name = "runs",
        .uris = {9},
        .theirs =
            "SELECT run_uuid, experiment_id, coalesce(name, ''), lower(status), coalesce(start_time, 0), end_time, "
            "lifecycle_stage, deleted_time, coalesce(user_id, ''), coalesce(artifact_uri, '') FROM runs ORDER BY "
            "start_time, run_uuid",
        .ours = "SELECT id, experiment_id, name, status, started_ms, ended_ms, lifecycle, deleted_ms, user_id, "
                "artifact_uri FROM run",
        .put =
            "INSERT OR IGNORE INTO run (id, experiment_id, name, status, started_ms, ended_ms, lifecycle, deleted_ms, "
            "user_id, artifact_uri) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    },
    Table{
        .name = "params",
        .theirs = "SELECT key, value, run_uuid FROM params",
        .ours = "SELECT p.key, p.value, r.id FROM param p JOIN run r ON r.sequence = p.run",
        .put = "INSERT OR IGNORE INTO param SELECT sequence, ?, ? FROM run WHERE id = ?",
    },
    Table{
        .name = "tags of runs",
        .theirs = "SELECT key, coalesce(value, ''), run_uuid FROM tags",
        .ours = "SELECT t.key, t.value, r.id FROM run_tag t JOIN run r ON r.sequence = t.run",
        .put = "INSERT OR IGNORE INTO run_tag SELECT sequence, ?, ? FROM run WHERE id = ?",
    },
    Table{
        .name = "datasets",
        .theirs = "SELECT experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, "
                  "dataset_profile FROM datasets",
        .ours = "SELECT experiment_id, name, digest, source_type, source, schema, profile FROM dataset",
        .put =
            "INSERT OR IGNORE INTO dataset (experiment_id, name, digest, source_type, source, schema, profile) VALUES "
            "(?, ?, ?, ?, ?, ?, ?)",
    },
    Table{
        .name = "datasets of runs",
        .theirs =
            "SELECT DISTINCT i.destination_id, d.experiment_id, d.name, d.digest FROM inputs i JOIN datasets d ON "
            "d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN'",
        .ours =
            "SELECT r.id, d.experiment_id, d.name, d.digest FROM run_dataset u JOIN run r ON r.sequence = u.run JOIN "
            "dataset d ON d.number = u.dataset",
        .put =
            "INSERT OR IGNORE INTO run_dataset (run, dataset) SELECT r.sequence, d.number FROM run r JOIN dataset d ON "
            "r.id = ? WHERE d.experiment_id = ? AND d.name = ? AND d.digest = ?",
    },
    Table{
        .name = "tags of datasets",
        .theirs = "SELECT t.name, t.value, i.destination_id, d.experiment_id, d.name, d.digest FROM input_tags t JOIN "
                  "inputs i ON i.input_uuid = t.input_uuid JOIN datasets d ON d.dataset_uuid = i.source_id WHERE "
                  "i.source_type = 'DATASET' AND i.destination_type = 'RUN'",
        .ours =
            "SELECT t.key, t.value, r.id, d.experiment_id, d.name, d.digest FROM run_dataset_tag t JOIN run_dataset u "
            "ON u.number = t.run_dataset JOIN run r ON r.sequence = u.run JOIN dataset d ON d.number = u.dataset",
        .put =
            "INSERT OR IGNORE INTO run_dataset_tag SELECT u.number, ?, ? FROM run_dataset u JOIN run r ON r.sequence = "
            "u.run JOIN dataset d ON d.number = u.dataset WHERE r.id = ? AND d.experiment_id = ? AND d.name = ? AND "
            "d.digest = ?",
    },
    Table{
        .name = "models of runs",
        .theirs = "SELECT CASE source_type WHEN 'RUN_INPUT' THEN 'input' ELSE 'output' END, destination_id, step, "
                  "source_id FROM inputs WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') GROUP BY 1, 2, 3, 4 ORDER BY "
                  "1, 4, 3",
        .ours = "SELECT m.direction, m.model_id, m.step, r.id FROM run_model m JOIN run r ON r.sequence = m.run",
        .put = "INSERT OR IGNORE INTO run_model (run, direction, model_id, step) SELECT sequence, ?, ?, CAST(? AS "
               "INTEGER) FROM run WHERE id = ?",
    },
    Table{
        .name = "logged models",
        .uris = {3},
        .theirs =
            "SELECT model_id, experiment_id, name, artifact_location, creation_timestamp_ms, "
            "last_updated_timestamp_ms, status, status_message, coalesce(model_type, ''), coalesce(source_run_id, "
            "''), lifecycle_stage FROM logged_models ORDER BY creation_timestamp_ms, model_id",
        .ours = "SELECT id, experiment_id, name, artifact_uri, created_ms, updated_ms, status, status_message, type, "
                "source_run_id, lifecycle FROM logged_model",
        .put = "INSERT OR IGNORE INTO logged_model (id, experiment_id, name, artifact_uri, created_ms, updated_ms, "
               "status, status_message, type, source_run_id, lifecycle) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    },
    Table{
        .name = "params of logged models",
        .theirs = "SELECT param_key, param_value, model_id FROM logged_model_params",
        .ours = "SELECT p.key, p.value, m.id FROM logged_model_param p JOIN logged_model m ON m.number = p.model",
        .put = "INSERT OR IGNORE INTO logged_model_param SELECT number, ?, ? FROM logged_model WHERE id = ?",
    },
    Table{
        .name = "tags of logged models",
        .theirs = "SELECT tag_key, tag_value, model_id FROM logged_model_tags",
        .ours = "SELECT t.key, t.value, m.id FROM logged_model_tag t JOIN logged_model m ON m.number = t.model",
        .put = "INSERT OR IGNORE INTO logged_model_tag SELECT number, ?, ? FROM logged_model WHERE id = ?",
    },
    Table{
        .name = "metrics of logged models",
        .theirs = "SELECT metric_name, metric_timestamp_ms, metric_step, run_id, coalesce(metric_value, 0.0), "
                  "dataset_name, dataset_digest, model_id FROM logged_model_metrics",
        .ours = "SELECT p.key, p.time_ms, p.step, p.run_id, p.value, p.dataset_name, p.dataset_digest, m.id FROM "
                "logged_model_metric p JOIN logged_model m ON m.number = p.model",
        .put = "INSERT OR IGNORE INTO logged_model_metric SELECT number, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, "
               "CAST(? AS REAL), ?, ? FROM logged_model WHERE id = ?",
    },
    Table{
        .name = "registered models",
        .theirs = "SELECT name, coalesce(creation_time, 0) * 1000, coalesce(last_updated_time, 0) * 1000, description "
                  "FROM registered_models ORDER BY name",
        .ours = "SELECT name, created_us, updated_us, description FROM model",
        .put = "INSERT OR IGNORE INTO model (name, created_us, updated_us, description) VALUES (?, ?, ?, ?)",
    },
    Table{
        .name = "tags of registered models",
        .theirs = "SELECT name, key, coalesce(value, '') FROM registered_model_tags",
        .ours = "SELECT model, key, value FROM model_tag",
        .put = "INSERT OR IGNORE INTO model_tag VALUES (?, ?, ?)",
    },
    Table{
        .name = "model versions",
        .uris = {3, 10},
        .theirs =
            "SELECT name, version, coalesce(run_id, ''), coalesce(source, ''), coalesce(creation_time, 0) * 1000, "
            "coalesce(last_updated_time, 0) * 1000, CASE current_stage WHEN 'Deleted_Internal' THEN 'None' ELSE "
            "coalesce(current_stage, 'None') END, description, user_id, run_link, CASE WHEN source LIKE 'runs:/%' "
            "THEN source ELSE coalesce(storage_location, source, '') END, CASE current_stage WHEN 'Deleted_Internal' "
            "THEN 'deleted' ELSE 'active' END FROM model_versions "
            "ORDER BY name, version",
        .ours = "SELECT model, version, run_id, source, created_us, updated_us, stage, description, user_id, run_link, "
                "CASE WHEN source LIKE 'runs:/%' THEN source ELSE location END, lifecycle FROM version",
        .put =
            "INSERT OR IGNORE INTO version (model, version, run_id, source, created_us, updated_us, stage, "
            "description, user_id, run_link, location, lifecycle, content_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "?, ?, '')",
    },
    Table{
        .name = "tags of model versions",
        .theirs = "SELECT name, version, key, coalesce(value, '') FROM model_version_tags",
        .ours = "SELECT model, version, key, value FROM version_tag",
        .put = "INSERT OR IGNORE INTO version_tag VALUES (?, ?, ?, ?)",
    },
    Table{
        .name = "aliases",
        .theirs = "SELECT name, alias, version FROM registered_model_aliases",
        .ours = "SELECT model, alias, version FROM alias",
        .put = "INSERT OR IGNORE INTO alias VALUES (?, ?, ?)",
    },
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
        .put =
            "INSERT OR IGNORE INTO trace (id, experiment_id, started_ms, duration_ms, state, client_request_id, "
            "request_preview, response_preview, name, session_id, input_tokens, output_tokens, total_tokens, "
            "cache_read_input_tokens, cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, input_cost, "
            "output_cost, total_cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    },
    Table{
        .name = "tags of traces",
        .uris = {1},
        .theirs = "SELECT key, coalesce(value, ''), request_id FROM trace_tags",
        .ours = "SELECT p.key, p.value, t.id FROM trace_tag p JOIN trace t ON t.number = p.trace",
        .put = "INSERT OR IGNORE INTO trace_tag SELECT number, ?, ? FROM trace WHERE id = ?",
    },
    Table{
        .name = "metadata of traces",
        .theirs = "SELECT key, coalesce(value, ''), request_id FROM trace_request_metadata",
        .ours = "SELECT p.key, p.value, t.id FROM trace_metadata p JOIN trace t ON t.number = p.trace",
        .put = "INSERT OR IGNORE INTO trace_metadata SELECT number, ?, ? FROM trace WHERE id = ?",
    },
    Table{
        .name = "spans",
        .theirs = "SELECT span_id, parent_span_id, coalesce(name, ''), type, status, start_time_unix_nano, "
                  "end_time_unix_nano, content, trace_id FROM spans",
        .ours =
            "SELECT s.id, s.parent_id, s.name, s.type, s.status, s.started_ns, s.ended_ns, s.content, t.id FROM span s "
            "JOIN trace t ON t.number = s.trace",
        .put = "INSERT OR IGNORE INTO span (trace, id, parent_id, name, type, status, started_ns, ended_ns, content) "
               "SELECT number, ?, ?, ?, ?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ? FROM trace WHERE id = ?",
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
    },
    Table{
        .name = "runs of traces",
        .theirs = "SELECT DISTINCT destination_id, source_id FROM entity_associations WHERE source_type = 'trace' AND "
                  "destination_type = 'run'",
        .ours = "SELECT p.run_id, t.id FROM trace_run p JOIN trace t ON t.number = p.trace",
        .put = "INSERT OR IGNORE INTO trace_run (run_id, trace) SELECT ?, number FROM trace WHERE id = ?",
    },
    Table{
        .name = "prompts of traces",
        .theirs = "SELECT DISTINCT destination_id, source_id FROM entity_associations WHERE source_type = 'trace' AND "
                  "destination_type = 'prompt_version'",
        .ours = "SELECT p.prompt, t.id FROM trace_prompt p JOIN trace t ON t.number = p.trace",
        .put = "INSERT OR IGNORE INTO trace_prompt (prompt, trace) SELECT ?, number FROM trace WHERE id = ?",
    },
};

constexpr std::array<std::string_view, 10> kWithoutPlace = {
    "evaluation_datasets", "scorers",       "issues",      "jobs",      "webhooks",
    "label_schemas",       "review_queues", "mcp_servers", "endpoints", "secrets"};

}  // namespace

std::span<const Table> Tables() {
  return kTables;
}

std::span<const std::string_view> TablesWithoutPlace() {
  return kWithoutPlace;
}

}  // namespace keelson::wire::mlflow_database
