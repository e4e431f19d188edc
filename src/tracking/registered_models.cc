#include "tracking/registered_models.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "tracking/aliases.h"
#include "tracking/announcements.h"
#include "tracking/pairs.h"
#include "tracking/promotion.h"
#include "tracking/prompts.h"
#include "tracking/transaction.h"
#include "tracking/version_rows.h"

namespace keelson::tracking {
namespace {

constexpr std::string_view kPutTag =
    "INSERT INTO model_tag VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value";

Error NameTaken(const std::string& name, bool existing_prompt, bool new_prompt) {
  const auto kind = [](bool prompt) { return prompt ? "Prompt" : "Registered Model"; };
  if (existing_prompt == new_prompt) {
    return {ErrorCode::kAlreadyExists, fmt::format("{} (name={}) already exists.", kind(new_prompt), name), ""};
  }
  return {ErrorCode::kAlreadyExists,
          fmt::format("Tried to create a {} with name '{}', but the name is already taken by a {}. MLflow does not "
                      "allow creating a model and a prompt with the same name.",
                      ToLower(kind(new_prompt)), name, ToLower(kind(existing_prompt))),
          ""};
}

Status Touch(io::SqlSession& session, const std::string& name, std::int64_t now_us) {
  KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE model SET updated_us = ? WHERE name = ?", {now_us, name}));
  return {};
}

std::string_view ModelColumn(std::string_view key) {
  if (key == "timestamp" || key == "last_updated_timestamp") return "m.updated_us / 1000";
  if (key == "creation_timestamp") return "m.created_us / 1000";
  return "m.name";
}

}  // namespace

Result<ModelRecord> RegisteredModels::Create(const std::string& name, const Pairs& tags,
                                             const std::string& description) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<ModelRecord> {
    const auto existing = ReadModel(session, name);
    if (existing.has_value()) return std::unexpected(NameTaken(name, IsPrompt(existing->tags), IsPrompt(tags)));
    if (existing.error().code != ErrorCode::kNotFound) return std::unexpected(existing.error());
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO model (name, created_us, updated_us, description) VALUES (?1, ?2, ?2, ?3)",
                        {name, NowMicros(), description}));
    KEELSON_RETURN_IF_ERROR(PutPairs(session, kPutTag, name, tags));
    KEELSON_ASSIGN_OR_RETURN(ModelRecord model, ReadModel(session, name));
    KEELSON_RETURN_IF_ERROR(AnnounceModel(session, clock_.WallNow(), model));
    return model;
  });
}

Result<ModelRecord> RegisteredModels::Get(const std::string& name) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadModel(session, name); });
}

Result<ModelRecord> RegisteredModels::Describe(const std::string& name, const std::string& description) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<ModelRecord> {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE model SET description = ?, updated_us = ? WHERE name = ?",
                                            {description, NowMicros(), name}));
    return ReadModel(session, name);
  });
}

Result<ModelRecord> RegisteredModels::Rename(const std::string& name, const std::string& new_name) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<ModelRecord> {
    KEELSON_RETURN_IF_ERROR(ReadModel(session, name));
    const std::int64_t now = NowMicros();
    const auto renamed =
        session.Execute("UPDATE model SET name = ?, updated_us = ? WHERE name = ?", {new_name, now, name});
    if (!renamed.has_value()) {
      if (renamed.error().code != ErrorCode::kAlreadyExists) return std::unexpected(renamed.error());
      return Fail(ErrorCode::kAlreadyExists, fmt::format("Registered Model (name={}) already exists.", new_name));
    }
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE version SET updated_us = ? WHERE model = ?", {now, new_name}));
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE alias_change SET model = ? WHERE model = ?", {new_name, name}));
    for (const char* end : {"upstream", "downstream"}) {  // "version:NAME/3" is what lineage calls a version
      const bool up = std::string_view(end) == "upstream";
      const std::string renamed = fmt::format("'version:' || ?1 || substr({}, length(?2) + 9)", end);
      const std::string those = fmt::format("substr({0}, 1, length(?2) + 9) = 'version:' || ?2 || '/'", end);
      KEELSON_RETURN_IF_ERROR(
          session.Execute(fmt::format("INSERT OR IGNORE INTO lineage SELECT {}, {}, label FROM lineage WHERE {}",
                                      up ? renamed : "upstream", up ? "downstream" : renamed, those),
                          {new_name, name}));
      KEELSON_RETURN_IF_ERROR(session.Execute(
          fmt::format("DELETE FROM lineage WHERE substr({0}, 1, length(?1) + 9) = 'version:' || ?1 || '/'", end),
          {name}));
    }
    return ReadModel(session, new_name);
  });
}

