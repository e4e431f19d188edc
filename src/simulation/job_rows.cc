#include "simulation/job_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <unordered_set>

#include "simulation/csv_rows.h"

namespace keelson::simulation {
namespace {

using scheduling::kMostGpus;
using scheduling::kWholeGpu;
using scheduling::Workload;
using scheduling::WorkloadClass;
using std::chrono::milliseconds;

enum Column : std::size_t {
  kId,
  kSubmitted,
  kRunTime,
  kCpu,
  kMemory,
  kName,
  kUser,
  kQueue,
  kClass,
  kPriority,
  kGpus,
  kGpuMilli,
  kPods,
  kLeastPods,
  kCheckpoint,
  kPreemptible,
  kProject,
};
const std::vector<CsvRows::Column> kColumns = {{"id", true},           {"submitted_ms", true}, {"run_time_ms", true},
                                               {"cpu_milli", true},    {"memory_mib", true},   {"name", false},
                                               {"user", false},        {"queue", false},       {"class", false},
                                               {"priority", false},    {"gpus", false},        {"gpu_milli", false},
                                               {"pods", false},        {"least_pods", false},  {"checkpoint_ms", false},
                                               {"preemptible", false}, {"project", false}};

constexpr std::array kClasses = {WorkloadClass::kSystem, WorkloadClass::kInference, WorkloadClass::kTraining,
                                 WorkloadClass::kBestEffort};
constexpr std::int64_t kMostMs = std::int64_t{100} * 366 * 24 * 3'600'000;  // a century
constexpr std::int64_t kMostCpuMilli = 10'000'000;
constexpr std::int64_t kMostMemoryMib = 100'000'000;
constexpr std::int64_t kMostPods = scheduling::kMostSlots;
constexpr std::int64_t kMostPodMs = 1'000'000'000'000'000;  // of all pods of a job: what microseconds can still count
constexpr std::int64_t kMostPriority = 1'000'000'000;
constexpr std::int64_t kMib = 1 << 20;
constexpr std::size_t kLongestText = 200;  // that is written

// What stands there, or `otherwise` where nothing does.
Result<std::int64_t> WholeOr(const CsvRows& row, std::size_t column, std::int64_t least, std::int64_t most,
                             std::int64_t otherwise) {
  if (row.Text(column).empty()) return otherwise;
  return row.Whole(column, least, most);
}

Result<WorkloadClass> ClassOf(const CsvRows& row) {
  const std::string_view text = row.Text(kClass);
  if (text.empty()) return WorkloadClass::kTraining;
  for (const WorkloadClass each : kClasses) {
    if (WorkloadClassName(each) == text) return each;
  }
  return row.Wrong(
      fmt::format("class is '{}', not one of system, inference, training, best-effort", text.substr(0, 100)));
}

Result<bool> Preemptible(const CsvRows& row) {
  const std::string_view text = row.Text(kPreemptible);
  if (text.empty() || text == "yes") return true;
  if (text == "no") return false;
  return row.Wrong(fmt::format("preemptible is '{}', neither yes nor no", text.substr(0, 100)));
}

Result<QueuedLoad::Arrival> ReadRow(const CsvRows& row) {
  QueuedLoad::Arrival arrival;
  Workload& workload = arrival.workload;
  workload.id = row.Text(kId);
  if (workload.id.empty()) return row.Wrong("the id is missing");
  arrival.name = row.Text(kName);
  arrival.project = row.Text(kProject);
  workload.user = row.Text(kUser);
  workload.queue = row.Text(kQueue).empty() ? std::string_view("default") : row.Text(kQueue);
  KEELSON_ASSIGN_OR_RETURN(workload.workload_class, ClassOf(row));
  KEELSON_ASSIGN_OR_RETURN(const auto submitted, row.Whole(kSubmitted, 0, kMostMs));
  KEELSON_ASSIGN_OR_RETURN(const auto run_time, row.Whole(kRunTime, 0, kMostMs));
  workload.submitted = Instant(milliseconds(submitted));
  arrival.run_time = milliseconds(run_time);
  workload.run_time = arrival.run_time;
  KEELSON_ASSIGN_OR_RETURN(workload.pod.request.cpu_milli, row.Whole(kCpu, 0, kMostCpuMilli));
  KEELSON_ASSIGN_OR_RETURN(const auto memory, row.Whole(kMemory, 0, kMostMemoryMib));
  workload.pod.request.memory_bytes = memory * kMib;
  KEELSON_ASSIGN_OR_RETURN(const auto priority, WholeOr(row, kPriority, -kMostPriority, kMostPriority, 0));
  workload.priority = static_cast<int>(priority);
  KEELSON_ASSIGN_OR_RETURN(const auto gpus, WholeOr(row, kGpus, 0, kMostGpus, 0));
  KEELSON_ASSIGN_OR_RETURN(const auto gpu_milli, WholeOr(row, kGpuMilli, 1, kWholeGpu, kWholeGpu));
  if (gpu_milli < kWholeGpu && gpus != 1) return row.Wrong("gpu_milli is a share of one GPU, and gpus is not 1");
  workload.pod.gpus = static_cast<int>(gpus);
  workload.pod.gpu_milli = static_cast<int>(gpu_milli);
  KEELSON_ASSIGN_OR_RETURN(const auto pods, WholeOr(row, kPods, 1, kMostPods, 1));
  KEELSON_ASSIGN_OR_RETURN(const auto least, WholeOr(row, kLeastPods, 1, pods, pods));
  if (run_time > kMostPodMs / pods) return row.Wrong(fmt::format("{} pods run for longer than can be counted", pods));
  workload.pods = static_cast<int>(pods);
  workload.least_pods = least < pods ? static_cast<int>(least) : 0;
  KEELSON_ASSIGN_OR_RETURN(const auto checkpoint, WholeOr(row, kCheckpoint, 0, kMostMs, 0));
  workload.checkpoint_interval = milliseconds(checkpoint);
  KEELSON_ASSIGN_OR_RETURN(workload.preemptible, Preemptible(row));
  return arrival;
}

// Fit for a cell: nothing of such a file is quoted.
std::string Cell(std::string_view text) {
  std::string cell(text.substr(0, kLongestText));
  std::ranges::replace_if(
      cell, [](char c) { return c == ',' || c == '"' || static_cast<unsigned char>(c) < ' '; }, '_');
  return cell;
}

std::int64_t Ms(Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration).count();
}

}  // namespace

