#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "serving/batch_runner.h"
#include "serving/batch_trust.h"
#include "serving/mlflow_signature.h"
#include "serving/model.h"
#include "serving/payload_log.h"
#include "serving/request_cost.h"
#include "wire/inference/metrics.h"

namespace keelson::wire::inference {

// One version of a model, ready to answer.
struct Served {
  std::shared_ptr<const serving::LoadedModel> model;
  std::shared_ptr<serving::PayloadWriter> payload;    // may be null
  std::optional<serving::MlflowSignature> signature;  // of an MLflow model directory that has one
  serving::BatchPolicy policy = {};                   // the model's: of its versions the greatest one's counts
};

// Where models are loaded from by name, for the repository extension. Owned by the role; called from one thread at a
// time, and may block.
class ModelRepository {
 public:
  virtual ~ModelRepository() = default;
  virtual std::vector<std::string> Names() = 0;
  // All versions of it that are to be served, none is an error. kNotFound when there is no such model.
  virtual Result<std::vector<Served>> Load(const std::string& name) = 0;
};

// The models of a replica by name and version. Readers never wait for a load: a version is swapped in whole, a request
// under way keeps the version it began with. Of every model there is one queue, which all its versions, those to come
// too, share and which ends with this. Owned by ReplicaHandler; safe from any thread.
class ServedModels {
 public:
  struct Entry {
    Served served;
    ModelMetrics metrics;
    serving::RequestCost cost;     // of requests for the model's values
    serving::RequestCost explain;  // of those for contributions, which cost another order
    serving::BatchTrust trust;
    serving::BatchRunner* queue = nullptr;
  };
  struct IndexRow {
    std::string name;
    std::string version;  // "" when it was never loaded
    bool ready = false;
    std::string reason;
  };

  // `repository` may be null: then nothing is loaded or unloaded later. It outlives this. `compute` is what the queues
  // hand their batches to.
  ServedModels(std::vector<Served> models, ModelRepository* repository, const Clock& clock,
               serving::BatchRunner::Compute compute);

  // kNotFound tells whether the model or the version is unknown. Without a version: the greatest one.
  Result<std::shared_ptr<Entry>> Find(std::string_view name, std::string_view version) const;
  std::vector<std::shared_ptr<Entry>> All() const;                            // by name, then version
  std::vector<std::shared_ptr<Entry>> Versions(std::string_view name) const;  // ascending; empty when it is unknown

  // Blocking. When a load fails, what was served stays; a reload keeps the counts of a version.
  Status Load(const std::string& name);
  Status Unload(const std::string& name);
  std::vector<IndexRow> Index(bool only_ready) const;

 private:
  using Entries = std::vector<std::shared_ptr<Entry>>;
  Entries MakeEntries(std::vector<Served> versions);  // of one model, sorted

  const Clock& clock_;
  const serving::BatchRunner::Compute compute_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, Entries, std::less<>> models_;      // guarded by mutex_
  std::map<std::string, std::string, std::less<>> failed_;  // name and reason of what is not served; guarded by mutex_
  std::mutex loading_;                                      // one load or unload at a time
  ModelRepository* const repository_;
  // By model; never taken away. Guarded by loading_. The last member: first of all the queues end.
  std::map<std::string, std::unique_ptr<serving::BatchRunner>> queues_;
};

// Of each version, for metrics and statistics.
std::vector<NamedMetrics> MetricsOf(const std::vector<std::shared_ptr<ServedModels::Entry>>& entries);

}  // namespace keelson::wire::inference
