#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/types.h"
#include "scheduling/cost.h"
#include "scheduling/history.h"

namespace keelson::control {

// The most memory that a job's attempts used, by its id; nothing when it was not measured.
using PeakMemory = std::function<std::optional<std::int64_t>(const std::string& job)>;
PeakMemory PeaksOf(std::span<const scheduling::Allocation> allocations);

// The jobs that succeeded at the first attempt, in the order of their ends: what one may expect of others is known from
// them. By name of project, kind and step; of those alike to `job` only, when it is given.
std::vector<scheduling::PastRun> PastRuns(const std::map<std::string, Job>& jobs, const PeakMemory& peak,
                                          const Job* alike = nullptr);

// What is to be expected of the job.
std::optional<scheduling::Expectation> Expect(const std::map<std::string, Job>& jobs, const Job& job,
                                              const PeakMemory& peak = {});

// That it may use more memory than it asks for, one sentence; "" when those like it did not.
std::string MemoryWarning(const std::optional<scheduling::Expectation>& expected, const scheduling::Resources& asked);

}  // namespace keelson::control
