#include "serving/payload_segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "io/files.h"

namespace keelson::serving {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSegment = ".seg";

}  // namespace

Result<std::vector<std::string>> FilesBelow(const std::string& root, std::string_view suffix) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator at(root, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code gone;  // what is removed meanwhile is no file, and no error
    if (at->is_regular_file(gone) && at->path().string().ends_with(suffix)) files.push_back(at->path().string());
  }
  if (error) return Fail(ErrorCode::kUnavailable, error.message(), root);
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<std::string>> PayloadSegmentsBelow(const std::string& root) {
  return FilesBelow(root, kSegment);
}

std::string ParquetOfSegment(const std::string& segment, const std::string& from, const std::string& to) {
  const std::string same_place = to + "/" + fs::path(segment).lexically_relative(from).string();
  return same_place.substr(0, same_place.size() - kSegment.size()) + ".parquet";
}

std::string DamagedSegment(const std::string& segment, std::string_view why) {
  return fmt::format("{}: {}", segment, why);
}

Result<std::size_t> CountPayloadSegmentsToTurn(const std::string& from, const std::string& to,
                                               const std::vector<std::string>& damaged) {
  KEELSON_ASSIGN_OR_RETURN(const auto segments, PayloadSegmentsBelow(from));
  const auto is_damaged = [&](const std::string& segment) {
    const std::string beginning = DamagedSegment(segment, "");
    return std::ranges::any_of(damaged, [&](const std::string& each) { return each.starts_with(beginning); });
  };
  return static_cast<std::size_t>(std::ranges::count_if(segments, [&](const std::string& segment) {
    return !io::Exists(ParquetOfSegment(segment, from, to)) && io::FileLock::IsFree(segment) && !is_damaged(segment);
  }));
}

}  // namespace keelson::serving
