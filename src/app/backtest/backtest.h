#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/backtest/trainings.h"
#include "base/result.h"
#include "base/time.h"
#include "monitoring/monitor.h"
#include "project/spec.h"

namespace keelson::app {

struct BacktestOptions {
  std::string project_folder;  // where the project file's paths start
  Instant from;                // the first training, and the first instant that is lived through
  std::optional<Instant> to;   // nothing: the end of the past
  bool search = true;          // false: with the parameters that the file states
  std::function<bool()> cancelled;
  std::function<void(const std::string& label, double fraction, const std::string& note)> progress;
};

struct BacktestMonth {
  monitoring::MonthReport report;
  std::uint64_t alarms = 0;
  std::uint64_t retrainings = 0;
  std::uint64_t promotions = 0;
};

struct BacktestAlarm {
  Instant at;
  std::vector<std::string> breaches;
  bool retrained = false;  // at once
};

struct BacktestResult {
  Instant from;
  Instant to;
  std::vector<BacktestMonth> months;
  std::vector<BacktestAlarm> alarms;
  std::vector<Training> trainings;  // the first model's before all others
  std::uint64_t asked = 0;
  std::uint64_t labelled = 0;
  double reading_seconds = 0;  // measured: files, SQL and the join of all features
  double seconds = 0;          // measured, in all
};

// Had Keelson run this project from an instant on: what it would have seen, done, gained and cost. Lives through the
// past in the order of the project's clock, with the pure decisions of the server (control/decisions.h, PlanTrigger,
// PlanCanary), its engines and its split of the traffic; needs no server and leaves nothing behind.
// kFailedPrecondition when the project or its past has nothing to live through: nothing asked or labelled in the time,
// no first model; other errors are the data's or this machine's.
Result<BacktestResult> RunBacktest(const project::Project& project, const BacktestOptions& options);

}  // namespace keelson::app
