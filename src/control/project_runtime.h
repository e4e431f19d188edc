#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/documents.h"
#include "control/endpoint_controller.h"
#include "control/endpoint_registry.h"
#include "control/monitor_loop.h"
#include "control/payload_turner.h"
#include "control/pipeline_runner.h"
#include "control/project_rows.h"
#include "control/types.h"
#include "gateway/gateway.h"
#include "project/bundle.h"
#include "serving/model.h"
#include "substrate/substrate.h"
#include "tracking/store.h"

namespace keelson::tracking {
class ModelFolders;
}

namespace keelson::control {

// What the runtimes of all projects share; owned by the Controller, which outlives them.
struct Services {
  std::string data_folder;
  DocumentStore* store = nullptr;
  tracking::Store* tracking = nullptr;
  substrate::Substrate* substrate = nullptr;
  gateway::Gateway* gateway = nullptr;
  EndpointRegistry* registry = nullptr;
  JobRunner* jobs = nullptr;
  PipelineRunner* pipelines = nullptr;
  const Clock* clock = nullptr;
  ReadyProbe probe;
  Duration payload_period{};                 // see PayloadTurner
  tracking::ModelFolders* models = nullptr;  // null: the files of versions are on this machine
};

// Where the project's clock got to, and what it stands still for.
struct ClockAnswer {
  Instant now;
  bool reached = false;
  std::string waiting_for;
};

// One project, alive: its clock, its pushed rows, its endpoint and rollout, its monitor and triggers. Decisions are the
// pure functions of the other rooms; here they are asked at the right instants of the project's clock and acted on.
//
// Owned by the Controller and called on its thread only.
class ProjectRuntime {
 public:
  // From what is stored (after a restart), or from a fresh state (first apply).
  static Result<std::unique_ptr<ProjectRuntime>> Open(Services services, ProjectState state, Rollout rollout);

  // A new revision of the project file. What changed takes its effect: serving at once, the rest with the next
  // pipeline.
  Status Apply(const project::Bundle& bundle, const std::string& source_folder);

  // Runs the pipeline. `as_of` makes the project a replay that begins there; nothing: now. kFailedPrecondition while
  // one runs.
  Result<std::string> Run(std::optional<Instant> as_of, const std::string& cause, const std::string& request_id = "",
                          const std::string& user = "");

  // Moves a replay's clock forward as far as it goes now, doing on the way what falls due. Repeating it changes
  // nothing. With `unanswered`, the earliest instant of which a question is still to be answered, it does not go over
  // what falls due later than that: what is decided at an instant is decided in the knowledge of all answers before it.
  Result<ClockAnswer> AdvanceClock(Instant to, std::optional<Instant> unanswered = std::nullopt);

  // Rows for one source: read and judged, which changes nothing, and taken in. In a replay the caller moves the clock
  // in between.
  Result<PushedRows> ReadRows(const std::string& source, std::string_view body) const;
  Result<RowsAnswer> AcceptRows(const std::string& source, const PushedRows& rows);

  Status SyncRows();  // before anybody is told that rows were accepted

  // One look at endpoint, rollout and (live) clock.
  Status Reconcile(const std::vector<substrate::WorkloadStatus>& workloads);

  Status Promote(int version, const std::string& who);
  // Rolls the version out by the steps of the project's canary, in the place of another that is under way; a first
  // version takes over at once, and the champion stays it. kFailedPrecondition where nothing is served.
  Status RollOut(int version, const std::string& who);
  Status RollBack(const std::string& who);
  Status Close(const std::vector<substrate::WorkloadStatus>& workloads);  // the project is being deleted

  // From the pipeline runner.
  Status CompletePipeline(Pipeline& pipeline);
  void PipelineEnded(const Pipeline& pipeline);
  const AppliedProject* Applied(const std::string& revision);
  std::optional<ChampionInfo> Champion();

  Instant now() const;
  const ProjectState& state() const { return state_; }
  const Rollout& rollout() const { return rollout_; }
  const project::Project& spec() const { return applied_.at(state_.revision).spec; }
  const EndpointController* endpoint() const { return endpoint_.get(); }
  Result<std::vector<monitoring::MonthReport>> Months();
  std::uint64_t refused_batches() const { return rows_ ? rows_->refused_batches() : 0; }
  Result<project::Bundle> StoredBundle() const;  // of the present revision
  const Calendar& calendar() const { return calendar_; }

 private:
  ProjectRuntime(Services services, ProjectState state, Rollout rollout);

  Status LoadRevision(const std::string& revision);
  bool TakeMaterialized(const Pipeline& pipeline);  // the online features' first tables; true when they are new
  Status OpenRows();                                // anew, when a revision or the prepared tables have changed
  Status OpenMonitor();
  // What the endpoint wants, from the rollout's state. While a version's files are on their way it goes on with what it
  // had, and this is done again at the next looks.
  Status UseVersion();
  Status PlaceVersion();
  Status Placed(const tracking::ModelVersion& version) const;  // kUnavailable while its files are on their way
  Status WatchVersion();
  Status StartPipeline(const std::string& cause, Instant as_of, const std::string& request_id, const std::string& user);

  std::optional<Instant> NextDue() const;
  std::string BlockedBy() const;
  Status HandleDue(Instant at);
  Status Evaluate(Instant at);
  Status TakeEffect(const Pipeline& pipeline, Instant at);
  Status MoveCanary(Instant at);
  Status MakeChampion(int version, const std::string& who, const std::string& reason);
  std::string GateRefusal(const Pipeline& pipeline) const;  // "" when the version may go in

  DocumentStore::Batch Pending();  // what is to be stored now: the state, the rollout, what was said
  Status Save();
  Status Stored(Status committed);
  void Say(const std::string& kind, const std::string& message);
  const Pipeline* LastPrepared() const;  // the newest pipeline whose tables exist
  Result<ServedVersion> Served(int version, int weight);

  Services services_;
  ProjectState state_;
  Rollout rollout_;
  ProjectState stored_state_;  // as in the database, as is the next
  Rollout stored_rollout_;
  Calendar calendar_ = Calendar::Utc();
  ProjectFolders folders_;
  std::map<std::string, AppliedProject> applied_;  // by revision
  std::unique_ptr<ProjectRows> rows_;
  std::unique_ptr<MonitorLoop> monitor_;
  std::unique_ptr<EndpointController> endpoint_;
  PayloadTurner payload_;
  std::shared_ptr<EndpointInfo> info_;
  std::optional<int> watched_;   // the version whose profile the monitor has
  std::optional<int> baseline_;  // the version that it compares with
  std::vector<Event> events_;    // said since the last save
  bool opening_ = true;          // files are waited for: nobody may be told that an endpoint does not exist
  bool placed_ = false;          // the endpoint has known what it wants
  bool unplaced_ = false;        // it wants something else by now
};

}  // namespace keelson::control
