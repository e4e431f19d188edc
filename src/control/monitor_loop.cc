#include "control/monitor_loop.h"

#include <fmt/format.h>

#include "base/log.h"
#include "io/files.h"

namespace keelson::control {
namespace {

// One row's cells in the order of `columns`; a column that was not asked with is null.
std::vector<data::Value> CellsOf(const serving::PayloadRecord& record, std::size_t row,
                                 const std::vector<std::string>& columns) {
  std::vector<data::Value> cells;
  cells.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    // Versions of one project nearly always have the same inputs in the same order.
    const data::Column* column =
        i < record.inputs.size() && record.inputs[i].name == columns[i] ? &record.inputs[i] : nullptr;
    for (std::size_t j = 0; column == nullptr && j < record.inputs.size(); ++j) {
      if (record.inputs[j].name == columns[i]) column = &record.inputs[j];
    }
    cells.push_back(column == nullptr ? data::Value{} : ObservedCell(*column, row));
  }
  return cells;
}

}  // namespace

monitoring::Monitor::Options MonitorOptionsOf(const project::Project& project) {
  return {.drift_window = project.monitor.drift.value_or(project::DriftSpec{}).window,
          .performance_window = project.monitor.performance.value_or(project::PerformanceSpec{}).window,
          .time_zone = project.time_zone};
}

data::Value ObservedCell(const data::Column& column, std::size_t row) {
  if (column.is_null(row)) return std::monostate{};
  if (column.type == data::ColumnType::kString) return column.strings[row];
  return column.Number(row);
}

void MonitorLoop::SetProfile(data::Profile profile, Instant since) {
  columns_.clear();
  for (const auto& column : profile.columns) {
    if (column.name != "score") columns_.push_back(column.name);
  }
  monitor_->SetProfile(std::move(profile), since);
}

Result<std::unique_ptr<MonitorLoop>> MonitorLoop::Create(std::string payload_folder,
                                                         monitoring::Monitor::Options options) {
  auto loop = std::unique_ptr<MonitorLoop>(new MonitorLoop(std::move(payload_folder)));
  KEELSON_ASSIGN_OR_RETURN(loop->monitor_, monitoring::Monitor::Create(std::move(options)));
  return loop;
}

Status MonitorLoop::Consume() {
  if (!io::Exists(payload_folder_)) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto versions, io::ListFolder(payload_folder_));
  for (const std::string& version : versions) {
    KEELSON_ASSIGN_OR_RETURN(const auto replicas, io::ListFolder(payload_folder_ + "/" + version));
    for (const std::string& replica : replicas) {
      const std::string folder = payload_folder_ + "/" + version + "/" + replica;
      if (damaged_[folder]) continue;
      auto& reader = readers_.try_emplace(folder, folder).first->second;
      for (;;) {
        const auto records = reader.Next();
        if (!records) {
          damaged_[folder] = true;
          LogError("payload segments do not read back; what follows in them is not monitored",
                   {{"error", records.error().ToString()}});
          break;
        }
        if (records->empty()) break;
        for (const auto& record : *records) Take(record);
      }
    }
  }
  return {};
}

void MonitorLoop::Take(const serving::PayloadRecord& record) {
  ++records_;
  const std::size_t outputs = record.rows == 0 ? 0 : record.outputs.size() / record.rows;
  for (std::uint32_t row = 0; row < record.rows && outputs > 0; ++row) {
    monitoring::Observation observation;
    observation.request_id = record.rows == 1 ? record.request_id : fmt::format("{}#{}", record.request_id, row);
    observation.version = record.version;
    observation.time = record.time;
    observation.inputs = CellsOf(record, row, columns_);
    observation.score =
        static_cast<double>(record.outputs[row * outputs + outputs - 1]);  // the last: the positive class
    if (baseline_.score) {
      observation.baseline_score =
          baseline_.score(baseline_.columns == columns_ ? observation.inputs : CellsOf(record, row, baseline_.columns));
    }
    monitor_->AddObservation(std::move(observation));
  }
}

}  // namespace keelson::control
