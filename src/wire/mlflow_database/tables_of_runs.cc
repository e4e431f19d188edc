// Experiments, runs and logged models.
#include <array>

#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {

std::span<const Table> TablesOfRuns() {
  static constexpr std::array kTables = {
      Table{
          .name = "experiments",
          .uris = {2},
          .theirs =
              "SELECT experiment_id, name, coalesce(artifact_location, ''), lifecycle_stage, coalesce(creation_time, "
              "0) * 1000, coalesce(last_update_time, 0) * 1000 FROM experiments ORDER BY experiment_id",
          .ours = "SELECT id, name, artifact_location, lifecycle, created_us / 1000 * 1000, updated_us / 1000 * 1000 "
                  "FROM experiment",
          .put = "INSERT INTO experiment (id, name, artifact_location, lifecycle, created_us, updated_us) VALUES (?, "
                 "?, ?, "
                 "?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, artifact_location = "
                 "excluded.artifact_location, lifecycle = excluded.lifecycle, created_us = excluded.created_us, "
                 "updated_us "
                 "= excluded.updated_us",
          .take = "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
                  "last_update_time) VALUES (?, ?, ?, ?, ? / 1000, ? / 1000)",
      },
      Table{
          .name = "tags of experiments",
          .theirs = "SELECT experiment_id, key, coalesce(value, '') FROM experiment_tags",
          .ours = "SELECT experiment_id, key, value FROM experiment_tag",
          .put = "INSERT OR IGNORE INTO experiment_tag VALUES (?, ?, ?)",
          .take = "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)",
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
          .put = "INSERT OR IGNORE INTO run (id, experiment_id, name, status, started_ms, ended_ms, lifecycle, "
                 "deleted_ms, "
                 "user_id, artifact_uri) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          .take = "INSERT INTO runs (run_uuid, experiment_id, name, status, start_time, end_time, lifecycle_stage, "
                  "deleted_time, user_id, artifact_uri, source_type, source_name, entry_point_name, source_version) "
                  "VALUES (?, ?, ?, upper(?), ?, ?, ?, ?, ?, ?, 'UNKNOWN', '', '', '')",
      },
      Table{
          .name = "params",
          .theirs = "SELECT key, value, run_uuid FROM params",
          .ours = "SELECT p.key, p.value, r.id FROM param p JOIN run r ON r.sequence = p.run",
          .put = "INSERT OR IGNORE INTO param SELECT sequence, ?, ? FROM run WHERE id = ?",
          .take = "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
      },
      Table{
          .name = "tags of runs",
          .theirs = "SELECT key, coalesce(value, ''), run_uuid FROM tags",
          .ours = "SELECT t.key, t.value, r.id FROM run_tag t JOIN run r ON r.sequence = t.run",
          .put = "INSERT OR IGNORE INTO run_tag SELECT sequence, ?, ? FROM run WHERE id = ?",
          .take = "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
      },
      Table{
          .name = "datasets",
          .theirs = "SELECT experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, "
                    "dataset_profile FROM datasets",
          .ours = "SELECT experiment_id, name, digest, source_type, source, schema, profile FROM dataset",
          .put = "INSERT OR IGNORE INTO dataset (experiment_id, name, digest, source_type, source, schema, profile) "
                 "VALUES "
                 "(?, ?, ?, ?, ?, ?, ?)",
          .take = "INSERT INTO datasets (experiment_id, name, digest, dataset_source_type, dataset_source, "
                  "dataset_schema, dataset_profile, dataset_uuid) VALUES (?, ?, ?, ?, ?, ?, ?, "
                  "lower(hex(randomblob(16))))",
      },
      Table{
          .name = "datasets of runs",
          .theirs =
              "SELECT DISTINCT i.destination_id, d.experiment_id, d.name, d.digest FROM inputs i JOIN datasets d ON "
              "d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN'",
          .ours =
              "SELECT r.id, d.experiment_id, d.name, d.digest FROM run_dataset u JOIN run r ON r.sequence = u.run JOIN "
              "dataset d ON d.number = u.dataset",
          .put = "INSERT OR IGNORE INTO run_dataset (run, dataset) SELECT r.sequence, d.number FROM run r JOIN dataset "
                 "d ON "
                 "r.id = ? WHERE d.experiment_id = ? AND d.name = ? AND d.digest = ?",
          .take = "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) SELECT "
                  "lower(hex(randomblob(16))), 'DATASET', dataset_uuid, 'RUN', ?1 FROM datasets WHERE experiment_id = "
                  "?2 AND name = ?3 AND digest = ?4",
      },
      Table{
          .name = "tags of datasets",
          .theirs =
              "SELECT t.name, t.value, i.destination_id, d.experiment_id, d.name, d.digest FROM input_tags t JOIN "
              "inputs i ON i.input_uuid = t.input_uuid JOIN datasets d ON d.dataset_uuid = i.source_id WHERE "
              "i.source_type = 'DATASET' AND i.destination_type = 'RUN'",
          .ours = "SELECT t.key, t.value, r.id, d.experiment_id, d.name, d.digest FROM run_dataset_tag t JOIN "
                  "run_dataset u "
                  "ON u.number = t.run_dataset JOIN run r ON r.sequence = u.run JOIN dataset d ON d.number = u.dataset",
          .put =
              "INSERT OR IGNORE INTO run_dataset_tag SELECT u.number, ?, ? FROM run_dataset u JOIN run r ON r.sequence "
              "= "
              "u.run JOIN dataset d ON d.number = u.dataset WHERE r.id = ? AND d.experiment_id = ? AND d.name = ? AND "
              "d.digest = ?",
          .take = "INSERT INTO input_tags (input_uuid, name, value) SELECT i.input_uuid, ?1, ?2 FROM inputs i JOIN "
                  "datasets d ON d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET' AND i.destination_type = "
                  "'RUN' AND i.destination_id = ?3 AND d.experiment_id = ?4 AND d.name = ?5 AND d.digest = ?6",
      },
      Table{
          .name = "models of runs",
          .theirs =
              "SELECT CASE source_type WHEN 'RUN_INPUT' THEN 'input' ELSE 'output' END, destination_id, step, "
              "source_id FROM inputs WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') GROUP BY 1, 2, 3, 4 ORDER BY "
              "1, 4, 3",
          .ours = "SELECT m.direction, m.model_id, max(m.step), r.id FROM run_model m JOIN run r ON r.sequence = m.run "
                  "GROUP BY "
                  "m.direction, m.model_id, r.id",
          .put = "INSERT OR IGNORE INTO run_model (run, direction, model_id, step) SELECT sequence, ?, ?, CAST(? AS "
                 "INTEGER) FROM run WHERE id = ?",
          .take = "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step) "
                  "VALUES (lower(hex(randomblob(16))), 'RUN_' || upper(?1), ?4, 'MODEL_' || upper(?1), ?2, ?3)",
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
          .take = "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, "
                  "last_updated_timestamp_ms, status, status_message, model_type, source_run_id, lifecycle_stage) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      },
      Table{
          .name = "params of logged models",
          .theirs = "SELECT param_key, param_value, model_id FROM logged_model_params",
          .ours = "SELECT p.key, p.value, m.id FROM logged_model_param p JOIN logged_model m ON m.number = p.model",
          .put = "INSERT OR IGNORE INTO logged_model_param SELECT number, ?, ? FROM logged_model WHERE id = ?",
          .take = "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) SELECT model_id, "
                  "experiment_id, ?1, ?2 FROM logged_models WHERE model_id = ?3",
      },
      Table{
          .name = "tags of logged models",
          .theirs = "SELECT tag_key, tag_value, model_id FROM logged_model_tags",
          .ours = "SELECT t.key, t.value, m.id FROM logged_model_tag t JOIN logged_model m ON m.number = t.model",
          .put = "INSERT OR IGNORE INTO logged_model_tag SELECT number, ?, ? FROM logged_model WHERE id = ?",
          .take = "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) SELECT model_id, "
                  "experiment_id, ?1, ?2 FROM logged_models WHERE model_id = ?3",
      },
      Table{
          .name = "metrics of logged models",
          .theirs = "SELECT metric_name, metric_timestamp_ms, metric_step, run_id, coalesce(metric_value, 0.0), "
                    "dataset_name, dataset_digest, model_id FROM logged_model_metrics",
          .ours = "SELECT p.key, p.time_ms, p.step, p.run_id, p.value, p.dataset_name, p.dataset_digest, m.id FROM "
                  "logged_model_metric p JOIN logged_model m ON m.number = p.model",
          .put =
              "INSERT OR IGNORE INTO logged_model_metric SELECT number, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, "
              "CAST(? AS REAL), ?, ? FROM logged_model WHERE id = ?",
          .take = "INSERT INTO logged_model_metrics (model_id, experiment_id, metric_name, metric_timestamp_ms, "
                  "metric_step, run_id, metric_value, dataset_name, dataset_digest) SELECT model_id, experiment_id, "
                  "?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM logged_models WHERE model_id = ?8",
      },
  };
  return kTables;
}

}  // namespace keelson::wire::mlflow_database
