#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/time.h"
#include "io/database.h"

namespace keelson::tracking {

struct Experiment {
  std::string id;  // decimal; "0" is "Default"
  std::string name;
  Instant created;
};

enum class RunStatus { kRunning, kFinished, kFailed, kKilled, kScheduled };

struct Metric {
  std::string key;
  double value = 0;
  Instant time;
  std::int64_t step = 0;
};

struct Run {
  std::string id;  // 32 hex digits
  std::string experiment_id;
  std::string name;
  RunStatus status = RunStatus::kRunning;
  Instant started;
  std::optional<Instant> ended;
  std::string artifact_uri;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::map<std::string, double> metrics;  // the latest of each key
};

struct ModelVersion {
  std::string model;
  int version = 0;
  std::string run_id;
  std::string source;        // artifact folder of the model
  std::string content_hash;  // of that folder; verified when it is loaded
  Instant created;
  std::map<std::string, std::string> tags;
  std::vector<std::string> aliases;
};

// One edge of the lineage graph: snapshot -> table -> features -> run -> version -> endpoint. Nodes are "kind:name".
struct LineageEdge {
  std::string from;
  std::string to;
  std::string label;
};

struct AliasChange {  // who changed what, when, from and to
  std::string model;
  std::string alias;
  std::optional<int> from;
  std::optional<int> to;
  std::string who;
  std::string reason;
  Instant when;
};

// Experiments, runs, models and lineage in the metadata database. Every write is durable when it returns, and repeating
// it changes nothing: creating what exists with the same content succeeds, with other content it is kAlreadyExists;
// deleting what is gone succeeds. What is not there to be read or changed is kNotFound; a malformed name or key
// kInvalidArgument. Thread-safe. The database, the clock and the store's callers outlive each other in that order. (The
// MLflow protocol over this store is another issue's edge.)
class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(io::Database& database, const Clock& clock, std::string artifact_root);
  virtual ~Store() = default;

  virtual Result<Experiment> EnsureExperiment(const std::string& name) = 0;
  virtual Result<std::vector<Experiment>> ListExperiments() = 0;

  // `run_id` is chosen by the caller (RandomId or derived from a job; 1 to 64 of [A-Za-z0-9_-]), so that a retry makes
  // no second run: when there is one of the same experiment and name it is returned as it stands.
  virtual Result<Run> CreateRun(const std::string& experiment_id, const std::string& run_id, const std::string& name,
                                const std::map<std::string, std::string>& tags) = 0;
  // All or nothing. Params are immutable: another value is kAlreadyExists. Metrics may be NaN or infinite; a tag is
  // replaced.
  virtual Status LogBatch(const std::string& run_id, const std::map<std::string, std::string>& params,
                          const std::vector<Metric>& metrics, const std::map<std::string, std::string>& tags) = 0;
  // A run ends once: another final status later is kFailedPrecondition. `status` is not kRunning.
  virtual Status EndRun(const std::string& run_id, RunStatus status) = 0;
  virtual Result<Run> GetRun(const std::string& run_id) = 0;
  virtual Result<std::vector<Run>> ListRuns(const std::string& experiment_id, int at_most) = 0;  // newest first
  virtual Result<std::vector<Metric>> MetricHistory(const std::string& run_id, const std::string& key) = 0;

  // Registers the folder `source` as a version of `model`; a second call with the same run_id and source gives the
  // version that exists (kAlreadyExists when the folder's content has changed since). Versions count 1, 2, 3, ...
  // without holes. `run_id` is a run of this store, or "" for a model that no run made. The folder is hashed before it
  // is recorded.
  virtual Result<ModelVersion> RegisterVersion(const std::string& model, const std::string& run_id,
                                               const std::string& source,
                                               const std::map<std::string, std::string>& tags) = 0;
  virtual Result<ModelVersion> GetVersion(const std::string& model, int version) = 0;
  virtual Result<std::optional<ModelVersion>> GetByAlias(const std::string& model, const std::string& alias) = 0;
  virtual Result<std::vector<ModelVersion>> ListVersions(const std::string& model) = 0;
  virtual Result<std::vector<std::string>> ListModels() = 0;
  virtual Status SetVersionTag(const std::string& model, int version, const std::string& key,
                               const std::string& value) = 0;
  // `version` nothing: removes the alias. Recorded in the alias history.
  virtual Status SetAlias(const std::string& model, const std::string& alias, std::optional<int> version,
                          const std::string& who, const std::string& reason) = 0;
  virtual Result<std::vector<AliasChange>> AliasHistory(const std::string& model) = 0;

  virtual Status AddLineage(const std::vector<LineageEdge>& edges) = 0;
  virtual Result<std::vector<LineageEdge>> Lineage(const std::string& node) = 0;  // everything upstream of and below it

  // Versions and aliases go (the removal stands in the alias history); artifacts stay for retention.
  virtual Status DeleteModel(const std::string& model) = 0;
  // With its runs. kFailedPrecondition while a model version was made by one of them; experiment "0" cannot go.
  virtual Status DeleteExperiment(const std::string& experiment_id) = 0;

  virtual std::string ArtifactFolder(const std::string& run_id) const = 0;  // artifact_root/run_id
};

}  // namespace keelson::tracking
