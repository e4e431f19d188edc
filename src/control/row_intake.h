#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/row_log.h"
#include "control/types.h"
#include "data/expectations.h"
#include "data/table.h"

namespace keelson::control {

// A batch that was read and judged, and may go in.
struct PushedRows {
  data::Table rows;             // with all columns of the prepared table
  std::optional<Json> refusal;  // the suite's report, when it said no
  Json refused_rows;            // as they came, then
};

// What came of a pushed batch.
struct RowsAnswer {
  data::Table accepted;         // the new rows, in the log
  std::uint64_t repeated = 0;   // rows that were there already, word for word
  std::uint64_t sequence = 0;   // of the source's last batch
  std::optional<Json> refusal;  // the suite's report, when it said no; nothing was accepted then
};

// The way in for rows pushed to one source: JSON to typed rows, the expectation suite, the log. A batch is accepted
// whole or not at all.
//
// Small batches: what a whole column must be like (a mean, a quantile, a row count) says nothing about a handful of
// rows, so below kWholeBatch rows it is not asked; and an expectation with `mostly` lets as many rows fail as it would
// in a batch of kSmallBatch. Both are asked in full of the whole table when a pipeline runs.
//
// Owned by the project's runtime and called on the control thread only.
class RowIntake {
 public:
  static constexpr std::size_t kWholeBatch = 100;
  static constexpr double kSmallBatch = 20;
  static constexpr std::size_t kRowsAtMost = 10'000;  // in one batch: more is kInvalidArgument

  struct Options {
    std::string source;
    std::string log_path;
    std::string quarantine_folder;
    std::string key_column;
    data::Schema schema;                                  // of the prepared table
    std::shared_ptr<const data::ExpectationSuite> suite;  // may be nullptr
  };
  static Result<std::unique_ptr<RowIntake>> Open(Options options,
                                                 const std::function<Status(const RowLog::Batch&)>& visit);

  // `body` is {"rows": [...]}, see ReadJsonRows. kInvalidArgument names the row and column. Changes nothing.
  Result<PushedRows> Read(std::string_view body) const;

  // Takes the batch in, or puts a refused one aside.
  Result<RowsAnswer> Accept(const PushedRows& pushed, Instant clock);

  // What was accepted so far is on disk when this returns; nobody is told of it before.
  Status Sync() { return log_->Sync(); }

  std::uint64_t sequence() const { return log_->sequence(); }
  std::uint64_t refused_batches() const { return refused_batches_; }

 private:
  explicit RowIntake(Options options) : options_(std::move(options)) {}
  Status Quarantine(const PushedRows& refused);

  Options options_;
  std::unique_ptr<RowLog> log_;
  std::uint64_t refused_batches_ = 0;
};

// Which of the suite's failures of a batch of so many rows are reasons to refuse it (see RowIntake).
std::vector<const data::ExpectationResult*> Objections(const std::vector<data::ExpectationResult>& failures,
                                                       std::size_t rows);

}  // namespace keelson::control
