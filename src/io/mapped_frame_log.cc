#include "io/mapped_frame_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.h"
#include "io/frame_log_file.h"

namespace keelson::io {
namespace {

constexpr std::size_t kPage = 64 << 10;       // no page of any machine is longer
constexpr std::size_t kFirstStep = 64 << 10;  // a log of few frames takes little of the disk
constexpr std::size_t kPopulated = 64 << 10;  // made writable at once: dearer a page at a time, a wait when it is much

std::uint64_t PageUp(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

// A part of a file in memory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { Drop(); }

  // `begin` is a page's.
  Status Map(int fd, std::uint64_t begin, std::uint64_t end, const std::string& path) {
    Drop();
    void* at = mmap(nullptr, end - begin, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(begin));
    if (at == MAP_FAILED) return OsFail(errno, "map the log", path);
    bytes_ = {static_cast<char*>(at), end - begin};
    begin_ = populated_ = begin;
    return {};
  }

  // Makes the pages up to `end` writable; afterwards writing there meets no fault that could be a signal.
  Status Populate(std::uint64_t end, const std::string& path) {
    if (end <= populated_) return {};
    const std::uint64_t to = std::min(begin_ + bytes_.size(), std::max(PageUp(end), populated_ + kPopulated));
    if (madvise(at(populated_), to - populated_, MADV_POPULATE_WRITE) != 0 &&
        errno != EINVAL) {  // EINVAL: before Linux 5.14
      return OsFail(errno == EFAULT ? EIO : errno, "write to the log", path);
    }
    populated_ = to;
    return {};
  }

  bool Has(std::uint64_t end) const { return end <= begin_ + bytes_.size(); }
  char* at(std::uint64_t offset) { return bytes_.data() + (offset - begin_); }

 private:
  void Drop() {
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
    bytes_ = {};
  }

  std::span<char> bytes_;
  std::uint64_t begin_ = 0;      // of bytes_ in the file
  std::uint64_t populated_ = 0;  // up to there in the file
};

class MappedLog final : public OpenFrameLog {
 public:
  MappedLog(std::string path, FrameLogFile opened)
      : OpenFrameLog(std::move(path), std::move(opened)), allocated_(size_) {}

  ~MappedLog() override {
    if (ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
      LogWarning("a log keeps its unused end", {{"error", OsError(errno, "cut the log", path_).ToString()}});
    }
  }

  Status Append(std::string_view payload) override {
    KEELSON_ASSIGN_OR_RETURN(const FrameHeader header, FrameHeaderOf(payload, path_));
    const std::uint64_t end = size_ + kFrameHeaderBytes + payload.size();
    if (!mapping_.Has(end)) KEELSON_RETURN_IF_ERROR(Grow(end));
    KEELSON_RETURN_IF_ERROR(mapping_.Populate(end, path_));
    // The length last: who reads meanwhile, or after a kill in the midst of this, finds no frame there.
    char* const frame = mapping_.at(size_);
    std::memcpy(frame + kFrameHeaderBytes, payload.data(), payload.size());
    std::memcpy(frame + 4, &header.crc, 4);
    std::atomic_thread_fence(std::memory_order_release);
    std::memcpy(frame, &header.length, 4);
    size_ = end;
    return {};
  }

 private:
  // Allocates the file to `end` and beyond, and maps it from its last frame on.
  Status Grow(std::uint64_t end) {
    if (end > allocated_) {
      const std::uint64_t step = std::clamp<std::uint64_t>(PageUp(size_), kFirstStep, kMappedLogStep);
      if (!Allocate(PageUp(end) + step)) KEELSON_RETURN_IF_ERROR(Allocate(end));  // of a disk that is nearly full
    }
    return mapping_.Map(file_.get(), size_ / kPage * kPage, allocated_, path_);
  }

  Status Allocate(std::uint64_t end) {
    const auto begin = static_cast<off_t>(allocated_);
    while (fallocate(file_.get(), 0, begin, static_cast<off_t>(end) - begin) != 0) {
      if (errno != EINTR) return OsFail(errno, "allocate the log", path_);
    }
    allocated_ = end;
    return {};
  }

  std::uint64_t allocated_;  // of the file
  Mapping mapping_;
};

}  // namespace

Result<std::unique_ptr<FrameLog>> OpenMappedFrameLog(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(FrameLogFile opened, OpenFrameLogFile(path));
  const auto size = static_cast<off_t>(opened.size);
  if (fallocate(opened.file.get(), FALLOC_FL_KEEP_SIZE, size, kFirstStep) != 0 && errno == EOPNOTSUPP) {
    return MakeWrittenFrameLog(path, std::move(opened));  // a file system that allocates nothing ahead
  }
  return std::make_unique<MappedLog>(path, std::move(opened));
}

}  // namespace keelson::io
