#include "app/roles/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/clock.h"
#include "control/documents.h"
#include "control/project_files.h"
#include "control/row_log.h"
#include "control/types.h"
#include "data/snapshot.h"
#include "data/table_io.h"
#include "io/database.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "project/bundle.h"
#include "tracking/store.h"

namespace keelson::app {
namespace {

constexpr const char* kRestore = "make a data folder from a backup with `keelson restore`";

// The file at fault by its name, which an error need not tell.
std::string Named(const Error& error, const std::string& path) {
  return error.where.find(path) == std::string::npos ? path + ": " + error.ToString() : error.ToString();
}

class Doctor {
 public:
  explicit Doctor(std::string data_folder) : data_(std::move(data_folder)) {}

  Result<std::vector<Damage>> Look() {
    KEELSON_RETURN_IF_ERROR(LookAtDatabase());
    KEELSON_ASSIGN_OR_RETURN(const auto projects, Names(data_ + "/projects"));
    for (const std::string& project : projects) KEELSON_RETURN_IF_ERROR(LookAtProject(project));
    return std::move(found_);
  }

 private:
  void Found(std::string what, std::string advice) { found_.push_back({std::move(what), std::move(advice)}); }

  // What is in a folder, sorted; nothing when it is not there.
  static Result<std::vector<std::string>> Names(const std::string& folder) {
    if (!io::Exists(folder)) return std::vector<std::string>{};
    return io::ListFolder(folder);
  }

  // The files below a folder whose names end so.
  static Result<std::vector<std::string>> FilesBelow(const std::string& folder, std::string_view ending) {
    std::vector<std::string> files;
    if (!io::Exists(folder)) return files;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().native().ends_with(ending)) files.push_back(it->path().string());
    }
    if (error) return Fail(ErrorCode::kPermissionDenied, error.message(), folder);
    std::ranges::sort(files);
    return files;
  }

  Status LookAtDatabase() {
    const std::string path = data_ + "/keelson.db";
    auto database = io::Database::Open(path);
    if (!database && database.error().code != ErrorCode::kDataLoss) return std::unexpected(database.error());
    if (!database) {
      Found(Named(database.error(), path), kRestore);
      return {};
    }
    KEELSON_ASSIGN_OR_RETURN(const auto wrong, (*database)->CheckIntegrity());
    for (const std::string& line : wrong) Found(fmt::format("{}: {}", path, line), kRestore);
    if (!wrong.empty()) return {};
    KEELSON_ASSIGN_OR_RETURN(const auto folder, io::TempFolder::Make());
    KEELSON_RETURN_IF_ERROR((*database)->BackupTo(folder.File("keelson.db")));
    KEELSON_ASSIGN_OR_RETURN(const auto copy, io::Database::Open(folder.File("keelson.db")));
    const SystemClock clock;
    KEELSON_ASSIGN_OR_RETURN(const auto tracking, tracking::Store::Open(*copy, clock, data_ + "/artifacts"));
    KEELSON_ASSIGN_OR_RETURN(const auto documents, control::DocumentStore::Open(*copy));
    KEELSON_RETURN_IF_ERROR(documents->MoveTo(data_));
    KEELSON_RETURN_IF_ERROR(LookAtVersions(*tracking));
    return LookAtDocuments(*documents);
  }

  Status LookAtVersions(tracking::Store& tracking) {
    KEELSON_ASSIGN_OR_RETURN(const auto models, tracking.ListModels());
    for (const auto& model : models) {
      KEELSON_ASSIGN_OR_RETURN(const auto versions, tracking.ListVersions(model));
      for (const auto& version : versions) {
        if (version.content_hash.empty()) continue;  // its files are kept elsewhere, or it is a prompt
        // What an object store keeps is verified when it is fetched.
        if (io::Exists(data_ + "/artifacts.url") && !io::Exists(version.source)) continue;
        const auto hash = io::HashTree(version.source);
        if (hash && *hash == version.content_hash) continue;
        const std::string why = hash ? "its files have changed since it was registered" : hash.error().message;
        Found(fmt::format("{} version {}: {} ({})", model, version.version, why, version.source),
              "put this folder back from a backup, or roll back to another version and train anew");
      }
    }
    return {};
  }

  Status LookAtDocuments(control::DocumentStore& store) {
    const auto look = [&](const std::string& kind, const auto& read) -> Status {
      KEELSON_ASSIGN_OR_RETURN(const auto documents, store.List(kind));
      for (const auto& document : documents) {
        const auto value = read(document.body);
        if (!value) Found(fmt::format("keelson.db, {} {}: {}", kind, document.id, value.error().message), kRestore);
      }
      return {};
    };
    KEELSON_RETURN_IF_ERROR(look("job", control::JobFromJson));
    KEELSON_RETURN_IF_ERROR(look("pipeline", control::PipelineFromJson));
    KEELSON_RETURN_IF_ERROR(look("rollout", control::RolloutFromJson));
    return look("project", [this](const std::string& body) {
      auto state = control::ProjectStateFromJson(body);
      if (state && state->online_ready) LookAtOnlineTables(*state);
      return state;
    });
  }

