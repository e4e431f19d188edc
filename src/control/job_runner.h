#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/documents.h"
#include "control/job_queues.h"
#include "control/types.h"
#include "substrate/substrate.h"

namespace keelson::control {

// Brings jobs to their end: asks JobQueues what starts and stops, starts each attempt on the substrate, takes
// what a worker reports, and tries again when an attempt dies. An attempt has a token of its own; what comes with
// another is refused, so a job's result is accepted once. Everything is stored before it is acted on, and Reconcile
// starts from what is stored and what is observed: a restarted server goes on with the workers that still run.
//
// Owned by the Controller and called on its thread only.
class JobRunner {
 public:
  struct Options {
    std::string data_folder;                   // DATA
    std::string server_address;                // what workers call: "unix:DATA/run/server.sock"
    std::optional<scheduling::Queues> queues;  // that jobs stand in; nothing: one, which has the whole machine
    // Why a job may not start now, one sentence, for a reason that is not the queues'; nothing: it may.
    std::function<std::optional<std::string>(const Job&)> held = {};
    int max_failures = 3;  // attempts that ended by their own error
    int max_kills = 50;    // attempts that were killed or vanished
  };
  // Called when a job has ended, with its final state stored.
  using OnEnded = std::function<void(const Job&)>;

  static Result<std::unique_ptr<JobRunner>> Open(Options options, DocumentStore& store, substrate::Substrate& substrate,
                                                 const Clock& clock, OnEnded on_ended);

  // Where training code logs to, once the server knows its own address.
  void SetTrackingUri(std::string uri) { tracking_uri_ = std::move(uri); }

  // Stores a new job and returns its id; it starts at a later Reconcile. What is larger than the machine or its queue
  // is refused there with the reason.
  Result<std::string> Submit(Job job);

  // One look at what runs, and the next actions. Cheap when nothing changes.
  Status Reconcile();

  // From workers. kPermissionDenied for a stale attempt; repeating an accepted result changes nothing.
  Status Progress(const std::string& job, const std::string& token, const std::string& line, double fraction);
  Status Finish(const std::string& job, const std::string& token, const Json& output);
  // The step itself failed (`refused`: a check said no). Not retried when refused or when the error is the user's.
  Status FailAttempt(const std::string& job, const std::string& token, const std::string& message, bool refused,
                     bool retry, const Json& output);

  Status StopJob(const std::string& job, const std::string& reason);
  // Of a job that has ended and is of no pipeline, the record and the folder go. kFailedPrecondition for any other.
  Status Discard(const std::string& job);
  void Forget(const std::string& project);  // its jobs leave memory; the caller removes the documents

  const Job* Find(const std::string& job) const;
  const std::map<std::string, Job>& jobs() const { return jobs_; }
  JobQueues& queues() { return *queues_; }
  // For people: why a job does not run, or since when it does and when it should end, or how it ended. kNotFound.
  Result<std::string> Why(const std::string& job) const;
  bool busy() const;                                // something is pending or running
  std::string Folder(const Job& job) const;         // of all attempts: checkpoints live here
  std::string AttemptFolder(const Job& job) const;  // of the running attempt

 private:
  JobRunner(Options options, DocumentStore& store, substrate::Substrate& substrate, const Clock& clock,
            OnEnded on_ended);

  Status Save(const Job& job);
  std::optional<std::string> Held(const Job& job) const;
  Status Observe();
  Status Admit();
  Status StartAttempt(Job& job);
  Status AttemptDied(Job& job, const substrate::WorkloadStatus* status);
  Status End(Job& job, JobState state);

  Options options_;
  DocumentStore& store_;
  substrate::Substrate& substrate_;
  const Clock& clock_;
  OnEnded on_ended_;
  std::map<std::string, Job> jobs_;
  std::unique_ptr<JobQueues> queues_;
  std::optional<std::chrono::steady_clock::time_point> told_;  // when the waiting jobs were last told why
  std::map<std::string, int> kills_;  // attempts of a job that were killed since this server started
  std::map<std::string, int> failures_;
  std::map<std::string, std::chrono::steady_clock::time_point> not_before_;  // back-off after a failure
  bool submitted_ = false;                                                   // something, since then
  bool tidy_ = false;  // the substrate has no record of a job's workload, so an idle runner need not look
  std::string tracking_uri_;
  std::uint64_t next_id_ = 1;
};

}  // namespace keelson::control
