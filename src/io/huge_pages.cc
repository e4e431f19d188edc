#include "io/huge_pages.h"

#include <sys/mman.h>

#include <charconv>

#include "base/strings.h"
#include "io/files.h"

namespace keelson::io {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr int kCollapse = 25;  // MADV_COLLAPSE, since Linux 6.1: now, not in time

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> HeapRanges(std::string_view maps) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const std::string_view line : Split(maps, '\n')) {
    if (!line.ends_with("[heap]")) continue;
    const char* const end = line.data() + line.size();
    std::size_t first = 0;
    std::size_t last = 0;
    const auto [dash, problem] = std::from_chars(line.data(), end, first, 16);
    if (problem != std::errc{} || dash == end || *dash != '-') continue;
    if (std::from_chars(dash + 1, end, last, 16).ec != std::errc{} || last < first) continue;
    ranges.emplace_back(first, last);
  }
  return ranges;
}

std::size_t AdviseHugeHeap() {
  const auto maps = ReadFile("/proc/self/maps");
  if (!maps) return 0;
  std::size_t advised = 0;
  for (auto [first, last] : HeapRanges(*maps)) {
    first = (first + kHugePage - 1) / kHugePage * kHugePage;
    last = last / kHugePage * kHugePage;
    if (first >= last) continue;
    auto* const begin = reinterpret_cast<void*>(first);  // NOLINT(performance-no-int-to-ptr): the system's numbers
    if (madvise(begin, last - first, MADV_HUGEPAGE) != 0) continue;
    static_cast<void>(madvise(begin, last - first, kCollapse));  // an older system does it in time
    advised += last - first;
  }
  return advised;
}

}  // namespace keelson::io
