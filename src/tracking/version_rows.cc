#include "tracking/version_rows.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "tracking/pairs.h"
#include "tracking/prompts.h"

namespace keelson::tracking {
namespace {

std::optional<std::string> Optional(const io::SqlValue& value) {
  if (io::IsNull(value)) return std::nullopt;
  return io::AsText(value);
}

// A source that Keelson wrote is below its folder of artifacts, or an absolute path.
std::string ToUri(const std::string& source) {
  if (source.contains(':')) return source;
  return source.starts_with('/') ? "file://" + source : "mlflow-artifacts:/" + source;
}

bool AsksForPrompts(const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    if (condition.entity != Entity::kTag || condition.key != kPromptTag) continue;
    const std::string value = ToLower(io::AsText(condition.values.at(0)));
    return (condition.compare == Compare::kEqual && value == "true") ||
           (condition.compare == Compare::kNotEqual && value == "false");
  }
  return false;
}

}  // namespace

Result<VersionRecord> ReadVersionRecord(io::SqlSession& session, const std::string& name, std::int64_t version) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT created_us, updated_us, description, user_id, stage, source, location, run_id, run_link "
                    "FROM version WHERE model = ? AND version = ? AND lifecycle = 'active'",
                    {name, version}));
  if (rows.empty()) {
    return Fail(ErrorCode::kNotFound, fmt::format("Model Version (name={}, version={}) not found", name, version));
  }
  const auto& row = rows[0];
  VersionRecord record;
  record.model = name;
  record.version = version;
  record.created_ms = io::AsInt(row[0]) / 1000;
  record.updated_ms = io::AsInt(row[1]) / 1000;
  record.description = Optional(row[2]);
  record.user_id = Optional(row[3]);
  record.stage = io::AsText(row[4]);
  record.source = ToUri(io::AsText(row[5]));
  record.location = io::AsText(row[6]).empty() ? record.source : io::AsText(row[6]);
  record.run_id = io::AsText(row[7]);
  record.run_link = Optional(row[8]);
  KEELSON_ASSIGN_OR_RETURN(
      const auto tags, session.Query("SELECT key, value FROM version_tag WHERE model = ? AND version = ? ORDER BY key",
                                     {name, version}));
  for (const auto& tag : tags) record.tags.emplace_back(io::AsText(tag[0]), io::AsText(tag[1]));
  KEELSON_ASSIGN_OR_RETURN(
      const auto aliases,
      session.Query("SELECT alias FROM alias WHERE model = ? AND version = ? ORDER BY alias", {name, version}));
  for (const auto& alias : aliases) record.aliases.push_back(io::AsText(alias[0]));
  return record;
}

Result<ModelRecord> ReadModel(io::SqlSession& session, const std::string& name) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows, session.Query("SELECT created_us, updated_us, description FROM model WHERE name = ?", {name}));
  if (rows.empty()) {
    return Fail(ErrorCode::kNotFound, fmt::format("Registered Model with name={} not found", name));
  }
  ModelRecord model;
  model.name = name;
  model.created_ms = io::AsInt(rows[0][0]) / 1000;
  model.updated_ms = io::AsInt(rows[0][1]) / 1000;
  model.description = Optional(rows[0][2]).value_or("");
  KEELSON_ASSIGN_OR_RETURN(
      const auto latest,
      session.Query(
          "SELECT max(version) FROM version WHERE model = ? AND lifecycle = 'active' GROUP BY stage ORDER BY 1",
          {name}));
  for (const auto& row : latest) {
    KEELSON_ASSIGN_OR_RETURN(VersionRecord version, ReadVersionRecord(session, name, io::AsInt(row[0])));
    model.latest.push_back(std::move(version));
  }
  KEELSON_ASSIGN_OR_RETURN(model.tags,
                           ReadPairs(session, "SELECT key, value FROM model_tag WHERE model = ? ORDER BY key", name));
  KEELSON_ASSIGN_OR_RETURN(const auto aliases,
                           session.Query("SELECT alias, version FROM alias WHERE model = ? ORDER BY alias", {name}));
  for (const auto& row : aliases) model.aliases.emplace_back(io::AsText(row[0]), io::AsInt(row[1]));
  return model;
}

SqlText TagConditionsSql(const std::vector<Condition>& conditions, bool versions) {
  SqlText sql;
  const std::string_view of = versions ? "FROM version_tag t WHERE t.model = v.model AND t.version = v.version"
                                       : "FROM model_tag t WHERE t.model = m.name";
  const bool prompts = AsksForPrompts(conditions);
  if (!prompts) {  // one prompt version makes the whole model a prompt
    sql.Add(fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} t WHERE t.model = {} AND t.key = ? AND t.value = 'true')",
                        versions ? "version_tag" : "model_tag", versions ? "v.model" : "m.name"),
            std::string(kPromptTag));
  }
  for (const Condition& condition : conditions) {
    if (condition.entity != Entity::kTag || (!prompts && condition.key == kPromptTag)) continue;
    sql.Add(fmt::format(" AND EXISTS (SELECT 1 {} AND t.key = ? AND ", of), condition.key);
    sql.Add(CompareSql("t.value", condition.compare, condition.values));
    sql.Add(")");
  }
  return sql;
}

}  // namespace keelson::tracking
