#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/documents.h"
#include "control/metered_substrate.h"
#include "project/price_file.h"

namespace keelson::control {

// What the allocations cost, and the budgets: of a project whose budget is used up no further attempt of a job starts
// until it begins anew; what runs goes on, and what is served. A project's events say once when it nears its budget and
// when that is used up.
//
// Owned by the Controller and called on its thread only.
class Costs {
 public:
  // The error of scheduling::PriceOfMachine. Without `pricing` the built-in prices hold, and there are no budgets.
  static Result<std::unique_ptr<Costs>> Open(std::optional<project::Pricing> pricing, const MeteredSubstrate& metered,
                                             const scheduling::Resources& machine, DocumentStore& store,
                                             const Clock& clock);

  // Reckons the budgets anew, once in a second at most, and tells of them.
  Status Look();
  // Why nothing of the project may start, one sentence; nothing when it may. As of the last Look.
  std::optional<std::string> Held(const std::string& project) const;

  const project::Pricing& pricing() const { return pricing_; }
  const scheduling::MachinePrice& machine() const { return machine_; }
  const scheduling::Resources& size() const { return size_; }  // of the machine
  const MeteredSubstrate& metered() const { return metered_; }
  Instant now() const { return clock_.WallNow(); }
  struct BudgetView {
    scheduling::Budget budget;
    scheduling::BudgetState state;
  };
  std::vector<BudgetView> budgets() const;  // now

 private:
  enum class Told { kNothing, kWarned, kUsedUp };
  struct Notice {  // the most that the project was told in the time that began then
    Instant begin;
    Told told = Told::kNothing;
  };
  Costs(project::Pricing pricing, scheduling::MachinePrice machine, const scheduling::Resources& size,
        const MeteredSubstrate& metered, DocumentStore& store, const Clock& clock)
      : pricing_(std::move(pricing)),
        machine_(std::move(machine)),
        size_(size),
        metered_(metered),
        store_(store),
        clock_(clock) {}
  Status Load();
  Status Tell(const BudgetView& view, Instant now);

  project::Pricing pricing_;
  scheduling::MachinePrice machine_;
  scheduling::Resources size_;
  const MeteredSubstrate& metered_;
  DocumentStore& store_;
  const Clock& clock_;
  std::map<std::string, std::string> held_;  // by project, why
  std::map<std::string, Notice> notices_;    // by project
  std::optional<std::chrono::steady_clock::time_point> looked_;
};

}  // namespace keelson::control
