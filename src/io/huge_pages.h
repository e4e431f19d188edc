#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace keelson::io {

// Asks the system to lay the program's heap on huge pages, as far as it has grown. For a process whose heap is large
// and read all over: a thousand models take two thirds of the time when the processor need not look for their pages. It
// is advice: where the system gives no huge pages (or only in time), nothing changes. Gives how many bytes it was for.
std::size_t AdviseHugeHeap();

// The ranges of the heap by /proc/self/maps, as AdviseHugeHeap reads them.
std::vector<std::pair<std::size_t, std::size_t>> HeapRanges(std::string_view maps);

}  // namespace keelson::io
