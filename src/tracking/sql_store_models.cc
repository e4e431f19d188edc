// Registered models, their versions and aliases.
#include <fmt/format.h>

#include "io/files.h"
#include "tracking/aliases.h"
#include "tracking/announcements.h"
#include "tracking/sql_store.h"
#include "tracking/version_rows.h"

namespace keelson::tracking {
namespace {

std::string VersionName(const std::string& model, std::int64_t version) {
  return fmt::format("{}/{}", model, version);
}

// What a source that is no absolute path starts with is the folder of artifacts.
std::string Resolved(const std::string& source, const std::string& artifacts) {
  constexpr std::string_view kProxied = "mlflow-artifacts:/";  // what a client registered
  if (source.starts_with(kProxied)) return artifacts + "/" + source.substr(kProxied.size());
  return source.starts_with('/') || source.contains(':') ? source : artifacts + "/" + source;
}

std::string Stored(const std::string& source, const std::string& artifacts) {
  return source.starts_with(artifacts + "/") ? source.substr(artifacts.size() + 1) : source;
}

Result<ModelVersion> ReadVersion(io::SqlSession& session, const std::string& artifacts, const std::string& model,
                                 std::int64_t version) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT run_id, coalesce(nullif(location, ''), source), content_hash, created_us FROM version "
                    "WHERE model = ? AND version = ? AND lifecycle = 'active'",
                    {model, version}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, "no such model version", VersionName(model, version));
  ModelVersion found;
  found.model = model;
  found.version = static_cast<int>(version);
  found.run_id = io::AsText(rows[0][0]);
  found.source = Resolved(io::AsText(rows[0][1]), artifacts);
  found.content_hash = io::AsText(rows[0][2]);
  found.created = InstantFromMicros(io::AsInt(rows[0][3]));
  KEELSON_ASSIGN_OR_RETURN(
      const auto tags,
      session.Query("SELECT key, value FROM version_tag WHERE model = ? AND version = ?", {model, version}));
  for (const auto& row : tags) found.tags[io::AsText(row[0])] = io::AsText(row[1]);
  KEELSON_ASSIGN_OR_RETURN(
      const auto aliases,
      session.Query("SELECT alias FROM alias WHERE model = ? AND version = ? ORDER BY alias", {model, version}));
  for (const auto& row : aliases) found.aliases.push_back(io::AsText(row[0]));
  return found;
}

std::optional<int> OptionalVersion(const io::SqlValue& value) {
  if (io::IsNull(value)) return std::nullopt;
  return static_cast<int>(io::AsInt(value));
}

}  // namespace

Result<ModelVersion> SqlStore::RegisterVersion(const std::string& model, const std::string& run_id,
                                               const std::string& source,
                                               const std::map<std::string, std::string>& tags) {
  KEELSON_RETURN_IF_ERROR(CheckName("model name", model));
  if (model.find_first_of("/:") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "a model name has no '/' or ':'", model);
  }
  for (const auto& [key, value] : tags) {
    KEELSON_RETURN_IF_ERROR(CheckName("tag key", key));
    KEELSON_RETURN_IF_ERROR(CheckValue("tag value", value));
  }
  // Hashed outside the transaction, which must not wait for a large folder. A retry may come when retention has taken
  // it.
  // Synced too: a version that is answered must not lose its files with the machine.
  const std::string stored = Stored(source, artifact_root_);
  const Status synced = io::SyncTree(source);
  const auto hash = synced.has_value() ? io::HashTree(source) : std::unexpected(synced.error());
  return Writing([&](io::SqlSession& session) -> Result<ModelVersion> {
    KEELSON_ASSIGN_OR_RETURN(
        const auto existing,
        session.Query("SELECT version, content_hash FROM version WHERE model = ? AND run_id = ? AND source = ? "
                      "AND lifecycle = 'active'",
                      {model, run_id, stored}));
    if (!existing.empty()) {
      if (hash.has_value() && *hash != io::AsText(existing[0][1])) {
        return Fail(ErrorCode::kAlreadyExists, "the folder was registered before with other content", source);
      }
      return ReadVersion(session, artifact_root_, model, io::AsInt(existing[0][0]));
    }
    if (!hash.has_value()) return std::unexpected(hash.error());
    if (!run_id.empty()) {
      KEELSON_ASSIGN_OR_RETURN(const auto runs, session.Query("SELECT 1 FROM run WHERE id = ?", {run_id}));
      if (runs.empty()) return Fail(ErrorCode::kNotFound, "no such run", run_id);
    }
    const Instant moment = clock_.WallNow();
    const std::int64_t now = ToMicros(moment);
    KEELSON_ASSIGN_OR_RETURN(const auto models, session.Query("SELECT 1 FROM model WHERE name = ?", {model}));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO model (name, created_us, updated_us) VALUES (?1, ?2, ?2) "
                        "ON CONFLICT (name) DO UPDATE SET updated_us = excluded.updated_us",
                        {model, now}));
    if (models.empty()) {
      KEELSON_ASSIGN_OR_RETURN(const auto made, ReadModel(session, model));
      KEELSON_RETURN_IF_ERROR(AnnounceModel(session, moment, made));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto last,
                             session.Query("SELECT coalesce(max(version), 0) FROM version WHERE model = ?", {model}));
    const std::int64_t version = io::AsInt(last.at(0)[0]) + 1;
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO version (model, version, run_id, source, content_hash, created_us, updated_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                        {model, version, run_id, stored, *hash, now}));
    for (const auto& [key, value] : tags) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT INTO version_tag VALUES (?, ?, ?, ?)", {model, version, key, value}));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto record, ReadVersionRecord(session, model, version));
    KEELSON_RETURN_IF_ERROR(AnnounceVersion(session, moment, record));
    return ReadVersion(session, artifact_root_, model, version);
  });
}

