#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "substrate/substrate.h"

namespace keelson::substrate {

// A Substrate in memory, for the tests and the simulation of whoever drives one: nothing runs; the test says how each
// workload goes on. Starts are kRunning at once, replicas with the address "unix:/fake/NAME.sock" (or
// in another folder, where the test lets something answer). Keeps the
// interface's promises: a repeated Start starts nothing, Stop of what is gone is no error, Forget refuses what still
// runs. Thread-safe.
class FakeSubstrate final : public Substrate {
 public:
  explicit FakeSubstrate(scheduling::Resources capacity = {4000, std::int64_t{8} << 30},
                         std::string socket_folder = "/fake")
      : capacity_(capacity), socket_folder_(std::move(socket_folder)) {}

  Status Start(const WorkloadSpec& spec) override;
  // Ends it at once: a job is kFailed "stopped", a replica kSucceeded.
  Status Stop(const std::string& name, Duration grace) override;
  Result<std::vector<WorkloadStatus>> List() override;  // sorted by name
  Status Forget(const std::string& name) override;
  Result<std::string> ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) override;
  scheduling::Resources Capacity() override;

  // The script. Ending what does not run is a mistake of the test and is ignored.
  void Succeed(const std::string& name);
  void Fail(const std::string& name, int exit_code, const std::string& reason);
  void Use(const std::string& name, const WorkloadUsage& usage);  // so far
  void AppendLog(const std::string& name, const std::string& text);
  void FailNextStarts(int count, Error error);  // the next `count` calls of Start give `error` and start nothing
  void FailNextLists(int count, Error error);
  void KeepRunning() {
    keep_running_ = true;
  }  // what is asked to end from now on is in its grace till the test ends it

  // What was asked.
  std::vector<WorkloadSpec> started() const;  // every start that took effect, in order, also of forgotten ones
  std::vector<std::string> stopped() const;   // every Stop that took effect, in order
  bool IsRunning(const std::string& name) const;

 private:
  void End(const std::string& name, WorkloadPhase phase, int exit_code, const std::string& reason);

  mutable std::mutex mutex_;
  scheduling::Resources capacity_;
  std::string socket_folder_;
  std::map<std::string, WorkloadStatus> workloads_;
  std::map<std::string, std::string> logs_;
  std::vector<WorkloadSpec> started_;
  std::vector<std::string> stopped_;
  int failing_starts_ = 0;
  int failing_lists_ = 0;
  bool keep_running_ = false;
  Error start_error_;
  Error list_error_;
};

}  // namespace keelson::substrate
