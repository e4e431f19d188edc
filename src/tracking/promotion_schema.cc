#include "tracking/promotion_schema.h"

namespace keelson::tracking {

const std::string_view kPromotionSchema = R"sql(
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
CREATE INDEX version_by_source ON version (source);
CREATE INDEX version_by_location ON version (location);
)sql";

}  // namespace keelson::tracking
