#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "features/engine.h"
#include "features/events.h"

namespace keelson::features {

// The live features of one project: rows go in, lookups come out. Owned by the server, one a project revision; rebuilt
// at start from the materialized tables and the log of pushed rows. Safe from any thread. The lock is held for one row
// at a time, a few microseconds, whether it goes in or is looked up, and never across I/O; a plain mutex, because under
// a shared one a stream of lookups starves the rows that come in. Advance holds it for milliseconds, eight times in the
// longest window.
class OnlineFeatures {
 public:
  struct Options {
    // How far behind the newest instant told by Advance lookups may still ask: retries and late requests.
    Duration slack = std::chrono::hours(24);
  };
  static Result<std::unique_ptr<OnlineFeatures>> Create(const Definitions& definitions, Options options);
  static Result<std::unique_ptr<OnlineFeatures>> Create(const Definitions& definitions) {
    return Create(definitions, Options());
  }

  const FeaturePlan& plan() const { return *plan_; }
  // The columns that a lookup gives, in this order, and the names of what it answers.
  const data::Schema& lookup_columns() const { return plan_->lookup_columns(); }
  const std::vector<std::string>& feature_names() const { return names_; }
  // Whether any view reads the source; rows of others need not be given.
  bool Uses(std::string_view source) const;

  // Every row of a table of the source's schema. On an error rows before it have counted. Advance first, when much of
  // the table is history: rows that no lookup may see any more are then passed over.
  Status Load(std::string_view source, const data::Table& table);

  // One row, the cells in the order of the source's schema. It replaces what the row of the same key said; the same row
  // again changes nothing. kNotFound for a source that is not defined; kInvalidArgument for a row that does not fit:
  // nothing changed.
  Status Apply(std::string_view source, const std::vector<data::Value>& row);

  // The project's clock has come to `now`: what no lookup at or after now - slack needs may be forgotten.
  void Advance(Instant now);

  // Features of `rows` entities at `t`: `keys` has, row by row, the cells of lookup_columns(); the answer, row by row,
  // one number a feature in the order of feature_names(), not-a-number for null. An entity never seen, or with a null
  // part, has null features and counts of 0. kInvalidArgument for a cell of the wrong type; kFailedPrecondition for a
  // `t` before what is kept.
  Result<std::vector<double>> Lookup(std::span<const data::Value> keys, std::size_t rows, Instant t) const;

  std::size_t events() const;  // held now, for metrics

 private:
  OnlineFeatures(std::shared_ptr<const FeaturePlan> plan, Options options);

  Options options_;
  std::shared_ptr<const FeaturePlan> plan_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::size_t>> key_columns_;  // by entity: places in lookup_columns()
  mutable std::mutex mutex_;
  FeatureEngine engine_;  // guarded by mutex_, as the feed
  RowFeed feed_;
};

}  // namespace keelson::features
