#pragma once

#include <cstdint>
#include <string>
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
  std::string group;            // trials of one search share a group
  int group_parallel_limit = 0; // at most this many of the group at once; 0: no limit
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

struct QueueState {
  std::string name;
  Resources quota;  // zero: the machine's whole capacity
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

// Pure. Starts what fits, most important first; a job that does not fit never holds up smaller ones of other queues but
// keeps its claim against less important ones; preempts the fewest, least important, preemptible jobs for a more important
// class; refuses at once what is larger than the capacity or the queue's quota. Applied and planned again it is empty.
AdmissionPlan PlanAdmission(const AdmissionSnapshot& snapshot);

}  // namespace keelson::scheduling
