// Registered models and their versions.
#include <array>

#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {

std::span<const Table> TablesOfRegistry() {
  static constexpr std::array kTables = {
      Table{
          .name = "registered models",
          .theirs =
              "SELECT name, coalesce(creation_time, 0) * 1000, coalesce(last_updated_time, 0) * 1000, description "
              "FROM registered_models ORDER BY name",
          .ours = "SELECT name, created_us / 1000 * 1000, updated_us / 1000 * 1000, description FROM model",
          .put = "INSERT OR IGNORE INTO model (name, created_us, updated_us, description) VALUES (?, ?, ?, ?)",
          .take = "INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES (?, ? / "
                  "1000, ? / 1000, ?)",
      },
      Table{
          .name = "tags of registered models",
          .theirs = "SELECT name, key, coalesce(value, '') FROM registered_model_tags",
          .ours = "SELECT model, key, value FROM model_tag",
          .put = "INSERT OR IGNORE INTO model_tag VALUES (?, ?, ?)",
          .take = "INSERT INTO registered_model_tags (name, key, value) VALUES (?, ?, ?)",
      },
      Table{
          .name = "model versions",
          .uris = {3, 10},
          .relative = true,
          .theirs =
              "SELECT name, version, coalesce(run_id, ''), coalesce(source, ''), coalesce(creation_time, 0) * 1000, "
              "coalesce(last_updated_time, 0) * 1000, CASE current_stage WHEN 'Deleted_Internal' THEN 'None' ELSE "
              "coalesce(current_stage, 'None') END, description, user_id, run_link, CASE WHEN source LIKE 'runs:/%' "
              "THEN source ELSE coalesce(storage_location, source, '') END, CASE current_stage WHEN 'Deleted_Internal' "
              "THEN 'deleted' ELSE 'active' END FROM model_versions "
              "ORDER BY name, version",
          .ours = "SELECT model, version, run_id, source, created_us / 1000 * 1000, updated_us / 1000 * 1000, CASE "
                  "lifecycle WHEN "
                  "'deleted' THEN 'None' ELSE stage END, description, user_id, run_link, CASE WHEN source LIKE "
                  "'runs:/%' OR "
                  "location = '' THEN source ELSE location END, lifecycle FROM version",
          .put = "INSERT OR IGNORE INTO version (model, version, run_id, source, created_us, updated_us, stage, "
                 "description, user_id, run_link, location, lifecycle, content_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                 "?, ?, "
                 "?, ?, '')",
          .take = "INSERT INTO model_versions (name, version, run_id, source, creation_time, last_updated_time, "
                  "current_stage, description, user_id, run_link, storage_location, status) VALUES (?1, ?2, nullif(?3, "
                  "''), ?4, ?5 / 1000, ?6 / 1000, CASE ?12 WHEN 'deleted' THEN 'Deleted_Internal' ELSE ?7 END, ?8, ?9, "
                  "?10, ?11, 'READY')",
      },
      Table{
          .name = "tags of model versions",
          .theirs = "SELECT name, version, key, coalesce(value, '') FROM model_version_tags",
          .ours = "SELECT model, version, key, value FROM version_tag",
          .put = "INSERT OR IGNORE INTO version_tag VALUES (?, ?, ?, ?)",
          .take = "INSERT INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?)",
      },
      Table{
          .name = "aliases",
          .theirs = "SELECT name, alias, version FROM registered_model_aliases",
          .ours = "SELECT model, alias, version FROM alias",
          .put = "INSERT OR IGNORE INTO alias VALUES (?, ?, ?)",
          .take = "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?, ?, ?)",
      },
  };
  return kTables;
}

}  // namespace keelson::wire::mlflow_database
