#include "tracking/history_schema.h"

namespace keelson::tracking {

const std::string_view kHistorySchema = R"sql(
ALTER TABLE metric RENAME TO metric_row;

CREATE TABLE metric_log (
  run INTEGER NOT NULL REFERENCES run (sequence) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  total INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (run, number)
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

CREATE TABLE run_change (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL UNIQUE
) STRICT;
DROP INDEX run_by_start;
CREATE INDEX run_by_start ON run (experiment_id, lifecycle, started_ms DESC, sequence);
)sql";

const std::string_view kRunTriggers = R"sql(
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
)sql";
const std::string_view kRunTriggersOfPostgres = R"sql(
CREATE FUNCTION note_run_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed BIGINT;
BEGIN
  IF TG_OP = 'DELETE' THEN changed := old.sequence; ELSE changed := new.sequence; END IF;
  DELETE FROM run_change WHERE run = changed;
  INSERT INTO run_change (run) VALUES (changed);
  RETURN NULL;
END
$$;
CREATE TRIGGER run_changes AFTER INSERT OR DELETE OR UPDATE OF experiment_id, status, started_ms, lifecycle ON run
  FOR EACH ROW EXECUTE FUNCTION note_run_change();
)sql";

}  // namespace keelson::tracking
