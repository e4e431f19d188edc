#include "sklearn/zip_archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>

#include "io/http_inflate.h"

namespace keelson::sklearn {
namespace {

constexpr std::string_view kEndMark = "PK\x05\x06";
constexpr std::string_view kDirectoryMark = "PK\x01\x02";
constexpr std::string_view kLocalMark = "PK\x03\x04";
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kDirectorySize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kLongestComment = 65'535;
constexpr std::uint32_t kStored = 0;
constexpr std::uint32_t kDeflated = 8;

std::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("a corrupt zip file: {}", what));
}

// Little-endian, of bytes that are there.
std::uint32_t Number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

Result<std::size_t> FindEnd(std::string_view bytes) {
  if (bytes.size() < kEndSize) return Corrupt("too short");
  const std::size_t last = bytes.size() - kEndSize;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  const std::size_t found = bytes.rfind(kEndMark, last);
  if (found == std::string_view::npos || found < first) return Corrupt("it has no directory");
  return found;
}

}  // namespace

Result<ZipArchive> ZipArchive::Open(std::string_view bytes) {
  KEELSON_ASSIGN_OR_RETURN(const auto end, FindEnd(bytes));
  const std::uint32_t count = Number(bytes, end + 10, 2);
  std::size_t at = Number(bytes, end + 16, 4);
  if (count == 0xFFFF || at == 0xFFFFFFFF || Number(bytes, end + 4, 4) != 0) {
    return Fail(ErrorCode::kUnsupported, "a zip file of the 64-bit form or in parts");
  }
  ZipArchive archive;
  archive.bytes_ = bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at > end || end - at < kDirectorySize || bytes.substr(at, 4) != kDirectoryMark) return Corrupt("its directory");
    const std::size_t name = Number(bytes, at + 28, 2);
    const std::size_t rest = name + Number(bytes, at + 30, 2) + Number(bytes, at + 32, 2);
    if (end - at - kDirectorySize < rest) return Corrupt("its directory");
    if ((Number(bytes, at + 8, 2) & 1) != 0) return Fail(ErrorCode::kUnsupported, "an encrypted zip file");
    const Member member{Number(bytes, at + 10, 2), Number(bytes, at + 16, 4), Number(bytes, at + 20, 4),
                        Number(bytes, at + 24, 4), Number(bytes, at + 42, 4)};
    // Of a name that stands twice the last, as Python's zipfile has it.
    archive.members_.insert_or_assign(std::string(bytes.substr(at + kDirectorySize, name)), member);
    at += kDirectorySize + rest;
  }
  return archive;
}

Result<std::string_view> ZipArchive::Read(std::string_view name, std::size_t limit, std::string* unpacked) const {
  const auto found = members_.find(name);
  if (found == members_.end()) return Fail(ErrorCode::kNotFound, fmt::format("no member \"{}\"", name));
  const Member& member = found->second;
  if (member.size > limit) return Fail(ErrorCode::kResourceExhausted, fmt::format("a member of {} bytes", member.size));
  const std::size_t header = member.header;
  if (header > bytes_.size() || bytes_.size() - header < kLocalSize || bytes_.substr(header, 4) != kLocalMark) {
    return Corrupt("a member's header");
  }
  const std::size_t begin = header + kLocalSize + Number(bytes_, header + 26, 2) + Number(bytes_, header + 28, 2);
  if (begin > bytes_.size() || bytes_.size() - begin < member.packed) return Corrupt("a member beyond its end");
  std::string_view contents = bytes_.substr(begin, member.packed);
  if (member.method == kDeflated) {
    KEELSON_ASSIGN_OR_RETURN(*unpacked, io::Inflate("deflate", contents, member.size));
    contents = *unpacked;
  } else if (member.method != kStored) {
    return Fail(ErrorCode::kUnsupported, fmt::format("the zip file's compression {}", member.method));
  }
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size());
  if (contents.size() != member.size || checksum != member.checksum) return Corrupt("a member's checksum");
  return contents;
}

}  // namespace keelson::sklearn
