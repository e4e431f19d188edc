#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/output.h"

namespace keelson::app {

// What GET /api/keelson/v1/queues answers, as people read it.

// The jobs that run, and then those that wait in the order of their line, each with why.
TextTable QueueTable(const nlohmann::json& answer);
// Of each queue and resource what is nominal, used, borrowed and could be used now.
TextTable QuotaTable(const nlohmann::json& answer);
// The machine, what runs and waits by queue, project and user, and the jobs that run: a screen of text.
std::string TopScreen(const nlohmann::json& answer);

}  // namespace keelson::app
