#include "tracking/trace_schema.h"

namespace keelson::tracking {

// Token counts and costs stand in columns, as searches and sums of traces read them. `content` is a span as JSON, as
// MLflow's clients read it; `usage` and `cost` are what it says of itself, for the sums over the tree of spans.
const std::string_view kTraceSchema = R"sql(
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
CREATE INDEX trace_by_start ON trace (experiment_id, started_ms DESC, id);
CREATE INDEX trace_by_session ON trace (experiment_id, session_id);

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
  content TEXT NOT NULL,
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
CREATE INDEX assessment_by_trace ON assessment (trace, created_ms);
CREATE INDEX assessment_by_name ON assessment (name, kind, trace);

CREATE TABLE trace_run (
  run_id TEXT NOT NULL,
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  PRIMARY KEY (run_id, trace)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_run_by_trace ON trace_run (trace);
CREATE TABLE trace_prompt (
  prompt TEXT NOT NULL,
  trace INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
  PRIMARY KEY (prompt, trace)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_prompt_by_trace ON trace_prompt (trace);
)sql";

}  // namespace keelson::tracking
