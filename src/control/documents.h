#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/database.h"

namespace keelson::control {

// Something that happened, for people: the page, `keelson get events`, `describe`.
struct Event {
  std::int64_t sequence = 0;  // given by the store, rising
  std::string project;
  std::string kind;     // "pipeline", "check", "drift", "rollout", "job", "replica", "rows", "project"
  std::string message;  // one sentence
  Instant wall;
  Instant clock;  // the project's
};

// Control's part of the metadata database: JSON documents by (kind, id), and the list of events. Control keeps its
// state in memory, on its own thread, and writes every change through here before it acts on it. A group of changes
// that must be seen together goes into one Batch. Thread-safe.
class DocumentStore {
 public:
  struct Document {
    std::string kind;
    std::string id;
    std::string project;
    std::string body;  // JSON
  };
  struct Batch {
    std::vector<Document> put;
    std::vector<Document> remove;  // by kind and id
    std::vector<Event> events;     // sequence is ignored
  };

  static Result<std::unique_ptr<DocumentStore>> Open(io::Database& database);

  // Says where the data folder is now. When it was elsewhere (moved, or restored from a backup), every path below it in
  // what is stored is changed, all at once. Before anything is read.
  Status MoveTo(const std::string& data_folder);

  Status Commit(const Batch& batch);                            // all or nothing, durable when it returns
  Result<std::vector<Document>> List(const std::string& kind);  // sorted by id
  Result<std::vector<Event>> Events(const std::string& project, std::int64_t after, int at_most);  // oldest first
  Result<std::vector<Event>> LatestEvents(const std::string& project, int at_most);                // oldest first
  // Removes every document and event of a project, and puts what is to be known of that.
  Status RemoveProject(const std::string& project, const std::vector<Document>& put = {});

 private:
  explicit DocumentStore(io::Database& database) : database_(database) {}
  io::Database& database_;
};

}  // namespace keelson::control
