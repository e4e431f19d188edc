#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace keelson::app {

// What GET /api/keelson/v1/cost answers, as people read it: by whom how much, of what the machine cost, and the
// budgets.
std::string CostScreen(const nlohmann::json& answer);
// What GET /api/keelson/v1/advice answers: one paragraph an advice, what saves most first.
std::string AdviceScreen(const nlohmann::json& answer);

}  // namespace keelson::app
