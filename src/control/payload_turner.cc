#include "control/payload_turner.h"

#include <algorithm>

#include "serving/payload_segments.h"

namespace keelson::control {
namespace {

constexpr std::chrono::steady_clock::duration kLook = std::chrono::minutes(1);

bool Over(const Job& job) {
  return job.state != JobState::kPending && job.state != JobState::kRunning;
}

}  // namespace

bool PayloadJobDue(const PayloadSituation& situation, Instant now, Duration period) {
  if (period <= Duration::zero() || situation.waiting == 0 || situation.under_way) return false;
  return now >= std::max(situation.watched_since, situation.last_ended.value_or(situation.watched_since)) + period;
}

PayloadTurner::PayloadTurner(std::string project, const ProjectFolders& folders, JobRunner& jobs, const Clock& clock,
                             Duration period)
    : project_(std::move(project)),
      from_(folders.Payload()),
      to_(folders.PayloadParquet()),
      jobs_(jobs),
      clock_(clock),
      period_(period),
      watched_since_(clock.WallNow()) {}

PayloadSituation PayloadTurner::Look(std::size_t waiting) const {
  PayloadSituation situation{
      .waiting = waiting, .under_way = false, .last_ended = std::nullopt, .watched_since = watched_since_};
  for (const auto& [id, job] : jobs_.jobs()) {
    if (job.project != project_ || job.kind != "payload") continue;
    if (!Over(job)) {
      situation.under_way = true;
    } else if (job.ended && situation.last_ended.value_or(*job.ended) <= *job.ended) {
      situation.last_ended = job.ended;
    }
  }
  return situation;
}

Status PayloadTurner::Reconcile() {
  if (period_ <= Duration::zero() || clock_.MonotonicNow() < next_look_) return {};
  next_look_ = clock_.MonotonicNow() + std::min<std::chrono::steady_clock::duration>(kLook, period_);
  // Without the disk first: most looks end here.
  if (!PayloadJobDue(Look(/*waiting=*/1), clock_.WallNow(), period_)) return {};
  KEELSON_ASSIGN_OR_RETURN(const std::size_t waiting, serving::CountPayloadSegmentsToTurn(from_, to_));
  if (!PayloadJobDue(Look(waiting), clock_.WallNow(), period_)) return {};
  Job job;
  job.project = project_;
  job.kind = "payload";
  job.step = "payload";
  job.workload_class = scheduling::WorkloadClass::kBestEffort;
  job.resources = {.cpu_milli = 1'000, .memory_bytes = std::int64_t{1} << 30};
  job.spec = {{"kind", "payload"}, {"from", from_}, {"to", to_}};
  KEELSON_ASSIGN_OR_RETURN(const std::string id, jobs_.Submit(std::move(job)));
  static_cast<void>(id);
  return {};
}

}  // namespace keelson::control
