#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "monitoring/trigger.h"
#include "scheduling/admission.h"

namespace keelson::scheduling {
struct Allocation;
}  // namespace keelson::scheduling

namespace keelson::control {

using Json = nlohmann::json;

// The state that control keeps, as it is stored: plain values, each with its JSON form (types_json.cc).

enum class JobState { kPending, kRunning, kSucceeded, kFailed, kStopped };
std::string_view JobStateName(JobState state);

// One thing to run to its end: a pipeline step, or a trial of a search. It may take several attempts.
struct Job {
  std::string id;  // "j000042": sorts by age
  std::string project;
  std::string kind;  // "ingest", "prepare", "validate", "features", "materialize", "trial", "train", "evaluate"
  std::string pipeline;
  std::string step;        // the pipeline's step that it is for
  std::string request_id;  // of the call that started the pipeline; "" when the project decided by itself
  std::string user;        // who made that call, as it said; "" when the project decided by itself
  JobState state = JobState::kPending;
  Json spec;                      // what the worker is told
  Json output;                    // what it answered
  std::string error;              // why the last attempt failed
  bool refused_by_check = false;  // the step ran and said no (an expectation suite): not to be retried

  scheduling::WorkloadClass workload_class = scheduling::WorkloadClass::kTraining;
  std::string queue = "default";
  std::string flavor;  // whose quota the latest attempt uses; "" before the first
  int priority = 0;
  scheduling::Resources resources;
  std::string group;
  int group_parallel = 0;

  int attempts = 0;        // begun
  std::string token_hash;  // of the running attempt; effects with another token are refused
  std::string progress;    // one line for people
  double fraction = 0;     // done, 0 to 1
  std::string waiting;     // why it is not running, one sentence
  Instant created;         // wall
  std::optional<Instant> started;
  std::optional<Instant> ended;

  std::string Workload() const { return id + "-a" + std::to_string(attempts); }
};

enum class StepState { kPending, kRunning, kSucceeded, kFailed, kSkipped };
std::string_view StepStateName(StepState state);

struct Step {
  std::string name;  // "ingest:flights", "prepare", "validate:flights", "features", ...
  std::string kind;
  std::vector<std::string> depends;
  StepState state = StepState::kPending;  // kSkipped: its inputs have not changed, the output is an earlier run's
  std::string input_key;                  // hash of everything that goes in
  Json output;
  std::string error;
  std::vector<std::string> jobs;
  Json search;  // state of a search step between its trials
};

enum class PipelineState { kRunning, kSucceeded, kFailed, kRefused };
std::string_view PipelineStateName(PipelineState state);

// One walk through the steps, as of one instant of the project's clock.
struct Pipeline {
  std::string id;  // "flight-delays-p0003"
  std::string project;
  std::string revision;
  std::string cause;       // "first run", "drift: ...", "asked by ..."
  std::string request_id;  // of the call that started it; "" when the project decided by itself
  std::string user;        // who made that call, as it said
  Instant as_of;
  std::optional<Instant> files_until;  // what the files say counts up to here only; nothing: up to `as_of`
  std::map<std::string, std::uint64_t> row_sequences;  // pushed rows that are visible, by source
  std::optional<std::string> reuse_parameters;         // JSON of the parameters found by an earlier search
  PipelineState state = PipelineState::kRunning;
  std::string error;
  std::vector<Step> steps;     // in an order in which they could run
  std::optional<int> version;  // registered at the end
  Instant created;             // wall
  std::optional<Instant> ended;
  std::optional<Instant> effect_at;  // project clock: when the result takes its effect
  bool effect_done = false;

  Step* Find(std::string_view step);
  const Step* Find(std::string_view step) const;
};

// What is served, and what is on its way in.
struct Rollout {
  std::string project;
  std::optional<int> champion;
  std::optional<int> challenger;
  std::optional<int> previous;      // for rollback
  Instant champion_since;           // project clock: drift is counted from here
  int step = -1;                    // of the canary
  Instant step_since;               // project clock
  std::uint64_t base_requests = 0;  // the challenger's counters when the step began
  std::uint64_t base_errors = 0;
};

// The rest of what a project remembers.
struct ProjectState {
  std::string name;
  std::string revision;
  bool replay = false;                                    // the clock is moved by a client
  Instant clock;                                          // meaningful in a replay
  std::optional<Instant> replay_from;                     // where a run has put its clock; then rows are pushed
  bool online_ready = false;                              // a materialize step has succeeded
  std::string online_file;                                // its output
  std::map<std::string, std::uint64_t> online_sequences;  // pushed rows that the file includes already
  std::optional<Instant> next_evaluation;
  monitoring::TriggerState trigger;
  std::optional<int> frozen;                   // the first version that was promoted
  std::optional<std::string> best_parameters;  // JSON, found by the last search
  std::optional<std::string> search_key;       // of that search (SearchKey); nothing: begun before schema 4
  std::uint64_t pipelines_made = 0;
  std::map<std::string, std::uint64_t> alarms_by_month;
  std::map<std::string, std::uint64_t> retrainings_by_month;
  std::map<std::string, std::uint64_t> promotions_by_month;
  std::map<std::string, std::vector<std::pair<std::string, double>>> drift_by_day;  // for the heat map
};

Json ToJson(const Job& job);
Json ToJson(const Pipeline& pipeline);
Json ToJson(const Rollout& rollout);
Json ToJson(const ProjectState& state);
Json ToJson(const scheduling::Allocation& allocation);
// Stored documents are our own; one that does not read back is kDataLoss.
Result<Job> JobFromJson(const std::string& text);
Result<Pipeline> PipelineFromJson(const std::string& text);
Result<Rollout> RolloutFromJson(const std::string& text);
Result<ProjectState> ProjectStateFromJson(const std::string& text);
Result<scheduling::Allocation> AllocationFromJson(const std::string& text);

}  // namespace keelson::control
