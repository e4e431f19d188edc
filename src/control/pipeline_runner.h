#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "control/documents.h"
#include "control/job_runner.h"
#include "control/search_step.h"
#include "control/step_specs.h"
#include "control/types.h"

namespace keelson::control {

// Walks pipelines through their steps: each step is a job (a search is many), a step whose inputs have not changed
// takes over the output of the earlier run, and a restarted server goes on where the stored state stands.
//
// Owned by the Controller and called on its thread only.
class PipelineRunner {
 public:
  // What a runner asks about the world of a pipeline.
  struct World {
    std::function<const AppliedProject*(const std::string& project, const std::string& revision)> project;
    std::function<std::optional<ChampionInfo>(const std::string& project)> champion;
    // The last thing of a pipeline whose steps have all succeeded: registers a version. Must be repeatable.
    std::function<Status(Pipeline& pipeline)> complete;
    // A pipeline has ended, in whatever state; it is stored.
    std::function<void(const Pipeline& pipeline)> ended;
  };

  static Result<std::unique_ptr<PipelineRunner>> Open(std::string data_folder, DocumentStore& store, JobRunner& jobs,
                                                      const Clock& clock, World world);

  // Stores it, together with `with` (what else must become true with it); runs at the next Reconcile.
  Status Start(Pipeline pipeline, DocumentStore::Batch with = {});
  Status Reconcile();  // moves every running pipeline as far as it goes now
  Status Stop(const std::string& pipeline, const std::string& reason);
  void Forget(const std::string& project);

  const std::map<std::string, Pipeline>& pipelines() const { return pipelines_; }
  const Pipeline* Running(const std::string& project) const;
  // What the project makes of a pipeline's end is stored in `with`, together with that it is done; both or neither.
  Status EffectDone(const std::string& pipeline, DocumentStore::Batch with);
  Pipeline* Find(const std::string& id);

 private:
  PipelineRunner(std::string data_folder, DocumentStore& store, JobRunner& jobs, const Clock& clock, World world);
  Status StopStrayJobs();
  static DocumentStore::Document DocumentOf(const Pipeline& pipeline);
  Status Save(const Pipeline& pipeline);
  Status Move(Pipeline& pipeline);
  // Brings `step` up to date with its jobs; true when something changed.
  Result<bool> Observe(Pipeline& pipeline, Step& step);
  Status Begin(Pipeline& pipeline, Step& step, const AppliedProject& project);
  Status Succeed(Pipeline& pipeline, Step& step, Json output);
  Status End(Pipeline& pipeline, PipelineState state, const std::string& error);
  bool OutputExists(const Json& output) const;

  std::string data_folder_;
  DocumentStore& store_;
  JobRunner& jobs_;
  const Clock& clock_;
  World world_;
  FileHashes hashes_;
  std::map<std::string, Pipeline> pipelines_;
  std::map<std::string, Json> outputs_;  // of steps that succeeded, by input key
  std::string waiting_for_;              // what was said last of a pipeline that waits to be completed
};

}  // namespace keelson::control
