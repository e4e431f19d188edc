#include "serving/batch_queue.h"

#include <algorithm>
#include <utility>

namespace keelson::serving {

std::uint32_t BatchPolicy::PriorityOf(std::optional<std::uint64_t> asked) const {
  if (!asked || *asked == 0) return default_priority;
  if (priority_levels != 0 && *asked > priority_levels) return default_priority;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*asked, UINT32_MAX));
}

std::optional<std::chrono::nanoseconds> BatchPolicy::TimeoutOf(std::optional<std::chrono::nanoseconds> asked) const {
  if (!asked || !timeout_override) return default_timeout;
  return default_timeout ? std::min(*asked, *default_timeout) : asked;
}

BatchQueue::Admission BatchQueue::Offer(const Request& request, Time now) {
  if (request.deadline <= now) return Admission::kExpired;
  if (waiting_ >= policy_.queue_limit) Expire(now, &overdue_);
  if (waiting_ >= policy_.queue_limit) return Admission::kFull;
  levels_[request.priority].push_back({request, now});
  ++waiting_;
  first_deadline_ = std::min(first_deadline_, request.deadline);
  return Admission::kWaits;
}

BatchQueue::Plan BatchQueue::Next(Time now) {
  Plan plan;
  plan.expired = std::exchange(overdue_, {});
  Expire(now, &plan.expired);
  plan.look_again = first_deadline_;
  if (waiting_ == 0 || running_ >= policy_.instances) return plan;
  Batch batch = Gather();
  // Waiting for more is worth it only while others of this model are computed, whose senders may ask again; and never
  // beyond anybody's deadline.
  const Time full_at = batch.oldest + policy_.delay;
  const bool alone = levels_.begin()->second.front().request.shape == 0;
  if (running_ > 0 && !alone && batch.rows < policy_.max_rows && now < full_at && full_at < batch.first_deadline) {
    plan.look_again = std::min(plan.look_again, full_at);
    return plan;
  }
  Remove(batch.ids);
  ++running_;
  plan.batch = std::move(batch.ids);
  return plan;
}

void BatchQueue::Expire(Time now, std::vector<std::uint64_t>* expired) {
  if (first_deadline_ > now) return;
  first_deadline_ = Time::max();
  for (auto& [priority, level] : levels_) {
    std::erase_if(level, [&](const Entry& entry) {
      if (entry.request.deadline > now) {
        first_deadline_ = std::min(first_deadline_, entry.request.deadline);
        return false;
      }
      expired->push_back(entry.request.id);
      --waiting_;
      return true;
    });
  }
  std::erase_if(levels_, [](const auto& level) { return level.second.empty(); });
}

BatchQueue::Batch BatchQueue::Gather() const {
  Batch batch;
  const Request& first = levels_.begin()->second.front().request;
  for (const auto& [priority, level] : levels_) {
    for (const Entry& entry : level) {
      const Request& request = entry.request;
      if (!batch.ids.empty() && (request.shape != first.shape || batch.rows + request.rows > policy_.max_rows))
        continue;
      batch.ids.push_back(request.id);
      batch.rows += request.rows;
      batch.oldest = std::min(batch.oldest, entry.arrival);
      batch.first_deadline = std::min(batch.first_deadline, request.deadline);
      if (first.shape == 0 || batch.rows >= policy_.max_rows) return batch;
    }
  }
  return batch;
}

// `ids` are in the order in which they wait.
void BatchQueue::Remove(const std::vector<std::uint64_t>& ids) {
  auto next = ids.begin();
  for (auto& [priority, level] : levels_) {
    std::erase_if(level, [&](const Entry& entry) {
      if (next == ids.end() || entry.request.id != *next) return false;
      ++next;
      return true;
    });
    if (next == ids.end()) break;
  }
  std::erase_if(levels_, [](const auto& level) { return level.second.empty(); });
  waiting_ -= ids.size();
}

}  // namespace keelson::serving
