#include "tracking/schema.h"

#include "tracking/evaluation_schema.h"
#include "tracking/history_schema.h"
#include "tracking/metric_history.h"
#include "tracking/promotion_schema.h"
#include "tracking/trace_schema.h"
#include "tracking/webhook_schema.h"

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

// What MLflow's API keeps beside what Keelson's own projects need. Rows of runs are referred to by their number, and
// metric keys by theirs, so that the tables that grow most have short keys. New tables are filled and the old ones
// dropped, children first: with foreign keys on, dropping a parent would empty its children.
constexpr std::string_view kVersion2 = R"sql(
ALTER TABLE experiment ADD COLUMN artifact_location TEXT NOT NULL DEFAULT '';
ALTER TABLE experiment ADD COLUMN lifecycle TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'deleted'));
ALTER TABLE experiment ADD COLUMN updated_us INTEGER NOT NULL DEFAULT 0;
UPDATE experiment SET artifact_location = 'mlflow-artifacts:/' || id, updated_us = created_us;

CREATE TABLE experiment_tag (
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_2 (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'scheduled', 'finished', 'failed', 'killed')),
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  lifecycle TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'deleted')),
  deleted_ms INTEGER,
  user_id TEXT NOT NULL DEFAULT '',
  artifact_uri TEXT NOT NULL
) STRICT;
INSERT INTO run_2 (sequence, id, experiment_id, name, status, started_ms, ended_ms, artifact_uri)
  SELECT sequence, id, experiment_id, name, status, started_us / 1000, ended_us / 1000, 'mlflow-artifacts:/' || id
  FROM run;

