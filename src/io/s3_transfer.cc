// Whole objects, up and down, in parts: memory holds one part.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "io/crc32c.h"
#include "io/files.h"
#include "io/os.h"
#include "io/s3_client.h"

namespace keelson::io {
namespace {

constexpr std::uint64_t kParts = 10'000;  // the protocol's limit
constexpr std::uint64_t kMebibyte = 1u << 20;

std::size_t PartBytes(std::uint64_t size, std::size_t at_least) {
  const std::uint64_t needed = (size + kParts - 1) / kParts;
  return needed <= at_least ? at_least : (needed + kMebibyte - 1) / kMebibyte * kMebibyte;
}

}  // namespace

Status S3Client::PutPieces(const std::string& key, const S3Pieces& next, std::optional<std::uint64_t> size) {
  const std::size_t part_bytes = PartBytes(size.value_or(0), options_.part_bytes);
  std::uint64_t taken = 0;
  std::string rest;  // of the last piece: of the part after this one
  bool ended = false;
  // The next part; shorter than the others only at the end.
  const auto next_part = [&]() -> Result<std::string> {
    std::string part = std::exchange(rest, {});
    while (!ended && part.size() < part_bytes) {
      KEELSON_ASSIGN_OR_RETURN(const std::string_view piece, next());
      ended = piece.empty();
      taken += piece.size();
      const std::size_t fits = std::min(piece.size(), part_bytes - part.size());
      part += piece.substr(0, fits);
      rest = piece.substr(fits);
    }
    if (part.size() > part_bytes) {  // of a piece that was longer than a part
      rest = part.substr(part_bytes);
      part.resize(part_bytes);
    }
    if (ended && rest.empty() && size && taken != *size) {
      return Fail(ErrorCode::kAborted,
                  fmt::format("{} bytes came where {} were announced; nothing was stored", taken, *size), Where(key));
    }
    return part;
  };
  KEELSON_ASSIGN_OR_RETURN(std::string first, next_part());
  if (ended && rest.empty()) return Put(key, first);
  KEELSON_ASSIGN_OR_RETURN(const std::string upload, CreateUpload(key, true));
  Status put = PutParts(key, upload, std::move(first), next_part);
  if (put) return put;
  if (const Status aborted = AbortUpload(key, upload); !aborted) {
    LogWarning("parts of an upload that failed stay in the object store until its rules remove them",
               {{"object", Where(key)}, {"upload", upload}, {"why", aborted.error().message}});
  }
  return put;
}

Status S3Client::PutParts(const std::string& key, const std::string& upload, std::string first,
                          const std::function<Result<std::string>()>& next_part) {
  std::vector<S3Part> parts;
  std::uint32_t crc = 0;
  std::string content = std::move(first);
  while (!content.empty()) {
    if (parts.size() == kParts) {
      return Fail(ErrorCode::kResourceExhausted, "it is larger than an object may be that goes up without its length",
                  Where(key));
    }
    crc = Crc32c(content, crc);
    KEELSON_ASSIGN_OR_RETURN(parts.emplace_back(), PutPart(key, upload, static_cast<int>(parts.size()) + 1, content));
    KEELSON_ASSIGN_OR_RETURN(content, next_part());
  }
  return Complete(key, upload, parts,
                  {{"x-amz-checksum-crc32c", S3Crc32cText(crc)}, {"x-amz-checksum-type", "FULL_OBJECT"}});
}

Status S3Client::PutFile(const std::string& key, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(path, O_RDONLY));
  KEELSON_ASSIGN_OR_RETURN(const std::uint64_t size, FileSize(path));
  std::string buffer(kMebibyte, '\0');
  std::uint64_t offset = 0;
  const auto next = [&]() -> Result<std::string_view> {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t count, ReadAt(file.get(), buffer.data(), buffer.size(), offset, path));
    offset += count;
    return std::string_view(buffer).substr(0, count);
  };
  return PutPieces(key, next, size);
}

S3Reader::S3Reader(S3Client& client, std::string key, S3Object object)
    : client_(client), key_(std::move(key)), object_(std::move(object)) {}

S3Reader::~S3Reader() = default;

Result<std::unique_ptr<S3Reader>> S3Reader::Open(S3Client& client, std::string key) {
  KEELSON_ASSIGN_OR_RETURN(S3Object object, client.Head(key));
  return std::unique_ptr<S3Reader>(new S3Reader(client, std::move(key), std::move(object)));
}

Result<std::string> S3Reader::Next() {
  if (offset_ == object_.size) return std::string();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(client_.part_bytes(), object_.size - offset_));
  KEELSON_ASSIGN_OR_RETURN(std::string piece, client_.GetRange(key_, object_.etag, offset_, wanted));
  if (!object_.sha256.empty()) sha_.Update(piece);
  if (object_.crc32c) crc_ = Crc32c(piece, crc_);
  offset_ += wanted;
  if (offset_ == object_.size) KEELSON_RETURN_IF_ERROR(Verify());
  return piece;
}

Status S3Reader::Verify() {
  const bool sha_differs = !object_.sha256.empty() && sha_.HexDigest() != object_.sha256;
  const bool crc_differs = object_.crc32c && crc_ != *object_.crc32c;
  if (!sha_differs && !crc_differs) return {};
  return Fail(ErrorCode::kDataLoss,
              fmt::format("what came is not what was stored: its {} differs from the one that the object store keeps; "
                          "read it again, and if it stays so restore the object",
                          sha_differs ? "SHA-256" : "CRC-32C"),
              client_.Where(key_));
}

}  // namespace keelson::io
