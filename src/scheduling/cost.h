#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "scheduling/admission.h"
#include "scheduling/prices.h"

namespace keelson::scheduling {

// What something has used: CPU time, and the most memory at once.
struct Use {
  Duration cpu{};
  std::int64_t peak_memory_bytes = 0;
  bool operator==(const Use&) const = default;
};

// A stretch of time in which an attempt of a job, or a replica of an endpoint, held resources of the machine.
// (OpenCost's word.)
struct Allocation {
  std::string workload;  // "j000042-a1"; differs from all others'
  std::string project;
  std::string user;      // who asked for it; "": the project did by itself
  std::string queue;     // "" of a replica
  std::string job;       // "" of a replica
  std::string step;      // of the job: "train"
  std::string endpoint;  // "" of a job
  WorkloadClass workload_class = WorkloadClass::kTraining;
  Resources held;
  Instant from;
  std::optional<Instant> until;  // nothing: it goes on
  std::optional<Use> used;       // so far; nothing: it was not measured

  // The part of it between the two instants; what goes on is taken to go on until `end`.
  Duration Within(Instant begin, Instant end) const;
  bool operator==(const Allocation&) const = default;
};

// What it cost between two instants, in millionths: what it held, whether it used it or not.
double CostOf(const Allocation& allocation, const MachinePrice& price, Instant begin, Instant end);

// What the machine cost between two instants, in millionths.
double CostOfMachine(const MachinePrice& price, Instant begin, Instant end);

enum class CostBy { kProject, kUser, kQueue, kJob, kEndpoint };

struct CostLine {
  std::string name;     // of the project, user, ...
  std::string project;  // of a job or endpoint; "" else
  int allocations = 0;
  double core_hours = 0;
  double gib_hours = 0;
  std::int64_t cost = 0;  // millionths, rounded once
};

// The cost between two instants, the dearest first, equals by name. A job's line is all its attempts'. Jobs have no
// line by endpoint, and replicas none by job and queue.
std::vector<CostLine> CostLines(std::span<const Allocation> allocations, const MachinePrice& price, Instant begin,
                                Instant end, CostBy by);

// A project may spend so much in each day or month (UTC), or in all.
struct Budget {
  enum class Per { kDay, kMonth, kEver };
  std::string project;
  std::int64_t limit = 0;  // millionths
  Per per = Per::kMonth;
  double warn_at = 0.8;  // of the limit
};

// Since when what a project spends counts: the begin of the day or month.
Instant BudgetBegins(Budget::Per per, Instant now);
// When it begins anew; nothing for kEver.
std::optional<Instant> BudgetRenews(Budget::Per per, Instant now);

struct BudgetState {
  std::int64_t spent = 0;  // millionths, since it began
  bool warned = false;     // it is at warn_at or beyond
  bool used_up = false;
};
BudgetState StateOf(const Budget& budget, std::span<const Allocation> allocations, const MachinePrice& price,
                    Instant now);

// "the budget of 50.00 USD a month is used up (52.10 USD); it begins anew at ...".
std::string FormatBudget(const Budget& budget, const BudgetState& state, std::string_view currency, Instant now);

}  // namespace keelson::scheduling
