#include "control/metered_substrate.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "control/types.h"

namespace keelson::control {
namespace {

using scheduling::Allocation;
using substrate::WorkloadPhase;
using substrate::WorkloadStatus;

constexpr const char* kKind = "allocation";
constexpr const char* kSeen = "allocations_seen";  // one document: the instant
constexpr auto kNoteEvery = std::chrono::minutes(5);
constexpr auto kOrphansLive = std::chrono::seconds(30);  // substrate::OrphanWatch's patience
constexpr auto kKept = std::chrono::days(400);

std::string LabelOf(const substrate::WorkloadSpec& spec, const char* name) {
  const auto found = spec.labels.find(name);
  return found == spec.labels.end() ? "" : found->second;
}

Allocation AllocationOf(const substrate::WorkloadSpec& spec, Instant now) {
  Allocation allocation;
  allocation.workload = spec.name;
  allocation.project = spec.project;
  allocation.user = LabelOf(spec, "user");
  allocation.queue = LabelOf(spec, "queue");
  allocation.job = LabelOf(spec, "job");
  allocation.step = LabelOf(spec, "step");
  allocation.endpoint = LabelOf(spec, "endpoint");
  allocation.workload_class = spec.workload_class;
  allocation.held = spec.resources;
  allocation.from = now;
  return allocation;
}

// Of no project: what it says outlives that.
DocumentStore::Document DocumentOf(const Allocation& allocation) {
  return {kKind, allocation.workload, "", ToJson(allocation).dump()};
}

DocumentStore::Document SeenDocument(Instant now) {
  return {kSeen, "", "", std::to_string(ToMicros(now))};
}

bool HasEnded(const WorkloadStatus& status) {
  return status.phase == WorkloadPhase::kSucceeded || status.phase == WorkloadPhase::kFailed;
}

}  // namespace

Result<std::unique_ptr<MeteredSubstrate>> MeteredSubstrate::Open(DocumentStore& store, substrate::Substrate& inner,
                                                                 const Clock& clock) {
  auto metered = std::unique_ptr<MeteredSubstrate>(new MeteredSubstrate(store, inner, clock));
  KEELSON_RETURN_IF_ERROR(metered->Load());
  return metered;
}

Status MeteredSubstrate::Load() {
  const Instant now = clock_.WallNow();
  KEELSON_ASSIGN_OR_RETURN(const auto documents, store_.List(kKind));
  DocumentStore::Batch old;
  for (const auto& document : documents) {
    KEELSON_ASSIGN_OR_RETURN(Allocation allocation, AllocationFromJson(document.body));
    if (allocation.until && now - *allocation.until > kKept) {
      old.remove.push_back({kKind, document.id, "", ""});
    } else {
      allocations_.push_back(std::move(allocation));
    }
  }
  if (!old.remove.empty()) KEELSON_RETURN_IF_ERROR(store_.Commit(old));
  std::ranges::stable_sort(allocations_, {}, &Allocation::from);
  for (std::size_t i = 0; i < allocations_.size(); ++i) {
    numbers_.emplace(allocations_[i].workload, i);
    if (!allocations_[i].until) open_.insert(i);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto seen, store_.List(kSeen));
  if (seen.empty()) return {};
  const Json at = Json::parse(seen.front().body, nullptr, /*allow_exceptions=*/false);
  if (!at.is_number_integer())
    return Fail(ErrorCode::kDataLoss, "the instant at which workloads were last seen does not read back");
  away_since_ = InstantFromMicros(at.get<std::int64_t>());
  return {};
}

Status MeteredSubstrate::Start(const substrate::WorkloadSpec& spec) {
  const Allocation allocation = AllocationOf(spec, clock_.WallNow());
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    known = numbers_.contains(spec.name);
  }
  if (known) return inner_.Start(spec);  // which starts nothing
  KEELSON_RETURN_IF_ERROR(
      store_.Commit({.put = {DocumentOf(allocation), SeenDocument(allocation.from)}, .remove = {}, .events = {}}));
  const Status started = inner_.Start(spec);
  if (!started) {
    // Nothing runs. Were this not to succeed, the next server would find it open and close it.
    static_cast<void>(store_.Commit({.put = {}, .remove = {{kKind, spec.name, "", ""}}, .events = {}}));
    return started;
  }
  const std::lock_guard lock(mutex_);
  if (numbers_.emplace(spec.name, allocations_.size()).second) {
    open_.insert(allocations_.size());
    allocations_.push_back(allocation);
  }
  return {};
}

Result<std::vector<WorkloadStatus>> MeteredSubstrate::List() {
  KEELSON_ASSIGN_OR_RETURN(auto workloads, inner_.List());
  KEELSON_RETURN_IF_ERROR(Close(Ended(workloads, clock_.WallNow())));
  return workloads;
}

// Those that have ended since the last look, as they are to be stored. Of the others notes what they use.
std::vector<Allocation> MeteredSubstrate::Ended(const std::vector<WorkloadStatus>& workloads, Instant now) {
  std::map<std::string_view, const WorkloadStatus*> by_name;
  for (const auto& workload : workloads) by_name.emplace(workload.name, &workload);
  std::vector<Allocation> ended;
  const std::lock_guard lock(mutex_);
  for (const std::size_t number : open_) {
    Allocation& allocation = allocations_[number];
    const auto found = by_name.find(allocation.workload);
    const WorkloadStatus* status = found == by_name.end() ? nullptr : found->second;
    if (status != nullptr && status->usage)
      allocation.used = scheduling::Use{status->usage->cpu, status->usage->peak_memory_bytes};
    if (status != nullptr && !HasEnded(*status)) continue;
    Allocation& closed = ended.emplace_back(allocation);
    const Instant end = away_since_ ? std::min(now, *away_since_ + kOrphansLive) : now;
    closed.until = std::max(end, closed.from);
  }
  return ended;
}

Status MeteredSubstrate::Close(const std::vector<Allocation>& ended) {
  const Instant now = clock_.WallNow();
  DocumentStore::Batch batch;
  for (const Allocation& allocation : ended) batch.put.push_back(DocumentOf(allocation));
  {
    const std::lock_guard lock(mutex_);
    const bool due = !noted_ || now - *noted_ >= kNoteEvery || now < *noted_;
    if (due && !open_.empty()) {
      batch.put.push_back(SeenDocument(now));
      noted_ = now;
    }
  }
  if (!batch.put.empty()) KEELSON_RETURN_IF_ERROR(store_.Commit(batch));
  const std::lock_guard lock(mutex_);
  away_since_.reset();
  for (const Allocation& allocation : ended) {
    const std::size_t number = numbers_.at(allocation.workload);
    allocations_[number] = allocation;
    open_.erase(number);
  }
  return {};
}

void MeteredSubstrate::Visit(const std::function<void(std::span<const Allocation>)>& look) const {
  const std::lock_guard lock(mutex_);
  look(allocations_);
}

}  // namespace keelson::control
