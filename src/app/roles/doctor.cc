#include "app/roles/doctor.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/clock.h"
#include "io/database.h"
#include "io/files.h"
#include "tracking/store.h"

namespace keelson::app {
namespace {

void CheckFrames(const std::string& path, std::vector<std::string>& problems) {
  std::uint64_t offset = 0;
  for (;;) {
    const auto read = io::ReadFrames(path, offset);
    if (!read) {
      problems.push_back(read.error().ToString());
      return;
    }
    if (read->frames.empty()) return;
    offset = read->end;
  }
}

Status CheckVersions(tracking::Store& tracking, std::vector<std::string>& problems) {
  KEELSON_ASSIGN_OR_RETURN(const auto models, tracking.ListModels());
  for (const auto& model : models) {
    KEELSON_ASSIGN_OR_RETURN(const auto versions, tracking.ListVersions(model));
    for (const auto& version : versions) {
      const auto hash = io::HashTree(version.source);
      if (!hash) {
        problems.push_back(fmt::format("{} version {}: {}", model, version.version, hash.error().ToString()));
      } else if (*hash != version.content_hash) {
        problems.push_back(fmt::format("{} version {}: its files have changed since it was registered ({})", model,
                                       version.version, version.source));
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> Diagnose(const std::string& data_folder) {
  if (!io::Exists(data_folder + "/keelson.db")) {
    return Fail(ErrorCode::kNotFound, "this is no data folder: it has no keelson.db", data_folder);
  }
  auto lock = io::FileLock::Acquire(data_folder + "/lock");
  if (!lock)
    return Fail(ErrorCode::kFailedPrecondition, "a server has this data folder open; stop it first", data_folder);
  std::vector<std::string> problems;
  auto database = io::Database::Open(data_folder + "/keelson.db");
  if (!database) return std::vector<std::string>{database.error().ToString()};
  KEELSON_ASSIGN_OR_RETURN(problems, (*database)->CheckIntegrity());
  if (problems.empty()) {
    const SystemClock clock;
    auto tracking = tracking::Store::Open(**database, clock, data_folder + "/artifacts");
    const Status checked = tracking ? CheckVersions(**tracking, problems) : Status(std::unexpected(tracking.error()));
    if (!checked) problems.push_back(checked.error().ToString());
  }
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(data_folder + "/projects", error), end; !error && it != end;
       it.increment(error)) {
    const std::string path = it->path().string();
    if (path.ends_with(".seg") || path.ends_with(".log")) CheckFrames(path, problems);
  }
  return problems;
}

}  // namespace keelson::app
