#pragma once

#include <string_view>

#include "base/result.h"
#include "scheduling/queues.h"
#include "simulation/fleet.h"

namespace keelson::app {

// Changes a fleet and the queues as it is told, one change or several with commas between:
//
//   nodes:POOL=8, nodes:POOL=+2, nodes:POOL=-1    so many nodes, so many more or fewer
//   price:POOL=2.50, spot-price:POOL=0.80         of a node an hour
//   spot:POOL=0.5                                 such a part of its nodes is spot
//   quota:QUEUE/RESOURCE=64                       nominal: cpu, memory, gpu; of a queue of several flavors
//   quota:QUEUE/FLAVOR/RESOURCE=64                of the named one
//
// kInvalidArgument says which change makes no sense, and why; what was changed before it stays changed.
Status ApplyWhatIf(std::string_view text, simulation::Fleet& fleet, scheduling::Queues& queues);

}  // namespace keelson::app
