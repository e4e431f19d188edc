#include "tracking/model_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "io/files.h"

namespace keelson::tracking {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kCopies = ".copies.json";  // below the folder: what may go, path and bytes
constexpr const char* kOnItsWay = "the model is on its way";
constexpr std::string_view kUnfinished = ".fetching";  // what is being fetched

// Files below `folder`, relative; "MLmodel" last, so that what is there in part is no model yet.
Result<std::vector<std::string>> FilesOf(const std::string& folder, const std::string& below = "") {
  std::vector<std::string> files;
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(below.empty() ? folder : folder + "/" + below));
  for (const std::string& name : names) {
    const std::string path = below.empty() ? name : below + "/" + name;
    std::error_code error;
    const auto status = fs::symlink_status(folder + "/" + path, error);
    if (fs::is_directory(status)) {
      KEELSON_ASSIGN_OR_RETURN(const auto deeper, FilesOf(folder, path));
      files.insert(files.end(), deeper.begin(), deeper.end());
    } else if (fs::is_regular_file(status)) {
      files.push_back(path);
    } else {
      return Fail(ErrorCode::kInvalidArgument, "only plain files and folders may be in a model", folder + "/" + path);
    }
  }
  std::ranges::stable_partition(files, [](const std::string& path) { return path != "MLmodel"; });
  return files;
}

Result<std::uint64_t> BytesOf(const std::string& folder) {
  std::uint64_t bytes = 0;
  KEELSON_ASSIGN_OR_RETURN(const auto files, FilesOf(folder));
  for (const std::string& file : files) {
    KEELSON_ASSIGN_OR_RETURN(const std::uint64_t size, io::FileSize(folder + "/" + file));
    bytes += size;
  }
  return bytes;
}

}  // namespace

std::vector<std::string> PlanEviction(std::vector<ModelCopy> copies, std::uint64_t limit) {
  std::uint64_t total = 0;
  for (const ModelCopy& copy : copies) total += copy.bytes;
  std::ranges::sort(copies, {}, [](const ModelCopy& copy) { return std::pair(copy.last_used, copy.path); });
  std::vector<std::string> evicted;
  for (const ModelCopy& copy : copies) {
    if (total <= limit) break;
    if (copy.in_use) continue;
    total -= copy.bytes;
    evicted.push_back(copy.path);
  }
  return evicted;
}

ModelFolders::ModelFolders(ArtifactStore& store, const Clock& clock, Options options)
    : store_(store), clock_(clock), options_(std::move(options)), pool_(std::make_unique<ThreadPool>(2)) {
  const auto left = io::RemoveTree(fmt::format("{}/{}", options_.folder, kUnfinished));
  if (!left) LogWarning("cannot remove what was fetched in part", {{"why", left.error().ToString()}});
}

ModelFolders::~ModelFolders() = default;

Result<std::string> ModelFolders::PathOf(const std::string& folder) const {
  if (!folder.starts_with(options_.folder + "/")) {
    return Fail(ErrorCode::kInvalidArgument, "this folder is not below the one of the artifacts", folder);
  }
  return folder.substr(options_.folder.size() + 1);
}

Status ModelFolders::Run(const std::string& name, const std::string& folder, const std::function<Status()>& work,
                         bool wait) {
  {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = tasks_.try_emplace(name);
    Task& task = at->second;
    if (!is_new) {
      if (task.phase == Phase::kRunning) return Fail(ErrorCode::kUnavailable, kOnItsWay, name);
      if (task.phase == Phase::kDone && io::Exists(folder)) return {};
      if (task.phase == Phase::kFailed &&
          (!std::exchange(task.told, true) || clock_.MonotonicNow() - task.ended < options_.again)) {
        return std::unexpected(task.error);
      }
      task = {};
    }
  }
  const auto run = [this, name, work]() -> Status {
    Status done = work();
    if (!done) LogWarning("a model is not in its place yet", {{"what", name}, {"why", done.error().ToString()}});
    const std::lock_guard lock(mutex_);
    Task& task = tasks_[name];
    task.phase = done ? Phase::kDone : Phase::kFailed;
    if (!done) task.error = done.error();
    task.ended = clock_.MonotonicNow();
    return done;
  };
  if (wait) return run();
  pool_->Post([run] { static_cast<void>(run()); });
  return Fail(ErrorCode::kUnavailable, kOnItsWay, name);
}

Status ModelFolders::Publish(const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, PathOf(folder));
  return Run(
      "publish " + path, folder, [this, folder, path] { return PublishNow(folder, path); }, false);
}

Status ModelFolders::Fetch(const std::string& folder, const std::string& hash, bool wait) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, PathOf(folder));
  if (hash.empty()) {
    return Fail(ErrorCode::kFailedPrecondition, "the version was registered without files, so there are none to serve",
                folder);
  }
  return Run(
      fmt::format("fetch {} {}", hash, path), folder,
      [this, folder, path, hash] { return FetchNow(folder, path, hash); }, wait);
}