  void LookAtOnlineTables(const control::ProjectState& state) {
    const auto tables = io::ListFolder(state.online_file);
    if (!tables)
      Found(fmt::format("{}, where {}'s online features begin: {}", state.online_file, state.name,
                        tables.error().message),
            kRestore);
    for (const std::string& name : tables.value_or(std::vector<std::string>())) {
      const std::string path = state.online_file + "/" + name;
      if (const auto table = data::ReadTableFile(path); !table) Found(Named(table.error(), path), kRestore);
    }
  }

  Status LookAtProject(const std::string& name) {
    const control::ProjectFolders folders(data_, name);
    KEELSON_ASSIGN_OR_RETURN(const auto revisions, Names(folders.root() + "/revisions"));
    for (const std::string& revision : revisions) LookAtRevision(folders.Revision(revision), revision);
    KEELSON_ASSIGN_OR_RETURN(const auto logs, FilesBelow(folders.root() + "/rows", ".log"));
    for (const std::string& log : logs) {
      const Status read = control::RowLog::Read(log, 0, UINT64_MAX, [](const auto&) { return Status{}; });
      if (!read)
        Found(Named(read.error(), log), std::string("the server cannot take this project's rows in; ") + kRestore);
    }
    KEELSON_ASSIGN_OR_RETURN(const auto segments, FilesBelow(folders.Payload(), ".seg"));
    for (const std::string& segment : segments) LookAtSegment(segment);
    KEELSON_ASSIGN_OR_RETURN(const auto snapshots, FilesBelow(folders.Tables(), ".json"));
    for (const std::string& description : snapshots) KEELSON_RETURN_IF_ERROR(LookAtSnapshot(description));
    return {};
  }

  void LookAtRevision(const std::string& folder, const std::string& revision) {
    const std::string path = folder + "/bundle.json";
    if (!io::Exists(path)) return;  // the apply that was to make it was killed, and nothing knows of it
    const char* advice = "remove this folder and apply the project file again";
    const auto text = io::ReadFile(path);
    const auto bundle = text ? project::Bundle::FromJson(*text) : std::unexpected(text.error());
    if (!bundle) return Found(Named(bundle.error(), path), advice);
    if (bundle->Revision() != revision) return Found(path + ": it has changed since it was applied", advice);
    for (const auto& [name, content] : bundle->files) {
      const auto kept = io::ReadFile(folder + "/files/" + name);
      if (kept && *kept == content) continue;
      Found(fmt::format("{}/files/{}: {}", folder, name,
                        kept ? "it has changed since it was applied" : kept.error().message),
            advice);
    }
  }

  void LookAtSegment(const std::string& path) {
    for (std::uint64_t offset = 0;;) {
      const auto read = io::ReadFrames(path, offset);
      if (!read)
        return Found(Named(read.error(), path),
                     "predictions from there on are not watched any more; moving the file away loses them only");
      if (read->frames.empty()) return;
      offset = read->end;
    }
  }

  Status LookAtSnapshot(const std::string& description) {
    if (!engine_) {
      KEELSON_ASSIGN_OR_RETURN(engine_, data::Engine::Open({}));
    }
    const std::string path = description.substr(0, description.size() - std::string_view(".json").size()) + ".parquet";
    const Status verified = data::VerifySnapshot(*engine_, path);
    if (!verified)
      Found(Named(verified.error(), path),
            "remove it and its .json: the next run makes it anew from the source's files");
    return {};
  }

  const std::string data_;
  std::unique_ptr<data::Engine> engine_;
  std::vector<Damage> found_;
};

}  // namespace

Result<std::vector<Damage>> Diagnose(const std::string& data_folder) {
  if (!io::Exists(data_folder + "/keelson.db")) {
    return Fail(ErrorCode::kNotFound, "this is no data folder: it has no keelson.db", data_folder);
  }
  const auto lock = io::FileLock::Acquire(data_folder + "/lock");
  if (!lock && lock.error().code == ErrorCode::kFailedPrecondition)
    return Fail(ErrorCode::kFailedPrecondition, "a server has this data folder open; stop it first", data_folder);
  if (!lock) return std::unexpected(lock.error());
  return Doctor(data_folder).Look();
}

}  // namespace keelson::app
