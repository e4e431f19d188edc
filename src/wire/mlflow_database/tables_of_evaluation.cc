// Evaluation data sets.
#include <array>

#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {

std::span<const Table> TablesOfEvaluation() {
  static constexpr std::array kTables = {
      Table{
          .name = "evaluation datasets",
          .theirs = "SELECT dataset_id, name, coalesce(digest, ''), schema, profile, coalesce(created_time, 0), "
                    "coalesce(last_update_time, 0), created_by, last_updated_by FROM evaluation_datasets ORDER BY "
                    "created_time, dataset_id",
          .ours = "SELECT id, name, digest, schema, profile, created_ms, updated_ms, created_by, updated_by FROM "
                  "evaluation_dataset",
          .put = "INSERT OR IGNORE INTO evaluation_dataset (id, name, digest, schema, profile, created_ms, "
                 "updated_ms, created_by, updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
          .take = "INSERT INTO evaluation_datasets (dataset_id, name, digest, schema, profile, created_time, "
                  "last_update_time, created_by, last_updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      },
      Table{
          .name = "tags of evaluation datasets",
          .theirs = "SELECT key, value, dataset_id FROM evaluation_dataset_tags",
          .ours = "SELECT t.key, t.value, d.id FROM evaluation_dataset_tag t JOIN evaluation_dataset d ON d.number = "
                  "t.dataset",
          .put = "INSERT OR IGNORE INTO evaluation_dataset_tag SELECT number, ?, ? FROM evaluation_dataset WHERE id = "
                 "?",
          .take = "INSERT INTO evaluation_dataset_tags (key, value, dataset_id) VALUES (?, ?, ?)",
      },
      Table{
          .name = "experiments of evaluation datasets",
          .theirs = "SELECT destination_id, coalesce(created_time, 0), source_id FROM entity_associations WHERE "
                    "source_type = 'evaluation_dataset' AND destination_type = 'experiment'",
          .ours = "SELECT e.experiment_id, e.added_ms, d.id FROM evaluation_dataset_experiment e JOIN "
                  "evaluation_dataset d ON d.number = e.dataset",
          .put = "INSERT OR IGNORE INTO evaluation_dataset_experiment SELECT number, ?, CAST(? AS INTEGER) FROM "
                 "evaluation_dataset WHERE id = ?",
          .take = "INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, "
                  "destination_id, created_time) VALUES (lower(hex(randomblob(16))), 'evaluation_dataset', ?3, "
                  "'experiment', ?1, ?2)",
      },
      Table{
          .name = "records of evaluation datasets",
          .theirs =
              "SELECT dataset_record_id, input_hash, CAST(inputs AS TEXT), CASE WHEN CAST(outputs AS TEXT) <> "
              "'null' THEN substr(CAST(outputs AS TEXT), 20, length(CAST(outputs AS TEXT)) - 20) END, CASE WHEN "
              "CAST(expectations AS TEXT) = 'null' THEN NULL ELSE CAST(expectations AS TEXT) END, CASE WHEN "
              "CAST(tags AS TEXT) = 'null' THEN NULL ELSE CAST(tags AS TEXT) END, CASE WHEN CAST(source AS TEXT) = "
              "'null' THEN NULL ELSE CAST(source AS TEXT) END, source_id, source_type, coalesce(created_time, 0), "
              "coalesce(last_update_time, 0), created_by, last_updated_by, dataset_id FROM "
              "evaluation_dataset_records",
          .ours = "SELECT r.id, r.input_hash, r.inputs, r.outputs, r.expectations, r.tags, r.source, r.source_id, "
                  "r.source_type, r.created_ms, r.updated_ms, r.created_by, r.updated_by, d.id FROM evaluation_record "
                  "r JOIN evaluation_dataset d ON d.number = r.dataset",
          .put = "INSERT OR IGNORE INTO evaluation_record (dataset, id, input_hash, inputs, outputs, expectations, "
                 "tags, source, source_id, source_type, created_ms, updated_ms, created_by, updated_by) SELECT "
                 "number, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ? FROM "
                 "evaluation_dataset WHERE id = ?",
          .take = "INSERT INTO evaluation_dataset_records (dataset_record_id, input_hash, inputs, outputs, "
                  "expectations, tags, source, source_id, source_type, created_time, last_update_time, created_by, "
                  "last_updated_by, dataset_id) VALUES (?1, ?2, ?3, '{\"mlflow_wrapped\": ' || ?4 || '}', ?5, ?6, ?7, "
                  "?8, ?9, ?10, ?11, ?12, ?13, ?14)",
      },
  };
  return kTables;
}

}  // namespace keelson::wire::mlflow_database