Result<QueuedLoad> ReadJobRows(std::string_view text, const std::string& file, const JobRowLimits& limits) {
  KEELSON_ASSIGN_OR_RETURN(CsvRows rows, CsvRows::Open(text, file, kColumns));
  QueuedLoad load;
  load.file = file;
  std::unordered_set<std::string_view> ids;  // in `text`
  while (true) {
    KEELSON_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) break;
    if (load.arrivals.size() == limits.jobs) return rows.Wrong(fmt::format("there are more than {} jobs", limits.jobs));
    KEELSON_ASSIGN_OR_RETURN(auto arrival, ReadRow(rows));
    if (!ids.insert(rows.Text(kId)).second)
      return rows.Wrong(fmt::format("'{}' stands twice", arrival.workload.id.substr(0, 100)));
    load.arrivals.push_back(std::move(arrival));
  }
  std::ranges::stable_sort(load.arrivals, {}, [](const auto& arrival) { return arrival.workload.submitted; });
  if (!load.arrivals.empty()) {
    const Duration begin = load.arrivals.front().workload.submitted.time_since_epoch();
    for (auto& arrival : load.arrivals) arrival.workload.submitted -= begin;
  }
  return load;
}

std::string WriteJobRows(const QueuedLoad& load) {
  std::string text;
  for (const auto& column : kColumns) text += (text.empty() ? "" : ",") + column.name;
  text += "\n";
  for (const auto& [workload, run_time, name, project] : load.arrivals) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", Cell(workload.id),
                        Ms(workload.submitted.time_since_epoch()), Ms(run_time), workload.pod.request.cpu_milli,
                        workload.pod.request.memory_bytes / kMib, Cell(name), Cell(workload.user), Cell(workload.queue),
                        WorkloadClassName(workload.workload_class), workload.priority, workload.pod.gpus,
                        workload.pod.gpu_milli, workload.pods, workload.least(), Ms(workload.checkpoint_interval),
                        workload.preemptible ? "yes" : "no", Cell(project));
  }
  return text;
}

}  // namespace keelson::simulation
