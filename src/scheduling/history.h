#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "base/time.h"
#include "scheduling/admission.h"

namespace keelson::scheduling {

// One that ran to its end.
struct PastRun {
  std::string user;
  std::string name;  // what it did: its project and step
  Resources shape;   // what it asked for
  Duration run_time{};
  std::optional<std::int64_t> peak_memory_bytes;  // nothing: it was not measured
};

// What is to be expected of the next like those.
struct Expectation {
  int runs = 0;            // that tell it
  std::string_view alike;  // in what they are like it: "user, name and shape", "name and shape", "name"
  Duration median{};
  Duration high{};                          // it should take no longer, nine times of ten
  std::optional<std::int64_t> memory_high;  // bytes; the same of its memory, by those that were measured
};

// Quantiles of how long things ran and how much memory they took, by user, name and shape. Where fewer than five are
// like the next in all three, those of its name and shape tell, and else those of its name. The latest 200 of each.
//
// `high` is the value of the run that stands at nine tenths of n + 1: if the next one is as any of them, it is exceeded
// in at most a tenth of cases, whatever the distribution, from nine runs on; with fewer it is the longest, and n in
// n + 1 hold.
class History {
 public:
  void Add(const PastRun& run);
  // Nothing when none of its name has run.
  std::optional<Expectation> Of(const std::string& user, const std::string& name, const Resources& shape) const;

 private:
  struct Runs {
    std::deque<Duration> run_times;
    std::deque<std::int64_t> peaks;
  };
  using Key = std::tuple<std::string, std::string, std::int64_t, std::int64_t>;  // user, name, cores, bytes
  std::map<Key, Runs> runs_;
};

// How good the expectations were: each of the runs, which are in the order of their ends, was foretold by those before
// it.
struct Calibration {
  int run_times = 0;        // foretold
  double below_median = 0;  // of them, the part that took no longer; half, were it perfect
  double below_high = 0;    // nine tenths, were it perfect
  int memories = 0;         // foretold
  double memory_below_high = 0;
};
Calibration Calibrate(std::span<const PastRun> runs);

}  // namespace keelson::scheduling
