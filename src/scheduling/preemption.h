#pragma once

#include <vector>

#include "scheduling/admission.h"

namespace keelson::scheduling {

// What a job asks for and what is left for it, of the machine and of its queue's quota.
struct Shortage {
  Resources request;
  Resources machine;
  Resources queue;
};

// Pure. Which of `candidates` (preemptible, not stopping) must stop so that `job` fits: only ones of less important
// classes, none of a class when less important classes suffice, the fewest of those, and among equally many the least
// important. Sets of up to two are found exactly, larger ones by the greatest share first and then without what proves
// unneeded. Empty when nothing helps.
std::vector<const RunningJob*> ChooseVictims(const PendingJob& job, const Shortage& shortage,
                                             const std::vector<const RunningJob*>& candidates);

}  // namespace keelson::scheduling
