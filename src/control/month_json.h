#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "monitoring/monitor.h"

namespace keelson::control {

// How often something happened in a month.
struct MonthCounts {
  std::uint64_t alarms = 0;
  std::uint64_t retrainings = 0;
  std::uint64_t promotions = 0;
};

// A month as everything tells it: the API, the page, the summary of a replay and a backtest.
nlohmann::ordered_json MonthJson(const monitoring::MonthReport& report, const MonthCounts& counts);

}  // namespace keelson::control
