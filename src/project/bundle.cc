#include "project/bundle.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/hash.h"
#include "base/strings.h"
#include "project/check.h"

namespace keelson::project {
namespace {

namespace fs = std::filesystem;

// A file's text, at most `limit` bytes of it; nothing when it cannot be read.
std::optional<std::string> Read(const fs::path& path, std::size_t limit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 65536> part;
  while (text.size() < limit && (file.read(part.data(), part.size()) || file.gcount() > 0)) {
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return std::nullopt;
  return text;
}

bool IsSafePath(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.find('\0') != std::string_view::npos || !IsValidUtf8(path))
    return false;
  for (std::string_view part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

struct NamedFile {
  std::string path;      // of the file
  std::string named_at;  // the field that names it
};

// The files that a project cannot do without.
std::vector<NamedFile> NamedFiles(const Project& project) {
  std::vector<NamedFile> files;
  for (const TableSpec& table : project.tables) files.push_back({table.sql_path, "tables." + table.name + ".sql"});
  for (const auto& suite : project.expectations) files.push_back({suite.suite_path, "expectations." + suite.table});
  return files;
}

// Words of a command that are files of the project's folder belong to the revision as well.
void AddCommandFiles(const Project& project, const fs::path& folder, std::vector<NamedFile>* files) {
  if (!project.train) return;
  const auto* command = std::get_if<CommandSpec>(&project.train->trainer);
  if (command == nullptr) return;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  for (std::size_t i = 0; i < command->command.size(); ++i) {
    const std::string& word = command->command[i];
    if (!IsSafePath(word) || !fs::is_regular_file(folder / word, error)) continue;
    const fs::path real = fs::canonical(folder / word, error);
    if (error || real.lexically_relative(root).begin()->string() == "..") continue;
    files->push_back({word, fmt::format("train.trainer.command.run.{}", i + 1)});
  }
}

}  // namespace

std::string Bundle::Revision() const {
  Sha256 hash;
  for (const auto& [path, content] : files) {
    hash.Update(fmt::format("{}:{}:{}:", path.size(), path, content.size()));
    hash.Update(content);
  }
  return hash.HexDigest();
}

std::string Bundle::ToJson() const {
  nlohmann::json json = {{"revision", Revision()}, {"files", nlohmann::json::array()}};
  for (const auto& [path, content] : files) {
    if (IsValidUtf8(content)) {
      json["files"].push_back({{"path", path}, {"text", content}});
    } else {
      json["files"].push_back({{"path", path}, {"hex", HexEncode(content)}});
    }
  }
  return json.dump();
}

Result<Bundle> Bundle::FromJson(std::string_view text) {
  const auto bad = [](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument, "not a project bundle: " + what);
  };
  // Nothing of ours nests deeper than this; a deeper text is not worth building.
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth < 8; };
  const auto json = nlohmann::json::parse(text, shallow, false);
  if (!json.is_object() || json.size() != 2 || !json.contains("files") || !json.contains("revision")) {
    return bad("expected an object with revision and files");
  }
  if (!json["files"].is_array() || !json["revision"].is_string()) return bad("files is no list or revision no text");
  Bundle bundle;
  std::size_t total = 0;
  for (const auto& file : json["files"]) {
    if (!file.is_object() || file.size() != 2 || !file.contains("path") || !file["path"].is_string()) {
      return bad("a file has not just a path and a text or hex");
    }
    const auto& path = file["path"].get_ref<const std::string&>();
    if (!IsSafePath(path)) return bad("the path " + Quoted(path) + " leaves the folder");
    std::optional<std::string> content;
    if (file.contains("text") && file["text"].is_string()) content = file["text"].get<std::string>();
    if (file.contains("hex") && file["hex"].is_string()) content = HexDecode(file["hex"].get_ref<const std::string&>());
    if (!content) return bad("the file " + Quoted(path) + " has no text and no hex");
    total += content->size();
    if (content->size() > kMaximumFileBytes || total > kMaximumBytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  fmt::format("the file {} is too large: a file may have {} bytes, all {}", Quoted(path),
                              kMaximumFileBytes, kMaximumBytes));
    }
    if (!bundle.files.emplace(path, *std::move(content)).second)
      return bad("the path " + Quoted(path) + " comes twice");
  }
  if (!bundle.files.contains(kProjectFile)) return bad(std::string("there is no ") + kProjectFile);
  if (bundle.Revision() != json["revision"].get_ref<const std::string&>()) {
    return bad("the revision is not that of the files; send it again");
  }
  return bundle;
}

std::expected<LoadedProject, Problems> LoadProject(const std::string& path, bool check_data) {
  const auto problem = [&](std::string what, std::string expected) {
    return std::unexpected(Problems{{path, 1, 1, std::move(what), std::move(expected), ""}});
  };
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return problem("there is no such file", "a project file");
  auto text = Read(path, Bundle::kMaximumFileBytes + 1);
  if (!text) return problem("the file cannot be read", "a project file");
  if (text->size() > Bundle::kMaximumFileBytes) {
    return problem(fmt::format("the file has {} bytes", fs::file_size(path, error)), "at most 1 MiB");
  }
  auto parsed = ParseProject(*text, path);
  if (!parsed) return std::unexpected(std::move(parsed).error());

  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  Problems problems = CheckFiles(parsed->project, parsed->positions, path, folder.string(), check_data);
  if (!problems.empty()) return std::unexpected(std::move(problems));

  LoadedProject loaded{*std::move(parsed), {}};
  loaded.bundle.files[Bundle::kProjectFile] = *std::move(text);
  std::vector<NamedFile> files = NamedFiles(loaded.parsed.project);
  AddCommandFiles(loaded.parsed.project, folder, &files);
  std::size_t total = 0;
  for (const NamedFile& file : files) {
    auto content = Read(folder / file.path, Bundle::kMaximumFileBytes + 1);
    const Position at = loaded.parsed.positions.at(file.named_at);
    if (content) total += content->size();
    std::string expected;
    if (!content) {
      expected = "a file that can be read";
    } else if (content->size() > Bundle::kMaximumFileBytes || total > Bundle::kMaximumBytes) {
      expected = fmt::format("at most {} bytes, and {} in all", Bundle::kMaximumFileBytes, Bundle::kMaximumBytes);
    }
    if (!expected.empty()) {
      problems.push_back({path, at.line, at.column, file.named_at + " names " + Quoted(file.path), expected, ""});
      continue;
    }
    loaded.bundle.files[file.path] = *std::move(content);
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return loaded;
}

std::expected<ParsedProject, Problems> ParseBundle(const Bundle& bundle) {
  const auto file = bundle.files.find(Bundle::kProjectFile);
  if (file == bundle.files.end()) {
    return std::unexpected(Problems{{Bundle::kProjectFile, 1, 1, "the bundle has no project file", "one", ""}});
  }
  auto parsed = ParseProject(file->second, Bundle::kProjectFile);
  if (!parsed) return parsed;
  Problems problems;
  for (const NamedFile& named : NamedFiles(parsed->project)) {
    if (bundle.files.contains(named.path)) continue;
    const Position at = parsed->positions.at(named.named_at);
    problems.push_back({Bundle::kProjectFile, at.line, at.column,
                        fmt::format("{} names {}, which is not in the bundle", named.named_at, Quoted(named.path)),
                        "the file", ""});
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return parsed;
}

}  // namespace keelson::project
