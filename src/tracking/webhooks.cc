#include "tracking/webhooks.h"

#include <fmt/format.h>

#include "base/log.h"
#include "tracking/pairs.h"
#include "tracking/transaction.h"
#include "tracking/uuid.h"

namespace keelson::tracking {
namespace {

constexpr Duration kUntilTheKeyIsBack = std::chrono::minutes(1);

// Of one statement: "SELECT number, id, name, description, url, status, created_ms, updated_ms FROM webhook ...".
struct Row {
  std::int64_t number = 0;
  WebhookRecord record;
};

std::string_view StatusName(bool active) {
  return active ? "active" : "disabled";
}

io::SqlValue TextOrNull(const std::optional<std::string>& text) {
  return text && !text->empty() ? io::SqlValue(*text) : io::SqlValue();
}

std::unexpected<Error> NotFound(const std::string& id) {
  return Fail(ErrorCode::kNotFound, fmt::format("Webhook with ID {} not found.", id));
}

Result<Row> ReadRow(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT number, name, description, url, status, created_ms, updated_ms FROM webhook WHERE id = ?",
                    {id}));
  if (rows.empty()) return NotFound(id);
  const auto& columns = rows[0];
  Row row{io::AsInt(columns[0]), {}};
  row.record = {.id = id,
                .name = io::AsText(columns[1]),
                .description = io::IsNull(columns[2]) ? std::nullopt : std::optional(io::AsText(columns[2])),
                .url = io::AsText(columns[3]),
                .events = {},
                .active = io::AsText(columns[4]) == StatusName(true),
                .created_ms = io::AsInt(columns[5]),
                .updated_ms = io::AsInt(columns[6])};
  KEELSON_ASSIGN_OR_RETURN(
      const auto events,
      session.Query("SELECT entity, action FROM webhook_event WHERE webhook = ? ORDER BY place", {row.number}));
  for (const auto& event : events) {
    row.record.events.push_back({*WebhookEntityNamed(io::AsText(event[0])), *WebhookActionNamed(io::AsText(event[1]))});
  }
  return row;
}

Status PutEvents(io::SqlSession& session, std::int64_t webhook, const std::vector<WebhookEvent>& events) {
  KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM webhook_event WHERE webhook = ?", {webhook}));
  for (std::size_t i = 0; i < events.size(); ++i) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT OR IGNORE INTO webhook_event (webhook, place, entity, action) VALUES (?, ?, ?, ?)",
                        {webhook, static_cast<std::int64_t>(i), std::string(NameOf(events[i].entity)),
                         std::string(NameOf(events[i].action))}));
  }
  return {};
}

Result<io::SqlValue> Sealed(const io::SecretBox& box, const std::string& secret, const std::string& id) {
  if (secret.empty()) return io::SqlValue();
  KEELSON_ASSIGN_OR_RETURN(std::string sealed, box.Seal(secret, id));
  return io::SqlBlob{std::move(sealed)};
}

Result<std::string> Opened(const io::SecretBox& box, const io::SqlValue& sealed, const std::string& id) {
  if (io::IsNull(sealed)) return "";
  return box.Open(io::AsBytes(sealed), id);
}

}  // namespace

Result<WebhookRecord> Webhooks::Create(const New& given) {
  const std::string id = RandomUuid();
  KEELSON_ASSIGN_OR_RETURN(const io::SqlValue secret, Sealed(box_, given.secret, id));
  return Writing(database_, [&](io::SqlSession& session) -> Result<WebhookRecord> {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO webhook (id, name, description, url, status, secret, created_ms, updated_ms) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
                        {id, given.name, TextOrNull(given.description), given.url,
                         std::string(StatusName(given.active)), secret, ToMicros(clock_.WallNow()) / 1000}));
    KEELSON_ASSIGN_OR_RETURN(const Row made, ReadRow(session, id));
    KEELSON_RETURN_IF_ERROR(PutEvents(session, made.number, given.events));
    KEELSON_ASSIGN_OR_RETURN(Row whole, ReadRow(session, id));
    return std::move(whole.record);
  });
}

