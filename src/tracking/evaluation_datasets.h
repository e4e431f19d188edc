#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/evaluation_records.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// A set of cases that models and agents are measured by, for any number of experiments.
struct EvaluationDataset {
  std::string id = {};  // "d-" and 32 hex digits
  std::string name = {};
  std::string digest = {};                  // of the name and the last change
  std::optional<std::string> schema = {};   // JSON: which fields its records have
  std::optional<std::string> profile = {};  // JSON: how many there are
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::optional<std::string> created_by = {};
  std::optional<std::string> updated_by = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> tags = {};
};

// MLflow's evaluation data sets, in the tables of Store (opened before). Errors are in MLflow's words. Every write is
// durable when it returns. Thread-safe; the database and the clock outlive it.
class EvaluationDatasets {
 public:
  EvaluationDatasets(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Names need not differ, and experiments not be there: both are MLflow's.
  Result<EvaluationDataset> Create(const std::string& name, const OrderedJson& tags,
                                   const std::vector<std::string>& experiments);
  Result<EvaluationDataset> Get(const std::string& id);  // kNotFound
  Status Delete(const std::string& id);                  // with its records; no error when it is gone
  // Those of any of the experiments; of all where none is named.
  Result<Page<EvaluationDataset>> Find(const std::vector<std::string>& experiments, const Search& search);

  Status SetTags(const std::string& id, const OrderedJson& tags);   // null leaves a tag as it is; kNotFound
  Status DeleteTag(const std::string& id, const std::string& key);  // no error when there is none

  // In the order in which they were added.
  Result<std::vector<std::string>> ExperimentsOf(const std::string& id);
  // kNotFound for a data set or an experiment that is not there.
  Result<EvaluationDataset> AddTo(const std::string& id, const std::vector<std::string>& experiments);
  Result<EvaluationDataset> RemoveFrom(const std::string& id, const std::vector<std::string>& experiments);

  struct Upserted {
    std::int64_t inserted = 0;
    std::int64_t updated = 0;  // records with the same inputs, of the data set or of the same call
  };
  Result<Upserted> Upsert(const std::string& id, const std::vector<EvaluationInput>& records);  // all or nothing
  // The oldest first; of a data set that is not there none.
  Result<Page<EvaluationRecord>> Records(const std::string& id, std::int64_t at_most, const std::string& page);
  Result<std::int64_t> DeleteRecords(const std::string& id, const std::vector<std::string>& records);  // how many went

 private:
  std::int64_t NowMillis() const { return ToMicros(clock_.WallNow()) / 1000; }

  io::Database& database_;
  const Clock& clock_;
};

}  // namespace keelson::tracking
