#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// Experiments as MLflow's clients know them, in the tables of Store (opened before). Deleting is soft: the experiment
// and its runs are hidden and can be restored. Every write is durable when it returns. Thread-safe; the database and
// the clock outlive it.
class Experiments {
 public:
  Experiments(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // `artifact_location` "": one below the server's own artifacts. kAlreadyExists when the name is taken, be it by a
  // deleted one.
  Result<std::int64_t> Create(const std::string& name, const std::string& artifact_location, const Pairs& tags);
  Result<ExperimentRecord> Get(std::int64_t id);  // deleted ones too
  Result<ExperimentRecord> GetByName(const std::string& name);
  Status Delete(std::int64_t id);   // with its runs
  Status Restore(std::int64_t id);  // with all its runs
  Status Rename(std::int64_t id, const std::string& name);
  Status SetTag(std::int64_t id, const std::string& key, const std::string& value);
  Status DeleteTag(std::int64_t id, const std::string& key);
  // By attributes name, experiment_id, creation_time, last_update_time and by tags.
  Result<Page<ExperimentRecord>> Find(const Search& search, View view);

 private:
  std::int64_t NowMicros() const { return ToMicros(clock_.WallNow()); }

  io::Database& database_;
  const Clock& clock_;
};

// Within a transaction: kNotFound in MLflow's words.
Result<ExperimentRecord> ReadExperiment(io::SqlSession& session, std::int64_t id);
// kInvalidArgument in MLflow's words when it is deleted.
Status RequireActive(const ExperimentRecord& experiment);

}  // namespace keelson::tracking
