#pragma once

#include "app/command.h"

namespace keelson::app {

// Who waits for what, and what the machine is used for: the jobs in line, one job, the quotas, and all of it live.
Command QueueCommand();
Command WhyCommand();
Command QuotaCommand();
Command TopCommand();

}  // namespace keelson::app
