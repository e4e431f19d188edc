#include "control/documents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace keelson::control {
namespace {

// For PostgreSQL, which came after the fourth: there is no document of an older form in it.
constexpr std::string_view kNothingToDo = " ";

const std::vector<io::Migration>& Migrations() {
  static const std::vector<io::Migration> migrations = {
      {1, R"(
        CREATE TABLE control_documents (
          kind TEXT NOT NULL, id TEXT NOT NULL, project TEXT NOT NULL, body TEXT NOT NULL,
          PRIMARY KEY (kind, id)) WITHOUT ROWID;
        CREATE INDEX control_documents_project ON control_documents (project);
        CREATE TABLE control_events (
          sequence INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL,
          wall_us INTEGER NOT NULL, clock_us INTEGER NOT NULL);
        CREATE INDEX control_events_project ON control_events (project, sequence);
      )"},
      // Jobs and pipelines know the request that they come from.
      {2, R"(
        UPDATE control_documents SET body = json_set(body, '$.request_id', '') WHERE kind IN ('job', 'pipeline');
      )",
       kNothingToDo},
      // A replay knows where it began: from there on its trainings read what was pushed, not the files.
      {3, R"(
        UPDATE control_documents SET body = json_set(body, '$.files_until', json('null')) WHERE kind = 'pipeline';
        UPDATE control_documents SET body = json_set(body, '$.replay_from', json('null')) WHERE kind = 'project';
      )",
       kNothingToDo},
      // A project knows which search its parameters come from.
      {4, R"(
        UPDATE control_documents SET body = json_set(body, '$.search_key', json('null')) WHERE kind = 'project';
      )",
       kNothingToDo},
      // Jobs and pipelines know who asked for them, and jobs whose quota they use. In words that both databases have:
      // an object begins with its brace.
      {5, R"(
        UPDATE control_documents SET body = '{"user":"",' || substr(body, 2) WHERE kind IN ('job', 'pipeline');
        UPDATE control_documents SET body = '{"flavor":"",' || substr(body, 2) WHERE kind = 'job';
      )"},
  };
  return migrations;
}

Event ToEvent(const io::SqlRow& row) {
  return {.sequence = io::AsInt(row[0]),
          .project = io::AsText(row[1]),
          .kind = io::AsText(row[2]),
          .message = io::AsText(row[3]),
          .wall = InstantFromMicros(io::AsInt(row[4])),
          .clock = InstantFromMicros(io::AsInt(row[5]))};
}

Status Put(io::SqlSession& session, const DocumentStore::Document& document) {
  KEELSON_RETURN_IF_ERROR(
      session.Execute("INSERT INTO control_documents (kind, id, project, body) VALUES (?, ?, ?, ?) "
                      "ON CONFLICT (kind, id) DO UPDATE SET project = excluded.project, body = excluded.body",
                      {document.kind, document.id, document.project, document.body}));
  return {};
}

}  // namespace

Result<std::unique_ptr<DocumentStore>> DocumentStore::Open(io::Database& database) {
  KEELSON_RETURN_IF_ERROR(database.Migrate("control", Migrations()));
  return std::unique_ptr<DocumentStore>(new DocumentStore(database));
}

// Documents name files by whole paths, as texts of their JSON.
Status DocumentStore::MoveTo(const std::string& data_folder) {
  const auto in_json = [](const std::string& path) {
    return nlohmann::json(path).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  const auto below = [&](std::string folder) {
    folder = in_json(folder);
    folder.back() = '/';
    return folder;
  };
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT body FROM control_documents WHERE kind = 'data_folder'"));
    if (!rows.empty()) {
      const auto parsed = nlohmann::json::parse(io::AsText(rows[0][0]), nullptr, /*allow_exceptions=*/false);
      if (!parsed.is_string())
        return Fail(ErrorCode::kDataLoss, "the stored place of the data folder does not read back");
      const std::string before = parsed.get<std::string>();
      if (before == data_folder) return {};
      KEELSON_RETURN_IF_ERROR(
          session.Execute("UPDATE control_documents SET body = replace(body, ?1, ?2) "
                          "WHERE kind <> 'data_folder' AND instr(body, ?1) > 0",
                          {below(before), below(data_folder)}));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO control_documents (kind, id, project, body) VALUES ('data_folder', '', '', ?) "
                        "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                        {in_json(data_folder)}));
    return {};
  });
}

Status DocumentStore::Commit(const Batch& batch) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    for (const Document& document : batch.put) KEELSON_RETURN_IF_ERROR(Put(session, document));
    for (const Document& document : batch.remove) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("DELETE FROM control_documents WHERE kind = ? AND id = ?", {document.kind, document.id}));
    }
    for (const Event& event : batch.events) {
      KEELSON_RETURN_IF_ERROR(session.Execute(
          "INSERT INTO control_events (project, kind, message, wall_us, clock_us) VALUES (?, ?, ?, ?, ?)",
          {event.project, event.kind, event.message, ToMicros(event.wall), ToMicros(event.clock)}));
    }
    return {};
  });
}

Result<std::vector<DocumentStore::Document>> DocumentStore::List(const std::string& kind) {
  std::vector<Document> documents;
  KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id, project, body FROM control_documents "
                                                            "WHERE kind = ? ORDER BY id",
                                                            {kind}));
    for (const auto& row : rows) {
      documents.push_back({kind, io::AsText(row[0]), io::AsText(row[1]), io::AsText(row[2])});
    }
    return {};
  }));
  return documents;
}

Result<std::vector<Event>> DocumentStore::Events(const std::string& project, std::int64_t after, int at_most) {
  std::vector<Event> events;
  KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(
        const auto rows, session.Query("SELECT sequence, project, kind, message, wall_us, clock_us FROM control_events "
                                       "WHERE project = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                                       {project, after, std::int64_t{at_most}}));
    for (const auto& row : rows) events.push_back(ToEvent(row));
    return {};
  }));
  return events;
}

Result<std::vector<Event>> DocumentStore::LatestEvents(const std::string& project, int at_most) {
  std::vector<Event> events;
  KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(
        const auto rows, session.Query("SELECT sequence, project, kind, message, wall_us, clock_us FROM control_events "
                                       "WHERE project = ? ORDER BY sequence DESC LIMIT ?",
                                       {project, std::int64_t{at_most}}));
    for (const auto& row : rows) events.push_back(ToEvent(row));
    return {};
  }));
  std::ranges::reverse(events);
  return events;
}

Status DocumentStore::RemoveProject(const std::string& project, const std::vector<Document>& put) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM control_documents WHERE project = ?", {project}));
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM control_events WHERE project = ?", {project}));
    for (const Document& document : put) KEELSON_RETURN_IF_ERROR(Put(session, document));
    return {};
  });
}

}  // namespace keelson::control
