// A log file of any bytes, and one of frames made of them with a byte turned over or the end cut off: reading and
// opening it tell the same frames or the same damage, and what opens takes another frame, which is then the last.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "io/crc32c.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace {

using namespace keelson;

// All frames to the end, or nothing when there is damage; `frames` has those in front of it.
bool ReadAll(const std::string& path, std::vector<std::string>* frames) {
  std::uint64_t offset = 0;
  for (;;) {
    const auto read = io::ReadFrames(path, offset, 16);
    if (!read.has_value()) return false;
    if (read->frames.empty()) return true;
    if (read->end <= offset) std::abort();
    offset = read->end;
    frames->insert(frames->end(), read->frames.begin(), read->frames.end());
  }
}

void Check(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::trunc | std::ios::binary) << content;
  std::vector<std::string> before;
  const bool sound = ReadAll(path, &before);
  {
    const auto log = io::FrameLog::OpenForAppend(path);
    if (!log.has_value()) return;
    if (!(*log)->Append("last").has_value()) std::abort();
  }
  std::vector<std::string> after;
  if (!ReadAll(path, &after)) std::abort();
  before.push_back("last");
  if (sound && after != before) std::abort();
}

std::string Frames(std::string_view bytes) {
  std::string log;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = std::min<std::size_t>(1 + static_cast<unsigned char>(bytes[at]) % 16, bytes.size() - at);
    const auto size = static_cast<std::uint32_t>(length);
    const std::uint32_t crc = io::Crc32c(bytes.substr(at, length));
    char head[8];
    std::memcpy(head, &size, 4);
    std::memcpy(head + 4, &crc, 4);
    log.append(head, 8).append(bytes.substr(at, length));
    at += length;
  }
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string path = folder.File("log");
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(path, bytes);
  if (size < 3) return 0;
  std::string log = Frames(bytes.substr(2));
  if (data[0] % 2 == 0) {
    log.resize(log.size() - data[1] % log.size());
  } else {
    char& byte = log[data[1] % log.size()];
    byte = static_cast<char>(byte ^ (1 << (data[0] >> 1) % 8));
  }
  Check(path, log);
  return 0;
}
