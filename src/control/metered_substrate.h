#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "control/documents.h"
#include "scheduling/cost.h"
#include "substrate/substrate.h"

namespace keelson::control {

// A substrate that writes down who held how much of it, and for how long: an allocation for each workload, stored
// before it is started and closed when its end is seen. What costs are reckoned from.
//
// An end is seen at the next List. Of what ended while no server was there, the end is taken to be the last time at
// which a server saw it run (it is noted every five minutes) and what a workload lives on without one. Allocations
// outlive their project, whose money is spent; those that ended 400 days ago go when a server starts. Thread-safe.
class MeteredSubstrate final : public substrate::Substrate {
 public:
  static Result<std::unique_ptr<MeteredSubstrate>> Open(DocumentStore& store, substrate::Substrate& inner,
                                                        const Clock& clock);

  Status Start(const substrate::WorkloadSpec& spec) override;
  Status Stop(const std::string& name, Duration grace) override { return inner_.Stop(name, grace); }
  Result<std::vector<substrate::WorkloadStatus>> List() override;
  Status Forget(const std::string& name) override { return inner_.Forget(name); }
  Result<std::string> ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) override {
    return inner_.ReadLog(name, offset, at_most);
  }
  scheduling::Resources Capacity() override { return inner_.Capacity(); }

  // Calls it with all that are known, in the order of their begin. It must not call back.
  void Visit(const std::function<void(std::span<const scheduling::Allocation>)>& look) const;

 private:
  MeteredSubstrate(DocumentStore& store, substrate::Substrate& inner, const Clock& clock)
      : store_(store), inner_(inner), clock_(clock) {}
  Status Load();
  std::vector<scheduling::Allocation> Ended(const std::vector<substrate::WorkloadStatus>& workloads, Instant now);
  Status Close(const std::vector<scheduling::Allocation>& ended);

  DocumentStore& store_;
  substrate::Substrate& inner_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<scheduling::Allocation> allocations_;
  std::unordered_map<std::string, std::size_t> numbers_;  // of the workloads, in allocations_
  std::set<std::size_t> open_;                            // that go on
  std::optional<Instant> away_since_;  // until the first List: when the last server saw something run
  std::optional<Instant> noted_;       // when that was last stored
};

}  // namespace keelson::control
