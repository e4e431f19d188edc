#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "simulation/queued_load.h"

namespace keelson::wire::kueue {

// A load in the form of Kueue's own scheduler performance tests (test/performance/scheduler/configs/*/generator.yaml):
// cohorts of queues, and for each queue what is created when. As Kueue's generator does it: every set of workloads
// creates one, waits its interval, creates the next, beginning with a wait; all sets of all queues side by side. Every
// workload asks for CPU. With a topology there are nodes; "balanced" is taken as "preferred". Strict, with lines. A few
// lines can ask for any number of things: what is beyond the limits is an error before it is made.
struct GeneratorLimits {
  std::int64_t workloads = 2'000'000;
  std::int64_t queues = 200'000;  // and cohorts
  std::int64_t nodes = 200'000;
};
Result<simulation::QueuedLoad> ReadGenerator(std::string_view text, const std::string& file,
                                             const GeneratorLimits& limits = {});

}  // namespace keelson::wire::kueue
