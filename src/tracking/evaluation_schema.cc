#include "tracking/evaluation_schema.h"

#include <vector>

#include "tracking/trace_usage.h"

namespace keelson::tracking {

// A record's parts are JSON texts, in the order in which the client wrote their keys; `input_hash` is that of its
// inputs, by which it is found again. Experiments are named by the client and need not be there.
const std::string_view kEvaluationSchema = R"sql(
ALTER TABLE span ADD COLUMN input_cost REAL;
ALTER TABLE span ADD COLUMN output_cost REAL;
ALTER TABLE span ADD COLUMN total_cost REAL;
ALTER TABLE span ADD COLUMN model_name TEXT;
ALTER TABLE span ADD COLUMN model_provider TEXT;

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
CREATE INDEX evaluation_dataset_by_creation ON evaluation_dataset (created_ms DESC, id DESC);
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
CREATE INDEX evaluation_dataset_by_experiment ON evaluation_dataset_experiment (experiment_id);
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
CREATE INDEX evaluation_record_by_creation ON evaluation_record (dataset, created_ms, id);
)sql";

Status FillSpanColumns(io::SqlSession& session) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto spans,
      session.Query("SELECT trace, id FROM span WHERE instr(content, '\"mlflow.llm.') > 0 ORDER BY trace, id"));
  for (const auto& span : spans) {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT content FROM span WHERE trace = ? AND id = ?", {span[0], span[1]}));
    const OrderedJson content = ParseOrdered(io::AsText(rows.at(0)[0]));
    if (!content.is_object() || !content.contains("attributes")) continue;
    std::vector<io::SqlValue> values = ToSql(ReadModelUsage(content["attributes"]));
    values.insert(values.end(), {span[0], span[1]});
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE span SET input_cost = ?, output_cost = ?, total_cost = ?, model_name = ?, model_provider = ? WHERE "
        "trace = ? AND id = ?",
        values));
  }
  return {};
}

}  // namespace keelson::tracking
