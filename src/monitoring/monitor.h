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

// One prediction of one row as monitoring sees it. `baseline_score` is what the first (frozen) model says of the same row.
struct Observation {
  std::string request_id;  // with "#row" behind it when a request has several rows
  std::string version;
  Instant time;
  std::vector<data::Value> inputs;  // in the order of the profile's columns
  double score = 0;
  std::optional<double> baseline_score;
};

struct Label {
  std::string request_id;
  Instant known;  // when it arrived, by the project's clock
  double value = 0;
};

struct Performance {
  std::uint64_t count = 0;      // labelled predictions
  std::uint64_t positives = 0;
  std::optional<double> auc;    // nothing when one class is missing
  std::optional<double> log_loss;
  std::vector<std::pair<double, double>> calibration;  // ten bins of the score: mean score, share of positives
};

struct DriftResult {
  std::string column;  // "score" for the score
  double value = 0;    // PSI
};

// One evaluation: what the window before `at` looked like.
struct WindowReport {
  Instant at;
  std::uint64_t predictions = 0;  // in the drift window
  std::vector<DriftResult> drift;
  Performance live;               // over labels that became known in the performance window
  Performance baseline;
};

struct MonthReport {
  std::string month;  // by the prediction's time
  std::uint64_t asked = 0;
  Performance live;
  Performance baseline;
};

// Keeps what is needed to compare what is served with the training profile and with the truth. Observations and labels may
// come in any order, twice, and labels before predictions; the reports depend only on the set of them (equal sets give
// bit-equal reports), so it can be rebuilt from the payload log after a crash. Memory: about 100 bytes a prediction inside
// the longest window, 16 bytes beyond it. Not thread-safe: control owns it, on its own thread.
class Monitor {
 public:
  struct Options {
    Duration drift_window{};
    Duration performance_window{};
    std::string time_zone = "UTC";
  };
  static Result<std::unique_ptr<Monitor>> Create(Options options);
  virtual ~Monitor() = default;

  virtual void SetProfile(data::Profile profile) = 0;  // of the champion's training rows; starts the drift comparison anew
  virtual void AddObservation(Observation observation) = 0;
  virtual void AddLabel(const Label& label) = 0;

  virtual WindowReport Report(Instant at) = 0;
  virtual std::vector<MonthReport> Months() = 0;
};

}  // namespace keelson::monitoring
