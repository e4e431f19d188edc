#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/trace_records.h"

namespace keelson::tracking {

// What people, judges and code say of traces, in the tables of Store (opened before). What is not there is kNotFound in
// MLflow's words; every write is durable when it returns. Thread-safe; the database and the clock outlive it.
class Assessments {
 public:
  Assessments(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Makes an id where there is none. One that overrides another makes that one invalid.
  Result<AssessmentRecord> Create(AssessmentRecord given);
  Result<AssessmentRecord> Get(const std::string& trace_id, const std::string& id);

  struct Change {
    std::optional<std::string> name;
    std::optional<std::string> feedback;     // a value, JSON
    std::optional<std::string> error;        // of the feedback
    std::optional<std::string> expectation;  // a value, JSON
    std::optional<std::string> rationale;
    Pairs metadata;  // beside what is there
  };
  Result<AssessmentRecord> Update(const std::string& trace_id, const std::string& id, const Change& change);
  // The one that it overrode is valid again. Deleting what is gone succeeds.
  Status Delete(const std::string& trace_id, const std::string& id);

  std::int64_t NowMillis() const { return ToMicros(clock_.WallNow()) / 1000; }

 private:
  io::Database& database_;
  const Clock& clock_;
};

// Within a transaction.
Result<std::vector<AssessmentRecord>> ReadAssessments(io::SqlSession& session, std::int64_t trace,
                                                      const std::string& trace_id);
Status PutAssessment(io::SqlSession& session, std::int64_t trace, const AssessmentRecord& assessment, bool replaces);

}  // namespace keelson::tracking