Status RegisteredModels::Delete(const std::string& name) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto model, ReadModel(session, name));
    for (const auto& [alias, version] : model.aliases) {
      KEELSON_RETURN_IF_ERROR(RecordChange(session, {name, alias, static_cast<int>(version), std::nullopt, "mlflow",
                                                     "the model was deleted", clock_.WallNow()}));
    }
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM model WHERE name = ?", {name}));
    return {};
  });
}

Status RegisteredModels::SetTag(const std::string& name, const std::string& key, const std::string& value) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadModel(session, name));
    KEELSON_RETURN_IF_ERROR(PutPairs(session, kPutTag, name, {{key, value}}));
    return AnnounceModelTag(session, clock_.WallNow(), name, key, value);
  });
}

Status RegisteredModels::DeleteTag(const std::string& name, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadModel(session, name));
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM model_tag WHERE model = ? AND key = ?", {name, key}));
    return AnnounceModelTag(session, clock_.WallNow(), name, key, std::nullopt);
  });
}

Result<Page<ModelRecord>> RegisteredModels::Find(const Search& search) {
  SqlText from;
  from.Add("FROM model m WHERE 1 = 1");
  for (const Condition& condition : search.conditions) {
    if (condition.entity == Entity::kTag) continue;
    from.Add(" AND ");
    from.Add(CompareSql("m.name", condition.compare, condition.values));
  }
  from.Add(TagConditionsSql(search.conditions, false));
  std::vector<SortColumn> columns;
  bool by_name = false;
  for (const Order& order : search.order) {
    columns.push_back({{std::string(ModelColumn(order.key)), {}}, order.ascending});
    by_name = by_name || order.key == "name";
  }
  if (!by_name) columns.push_back({{"m.name", {}}, true});
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("m.name", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<ModelRecord>(session, sql, columns, search,
                                 [&](const io::SqlRow& row) { return ReadModel(session, io::AsText(row[0])); });
  });
}

Status RegisteredModels::SetAlias(const std::string& name, const std::string& alias, std::int64_t version,
                                  const std::string& who) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, name, version));
    const Instant now = clock_.WallNow();
    KEELSON_RETURN_IF_ERROR(MoveAlias(session, {name, alias, std::nullopt, static_cast<int>(version), who, "", now}));
    return AnnounceAlias(session, now, name, alias, version);
  });
}

Status RegisteredModels::DeleteAlias(const std::string& name, const std::string& alias, const std::string& who) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadModel(session, name));
    const Instant now = clock_.WallNow();
    KEELSON_RETURN_IF_ERROR(MoveAlias(session, {name, alias, std::nullopt, std::nullopt, who, "", now}));
    return AnnounceAlias(session, now, name, alias, std::nullopt);
  });
}

Result<VersionRecord> RegisteredModels::GetByAlias(const std::string& name, const std::string& alias) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<VersionRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto model, ReadModel(session, name));
    if (ToLower(alias) == "latest") {
      if (model.latest.empty()) {
        return Fail(ErrorCode::kNotFound, fmt::format("Latest version not found for model {}.", name));
      }
      return model.latest.back();
    }
    for (const auto& [each, version] : model.aliases) {
      if (each == alias) return ReadVersionRecord(session, name, version);
    }
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Registered model alias {} not found.", alias));
  });
}

Result<VersionRecord> RegisteredModels::CreateVersion(const NewVersion& given) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<VersionRecord> {
    KEELSON_RETURN_IF_ERROR(ReadModel(session, given.model));
    const std::int64_t now = NowMicros();
    KEELSON_RETURN_IF_ERROR(Touch(session, given.model, now));
    KEELSON_ASSIGN_OR_RETURN(
        const auto last, session.Query("SELECT coalesce(max(version), 0) FROM version WHERE model = ?", {given.model}));
    const std::int64_t version = io::AsInt(last.at(0)[0]) + 1;
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO version (model, version, run_id, source, content_hash, created_us, updated_us, description, "
        "run_link, location, model_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10)",
        {given.model, version, given.run_id, given.source, given.content_hash, now, given.description, given.run_link,
         given.location, given.model_id}));
    for (const auto& [key, value] : given.tags) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT INTO version_tag VALUES (?, ?, ?, ?) ON CONFLICT (model, version, key) DO UPDATE SET "
                          "value = excluded.value",
                          {given.model, version, key, value}));
    }
    KEELSON_ASSIGN_OR_RETURN(VersionRecord record, ReadVersionRecord(session, given.model, version));
    KEELSON_RETURN_IF_ERROR(AnnounceVersion(session, clock_.WallNow(), record));
    return record;
  });
}

Result<VersionRecord> RegisteredModels::GetVersion(const std::string& name, std::int64_t version) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadVersionRecord(session, name, version); });
}

Result<std::string> RegisteredModels::ContentHash(const std::string& name, std::int64_t version) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::string> {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, name, version));
    KEELSON_ASSIGN_OR_RETURN(
        const auto rows,
        session.Query("SELECT content_hash FROM version WHERE model = ? AND version = ?", {name, version}));
    return io::AsText(rows.at(0)[0]);
  });
}

