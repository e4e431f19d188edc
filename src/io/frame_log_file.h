#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "io/files.h"
#include "io/os.h"

// What the two ways of writing a FrameLog (io/files.h) share: by write(2) and through a mapping.
namespace keelson::io {

static_assert(std::endian::native == std::endian::little, "frames are written in the machine's order");

inline constexpr std::size_t kFrameHeaderBytes = 8;

struct FrameHeader {
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
};

// kInvalidArgument for a payload that no frame holds.
Result<FrameHeader> FrameHeaderOf(std::string_view payload, const std::string& path);

// Locked for one writer; what was torn at the end is cut off. Errors as of FrameLog::OpenForAppend.
struct FrameLogFile {
  Fd file;
  std::uint64_t size = 0;  // where the next frame goes
};
Result<FrameLogFile> OpenFrameLogFile(const std::string& path);

// A FrameLog but for how it appends.
class OpenFrameLog : public FrameLog {
 public:
  OpenFrameLog(std::string path, FrameLogFile opened)
      : path_(std::move(path)), file_(std::move(opened.file)), size_(opened.size) {}

  Status Sync() override;
  std::uint64_t size() const override { return size_; }

 protected:
  const std::string path_;
  const Fd file_;
  std::uint64_t size_;  // of the frames
};

std::unique_ptr<FrameLog> MakeWrittenFrameLog(const std::string& path, FrameLogFile opened);

}  // namespace keelson::io
