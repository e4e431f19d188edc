#include "scheduling/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "scheduling/preemption.h"

namespace keelson::scheduling {
namespace {

// What is left of the machine or of a queue's quota: at once, and when everything that is stopping has stopped.
struct Pool {
  Resources quota;
  Resources now;
  Resources later;
};

Resources AtMost(const Resources& room, const Resources& request) {
  return {std::min(std::max<std::int64_t>(room.cpu_milli, 0), request.cpu_milli),
          std::min(std::max<std::int64_t>(room.memory_bytes, 0), request.memory_bytes)};
}

// How many of a group run or have claimed a place: at once, and when what is stopping has stopped.
struct GroupCount {
  int now = 0;
  int later = 0;
};

// A quota that the machine's capacity makes needless is no limit: what it seems to hold up waits for the machine.
constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max() / 4;
std::int64_t Quota(std::int64_t quota, std::int64_t capacity) {
  return quota == 0 || quota >= capacity ? kNoLimit : quota;
}

// Holds back what `request` could use, so that nobody less important takes it.
void Claim(Pool& pool, const Resources& request) {
  pool.now -= AtMost(pool.now, request);
  pool.later -= AtMost(pool.later, request);
}

// The pass over the pending jobs and what it knows so far.
class Pass {
 public:
  explicit Pass(const AdmissionSnapshot& snapshot) : snapshot_(snapshot) {
    machine_ = Pool{snapshot.capacity, snapshot.capacity, snapshot.capacity};
    for (const QueueState& queue : snapshot.queues) {
      const Resources quota{Quota(queue.quota.cpu_milli, snapshot.capacity.cpu_milli),
                            Quota(queue.quota.memory_bytes, snapshot.capacity.memory_bytes)};
      queues_[queue.name] = Pool{quota, quota, quota};
    }
    for (const RunningJob& job : snapshot.running) {
      seen_.insert(job.id);
      ++groups_[job.group].now;
      if (!job.stopping) ++groups_[job.group].later;
      Pool& queue = Queue(job.queue);
      for (Pool* pool : {&machine_, &queue}) {
        pool->now -= job.request;
        if (!job.stopping) pool->later -= job.request;
      }
      if (job.stopping) {
        stopping_ = true;
      } else if (job.preemptible) {
        victims_.push_back(&job);
      }
    }
  }

  void Look(const PendingJob& job) {
    if (!seen_.insert(job.id).second) {
      return Wait(job, "waits for its earlier attempt to end");
    }
    Pool& queue = Queue(job.queue);
    if (std::string why = Unfit(job, queue); !why.empty()) {
      plan_.actions.push_back({AdmissionAction::Kind::kRefuse, job.id, std::move(why)});
      return;
    }
    const bool limited = job.group_parallel_limit > 0 && !job.group.empty();
    GroupCount& group = groups_[job.group];
    if (limited && group.later >= job.group_parallel_limit) {
      contended_groups_.insert(job.group);
      return Wait(job, fmt::format("waits for its group '{}', which runs at most {} at once", job.group,
                                   job.group_parallel_limit));
    }
    const bool member_fits = !limited || group.now < job.group_parallel_limit;
    ++group.now;  // from here on it runs, or claims its place
    ++group.later;
    if (member_fits && job.request.FitsIn(machine_.now) && job.request.FitsIn(queue.now)) return Start(job, queue);

    if (!job.request.FitsIn(machine_.later) || !job.request.FitsIn(queue.later)) Preempt(job, queue);
    if (!job.request.FitsIn(queue.later)) {
      contended_queues_.insert(job.queue);
      Wait(job, fmt::format("waits for its queue '{}', which has {} left of {} for {}", job.queue,
                            FormatResources(AtMost(queue.now, snapshot_.capacity)),
                            FormatResources(AtMost(queue.quota, snapshot_.capacity)), FormatResources(job.request)));
      Claim(queue, job.request);
      return;
    }
    if (job.request.FitsIn(machine_.later) && stopping_) {
      Wait(job, fmt::format("waits for {} that comes free when the jobs that are stopping have ended",
                            FormatResources(job.request)));
    } else {
      machine_contended_ = true;
      Wait(job,
           fmt::format("waits for {}; {} of {} is free for it", FormatResources(job.request),
                       FormatResources(AtMost(machine_.now, snapshot_.capacity)), FormatResources(snapshot_.capacity)));
    }
    Claim(machine_, job.request);
    Claim(queue, job.request);
  }

  AdmissionPlan TakePlan() { return std::move(plan_); }

 private:
  Pool& Queue(const std::string& name) {
    const Resources none{kNoLimit, kNoLimit};
    return queues_.try_emplace(name, Pool{none, none, none}).first->second;
  }

