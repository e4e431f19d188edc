#pragma once

#include <nlohmann/json_fwd.hpp>

#include "app/command.h"
#include "simulation/queued_load.h"

namespace keelson::app {

// What a running Keelson has done, as a load for `keelson simulate`.
Command HistoryCommand();

// The jobs of GET /api/keelson/v1/jobs that began and have ended, with the time from their first start to their end.
simulation::QueuedLoad LoadOfJobs(const nlohmann::json& answer);

}  // namespace keelson::app