Result<WebhookRecord> Webhooks::Update(const std::string& id, const Change& change) {
  KEELSON_ASSIGN_OR_RETURN(const io::SqlValue secret, Sealed(box_, change.secret.value_or(""), id));
  return Writing(database_, [&](io::SqlSession& session) -> Result<WebhookRecord> {
    KEELSON_ASSIGN_OR_RETURN(const Row old, ReadRow(session, id));
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE webhook SET name = ?, description = ?, url = ?, status = ?, updated_ms = ? WHERE number = ?",
        {change.name.value_or(old.record.name),
         TextOrNull(change.description ? change.description : old.record.description),
         change.url.value_or(old.record.url), std::string(StatusName(change.active.value_or(old.record.active))),
         ToMicros(clock_.WallNow()) / 1000, old.number}));
    if (change.secret) {
      KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE webhook SET secret = ? WHERE number = ?", {secret, old.number}));
    }
    if (!change.events.empty()) KEELSON_RETURN_IF_ERROR(PutEvents(session, old.number, change.events));
    KEELSON_ASSIGN_OR_RETURN(Row changed, ReadRow(session, id));
    return std::move(changed.record);
  });
}

Result<WebhookRecord> Webhooks::Get(const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<WebhookRecord> {
    KEELSON_ASSIGN_OR_RETURN(Row row, ReadRow(session, id));
    return std::move(row.record);
  });
}

Result<std::string> Webhooks::Secret(const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(
      const io::SqlValue sealed, Reading(database_, [&](io::SqlSession& session) -> Result<io::SqlValue> {
        KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT secret FROM webhook WHERE id = ?", {id}));
        if (rows.empty()) return NotFound(id);
        return rows[0][0];
      }));
  return Opened(box_, sealed, id);
}

Result<Page<WebhookRecord>> Webhooks::List(std::int64_t at_most, const std::string& page) {
  SqlText from;
  from.Add("FROM webhook w");
  const std::vector<SortColumn> columns = {{{"w.created_ms", {}}, false}, {{"w.number", {}}, false}};
  Search search;
  search.at_most = at_most;
  search.page = page;
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("w.id", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<WebhookRecord>(session, sql, columns, search, [&](const io::SqlRow& row) -> Result<WebhookRecord> {
      KEELSON_ASSIGN_OR_RETURN(Row one, ReadRow(session, io::AsText(row[0])));
      return std::move(one.record);
    });
  });
}

Status Webhooks::Delete(const std::string& id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto gone, session.Execute("DELETE FROM webhook WHERE id = ?", {id}));
    return gone == 0 ? NotFound(id) : Status();
  });
}

Result<std::vector<WebhookDelivery>> Webhooks::Due(std::int64_t at_most, std::int64_t of_each) {
  const Instant now = clock_.WallNow();
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows, Reading(database_, [&](io::SqlSession& session) {
        return session.Query(
            "SELECT d.id, w.id, w.url, w.secret, d.entity, d.action, d.happened_us, d.data, d.attempts FROM "
            "(SELECT *, row_number() OVER (PARTITION BY webhook ORDER BY due_us, number) AS place "
            "FROM webhook_delivery WHERE due_us <= ?) AS d JOIN webhook w ON w.number = d.webhook "
            "WHERE d.place <= ? ORDER BY d.due_us, d.number LIMIT ?",
            {ToMicros(now), of_each, at_most});
      }));
  std::vector<WebhookDelivery> due;
  for (const auto& row : rows) {
    const std::string& id = io::AsText(row[0]);
    auto secret = Opened(box_, row[3], io::AsText(row[1]));
    if (!secret.has_value()) {
      LogError("a webhook waits: its deliveries cannot be signed",
               {{"webhook", io::AsText(row[1])}, {"error", secret.error().ToString()}});
      KEELSON_RETURN_IF_ERROR(database_.Write([&](io::SqlSession& session) -> Status {
        KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE webhook_delivery SET due_us = ? WHERE id = ?",
                                                {ToMicros(now + kUntilTheKeyIsBack), id}));
        return {};
      }));
      continue;
    }
    due.push_back({.id = id,
                   .webhook_id = io::AsText(row[1]),
                   .url = io::AsText(row[2]),
                   .secret = *std::move(secret),
                   .event = {*WebhookEntityNamed(io::AsText(row[4])), *WebhookActionNamed(io::AsText(row[5]))},
                   .happened = InstantFromMicros(io::AsInt(row[6])),
                   .data = io::AsText(row[7]),
                   .attempts = io::AsInt(row[8])});
  }
  return due;
}

Status Webhooks::Finish(const std::string& delivery_id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM webhook_delivery WHERE id = ?", {delivery_id}));
    return {};
  });
}

Status Webhooks::Postpone(const std::string& delivery_id, Instant until) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE webhook_delivery SET attempts = attempts + 1, due_us = ? WHERE id = ?",
                        {ToMicros(until), delivery_id}));
    return {};
  });
}

}  // namespace keelson::tracking
