-- A database of tracking schema 1, as `.dump` of the SQLite shell writes it, tables first; keelson_schema itself is made by io::Database.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE alias (
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES version (model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
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
CREATE TABLE experiment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL
) STRICT;
CREATE TABLE latest_metric (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  step INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE lineage (
  upstream TEXT NOT NULL,
  downstream TEXT NOT NULL,
  label TEXT NOT NULL,
  PRIMARY KEY (upstream, downstream, label)
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
CREATE TABLE model (
  name TEXT PRIMARY KEY,
  created_us INTEGER NOT NULL
) STRICT;
CREATE TABLE param (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'killed')),
  started_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE TABLE run_tag (
  run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE version_tag (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, key),
  FOREIGN KEY (model, version) REFERENCES version (model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO keelson_schema VALUES ('tracking', 1);
INSERT INTO "alias" VALUES('flight-delays','champion',2);
INSERT INTO "alias_change" VALUES(1,'flight-delays','champion',NULL,1,'gate','first',1364774400000000);
INSERT INTO "alias_change" VALUES(2,'flight-delays','champion',1,2,'canary','passed',1364774400000000);
INSERT INTO "experiment" VALUES(0,'Default',1364774400000000);
INSERT INTO "experiment" VALUES(1,'flight-delays',1364774400000000);
INSERT INTO "latest_metric" VALUES('0123456789abcdef0123456789abcdef','auc',1,1364774400000000,0.69,0);
INSERT INTO "latest_metric" VALUES('0123456789abcdef0123456789abcdef','loss',1,1364774400000000,0.0,1);
INSERT INTO "lineage" VALUES('version:flight-delays/2','endpoint:flight-delays','serves');
INSERT INTO "lineage" VALUES('run:0123456789abcdef0123456789abcdef','version:flight-delays/2','made');
INSERT INTO "metric" VALUES('0123456789abcdef0123456789abcdef','auc',0,1364774400000000,0.65,0);
INSERT INTO "metric" VALUES('0123456789abcdef0123456789abcdef','auc',1,1364774400000000,0.69,0);
INSERT INTO "metric" VALUES('0123456789abcdef0123456789abcdef','loss',1,1364774400000000,0.0,1);
INSERT INTO "model" VALUES('flight-delays',1364774400000000);
INSERT INTO "param" VALUES('0123456789abcdef0123456789abcdef','max_depth','6');
INSERT INTO "run" VALUES(1,'0123456789abcdef0123456789abcdef',1,'train-1','finished',1364774400000000,1364774460000000);
INSERT INTO "run_tag" VALUES('0123456789abcdef0123456789abcdef','keelson.job','train-1');
INSERT INTO "version" VALUES('flight-delays',1,'','/data/artifacts/first/model','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',1364774400000000);
INSERT INTO "version" VALUES('flight-delays',2,'0123456789abcdef0123456789abcdef','/data/artifacts/0123456789abcdef0123456789abcdef/model','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',1364774400000000);
INSERT INTO "version_tag" VALUES('flight-delays',2,'auc','0.69');
CREATE INDEX run_by_experiment ON run (experiment_id, sequence);
CREATE INDEX version_by_run ON version (run_id);
CREATE INDEX alias_by_version ON alias (model, version);
CREATE INDEX alias_change_by_model ON alias_change (model, sequence);
CREATE INDEX lineage_by_downstream ON lineage (downstream);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('experiment',1);
INSERT INTO "sqlite_sequence" VALUES('run',1);
INSERT INTO "sqlite_sequence" VALUES('alias_change',2);
