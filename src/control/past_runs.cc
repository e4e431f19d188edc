#include "control/past_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "scheduling/amounts.h"

namespace keelson::control {
namespace {

constexpr double kNearItsMemory = 0.9;  // of what it asks for

std::string NameOf(const Job& job) {
  return job.project + "/" + job.kind + "/" + job.step;
}

}  // namespace

PeakMemory PeaksOf(std::span<const scheduling::Allocation> allocations) {
  std::unordered_map<std::string, std::int64_t> peaks;
  for (const auto& each : allocations) {
    if (each.job.empty() || !each.used) continue;
    std::int64_t& peak = peaks[each.job];
    peak = std::max(peak, each.used->peak_memory_bytes);
  }
  return [peaks = std::move(peaks)](const std::string& job) -> std::optional<std::int64_t> {
    const auto found = peaks.find(job);
    return found == peaks.end() ? std::nullopt : std::optional(found->second);
  };
}

std::vector<scheduling::PastRun> PastRuns(const std::map<std::string, Job>& jobs, const PeakMemory& peak,
                                          const Job* alike) {
  std::vector<std::pair<Instant, scheduling::PastRun>> runs;
  for (const auto& [id, job] : jobs) {
    if (job.state != JobState::kSucceeded || job.attempts != 1 || !job.started || !job.ended) continue;
    if (alike != nullptr && (job.project != alike->project || job.kind != alike->kind || job.step != alike->step))
      continue;
    runs.emplace_back(*job.ended, scheduling::PastRun{.user = job.user,
                                                      .name = NameOf(job),
                                                      .shape = job.resources,
                                                      .run_time = *job.ended - *job.started,
                                                      .peak_memory_bytes = peak ? peak(id) : std::nullopt});
  }
  std::ranges::stable_sort(runs, {}, &std::pair<Instant, scheduling::PastRun>::first);
  std::vector<scheduling::PastRun> sorted;
  sorted.reserve(runs.size());
  for (auto& [ended, run] : runs) sorted.push_back(std::move(run));
  return sorted;
}

std::optional<scheduling::Expectation> Expect(const std::map<std::string, Job>& jobs, const Job& job,
                                              const PeakMemory& peak) {
  scheduling::History history;
  for (const auto& run : PastRuns(jobs, peak, &job)) history.Add(run);
  return history.Of(job.user, NameOf(job), job.resources);
}

std::string MemoryWarning(const std::optional<scheduling::Expectation>& expected, const scheduling::Resources& asked) {
  if (!expected || !expected->memory_high || asked.memory_bytes <= 0) return "";
  const std::int64_t high = *expected->memory_high;
  if (static_cast<double>(high) < kNearItsMemory * static_cast<double>(asked.memory_bytes)) return "";
  return fmt::format(
      "those like it ({} runs, by {}) used up to {} of memory, and it asks for {}: it may be killed for "
      "the lack of it",
      expected->runs, expected->alike, scheduling::FormatAmount(scheduling::Resource::kMemory, high),
      scheduling::FormatAmount(scheduling::Resource::kMemory, asked.memory_bytes));
}

}  // namespace keelson::control