Result<ModelVersion> SqlStore::GetVersion(const std::string& model, int version) {
  return Reading([&](io::SqlSession& session) { return ReadVersion(session, artifact_root_, model, version); });
}

Result<std::optional<ModelVersion>> SqlStore::GetByAlias(const std::string& model, const std::string& alias) {
  return Reading([&](io::SqlSession& session) -> Result<std::optional<ModelVersion>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT version FROM alias WHERE model = ? AND alias = ?", {model, alias}));
    if (rows.empty()) return std::nullopt;
    KEELSON_ASSIGN_OR_RETURN(ModelVersion version, ReadVersion(session, artifact_root_, model, io::AsInt(rows[0][0])));
    return version;
  });
}

Result<std::vector<ModelVersion>> SqlStore::ListVersions(const std::string& model) {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<ModelVersion>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT version FROM version WHERE model = ? AND lifecycle = 'active' "
                                           "ORDER BY version",
                                           {model}));
    std::vector<ModelVersion> versions;
    for (const auto& row : rows) {
      KEELSON_ASSIGN_OR_RETURN(ModelVersion version, ReadVersion(session, artifact_root_, model, io::AsInt(row[0])));
      versions.push_back(std::move(version));
    }
    return versions;
  });
}

Result<std::vector<std::string>> SqlStore::ListModels() {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<std::string>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT name FROM model ORDER BY name"));
    std::vector<std::string> names;
    for (const auto& row : rows) names.push_back(io::AsText(row[0]));
    return names;
  });
}

Status SqlStore::SetVersionTag(const std::string& model, int version, const std::string& key,
                               const std::string& value) {
  KEELSON_RETURN_IF_ERROR(CheckName("tag key", key));
  KEELSON_RETURN_IF_ERROR(CheckValue("tag value", value));
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadVersion(session, artifact_root_, model, version));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO version_tag VALUES (?, ?, ?, ?) ON CONFLICT (model, version, key) DO UPDATE SET "
                        "value = excluded.value",
                        {model, std::int64_t{version}, key, value}));
    return AnnounceVersionTag(session, clock_.WallNow(), model, version, key, value);
  });
}

Status SqlStore::SetAlias(const std::string& model, const std::string& alias, std::optional<int> version,
                          const std::string& who, const std::string& reason) {
  KEELSON_RETURN_IF_ERROR(CheckId("alias", alias));
  KEELSON_RETURN_IF_ERROR(CheckValue("name of who changes an alias", who));
  KEELSON_RETURN_IF_ERROR(CheckValue("reason", reason));
  return database_.Write([&](io::SqlSession& session) -> Status {
    if (version.has_value()) KEELSON_RETURN_IF_ERROR(ReadVersion(session, artifact_root_, model, *version));
    const Instant now = clock_.WallNow();
    KEELSON_ASSIGN_OR_RETURN(const bool moved,
                             MoveAlias(session, {model, alias, std::nullopt, version, who, reason, now}));
    return moved ? AnnounceAlias(session, now, model, alias, version) : Status();
  });
}

Result<std::vector<AliasChange>> SqlStore::AliasHistory(const std::string& model) {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<AliasChange>> {
    KEELSON_ASSIGN_OR_RETURN(
        const auto rows,
        session.Query("SELECT alias, from_version, to_version, who, reason, changed_us FROM alias_change "
                      "WHERE model = ? ORDER BY sequence",
                      {model}));
    std::vector<AliasChange> changes;
    for (const auto& row : rows) {
      changes.push_back({model, io::AsText(row[0]), OptionalVersion(row[1]), OptionalVersion(row[2]),
                         io::AsText(row[3]), io::AsText(row[4]), InstantFromMicros(io::AsInt(row[5]))});
    }
    return changes;
  });
}

Status SqlStore::DeleteModel(const std::string& model) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto aliases,
                             session.Query("SELECT alias, version FROM alias WHERE model = ?", {model}));
    for (const auto& row : aliases) {
      KEELSON_RETURN_IF_ERROR(RecordChange(session, {model, io::AsText(row[0]), OptionalVersion(row[1]), std::nullopt,
                                                     "keelson", "the model was deleted", clock_.WallNow()}));
    }
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM model WHERE name = ?", {model}));
    return {};
  });
}

}  // namespace keelson::tracking
