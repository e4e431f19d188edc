#include "control/payload_turner.h"

#include <algorithm>

#include "serving/payload_segments.h"

namespace keelson::control {
namespace {

constexpr std::chrono::steady_clock::duration kLook = std::chrono::minutes(1);

constexpr const char* kKind = "payload";

bool Over(const Job& job) {
  return job.state != JobState::kPending && job.state != JobState::kRunning;
}

// What the job found damaged, as PayloadExport tells it.
std::vector<std::string> DamagedOf(const Job& job) {
  std::vector<std::string> damaged;
  const auto list = job.output.is_object() ? job.output.find("damaged") : job.output.end();
  if (list == job.output.end()) return damaged;
  for (const Json& each : *list) {
    if (each.is_string()) damaged.push_back(each.get<std::string>());
  }
  return damaged;
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

std::vector<const Job*> PayloadTurner::Ended() const {
  std::vector<const Job*> ended;
  for (const auto& [id, job] : jobs_.jobs()) {
    if (job.project == project_ && job.kind == kKind && Over(job) && job.ended) ended.push_back(&job);
  }
  std::ranges::stable_sort(ended, [](const Job* a, const Job* b) { return *a->ended < *b->ended; });
  return ended;
}

PayloadSituation PayloadTurner::Look(std::size_t waiting) const {
  PayloadSituation situation{
      .waiting = waiting, .under_way = false, .last_ended = std::nullopt, .watched_since = watched_since_};
  situation.under_way = std::ranges::any_of(jobs_.jobs(), [this](const auto& entry) {
    return entry.second.project == project_ && entry.second.kind == kKind && !Over(entry.second);
  });
  if (const auto ended = Ended(); !ended.empty()) situation.last_ended = ended.back()->ended;
  return situation;
}

Status PayloadTurner::Reconcile() {
  if (period_ <= Duration::zero() || clock_.MonotonicNow() < next_look_) return {};
  next_look_ = clock_.MonotonicNow() + std::min<std::chrono::steady_clock::duration>(kLook, period_);
  // Without the disk first: most looks end here.
  if (!PayloadJobDue(Look(/*waiting=*/1), clock_.WallNow(), period_)) return {};
  const auto ended = Ended();
  const auto damaged = ended.empty() ? std::vector<std::string>() : DamagedOf(*ended.back());
  KEELSON_ASSIGN_OR_RETURN(const std::size_t waiting, serving::CountPayloadSegmentsToTurn(from_, to_, damaged));
  if (!PayloadJobDue(Look(waiting), clock_.WallNow(), period_)) return {};
  std::vector<std::string> former;
  for (std::size_t i = 0; i + 1 < ended.size(); ++i) former.push_back(ended[i]->id);
  for (const std::string& id : former) KEELSON_RETURN_IF_ERROR(jobs_.Discard(id));
  Job job;
  job.project = project_;
  job.kind = kKind;
  job.step = kKind;
  job.workload_class = scheduling::WorkloadClass::kBestEffort;
  job.resources = {.cpu_milli = 1'000, .memory_bytes = std::int64_t{1} << 30};
  job.spec = {{"kind", kKind}, {"from", from_}, {"to", to_}};
  KEELSON_ASSIGN_OR_RETURN(const std::string id, jobs_.Submit(std::move(job)));
  static_cast<void>(id);
  return {};
}

}  // namespace keelson::control
