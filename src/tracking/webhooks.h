#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "io/secret_box.h"
#include "tracking/records.h"
#include "tracking/webhook_event.h"

namespace keelson::tracking {

struct WebhookRecord {
  std::string id = {};  // a UUID
  std::string name = {};
  std::optional<std::string> description = {};
  std::string url = {};
  std::vector<WebhookEvent> events = {};
  bool active = true;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
};

// One event that is still to be told to one webhook.
struct WebhookDelivery {
  std::string id = {};  // a UUID, the same however often it is tried
  std::string webhook_id = {};
  std::string url = {};
  std::string secret = {};  // "": it is not signed
  WebhookEvent event = {};
  Instant happened = {};
  std::string data = {};  // JSON
  std::int64_t attempts = 0;
};

// Webhooks, and what is still to be sent to them (tracking/announcements.h puts it there). A secret is stored sealed
// and shown to nobody. What is not there is kNotFound in MLflow's words. Every write is durable when it returns.
// Thread-safe; the database and the clock outlive it.
class Webhooks {
 public:
  Webhooks(io::Database& database, const Clock& clock, io::SecretBox box)
      : database_(database), clock_(clock), box_(std::move(box)) {}

  struct New {
    std::string name = {};
    std::string url = {};
    std::vector<WebhookEvent> events = {};  // at least one; what is named twice counts once
    std::optional<std::string> description = {};
    std::string secret = {};
    bool active = true;
  };
  Result<WebhookRecord> Create(const New& given);

  // What is given takes the place of what was; a secret "" takes it away. What waits to be sent goes to the new
  // address.
  struct Change {
    std::optional<std::string> name = {};
    std::optional<std::string> url = {};
    std::vector<WebhookEvent> events = {};  // none: those that were
    std::optional<std::string> description = {};
    std::optional<std::string> secret = {};
    std::optional<bool> active = {};  // when not, nothing new is announced to it
  };
  Result<WebhookRecord> Update(const std::string& id, const Change& change);

  Result<WebhookRecord> Get(const std::string& id);
  Result<std::string> Secret(const std::string& id);                                // "" when it has none
  Result<Page<WebhookRecord>> List(std::int64_t at_most, const std::string& page);  // the newest first
  Status Delete(const std::string& id);                                             // with what was to be sent

  // What is due, the longest first: at most so many, and at most `of_each` of one webhook. What is not finished or
  // postponed stays due. One whose secret does not open is left out and postponed, for the log says what to do.
  Result<std::vector<WebhookDelivery>> Due(std::int64_t at_most, std::int64_t of_each);
  Status Finish(const std::string& delivery_id);                   // no error when it is gone
  Status Postpone(const std::string& delivery_id, Instant until);  // after one more attempt

 private:
  io::Database& database_;
  const Clock& clock_;
  const io::SecretBox box_;
};

}  // namespace keelson::tracking
