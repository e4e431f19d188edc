#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace keelson::bench {

// Of this thread.
inline double CpuMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// What one of so many calls takes.
template <typename Call>
double TimeEach(std::size_t calls, const Call& call) {
  const double start = CpuMicroseconds();
  for (std::size_t i = 0; i < calls; ++i) call();
  return (CpuMicroseconds() - start) / static_cast<double>(calls);
}

inline double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace keelson::bench
