#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace keelson::scheduling {

// Resources asked for or offered. CPU in thousandths of a core, memory in bytes.
struct Resources {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;

  bool FitsIn(const Resources& room) const { return cpu_milli <= room.cpu_milli && memory_bytes <= room.memory_bytes; }
  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);
  bool operator==(const Resources&) const = default;
};

// The four classes, most important first; inside one class `priority` decides, then who came first.
enum class WorkloadClass { kSystem, kInference, kTraining, kBestEffort };

struct PendingJob {
  std::string id;
  std::string queue;
  WorkloadClass workload_class = WorkloadClass::kTraining;
  int priority = 0;
  std::int64_t submitted_sequence = 0;  // order of arrival
  Resources request;
  std::string group;             // trials of one search share a group
  int group_parallel_limit = 0;  // at most this many of the group at once; 0: no limit
};

struct RunningJob {
  std::string id;
  std::string queue;
  WorkloadClass workload_class = WorkloadClass::kTraining;
  int priority = 0;
  Resources request;
  std::string group;
  bool preemptible = true;  // resumes from a checkpoint
  bool stopping = false;    // was told to stop already; its resources come free soon
};

// A queue that jobs name and that is not listed has no quota of its own.
struct QueueState {
  std::string name;
  Resources quota;  // a zero: the machine's whole capacity of it
};

struct AdmissionSnapshot {
  Resources capacity;  // of the machine, less what is kept for server and gateway
  std::vector<QueueState> queues;
  std::vector<PendingJob> pending;
  std::vector<RunningJob> running;
};

struct AdmissionAction {
  enum class Kind { kStart, kPreempt, kRefuse } kind = Kind::kStart;
  std::string job;
  std::string reason;  // for people: `keelson describe`, events
  bool operator==(const AdmissionAction&) const = default;
};

// Why a job that was not started waits: one sentence.
struct Waiting {
  std::string job;
  std::string reason;
};

struct AdmissionPlan {
  std::vector<AdmissionAction> actions;
  std::vector<Waiting> waiting;
};

// "system", "inference", "training", "best-effort".
std::string_view WorkloadClassName(WorkloadClass workload_class);
// For people: "1.5 cores and 2 GiB".
std::string FormatResources(const Resources& resources);

// Pure. Looks at the pending jobs most important first, each seeing only what more important ones left, so that adding
// less important jobs never changes what happens to more important ones:
// - what fits starts;
// - what waits for the machine claims its share of what is free: a less important job starts only in what the claims
//   leave, and so never delays it. What waits for its queue's quota claims within that queue only, and what waits for
//   its group's limit claims nothing: neither holds up other queues;
// - a job preempts preemptible jobs of less important classes if that makes it fit: none of a class when less important
//   ones suffice, then the fewest, then the least important; none while what is stopping already makes room enough;
// - what is larger than the capacity or its queue's quota, or asks for less than nothing, is refused at once.
// Every pending job gets one action or one waiting reason. Applied and planned again it has no actions.
AdmissionPlan PlanAdmission(const AdmissionSnapshot& snapshot);

}  // namespace keelson::scheduling