CREATE TABLE param_2 (
  run INTEGER NOT NULL REFERENCES run_2 (sequence) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
INSERT INTO param_2 SELECT sequence, key, value FROM param JOIN run ON run.id = run_id;

CREATE TABLE run_tag_2 (
  run INTEGER NOT NULL REFERENCES run_2 (sequence) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
INSERT INTO run_tag_2 SELECT sequence, key, value FROM run_tag JOIN run ON run.id = run_id;

CREATE TABLE metric_key (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO metric_key (name) SELECT DISTINCT key FROM metric;

CREATE TABLE metric_2 (
  run INTEGER NOT NULL REFERENCES run_2 (sequence) ON DELETE CASCADE,
  key INTEGER NOT NULL,
  step INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run, key, step, time_ms, value, is_nan)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO metric_2
  SELECT sequence, metric_key.id, step, time_us / 1000, value, is_nan
  FROM metric JOIN run ON run.id = run_id JOIN metric_key ON metric_key.name = key;

CREATE TABLE latest_metric_2 (
  run INTEGER NOT NULL REFERENCES run_2 (sequence) ON DELETE CASCADE,
  key INTEGER NOT NULL,
  step INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
INSERT INTO latest_metric_2
  SELECT sequence, metric_key.id, step, time_us / 1000, value, is_nan
  FROM latest_metric JOIN run ON run.id = run_id JOIN metric_key ON metric_key.name = key;

DROP TABLE latest_metric;
DROP TABLE metric;
DROP TABLE run_tag;
DROP TABLE param;
DROP TABLE run;
ALTER TABLE run_2 RENAME TO run;
ALTER TABLE param_2 RENAME TO param;
ALTER TABLE run_tag_2 RENAME TO run_tag;
ALTER TABLE metric_2 RENAME TO metric;
ALTER TABLE latest_metric_2 RENAME TO latest_metric;
CREATE INDEX run_by_experiment ON run (experiment_id, sequence);
CREATE INDEX run_by_start ON run (experiment_id, lifecycle, started_ms DESC, id);

CREATE TABLE dataset (
  number INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema TEXT,
  profile TEXT,
  UNIQUE (experiment_id, name, digest)
) STRICT;
CREATE TABLE run_dataset (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  dataset INTEGER NOT NULL REFERENCES dataset (number) ON DELETE CASCADE,
  UNIQUE (run, dataset)
) STRICT;
CREATE INDEX run_dataset_by_dataset ON run_dataset (dataset);
CREATE TABLE run_dataset_tag (
  run_dataset INTEGER NOT NULL REFERENCES run_dataset (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_dataset, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  artifact_uri TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  status INTEGER NOT NULL,
  status_message TEXT,
  type TEXT NOT NULL,
  source_run_id TEXT NOT NULL,
  lifecycle TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'deleted'))
) STRICT;
CREATE INDEX logged_model_by_experiment ON logged_model (experiment_id, lifecycle, created_ms DESC, id);
CREATE TABLE logged_model_tag (
  model INTEGER NOT NULL REFERENCES logged_model (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE logged_model_param (
  model INTEGER NOT NULL REFERENCES logged_model (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE logged_model_metric (
  model INTEGER NOT NULL REFERENCES logged_model (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  step INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  value REAL NOT NULL,
  dataset_name TEXT,
  dataset_digest TEXT,
  PRIMARY KEY (model, key, time_ms, step, run_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_model (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  direction TEXT NOT NULL CHECK (direction IN ('input', 'output')),
  model_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  UNIQUE (run, direction, model_id, step)
) STRICT;

ALTER TABLE model ADD COLUMN updated_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE model ADD COLUMN description TEXT;
UPDATE model SET updated_us = created_us;
CREATE TABLE model_tag (
  model TEXT NOT NULL REFERENCES model (name) ON UPDATE CASCADE ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE version_2 (
  model TEXT NOT NULL REFERENCES model (name) ON UPDATE CASCADE ON DELETE CASCADE,
  version INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  source TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL,
  stage TEXT NOT NULL DEFAULT 'None',
  description TEXT,
  user_id TEXT,
  run_link TEXT,
  location TEXT NOT NULL DEFAULT '',
  model_id TEXT NOT NULL DEFAULT '',
  lifecycle TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'deleted')),
  PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;
INSERT INTO version_2 (model, version, run_id, source, content_hash, created_us, updated_us)
  SELECT model, version, run_id, source, content_hash, created_us, created_us FROM version;
CREATE TABLE version_tag_2 (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, key),
  FOREIGN KEY (model, version) REFERENCES version_2 (model, version) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO version_tag_2 SELECT model, version, key, value FROM version_tag;
CREATE TABLE alias_2 (
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES version_2 (model, version) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO alias_2 SELECT model, alias, version FROM alias;
DROP TABLE alias;
DROP TABLE version_tag;
DROP TABLE version;
ALTER TABLE version_2 RENAME TO version;
ALTER TABLE version_tag_2 RENAME TO version_tag;
ALTER TABLE alias_2 RENAME TO alias;
CREATE INDEX version_by_run ON version (run_id);
CREATE INDEX version_by_update ON version (updated_us DESC, model, version DESC);
CREATE INDEX alias_by_version ON alias (model, version);
)sql";

Status FinishHistory(io::SqlSession& session) {
  KEELSON_RETURN_IF_ERROR(FoldFormerRows(session));
  KEELSON_RETURN_IF_ERROR(session.Execute("DROP TABLE metric_row"));
  return {};
}

}  // namespace

const std::vector<io::Migration>& SchemaMigrations() {
  static const std::vector<io::Migration> migrations = {
      {.version = 1, .sql = kVersion1},
      {.version = 2, .sql = kVersion2},
      {.version = 3, .sql = kTraceSchema},
      {.version = 4, .sql = kHistorySchema, .then = FinishHistory},
      {.version = 5, .sql = kRunTriggers, .postgres = kRunTriggersOfPostgres},
      {.version = 6, .sql = kPromotionSchema},
      {.version = 7, .sql = kWebhookSchema},
      {.version = 8, .sql = kEvaluationSchema, .then = FillSpanColumns}};
  return migrations;
}

}  // namespace keelson::tracking
