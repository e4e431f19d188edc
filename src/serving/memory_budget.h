#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/result.h"

namespace keelson::serving {

// Keeps the memory of many models under a limit: when one comes in, the least recently used of the others give theirs
// up. One a process, shared by its models, safe from any thread. What is in use when it is given up lives until its use
// ends.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}

  std::size_t used() const;
  std::size_t limit() const { return limit_; }

 private:
  template <typename T>
  friend class Evictable;
  class Item {
   public:
    virtual void GiveUp() = 0;
    std::size_t bytes = 0;                       // guarded by the budget's mutex
    mutable std::atomic<std::uint64_t> used{0};  // the budget's tick at the last use

   protected:
    ~Item() = default;
  };

  std::uint64_t Tick() { return tick_.fetch_add(1, std::memory_order_relaxed) + 1; }
  // `item` takes so much from now on; 0 to leave.
  void Charge(Item* item, std::size_t bytes);

  const std::size_t limit_;
  std::atomic<std::uint64_t> tick_{0};
  mutable std::mutex mutex_;
  std::size_t used_ = 0;      // guarded by mutex_
  std::set<Item*> resident_;  // guarded by mutex_
};

// A T with memory_bytes() that a budget may take away and that is loaded again when it is asked for. Safe from any
// thread.
template <typename T>
class Evictable final : private MemoryBudget::Item {
 public:
  using Loader = std::function<Result<std::unique_ptr<const T>>()>;

  Evictable(const std::shared_ptr<const T>& first, Loader loader, std::shared_ptr<MemoryBudget> budget)
      : budget_(std::move(budget)), loader_(std::move(loader)), current_(first), last_(first) {
    used.store(budget_->Tick());
    budget_->Charge(this, first->memory_bytes());
  }
  ~Evictable() { budget_->Charge(this, 0); }
  Evictable(const Evictable&) = delete;
  Evictable& operator=(const Evictable&) = delete;

  // Loads it first when it was given up: one thread does, the others wait for it. The loader's error; never one while
  // somebody holds what an earlier call gave.
  Result<std::shared_ptr<const T>> Hold() {
    used.store(budget_->Tick(), std::memory_order_relaxed);
    auto current = current_.load();
    if (current != nullptr) return current;
    const std::lock_guard lock(loading_);
    current = current_.load();
    if (current != nullptr) return current;
    current = last_.lock();
    if (current == nullptr) {
      auto loaded = loader_();
      if (!loaded) return std::unexpected(std::move(loaded).error());
      current = std::move(*loaded);
    }
    last_ = current;
    current_.store(current);
    budget_->Charge(this, current->memory_bytes());
    return current;
  }
  bool resident() const { return current_.load() != nullptr; }

 private:
  void GiveUp() override { current_.store(nullptr); }

  const std::shared_ptr<MemoryBudget> budget_;
  const Loader loader_;
  std::mutex loading_;
  std::atomic<std::shared_ptr<const T>> current_;
  std::weak_ptr<const T> last_;  // guarded by loading_
};

}  // namespace keelson::serving