void ModelFolders::Use(const std::string& owner, const std::set<std::string>& folders) {
  std::set<std::string> paths;
  for (const std::string& folder : folders) {
    if (const auto path = PathOf(folder)) paths.insert(*path);
  }
  const std::lock_guard lock(mutex_);
  used_[owner] = std::move(paths);
}

Status ModelFolders::PublishNow(const std::string& folder, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashTree(folder));
  KEELSON_ASSIGN_OR_RETURN(const auto there, store_.Hash(path));
  if (there == hash) return NoteAndEvict(folder, path);
  KEELSON_ASSIGN_OR_RETURN(const auto files, FilesOf(folder));
  for (const std::string& file : files) {
    KEELSON_RETURN_IF_ERROR(store_.remote()->PutFile(path + "/" + file, folder + "/" + file));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto now, store_.Hash(path));
  if (now == hash) return NoteAndEvict(folder, path);
  return Fail(ErrorCode::kAborted, "what is in the object store is not what was put there; something else writes to it",
              path);
}

Status ModelFolders::FetchNow(const std::string& folder, const std::string& path, const std::string& hash) {
  const auto here = io::HashTree(folder);
  if (here && *here == hash) {
    std::error_code ignored;  // it would only count as older than it is
    fs::last_write_time(folder, fs::file_time_type::clock::now(), ignored);
    return {};
  }
  const std::string target = fmt::format("{}/{}/{}", options_.folder, kUnfinished, RandomId());
  Status fetched = FetchTree(path, target);
  if (fetched) {
    const auto got = io::HashTree(target);
    if (!got) {
      fetched = std::unexpected(got.error());
    } else if (*got != hash) {
      fetched = Fail(ErrorCode::kDataLoss,
                     fmt::format("the files in the object store have the hash {}, registered was {}: the model was "
                                 "changed; put it back, or serve another version",
                                 *got, hash),
                     path);
    }
  }
  if (fetched) fetched = io::SyncTree(target);
  if (fetched) fetched = io::RemoveTree(folder);
  if (fetched) fetched = io::MakeFolders(folder.substr(0, folder.rfind('/')));
  if (fetched) fetched = io::Rename(target, folder);
  if (!fetched) {
    static_cast<void>(io::RemoveTree(target));  // the next start removes it
    return fetched;
  }
  LogInfo("a model was fetched", {{"path", path}, {"hash", hash}});
  return NoteAndEvict(folder, path);
}

Status ModelFolders::FetchTree(const std::string& path, const std::string& target) {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(target));
  KEELSON_ASSIGN_OR_RETURN(const auto entries, store_.List(path));
  if (entries.empty()) return Fail(ErrorCode::kNotFound, "there is no such folder in the object store", path);
  for (const auto& entry : entries) {
    const std::string name = target + entry.path.substr(path.size());
    if (entry.is_folder) {
      KEELSON_RETURN_IF_ERROR(FetchTree(entry.path, name));
    } else {
      KEELSON_RETURN_IF_ERROR(store_.remote()->GetFile(entry.path, name));
    }
  }
  return {};
}

// The copies are in a file, so that a start knows them. Only what the object store has is among them.
Status ModelFolders::NoteAndEvict(const std::string& folder, const std::string& path) {
  using Json = nlohmann::json;
  const std::lock_guard one_at_a_time(noting_);
  const std::string note = fmt::format("{}/{}", options_.folder, kCopies);
  Json copies = Json::object();
  if (const auto text = io::ReadFile(note)) copies = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!copies.is_object()) copies = Json::object();  // damaged: those copies stay until somebody removes them
  KEELSON_ASSIGN_OR_RETURN(copies[path], BytesOf(folder));
  std::vector<ModelCopy> found;
  for (const auto& [name, bytes] : copies.items()) {
    std::error_code error;
    const auto used = fs::last_write_time(options_.folder + "/" + name, error);
    if (error || !bytes.is_number_unsigned()) continue;
    const auto since = std::chrono::duration_cast<Duration>(used.time_since_epoch());
    found.push_back({.path = name, .bytes = bytes.get<std::uint64_t>(), .last_used = Instant(since)});
  }
  {
    const std::lock_guard lock(mutex_);
    for (ModelCopy& copy : found) {
      copy.in_use = copy.path == path ||
                    std::ranges::any_of(used_, [&](const auto& owner) { return owner.second.contains(copy.path); });
    }
  }
  for (const std::string& evicted : PlanEviction(found, options_.limit)) {
    LogInfo("a model's copy is removed to make room; the object store keeps it", {{"path", evicted}});
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(options_.folder + "/" + evicted));
    copies.erase(evicted);
  }
  return io::WriteFileAtomically(note, copies.dump(1) + "\n");
}

}  // namespace keelson::tracking
