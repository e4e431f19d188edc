#include "app/roles/artifact_place.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/s3_client.h"

namespace keelson::app {
namespace {

constexpr std::size_t kNameBytes = 4096;
constexpr const char* kNote = "/artifacts.url";

// The object store that the data folder keeps its artifacts in; "" for its own folder.
Result<std::string> PlaceOf(const std::string& wanted, const std::string& data_folder) {
  const std::string note = data_folder + kNote;
  std::string before;
  if (io::Exists(note)) {
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(note, kNameBytes));
    before = Trim(text);
  }
  if (wanted.empty() || wanted == before) return before;
  if (!before.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("this data folder keeps its artifacts in {}: copy them to {} and write its name into this "
                            "file, or start without --artifacts",
                            before, wanted),
                note);
  }
  const auto names = io::ListFolder(data_folder + "/artifacts");
  if (names.has_value() && !names->empty()) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("this data folder has artifacts of its own, which would be gone from sight: copy them to {} "
                    "and move this folder away",
                    wanted),
        data_folder + "/artifacts");
  }
  return wanted;
}

}  // namespace

Result<std::shared_ptr<tracking::ArtifactStore>> OpenArtifacts(const std::string& place, const std::string& data_folder,
                                                               const Clock& clock, const io::Environment& environment) {
  if (!place.empty()) KEELSON_RETURN_IF_ERROR(io::ParseS3Place(place));
  KEELSON_ASSIGN_OR_RETURN(const std::string kept, PlaceOf(place, data_folder));
  if (kept.empty()) return tracking::OpenFolderArtifacts(data_folder + "/artifacts");
  KEELSON_ASSIGN_OR_RETURN(const io::S3Place parsed, io::ParseS3Place(kept));
  KEELSON_ASSIGN_OR_RETURN(io::S3Bucket bucket, io::FindS3Bucket(parsed.bucket, environment));
  KEELSON_RETURN_IF_ERROR(io::ReadS3Credentials(environment));
  const std::string address = bucket.address();
  io::S3Options options;
  options.credentials = [environment] { return io::ReadS3Credentials(environment); };
  options.clock = &clock;
  options.seed = static_cast<std::uint64_t>(ToMicros(clock.WallNow()));
  io::S3Options first = options;
  first.attempts = 2;
  const auto looked = io::S3Client(bucket, std::move(first)).List(parsed.prefix, "/", "", 1);
  if (!looked.has_value()) {
    const ErrorCode code = looked.error().code;
    if (code != ErrorCode::kUnavailable && code != ErrorCode::kDeadlineExceeded) {
      return std::unexpected(looked.error());
    }
    LogWarning("the object store does not answer; going on without artifacts until it does",
               {{"place", kept}, {"endpoint", address}, {"why", looked.error().message}});
  }
  if (!io::Exists(data_folder + kNote)) {
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(data_folder + kNote, kept + "\n"));
  }
  LogInfo("artifacts are kept in an object store", {{"place", kept}, {"endpoint", address}});
  return tracking::OpenS3Artifacts(std::make_unique<io::S3Client>(std::move(bucket), std::move(options)),
                                   parsed.prefix);
}

}  // namespace keelson::app
