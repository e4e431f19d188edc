#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/backtest/backtest.h"

namespace keelson::app {

// {"project", "from", "to", "months", "mean", "alarms", "trainings", "cost"}: docs/backtest.md tells the fields.
nlohmann::ordered_json BacktestJson(const project::Project& project, const BacktestResult& result);

// The same for people: the months, what was trained and what became of it, the alarms, gain and cost in a sentence
// each.
std::string BacktestText(const nlohmann::ordered_json& json);

}  // namespace keelson::app
