#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/costs.h"
#include "control/documents.h"
#include "control/endpoint_registry.h"
#include "control/job_runner.h"
#include "control/metered_substrate.h"
#include "control/pipeline_runner.h"
#include "control/project_removals.h"
#include "control/project_runtime.h"
#include "gateway/gateway.h"
#include "io/database.h"
#include "substrate/substrate.h"
#include "tracking/store.h"

namespace keelson::control {

// All of control, on one thread of its own: the edges post what they want done, and between such work everything is
// reconciled. Nothing on a prediction's path waits for this thread.
//
// Owned by the server role, which owns what is given here and outlives it.
class Controller {
 public:
  struct Options {
    std::string data_folder;
    std::string server_address;                    // for workers
    std::optional<scheduling::Queues> queues;      // JobRunner::Options::queues
    Duration payload_period{};                     // see PayloadTurner
    std::optional<project::Pricing> pricing = {};  // nothing: the built-in prices
  };
  struct Parts {
    io::Database* database = nullptr;
    tracking::Store* tracking = nullptr;
    substrate::Substrate* substrate = nullptr;
    gateway::Gateway* gateway = nullptr;
    EndpointRegistry* registry = nullptr;
    const Clock* clock = nullptr;
    ReadyProbe probe = ProbeReady;             // asks a replica whether it is ready
    tracking::ModelFolders* models = nullptr;  // null: the files of versions are on this machine
  };

  // Returns at once; stored projects are loaded on the control thread, before anything that is posted. What cannot be
  // loaded is logged and shown as a project in error; it stops nothing else.
  static Result<std::unique_ptr<Controller>> Start(Options options, Parts parts);
  // The same without a thread: nothing happens but in Turn, which the caller calls, always on one thread. For
  // simulation and tests, where time is virtual.
  static Result<std::unique_ptr<Controller>> Create(Options options, Parts parts);
  // Does the posted work and, with `look`, reconciles everything once. An exception in either is logged and goes no
  // further. The first turn loads what is stored.
  void Turn(bool look = true);
  ~Controller();  // stops reconciling; what runs keeps running

  // Runs `work` on the control thread, once everything stored has been loaded and reconciled. It must not block for
  // long.
  void Post(std::function<void()> work);

  // For use inside posted work only.
  // `acknowledge` runs when all rows accepted so far are on disk, or with the error that kept them off it. Work that
  // was posted close together shares one sync.
  void AfterSync(std::function<void(const Status&)> acknowledge) {
    acknowledgements_.push_back(std::move(acknowledge));
  }
  Status Apply(const std::string& bundle_json, const std::string& source_folder);
  // Its folder goes at once, or when its processes have ended, which are told to; until then Apply of the name is
  // kUnavailable.
  Status Delete(const std::string& project);
  ProjectRuntime* Find(const std::string& project);
  std::vector<std::string> ProjectNames() const;
  JobRunner& jobs() { return *jobs_; }
  PipelineRunner& pipelines() { return *pipelines_; }
  Costs& costs() { return *costs_; }
  DocumentStore& store() { return *store_; }
  tracking::Store& tracking() const { return *parts_.tracking; }
  substrate::Substrate& substrate() const { return *parts_.substrate; }
  const Options& options() const { return options_; }
  const std::map<std::string, std::string>& broken() const {
    return broken_;
  }  // projects that could not be loaded, and why

 private:
  Controller(Options options, Parts parts) : options_(std::move(options)), parts_(parts) {}
  Status Load();
  void Run();
  void Look();
  Status ReconcileAll();
  void Acknowledge();
  Services ServicesOf();

  Options options_;
  Parts parts_;
  std::unique_ptr<DocumentStore> store_;
  std::unique_ptr<ProjectRemovals> removals_;
  std::unique_ptr<MeteredSubstrate> metered_;  // over the caller's; parts_ names it
  std::unique_ptr<Costs> costs_;
  std::unique_ptr<JobRunner> jobs_;
  std::unique_ptr<PipelineRunner> pipelines_;
  std::map<std::string, std::unique_ptr<ProjectRuntime>> projects_;
  std::map<std::string, std::string> broken_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  bool loaded_ = false;     // control thread only, as are the next two
  std::string last_error_;  // of reconciling: said once, not at every look
  std::vector<std::function<void(const Status&)>> acknowledgements_;
  std::thread thread_;
};

}  // namespace keelson::control
