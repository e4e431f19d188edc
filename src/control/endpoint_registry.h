#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "features/online.h"

namespace keelson::control {

// What the inference edge must know of an endpoint, from any thread, without waiting for control.
struct EndpointInfo {
  std::string name;
  std::shared_ptr<features::OnlineFeatures> online;  // nullptr: the model has no view features
  std::atomic<std::int64_t> replay_clock_us{0};      // the project's clock in a replay; 0: wall time
};

// The endpoints that exist, by name. Control writes, the edge reads.
class EndpointRegistry {
 public:
  std::shared_ptr<const EndpointInfo> Find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(name);
    return found == endpoints_.end() ? nullptr : found->second;
  }
  void Put(std::shared_ptr<const EndpointInfo> info) {
    const std::lock_guard lock(mutex_);
    endpoints_[info->name] = std::move(info);
  }
  void Remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    endpoints_.erase(name);
  }
  std::vector<std::string> Names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, info] : endpoints_) names.push_back(name);
    return names;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const EndpointInfo>> endpoints_;
};

}  // namespace keelson::control
