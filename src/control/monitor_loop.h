#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "features/encoder.h"
#include "monitoring/monitor.h"
#include "project/spec.h"
#include "serving/payload_log.h"

namespace keelson::control {

// Without a monitor section the months are still reported; its windows are then the section's defaults.
monitoring::Monitor::Options MonitorOptionsOf(const project::Project& project);

// A cell of what was asked, as the monitor counts it: a number, a text or missing.
data::Value ObservedCell(const data::Column& column, std::size_t row);

// Feeds one project's Monitor from the payload segments of all its replicas, dead ones too, and keeps count of what was
// asked. The positions are in memory: after a restart everything is read again, and the Monitor drops what it has seen.
//
// Owned by the project's runtime and called on the control thread only.
class MonitorLoop {
 public:
  // What the first model says of a row that was asked, whose cells are in the order of `columns`.
  struct Baseline {
    std::vector<std::string> columns;
    std::function<std::optional<double>(const std::vector<data::Value>& inputs)> score;
  };

  static Result<std::unique_ptr<MonitorLoop>> Create(std::string payload_folder, monitoring::Monitor::Options options);

  void SetBaseline(Baseline baseline) { baseline_ = std::move(baseline); }
  // Of the champion's training rows, from the instant at which it became the champion.
  void SetProfile(data::Profile profile, Instant since);
  void AddLabel(const monitoring::Label& label) { monitor_->AddLabel(label); }

  // Reads every whole record written so far. Segments that do not read back are reported once and passed over from
  // there.
  Status Consume();

  monitoring::WindowReport Report(Instant at) { return monitor_->Report(at); }
  std::vector<monitoring::MonthReport> Months() { return monitor_->Months(); }
  std::uint64_t records() const { return records_; }

 private:
  explicit MonitorLoop(std::string payload_folder) : payload_folder_(std::move(payload_folder)) {}
  void Take(const serving::PayloadRecord& record);

  std::string payload_folder_;
  std::unique_ptr<monitoring::Monitor> monitor_;
  Baseline baseline_;
  std::vector<std::string> columns_;                       // of the profile, without the score
  std::map<std::string, serving::PayloadReader> readers_;  // by folder
  std::map<std::string, bool> damaged_;
  std::uint64_t records_ = 0;
};

}  // namespace keelson::control
