#include "scheduling/history.h"

#include <algorithm>
#include <array>
#include <vector>

namespace keelson::scheduling {
namespace {

constexpr std::size_t kRemembered = 200;
constexpr std::size_t kEnough = 5;

// The value that `part` of n + 1 values do not exceed; the largest when there are too few to say.
template <typename T>
T Quantile(const std::deque<T>& values, std::size_t tenths) {
  std::vector<T> sorted(values.begin(), values.end());
  const std::size_t rank = ((sorted.size() + 1) * tenths + 9) / 10;  // rounded up
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, sorted.size()) - 1);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return *nth;
}

template <typename T>
void Remember(std::deque<T>& values, const T& value) {
  values.push_back(value);
  if (values.size() > kRemembered) values.pop_front();
}

// From the most alike to the least. A group's key leaves empty what its runs need not have in common; -1 is no shape.
constexpr std::array<std::string_view, 3> kAlike = {"user, name and shape", "name and shape", "name"};
std::array<std::tuple<std::string, std::string, std::int64_t, std::int64_t>, 3> Keys(const std::string& user,
                                                                                     const std::string& name,
                                                                                     const Resources& shape) {
  // A user who is called nothing is another group than all users.
  return {{{"u" + user, name, shape.cpu_milli, shape.memory_bytes},
           {"", name, shape.cpu_milli, shape.memory_bytes},
           {"", name, -1, -1}}};
}

}  // namespace

void History::Add(const PastRun& run) {
  for (const auto& key : Keys(run.user, run.name, run.shape)) {
    Runs& runs = runs_[key];
    Remember(runs.run_times, run.run_time);
    if (run.peak_memory_bytes) Remember(runs.peaks, *run.peak_memory_bytes);
  }
}

std::optional<Expectation> History::Of(const std::string& user, const std::string& name, const Resources& shape) const {
  const auto keys = Keys(user, name, shape);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = runs_.find(keys[i]);
    const bool last = i + 1 == keys.size();
    if (found == runs_.end() || (found->second.run_times.size() < kEnough && !last)) continue;
    const Runs& runs = found->second;
    Expectation expectation{.runs = static_cast<int>(runs.run_times.size()),
                            .alike = kAlike[i],
                            .median = Quantile(runs.run_times, 5),
                            .high = Quantile(runs.run_times, 9),
                            .memory_high = {}};
    if (!runs.peaks.empty()) expectation.memory_high = Quantile(runs.peaks, 9);
    return expectation;
  }
  return std::nullopt;
}

Calibration Calibrate(std::span<const PastRun> runs) {
  Calibration calibration;
  History history;
  int below_median = 0;
  int below_high = 0;
  int memory_below = 0;
  for (const PastRun& run : runs) {
    if (const auto expected = history.Of(run.user, run.name, run.shape)) {
      ++calibration.run_times;
      below_median += run.run_time <= expected->median ? 1 : 0;
      below_high += run.run_time <= expected->high ? 1 : 0;
      if (expected->memory_high && run.peak_memory_bytes) {
        ++calibration.memories;
        memory_below += *run.peak_memory_bytes <= *expected->memory_high ? 1 : 0;
      }
    }
    history.Add(run);
  }
  const auto part = [](int count, int of) { return of > 0 ? static_cast<double>(count) / of : 0; };
  calibration.below_median = part(below_median, calibration.run_times);
  calibration.below_high = part(below_high, calibration.run_times);
  calibration.memory_below_high = part(memory_below, calibration.memories);
  return calibration;
}

}  // namespace keelson::scheduling
