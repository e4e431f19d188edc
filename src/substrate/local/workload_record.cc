#include "substrate/local/workload_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace keelson::substrate {
namespace {

using Json = nlohmann::json;

constexpr std::pair<WorkloadPhase, const char*> kPhases[] = {{WorkloadPhase::kPending, "pending"},
                                                             {WorkloadPhase::kRunning, "running"},
                                                             {WorkloadPhase::kSucceeded, "succeeded"},
                                                             {WorkloadPhase::kFailed, "failed"}};

}  // namespace

std::string WriteRecord(const WorkloadRecord& record) {
  const WorkloadStatus& status = record.status;
  Json json = {{"schema", 1},
               {"name", status.name},
               {"kind", status.kind},
               {"project", record.project},
               {"reason", status.reason},
               {"exit_code", status.exit_code},
               {"labels", status.labels},
               {"limits", status.limits},
               {"socket", record.socket},
               {"cgroups", record.cgroups}};
  for (const auto& [phase, name] : kPhases) {
    if (phase == status.phase) json["phase"] = name;
  }
  if (status.usage) {
    json["usage"] = {{"cpu_us", status.usage->cpu.count()}, {"peak_memory_bytes", status.usage->peak_memory_bytes}};
  }
  if (record.process.has_value()) {
    json["process"] = {{"pid", record.process->pid},
                       {"start_ticks", record.process->start_ticks},
                       {"boot_id", record.process->boot_id}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<WorkloadRecord> ReadRecord(const std::string& text, const std::string& path) {
  try {
    const Json json = Json::parse(text);
    if (json.at("schema").get<int>() != 1) {
      return Fail(ErrorCode::kDataLoss, "the record of a workload was written by another version of Keelson", path);
    }
    WorkloadRecord record;
    record.status.name = json.at("name").get<std::string>();
    record.status.kind = json.at("kind").get<std::string>();
    record.project = json.at("project").get<std::string>();
    record.status.reason = json.at("reason").get<std::string>();
    record.status.exit_code = json.at("exit_code").get<int>();
    record.status.labels = json.at("labels").get<std::map<std::string, std::string>>();
    record.status.limits = json.at("limits").get<std::string>();
    record.socket = json.at("socket").get<std::string>();
    record.cgroups = json.at("cgroups").get<std::vector<std::string>>();
    const auto wanted = json.at("phase").get<std::string>();
    bool known = false;
    for (const auto& [phase, name] : kPhases) {
      if (wanted != name) continue;
      record.status.phase = phase;
      known = true;
    }
    if (!known) return Fail(ErrorCode::kDataLoss, "the record of a workload has an unknown phase", path);
    if (const auto usage = json.find("usage"); usage != json.end()) {
      record.status.usage = WorkloadUsage{Duration(usage->at("cpu_us").get<std::int64_t>()),
                                          usage->at("peak_memory_bytes").get<std::int64_t>()};
    }
    if (const auto process = json.find("process"); process != json.end()) {
      record.process = io::ProcessId{process->at("pid").get<pid_t>(), process->at("start_ticks").get<std::uint64_t>(),
                                     process->at("boot_id").get<std::string>()};
    }
    return record;
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kDataLoss, fmt::format("the record of a workload cannot be read: {}", error.what()), path);
  }
}

}  // namespace keelson::substrate
