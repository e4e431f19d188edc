#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// Logged models (MLflow 3): models as experiments know them, whether registered or not. In the tables of Store (opened
// before). What is not there is kNotFound in MLflow's words; every write is durable when it returns. Thread-safe; the
// database and the clock outlive it.
class LoggedModels {
 public:
  LoggedModels(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  struct NewModel {
    std::int64_t experiment_id = 0;
    std::string name;
    std::string type;
    std::string source_run_id;
    Pairs params;
    Pairs tags;
  };
  Result<LoggedModelRecord> Create(const NewModel& model);
  Result<LoggedModelRecord> Get(const std::string& id, bool deleted_too = false);
  Result<LoggedModelRecord> Finalize(const std::string& id, LoggedModelStatus status);
  Status Delete(const std::string& id);
  Status LogParams(const std::string& id, const Pairs& params);
  Status SetTags(const std::string& id, const Pairs& tags);
  Status DeleteTag(const std::string& id, const std::string& key);

  // Metrics measured on one of these; none: on any.
  struct Dataset {
    std::string name;
    std::string digest;  // "": any
  };
  struct ModelOrder {
    Order by;  // an attribute or a metric
    Dataset dataset;
  };
  // `search.order` is not looked at: `order` is.
  Result<Page<LoggedModelRecord>> Find(const std::vector<std::int64_t>& experiments, const Search& search,
                                       const std::vector<Dataset>& datasets, const std::vector<ModelOrder>& order);

 private:
  std::int64_t NowMillis() const { return ToMicros(clock_.WallNow()) / 1000; }

  io::Database& database_;
  const Clock& clock_;
};

Result<LoggedModelRecord> ReadLoggedModel(io::SqlSession& session, const std::string& id, bool deleted_too);

}  // namespace keelson::tracking