  std::string Unfit(const PendingJob& job, const Pool& queue) const {
    if (job.request.cpu_milli < 0 || job.request.memory_bytes < 0) return "asks for less than nothing";
    if (!job.request.FitsIn(snapshot_.capacity)) {
      return fmt::format("asks for {}, more than this machine's {}", FormatResources(job.request),
                         FormatResources(snapshot_.capacity));
    }
    if (!job.request.FitsIn(queue.quota)) {
      return fmt::format("asks for {}, more than the quota of queue '{}', {}", FormatResources(job.request), job.queue,
                         FormatResources(AtMost(queue.quota, snapshot_.capacity)));
    }
    return {};
  }

  void Start(const PendingJob& job, Pool& queue) {
    for (Pool* pool : {&machine_, &queue}) {
      pool->now -= job.request;
      pool->later -= job.request;
    }
    plan_.actions.push_back({AdmissionAction::Kind::kStart, job.id,
                             fmt::format("{} is free in queue '{}'", FormatResources(job.request), job.queue)});
  }

  // Room that is freed while a more important job waits in vain goes to that job: then nothing is preempted. Neither is
  // a job whose end would let a more important one of its queue or group go on: that one would take the room.
  void Preempt(const PendingJob& job, const Pool& queue) {
    if (machine_contended_ || contended_queues_.contains(job.queue)) return;
    std::erase_if(victims_, [this](const RunningJob* victim) {
      return contended_queues_.contains(victim->queue) || contended_groups_.contains(victim->group);
    });
    const Shortage shortage{job.request, machine_.later, queue.later};
    for (const RunningJob* victim : ChooseVictims(job, shortage, victims_)) {
      for (Pool* pool : {&machine_, &Queue(victim->queue)}) pool->later += victim->request;
      --groups_[victim->group].later;
      std::erase(victims_, victim);
      stopping_ = true;
      plan_.actions.push_back(
          {AdmissionAction::Kind::kPreempt, victim->id,
           fmt::format("makes room for the {} job '{}'", WorkloadClassName(job.workload_class), job.id)});
    }
  }

  void Wait(const PendingJob& job, std::string reason) { plan_.waiting.push_back({job.id, std::move(reason)}); }

  const AdmissionSnapshot& snapshot_;
  Pool machine_;
  std::map<std::string, Pool> queues_;
  std::map<std::string, GroupCount> groups_;
  std::set<std::string> seen_;
  std::vector<const RunningJob*> victims_;  // preemptible and not stopping
  bool stopping_ = false;                   // something is, or was just told to
  bool machine_contended_ = false;          // a more important job waits for the machine and cannot preempt enough
  std::set<std::string> contended_queues_;  // the same for a queue's quota
  std::set<std::string> contended_groups_;  // and a group's limit
  AdmissionPlan plan_;
};

}  // namespace

Resources& Resources::operator+=(const Resources& other) {
  cpu_milli += other.cpu_milli;
  memory_bytes += other.memory_bytes;
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  cpu_milli -= other.cpu_milli;
  memory_bytes -= other.memory_bytes;
  return *this;
}

std::string_view WorkloadClassName(WorkloadClass workload_class) {
  switch (workload_class) {
    case WorkloadClass::kSystem:
      return "system";
    case WorkloadClass::kInference:
      return "inference";
    case WorkloadClass::kTraining:
      return "training";
    case WorkloadClass::kBestEffort:
      return "best-effort";
  }
  return "best-effort";
}

std::string FormatResources(const Resources& resources) {
  constexpr double kMiB = 1 << 20;
  const double cores = static_cast<double>(resources.cpu_milli) / 1000;
  const double memory = static_cast<double>(resources.memory_bytes) / kMiB;
  const std::string size =
      memory >= 1024 ? fmt::format("{:.4g} GiB", memory / 1024) : fmt::format("{:.4g} MiB", memory);
  return fmt::format("{:.4g} {} and {}", cores, cores == 1 ? "core" : "cores", size);
}

AdmissionPlan PlanAdmission(const AdmissionSnapshot& snapshot) {
  std::vector<const PendingJob*> order;
  for (const PendingJob& job : snapshot.pending) order.push_back(&job);
  std::stable_sort(order.begin(), order.end(), [](const PendingJob* a, const PendingJob* b) {
    return std::tuple(a->workload_class, -std::int64_t{a->priority}, a->submitted_sequence, std::string_view(a->id)) <
           std::tuple(b->workload_class, -std::int64_t{b->priority}, b->submitted_sequence, std::string_view(b->id));
  });
  Pass pass(snapshot);
  for (const PendingJob* job : order) pass.Look(*job);
  return pass.TakePlan();
}

}  // namespace keelson::scheduling
