#include "tracking/webhook_schema.h"

namespace keelson::tracking {

const std::string_view kWebhookSchema = R"sql(
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
CREATE INDEX webhook_by_creation ON webhook (created_ms DESC, number DESC);
CREATE TABLE webhook_event (
  webhook INTEGER NOT NULL REFERENCES webhook (number) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  action TEXT NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (webhook, entity, action)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_event_by_kind ON webhook_event (entity, action);
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
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (due_us);
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook);
)sql";

}  // namespace keelson::tracking
