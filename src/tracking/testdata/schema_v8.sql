-- A database of tracking schema 8, as `.dump` of the SQLite shell writes it, tables first; keelson_schema itself is made by io::Database.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE trace (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  started_ms INTEGER NOT NULL,
  duration_ms INTEGER,
  state TEXT NOT NULL CHECK (state IN ('STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS')),
  client_request_id TEXT,
  request_preview TEXT,
  response_preview TEXT,
  name TEXT,
  session_id TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  total_tokens INTEGER,
  cache_read_input_tokens INTEGER,
  cache_creation_input_tokens INTEGER,
  cache_creation_input_tokens_above_1hr INTEGER,
  input_cost REAL,
  output_cost REAL,
  total_cost REAL
) STRICT;
CREATE TABLE trace_tag (
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE trace_metadata (
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE span (
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  parent_id TEXT,
  name TEXT NOT NULL,
  type TEXT,
  status TEXT NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  usage TEXT,
  cost TEXT,
  content TEXT NOT NULL, input_cost REAL, output_cost REAL, total_cost REAL, model_name TEXT, model_provider TEXT,
  PRIMARY KEY (trace, id)
) STRICT;
CREATE TABLE assessment (
  id TEXT PRIMARY KEY,
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('feedback', 'expectation', 'issue')),
  value TEXT NOT NULL,
  error TEXT,
  number REAL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  source_type TEXT NOT NULL,
  source_id TEXT,
  run_id TEXT,
  span_id TEXT,
  rationale TEXT,
  overrides TEXT,
  valid INTEGER NOT NULL,
  metadata TEXT
) STRICT;
CREATE TABLE trace_run (
  run_id TEXT NOT NULL,
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  PRIMARY KEY (run_id, trace)
) STRICT, WITHOUT ROWID;
CREATE TABLE trace_prompt (
  prompt TEXT NOT NULL,
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  PRIMARY KEY (prompt, trace)
) STRICT, WITHOUT ROWID;
CREATE TABLE "alias" (
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES "version" (model, version) ON UPDATE CASCADE ON DELETE CASCADE
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
CREATE TABLE experiment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL
, artifact_location TEXT NOT NULL DEFAULT '', lifecycle TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'deleted')), updated_us INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE experiment_tag (
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE "latest_metric" (
  run INTEGER NOT NULL REFERENCES "run" (sequence) ON DELETE CASCADE,
  key INTEGER NOT NULL,
  step INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE lineage (
  upstream TEXT NOT NULL,
  downstream TEXT NOT NULL,
  label TEXT NOT NULL,
  PRIMARY KEY (upstream, downstream, label)
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
CREATE TABLE logged_model_param (
  model INTEGER NOT NULL REFERENCES logged_model (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE logged_model_tag (
  model INTEGER NOT NULL REFERENCES logged_model (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE metric_block (
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  key INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  first_value REAL NOT NULL,
  first_nan INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  last_value REAL NOT NULL,
  last_nan INTEGER NOT NULL,
  points INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (run, key, first_step, first_ms, first_value, first_nan)
) STRICT, WITHOUT ROWID;
CREATE TABLE metric_key (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE metric_log (
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  total INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE model (
  name TEXT PRIMARY KEY,
  created_us INTEGER NOT NULL
, updated_us INTEGER NOT NULL DEFAULT 0, description TEXT) STRICT;
CREATE TABLE model_tag (
  model TEXT NOT NULL REFERENCES model (name) ON UPDATE CASCADE ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE "param" (
  run INTEGER NOT NULL REFERENCES "run" (sequence) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE "run" (
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
CREATE TABLE run_change (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL UNIQUE
) STRICT;
CREATE TABLE run_dataset (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  dataset INTEGER NOT NULL REFERENCES dataset (number) ON DELETE CASCADE,
  UNIQUE (run, dataset)
) STRICT;
CREATE TABLE run_dataset_tag (
  run_dataset INTEGER NOT NULL REFERENCES run_dataset (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_model (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  direction TEXT NOT NULL CHECK (direction IN ('input', 'output')),
  model_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  UNIQUE (run, direction, model_id, step)
) STRICT;
CREATE TABLE "run_tag" (
  run INTEGER NOT NULL REFERENCES "run" (sequence) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE "version" (
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
CREATE TABLE "version_tag" (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, key),
  FOREIGN KEY (model, version) REFERENCES "version" (model, version) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE promotion_rule (
  model TEXT NOT NULL REFERENCES model (name) ON UPDATE CASCADE ON DELETE CASCADE,
  target TEXT NOT NULL,
  approvals INTEGER NOT NULL,
  PRIMARY KEY (model, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE promotion_metric (
  model TEXT NOT NULL,
  target TEXT NOT NULL,
  metric TEXT NOT NULL,
  at_least REAL,
  at_most REAL,
  PRIMARY KEY (model, target, metric),
  FOREIGN KEY (model, target) REFERENCES promotion_rule (model, target) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE promotion_tag (
  model TEXT NOT NULL,
  target TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT,
  PRIMARY KEY (model, target, key),
  FOREIGN KEY (model, target) REFERENCES promotion_rule (model, target) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE approval (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  target TEXT NOT NULL,
  who TEXT NOT NULL,
  comment TEXT NOT NULL,
  approved_us INTEGER NOT NULL,
  PRIMARY KEY (model, version, target, who),
  FOREIGN KEY (model, version) REFERENCES version (model, version) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT,
  url TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  secret BLOB,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE webhook_event (
  webhook INTEGER NOT NULL REFERENCES webhook (number) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  action TEXT NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (webhook, entity, action)
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_delivery (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  webhook INTEGER NOT NULL REFERENCES webhook (number) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  action TEXT NOT NULL,
  happened_us INTEGER NOT NULL,
  data TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_us INTEGER NOT NULL
) STRICT;
CREATE TABLE evaluation_dataset (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  schema TEXT,
  profile TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  created_by TEXT,
  updated_by TEXT
) STRICT;
CREATE TABLE evaluation_dataset_tag (
  dataset INTEGER NOT NULL REFERENCES evaluation_dataset (number) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT,
  PRIMARY KEY (dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE evaluation_dataset_experiment (
  dataset INTEGER NOT NULL REFERENCES evaluation_dataset (number) ON DELETE CASCADE,
  experiment_id TEXT NOT NULL,
  added_ms INTEGER NOT NULL,
  PRIMARY KEY (dataset, experiment_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE evaluation_record (
  id TEXT PRIMARY KEY,
  dataset INTEGER NOT NULL REFERENCES evaluation_dataset (number) ON DELETE CASCADE,
  input_hash TEXT NOT NULL,
  inputs TEXT NOT NULL,
  outputs TEXT,
  expectations TEXT,
  tags TEXT,
  source TEXT,
  source_id TEXT,
  source_type TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  created_by TEXT,
  updated_by TEXT,
  UNIQUE (dataset, input_hash)
) STRICT;
INSERT INTO keelson_schema VALUES('tracking',8);
INSERT INTO trace VALUES(1,'tr-000102030405060708090a0b0c0d0e0f',1,1700000000000,1500,'OK','client-1','hi','hello','chat','session-1',3,4,7,NULL,NULL,NULL,0.5,0.25,0.75);
INSERT INTO trace_tag VALUES(1,'mlflow.trace.spansLocation','TRACKING_STORE');
INSERT INTO trace_metadata VALUES(1,'mlflow.trace.infoFinalized','true');
INSERT INTO span VALUES(1,'0001020304050607',NULL,'root','LLM','OK',1700000000000000000,1700000001500000000,NULL,NULL,'{"name": "root"}',0.5,0.25,0.75,'m','us');
INSERT INTO assessment VALUES('a-1',1,'good','feedback','true',NULL,NULL,1700000000000,1700000000000,'HUMAN','ann',NULL,NULL,'fine',NULL,1,NULL);
INSERT INTO trace_run VALUES('0123456789abcdef0123456789abcdef',1);
INSERT INTO trace_prompt VALUES('greeting/1',1);
INSERT INTO alias VALUES('flight-delays','champion',2);
INSERT INTO alias_change VALUES(1,'flight-delays','champion',NULL,1,'gate','first',1364774400000000);
INSERT INTO alias_change VALUES(2,'flight-delays','champion',1,2,'canary','passed',1364774400000000);
INSERT INTO dataset VALUES(1,1,'flights','d1','local','{}',NULL,NULL);
INSERT INTO experiment VALUES(0,'Default',1364774400000000,'mlflow-artifacts:/0','active',1364774400000000);
INSERT INTO experiment VALUES(1,'flight-delays',1364774400000000,'mlflow-artifacts:/1','active',1364774400000000);
INSERT INTO experiment_tag VALUES(1,'team','ranking');
INSERT INTO latest_metric VALUES(1,1,1,1364774400000,0.6899999999999999467,0);
INSERT INTO latest_metric VALUES(1,2,1,1364774400000,0.0,1);
INSERT INTO lineage VALUES('version:flight-delays/2','endpoint:flight-delays','serves');
INSERT INTO lineage VALUES('run:0123456789abcdef0123456789abcdef','version:flight-delays/2','made');
INSERT INTO logged_model VALUES(1,'m-0123456789abcdef0123456789abcdef',1,'trees','mlflow-artifacts:/1/models/m-0123456789abcdef0123456789abcdef/artifacts',1364774400000,1364774400000,2,NULL,'','0123456789abcdef0123456789abcdef','active');
INSERT INTO logged_model_metric VALUES(1,'auc',1364774400000,1,'0123456789abcdef0123456789abcdef',0.6899999999999999467,NULL,NULL);
INSERT INTO logged_model_param VALUES(1,'p','1');
INSERT INTO logged_model_tag VALUES(1,'t','x');
INSERT INTO metric_block VALUES(1,1,0,1364774400000,0.6500000000000000222,0,1,1364774400000,0.6899999999999999467,0,2,X'02000000000100000000000000000000000000000000000000000000000001000000000000000000b0e4c23d010000000000000000000000cdcccccccccce43f14ae47e17a14e63f');
INSERT INTO metric_key VALUES(1,'auc');
INSERT INTO metric_key VALUES(2,'loss');
INSERT INTO metric_log VALUES(1,0,1,X'01000000010200000000000000000000000000000000010000000000000000000000000000000000b0e4c23d010000000000000000000000000000000000000001');
INSERT INTO model VALUES('flight-delays',1364774400000000,1364774400000000,NULL);
INSERT INTO model_tag VALUES('flight-delays','team','ranking');
INSERT INTO param VALUES(1,'max_depth','6');
INSERT INTO run VALUES(1,'0123456789abcdef0123456789abcdef',1,'train-1','finished',1364774400000,1364774460000,'active',NULL,'','mlflow-artifacts:/0123456789abcdef0123456789abcdef');
INSERT INTO run_change VALUES(1,1);
INSERT INTO run_dataset VALUES(1,1,1);
INSERT INTO run_dataset_tag VALUES(1,'mlflow.data.context','training');
INSERT INTO run_model VALUES(1,1,'output','m-0123456789abcdef0123456789abcdef',0);
INSERT INTO run_tag VALUES(1,'keelson.job','train-1');
INSERT INTO version VALUES('flight-delays',1,'','/data/artifacts/first/model','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',1364774400000000,1364774400000000,'None',NULL,NULL,NULL,'','','deleted');
INSERT INTO version VALUES('flight-delays',2,'0123456789abcdef0123456789abcdef','/data/artifacts/0123456789abcdef0123456789abcdef/model','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',1364774400000000,1364774400000000,'None',NULL,NULL,NULL,'','','active');
INSERT INTO version_tag VALUES('flight-delays',2,'auc','0.69');
INSERT INTO promotion_rule VALUES('flight-delays','alias:champion',1);
INSERT INTO promotion_metric VALUES('flight-delays','alias:champion','auc',0.59999999999999997779,NULL);
INSERT INTO promotion_tag VALUES('flight-delays','alias:champion','auc',NULL);
INSERT INTO approval VALUES('flight-delays',2,'alias:champion','ann','fine',1364774400000000);
INSERT INTO webhook VALUES(1,'0f8fad5b-d9cb-469f-a165-70867728950e','chat','tells the channel','https://hooks.example/keelson','active',NULL,1364774400000,1364774400000);
INSERT INTO webhook_event VALUES(1,'model_version_alias','created',0);
INSERT INTO webhook_delivery VALUES(1,'7c9e6679-7425-40de-944b-e07fc1f90ae7',1,'model_version_alias','created',1364774400000000,'{"name": "flight-delays", "alias": "champion", "version": "2"}',1,1364774401000000);
INSERT INTO evaluation_dataset VALUES(1,'d-000102030405060708090a0b0c0d0e0f','questions','916c5c67','{"inputs": {"q": "string"}, "outputs": {}, "expectations": {}, "version": "1.0"}','{"num_records": 1}',1700000000000,1700000000000,'ann',NULL);
INSERT INTO evaluation_dataset_tag VALUES(1,'mlflow.user','ann');
INSERT INTO evaluation_dataset_experiment VALUES(1,'1',1700000000000);
INSERT INTO evaluation_record VALUES('dr-000102030405060708090a0b0c0d0e0f',1,'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef','{"q": "why"}','{}',NULL,'{}','{"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}','tr-1','TRACE',1700000000000,1700000000000,NULL,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('experiment',1);
INSERT INTO sqlite_sequence VALUES('alias_change',2);
INSERT INTO sqlite_sequence VALUES('run',1);
INSERT INTO sqlite_sequence VALUES('run_change',1);
CREATE INDEX trace_by_start ON trace (experiment_id, started_ms DESC, id);
CREATE INDEX trace_by_session ON trace (experiment_id, session_id);
CREATE INDEX assessment_by_trace ON assessment (trace, created_ms);
CREATE INDEX assessment_by_name ON assessment (name, kind, trace);
CREATE INDEX trace_run_by_trace ON trace_run (trace);
CREATE INDEX trace_prompt_by_trace ON trace_prompt (trace);
CREATE INDEX alias_change_by_model ON alias_change (model, sequence);
CREATE INDEX lineage_by_downstream ON lineage (downstream);
CREATE INDEX run_by_experiment ON run (experiment_id, sequence);
CREATE INDEX run_dataset_by_dataset ON run_dataset (dataset);
CREATE INDEX logged_model_by_experiment ON logged_model (experiment_id, lifecycle, created_ms DESC, id);
CREATE INDEX version_by_run ON version (run_id);
CREATE INDEX version_by_update ON version (updated_us DESC, model, version DESC);
CREATE INDEX alias_by_version ON alias (model, version);
CREATE INDEX version_by_source ON version (source);
CREATE INDEX version_by_location ON version (location);
CREATE INDEX webhook_by_creation ON webhook (created_ms DESC, number DESC);
CREATE INDEX webhook_event_by_kind ON webhook_event (entity, action);
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (due_us);
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook);
CREATE INDEX run_by_start ON run (experiment_id, lifecycle, started_ms DESC, sequence);
CREATE TRIGGER run_is_made AFTER INSERT ON run BEGIN
  INSERT INTO run_change (run) VALUES (new.sequence);
END;
CREATE TRIGGER run_changes AFTER UPDATE OF experiment_id, status, started_ms, lifecycle ON run BEGIN
  DELETE FROM run_change WHERE run = new.sequence;
  INSERT INTO run_change (run) VALUES (new.sequence);
END;
CREATE TRIGGER run_goes AFTER DELETE ON run BEGIN
  DELETE FROM run_change WHERE run = old.sequence;
  INSERT INTO run_change (run) VALUES (old.sequence);
END;
CREATE INDEX evaluation_dataset_by_creation ON evaluation_dataset (created_ms DESC, id DESC);
CREATE INDEX evaluation_dataset_by_experiment ON evaluation_dataset_experiment (experiment_id);
CREATE INDEX evaluation_record_by_creation ON evaluation_record (dataset, created_ms, id);
