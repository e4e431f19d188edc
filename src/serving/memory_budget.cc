#include "serving/memory_budget.h"

#include <algorithm>

namespace keelson::serving {

std::size_t MemoryBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

void MemoryBudget::Charge(Item* item, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (resident_.erase(item) != 0) used_ -= item->bytes;
  if (bytes == 0) return;
  while (!resident_.empty() && used_ + bytes > limit_) {
    const auto oldest = std::min_element(resident_.begin(), resident_.end(),
                                         [](const Item* a, const Item* b) { return a->used.load() < b->used.load(); });
    used_ -= (*oldest)->bytes;
    (*oldest)->GiveUp();
    resident_.erase(oldest);
  }
  item->bytes = bytes;
  used_ += bytes;
  resident_.insert(item);
}

}  // namespace keelson::serving