Result<VersionRecord> RegisteredModels::DescribeVersion(const std::string& name, std::int64_t version,
                                                        const std::optional<std::string>& description) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<VersionRecord> {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, name, version));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE version SET description = ?, updated_us = ? WHERE model = ? AND version = ?",
                        {description ? io::SqlValue(*description) : io::SqlValue(), NowMicros(), name, version}));
    return ReadVersionRecord(session, name, version);
  });
}

Result<VersionRecord> RegisteredModels::Transition(const std::string& name, std::int64_t version,
                                                   const std::string& stage, bool archive_others) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<VersionRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto found, ReadVersionRecord(session, name, version));
    if (found.stage != stage) {
      KEELSON_RETURN_IF_ERROR(CheckPromotion(session, name, version, {PromotionTarget::Kind::kStage, stage}));
    }
    const std::int64_t now = NowMicros();
    if (archive_others) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("UPDATE version SET stage = 'Archived', updated_us = ? WHERE model = ? AND version != ? AND "
                          "stage = ? AND lifecycle = 'active'",
                          {now, name, version, stage}));
    }
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE version SET stage = ?, updated_us = ? WHERE model = ? AND version = ?", {stage, now, name, version}));
    KEELSON_RETURN_IF_ERROR(Touch(session, name, now));
    return ReadVersionRecord(session, name, version);
  });
}

Status RegisteredModels::DeleteVersion(const std::string& name, std::int64_t version, const std::string& who) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto found, ReadVersionRecord(session, name, version));
    for (const auto& alias : found.aliases) {
      KEELSON_RETURN_IF_ERROR(MoveAlias(
          session, {name, alias, std::nullopt, std::nullopt, who, "the version was deleted", clock_.WallNow()}));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE version SET lifecycle = 'deleted', updated_us = ? WHERE model = ? AND version = ?",
                        {NowMicros(), name, version}));
    return Touch(session, name, NowMicros());
  });
}

Status RegisteredModels::SetVersionTag(const std::string& name, std::int64_t version, const std::string& key,
                                       const std::string& value) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, name, version));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO version_tag VALUES (?, ?, ?, ?) ON CONFLICT (model, version, key) DO UPDATE SET "
                        "value = excluded.value",
                        {name, version, key, value}));
    return AnnounceVersionTag(session, clock_.WallNow(), name, version, key, value);
  });
}

Status RegisteredModels::DeleteVersionTag(const std::string& name, std::int64_t version, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, name, version));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("DELETE FROM version_tag WHERE model = ? AND version = ? AND key = ?", {name, version, key}));
    return AnnounceVersionTag(session, clock_.WallNow(), name, version, key, std::nullopt);
  });
}

Result<Page<VersionRecord>> RegisteredModels::FindVersions(const Search& search) {
  const auto column = [](std::string_view key) -> std::string {
    if (key == "version_number") return "v.version";
    if (key == "run_id") return "v.run_id";
    if (key == "source_path") {  // as ReadVersionRecord gives it
      return "CASE WHEN instr(v.source, ':') THEN v.source WHEN substr(v.source, 1, 1) = '/' THEN 'file://' || "
             "v.source "
             "ELSE 'mlflow-artifacts:/' || v.source END";
    }
    if (key == "creation_timestamp") return "v.created_us / 1000";
    if (key == "last_updated_timestamp") return "v.updated_us / 1000";
    return "v.model";
  };
  SqlText from;
  from.Add("FROM version v WHERE v.lifecycle = 'active'");
  for (const Condition& condition : search.conditions) {
    if (condition.entity == Entity::kTag) continue;
    from.Add(" AND ");
    from.Add(CompareSql(column(condition.key), condition.compare, condition.values));
  }
  from.Add(TagConditionsSql(search.conditions, true));
  std::vector<SortColumn> columns;
  bool by_name = false;
  bool by_version = false;
  const auto add = [&](const std::string& key, bool ascending) {
    columns.push_back({{column(key), {}}, ascending});
    by_name = by_name || key == "name";
    by_version = by_version || key == "version_number";
  };
  for (const Order& order : search.order) add(order.key, order.ascending);
  if (search.order.empty()) add("last_updated_timestamp", false);
  if (!by_name) add("name", true);
  if (!by_version) add("version_number", false);
  const auto number = static_cast<std::size_t>(
      std::ranges::find(columns, std::string("v.version"), [](const SortColumn& c) { return c.expression.text; }) -
      columns.begin());
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("v.model", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<VersionRecord>(session, sql, columns, search, [&](const io::SqlRow& row) {
      return ReadVersionRecord(session, io::AsText(row[0]), io::AsInt(row[number + 1]));
    });
  });
}

}  // namespace keelson::tracking
