#include "tracking/sql_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "tracking/schema.h"

namespace keelson::tracking {

Status CheckId(std::string_view what, std::string_view id) {
  const bool sane = !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (sane) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("a {} is 1 to 64 letters, digits, '_' and '-'", what),
              std::string(id.substr(0, 100)));
}

Status CheckName(std::string_view what, std::string_view name) {
  const bool printable =
      std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!name.empty() && name.size() <= 250 && printable && IsValidUtf8(name)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("a {} is 1 to 250 bytes of UTF-8 without control characters", what),
              IsValidUtf8(name) ? std::string(name.substr(0, 100)) : std::string());
}

Status CheckValue(std::string_view what, std::string_view value) {
  constexpr std::size_t kMost = 64 << 10;
  if (value.size() <= kMost && IsValidUtf8(value)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("a {} is UTF-8 of at most {} bytes; this one has {}", what, kMost, value.size()));
}

Result<std::unique_ptr<Store>> Store::Open(io::Database& database, const Clock& clock, std::string artifact_root) {
  KEELSON_RETURN_IF_ERROR(database.Migrate("tracking", SchemaMigrations()));
  const std::int64_t now = ToMicros(clock.WallNow());
  KEELSON_RETURN_IF_ERROR(database.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT OR IGNORE INTO experiment (id, name, created_us, updated_us, artifact_location) "
                        "VALUES (0, 'Default', ?1, ?1, 'mlflow-artifacts:/0')",
                        {now}));
    return {};
  }));
  // Sources below the folder of artifacts are kept without it, so that the data folder may be moved.
  const std::string root = artifact_root + "/";
  KEELSON_RETURN_IF_ERROR(database.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE version SET source = substr(source, length(?1) + 1) "
                        "WHERE substr(source, 1, length(?1)) = ?1",
                        {root}));
    return {};
  }));
  return std::make_unique<SqlStore>(database, clock, std::move(artifact_root));
}

std::string SqlStore::ArtifactFolder(const std::string& run_id) const {
  return artifact_root_ + "/" + run_id;
}

Status SqlStore::AddLineage(const std::vector<LineageEdge>& edges) {
  for (const LineageEdge& edge : edges) {
    for (const std::string* node : {&edge.from, &edge.to}) {
      const std::size_t colon = node->find(':');
      if (colon == 0 || colon == std::string::npos || colon + 1 == node->size()) {
        return Fail(ErrorCode::kInvalidArgument, "a lineage node is \"kind:name\"", *node);
      }
    }
  }
  return database_.Write([&](io::SqlSession& session) -> Status {
    for (const LineageEdge& edge : edges) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT OR IGNORE INTO lineage VALUES (?, ?, ?)", {edge.from, edge.to, edge.label}));
    }
    return {};
  });
}

Result<std::vector<LineageEdge>> SqlStore::Lineage(const std::string& node) {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<LineageEdge>> {
    // Two walks, one each way: what only shares a parent with the node is no part of its lineage.
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(R"sql(
        WITH RECURSIVE above (node) AS (
          SELECT upstream FROM lineage WHERE downstream = ?1
          UNION SELECT upstream FROM lineage JOIN above ON downstream = node
        ), below (node) AS (
          SELECT downstream FROM lineage WHERE upstream = ?1
          UNION SELECT downstream FROM lineage JOIN below ON upstream = node
        )
        SELECT upstream, downstream, label FROM lineage
        WHERE downstream = ?1 OR downstream IN (SELECT node FROM above)
        UNION
        SELECT upstream, downstream, label FROM lineage
        WHERE upstream = ?1 OR upstream IN (SELECT node FROM below)
        ORDER BY 1, 2, 3)sql",
                                                            {node}));
    std::vector<LineageEdge> edges;
    for (const auto& row : rows) edges.push_back({io::AsText(row[0]), io::AsText(row[1]), io::AsText(row[2])});
    return edges;
  });
}

}  // namespace keelson::tracking
