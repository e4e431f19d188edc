#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "scheduling/cost.h"
#include "scheduling/prices.h"

namespace keelson::scheduling {

// What to change, what would have been saved by it, and from what that is known.
struct Advice {
  enum class Kind {
    kJobSize,       // a step's jobs ask for more than they use
    kEndpointSize,  // an endpoint's replicas do
    kMemoryShort,   // one came near the memory that it may use: it may be killed next time
    kSpot,          // work that an interruption costs little
    kCloud,         // a rented machine of its own would be cheaper
    kMachineSize,   // a smaller machine would have done
    kIdleGpus,      // the machine has GPUs that nothing asks for
  };
  Kind kind = Kind::kJobSize;
  std::string about;  // "step train of flight-delays", "endpoint flight-delays", "this machine"
  std::string what;
  std::int64_t saves = 0;  // millionths, of what was paid in the time that was looked at: not foretold for a longer one
  std::string evidence;
};
// "job size", "endpoint size", "memory short", "spot", "cloud", "machine size", "idle GPUs".
std::string_view AdviceKindName(Advice::Kind kind);

struct AdviceInput {
  std::span<const Allocation> allocations;  // in the order of their begin
  const PriceTable* table = nullptr;
  const MachinePrice* price = nullptr;
  Resources machine;
  Instant from;
  Instant to;
};

// Pure. The one that saves most first, then those that save nothing. Each stands for itself: two of one thing do not
// add up. A step's jobs are judged when three were measured, an endpoint and the machine by an hour at least.
std::vector<Advice> Advise(const AdviceInput& input);

}  // namespace keelson::scheduling
