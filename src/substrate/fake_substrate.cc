#include "substrate/fake_substrate.h"

namespace keelson::substrate {

Status FakeSubstrate::Start(const WorkloadSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (failing_starts_ > 0) {
    --failing_starts_;
    return std::unexpected(start_error_);
  }
  if (workloads_.contains(spec.name)) return {};
  WorkloadStatus status;
  status.name = spec.name;
  status.kind = spec.kind;
  status.phase = WorkloadPhase::kRunning;
  if (spec.kind == "replica") status.address = "unix:" + socket_folder_ + "/" + spec.name + ".sock";
  status.labels = spec.labels;
  status.limits = "none: nothing runs";
  workloads_[spec.name] = status;
  started_.push_back(spec);
  return {};
}

void FakeSubstrate::End(const std::string& name, WorkloadPhase phase, int exit_code, const std::string& reason) {
  const auto found = workloads_.find(name);
  if (found == workloads_.end() || found->second.phase != WorkloadPhase::kRunning) return;
  found->second.phase = phase;
  found->second.exit_code = exit_code;
  found->second.reason = reason;
  found->second.address.clear();
}

Status FakeSubstrate::Stop(const std::string& name, Duration) {
  const std::lock_guard lock(mutex_);
  const auto found = workloads_.find(name);
  if (found == workloads_.end() || found->second.phase != WorkloadPhase::kRunning) return {};
  stopped_.push_back(name);
  if (keep_running_) return {};
  const bool replica = found->second.kind == "replica";
  End(name, replica ? WorkloadPhase::kSucceeded : WorkloadPhase::kFailed, replica ? 0 : -1, replica ? "" : "stopped");
  return {};
}

Result<std::vector<WorkloadStatus>> FakeSubstrate::List() {
  const std::lock_guard lock(mutex_);
  if (failing_lists_ > 0) {
    --failing_lists_;
    return std::unexpected(list_error_);
  }
  std::vector<WorkloadStatus> all;
  for (const auto& [name, status] : workloads_) all.push_back(status);
  return all;
}

Status FakeSubstrate::Forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = workloads_.find(name);
  if (found == workloads_.end()) return {};
  if (found->second.phase == WorkloadPhase::kRunning) {
    return keelson::Fail(ErrorCode::kFailedPrecondition, "the workload still runs", name);
  }
  workloads_.erase(found);
  return {};
}

Result<std::string> FakeSubstrate::ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(name);
  if (found == logs_.end() || offset >= found->second.size()) return std::string();
  return found->second.substr(offset, at_most);
}

scheduling::Resources FakeSubstrate::Capacity() {
  const std::lock_guard lock(mutex_);
  return capacity_;
}

void FakeSubstrate::Succeed(const std::string& name) {
  const std::lock_guard lock(mutex_);
  End(name, WorkloadPhase::kSucceeded, 0, "");
}

void FakeSubstrate::Fail(const std::string& name, int exit_code, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  End(name, WorkloadPhase::kFailed, exit_code, reason);
}

void FakeSubstrate::Use(const std::string& name, const WorkloadUsage& usage) {
  const std::lock_guard lock(mutex_);
  if (const auto found = workloads_.find(name); found != workloads_.end()) found->second.usage = usage;
}

void FakeSubstrate::AppendLog(const std::string& name, const std::string& text) {
  const std::lock_guard lock(mutex_);
  logs_[name] += text;
}

void FakeSubstrate::FailNextStarts(int count, Error error) {
  const std::lock_guard lock(mutex_);
  failing_starts_ = count;
  start_error_ = std::move(error);
}

void FakeSubstrate::FailNextLists(int count, Error error) {
  const std::lock_guard lock(mutex_);
  failing_lists_ = count;
  list_error_ = std::move(error);
}

std::vector<WorkloadSpec> FakeSubstrate::started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

std::vector<std::string> FakeSubstrate::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool FakeSubstrate::IsRunning(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = workloads_.find(name);
  return found != workloads_.end() && found->second.phase == WorkloadPhase::kRunning;
}

}  // namespace keelson::substrate
