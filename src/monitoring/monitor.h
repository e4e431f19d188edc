#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/profile.h"
#include "data/table.h"

namespace keelson::monitoring {

// One prediction of one row as monitoring sees it. `baseline_score` is what the first (frozen) model says of the same
// row.
struct Observation {
  std::string request_id;  // with "#row" behind it when a request has several rows
  std::string version;
  Instant time;
  std::vector<data::Value> inputs;  // in the order of the profile's columns, the score's apart
  double score = 0;
  std::optional<double> baseline_score;
};

struct Label {
  std::string request_id;
  Instant known;     // when it arrived, by the project's clock
  double value = 0;  // above 0.5 is positive
};

struct Performance {
  std::uint64_t count = 0;  // labelled predictions
  std::uint64_t positives = 0;
  std::optional<double> auc;  // nothing when one class is missing
  std::optional<double> log_loss;
  // The bins of width 0.1 that hold any score, in rising order: mean score, share of positives.
  std::vector<std::pair<double, double>> calibration;
  bool operator==(const Performance&) const = default;
};

struct DriftResult {
  std::string column;  // "score" for the score
  double value = 0;    // PSI
  bool operator==(const DriftResult&) const = default;
};

// One evaluation: what the window before `at` looked like.
struct WindowReport {
  Instant at;
  std::uint64_t predictions = 0;  // in the drift window, and compared with the profile when there is one
  std::vector<DriftResult>
      drift;             // in the order of the profile's columns; empty without a profile or without predictions
  Performance live;      // over labels that became known in the performance window
  Performance baseline;  // over those of them with a baseline score
  bool operator==(const WindowReport&) const = default;
};

struct MonthReport {
  std::string month;  // by the prediction's time
  std::uint64_t asked = 0;
  Performance live;
  Performance baseline;
  bool operator==(const MonthReport&) const = default;
};

// Keeps what is needed to compare what is served with the training profile and with the truth. Observations and labels
// may come in any order, twice, and labels before predictions; the reports depend only on the set of them (equal sets
// give bit-equal reports), so it can be rebuilt from the payload log after a crash. Of observations with one request id
// the earliest counts, of labels too. A window is (at - window, at]. Memory: about 110 bytes a prediction for as long
// as the monitor lives, and two bytes an input inside two drift windows. Not thread-safe: control owns it, on its own
// thread.
class Monitor {
 public:
  struct Options {
    Duration drift_window{};
    Duration performance_window{};
    std::string time_zone = "UTC";
  };
  static Result<std::unique_ptr<Monitor>> Create(Options options);
  virtual ~Monitor() = default;

  // The profile of the champion's training rows; a last column named "score" is the score's. Starts the drift
  // comparison anew: it counts observations that are added from now on and whose time is after `since`, the project's
  // instant of the change. To rebuild, call it with the same `since` before adding the observations again.
  virtual void SetProfile(data::Profile profile, Instant since = Instant::min()) = 0;
  virtual void AddObservation(Observation observation) = 0;
  virtual void AddLabel(const Label& label) = 0;

  // Exact for `at` not further back than one window before the latest report.
  virtual WindowReport Report(Instant at) = 0;
  virtual std::vector<MonthReport> Months() = 0;  // with any observation, in their order
};

}  // namespace keelson::monitoring
