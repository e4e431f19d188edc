#include "tracking/schema.h"

namespace keelson::tracking {
namespace {

constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE experiment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'killed')),
  started_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE INDEX run_by_experiment ON run (experiment_id, sequence);

CREATE TABLE param (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_tag (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  step INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run_id, key, step, time_us, value, is_nan)
) STRICT, WITHOUT ROWID;

CREATE TABLE latest_metric (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  step INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE model (
  name TEXT PRIMARY KEY,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE version (
  model TEXT NOT NULL REFERENCES model (name) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  source TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  PRIMARY KEY (model, version),
  UNIQUE (model, run_id, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_by_run ON version (run_id);

CREATE TABLE version_tag (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, key),
  FOREIGN KEY (model, version) REFERENCES version (model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE alias (
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES version (model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_version ON alias (model, version);

CREATE TABLE alias_change (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  from_version INTEGER,
  to_version INTEGER,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  changed_us INTEGER NOT NULL
) STRICT;
CREATE INDEX alias_change_by_model ON alias_change (model, sequence);

CREATE TABLE lineage (
  upstream TEXT NOT NULL,
  downstream TEXT NOT NULL,
  label TEXT NOT NULL,
  PRIMARY KEY (upstream, downstream, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_downstream ON lineage (downstream);
)sql";

}  // namespace

const std::vector<io::Migration>& SchemaMigrations() {
  static const std::vector<io::Migration> migrations = {{1, kVersion1}};
  return migrations;
}

}  // namespace keelson::tracking
