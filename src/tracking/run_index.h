#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/database.h"
#include "tracking/records.h"
#include "tracking/run_columns.h"
#include "tracking/search.h"

namespace keelson::tracking {

// What searches of runs look at, in columns in memory: experiment, status, start, lifecycle, the latest metrics, params
// and tags. The tables are the truth: table run_change says which runs have changed since when, and Find first reads
// those anew within the caller's transaction, so that its answer is exactly what SQL would answer there. It is built by
// a thread of its own, given back when nobody has searched for a while, and answers nothing (the caller asks SQL) while
// it is not there, or when a search asks for what it does not hold. Thread-safe; the database outlives it.
class RunIndex {
 public:
  struct Options {
    std::size_t most_bytes = 190'000'000;  // more than that, and SQL answers
    std::size_t most_changes = 2000;       // runs that one search reads anew; of more SQL answers, and the thread reads
    std::chrono::seconds idle{15 * 60};    // given back when it is not asked for so long
    std::chrono::milliseconds period{5000};  // how often the thread catches up by itself
  };

  RunIndex(io::Database& database, Options options);
  ~RunIndex();

  // A search, and the columns that SQL would order by (`columns`, of which page tokens are made).
  struct Query {
    const std::vector<std::int64_t>& experiments;
    const Search& search;
    View view;
    const std::vector<SortColumn>& columns;
  };
  struct Found {
    std::vector<std::int64_t> runs;  // their numbers, in order
    std::string next;                // token of the next page
  };
  // Nothing: SQL has to answer.
  Result<std::optional<Found>> Find(io::SqlSession& session, const Query& query);

  void WaitUntilBuilt();  // or found too large
  std::size_t bytes() const;
  std::uint64_t answers() const { return answers_; }  // searches that it answered

 private:
  friend class RunSearch;

  // One run as it stands in the tables; `there` false: it is gone.
  struct Image {
    bool there = false;
    bool deleted = false;
    RunStatus status = RunStatus::kRunning;
    std::int64_t experiment = 0;
    std::int64_t started_ms = 0;
    std::vector<std::pair<std::int64_t, MetricColumn::Value>> metrics;
    std::vector<std::pair<std::string, std::string>> params;
    std::vector<std::pair<std::string, std::string>> tags;
  };
  struct Rows {  // of one piece
    std::array<std::int64_t, kPieceRows> started_ms{};
    std::array<std::uint32_t, kPieceRows> experiment{};  // its place in experiments
    std::array<std::uint8_t, kPieceRows> state{};        // 0: no run; else kThere with the bits below
  };
  static constexpr std::uint8_t kThere = 1;
  static constexpr std::uint8_t kDeleted = 2;
  static constexpr int kStatusShift = 2;

  struct Columns {
    std::int64_t change = 0;  // the last one that is in them
    std::vector<std::unique_ptr<Rows>> rows;
    std::vector<std::int64_t> experiments;
    std::unordered_map<std::int64_t, std::uint32_t> experiment_places;
    std::unordered_map<std::int64_t, MetricColumn> metrics;
    std::unordered_map<std::string, TextColumn> params;
    std::unordered_map<std::string, TextColumn> tags;
    std::size_t bytes() const;
    void Put(std::size_t run, const Image& image);
  };

  static Result<std::vector<Image>> ReadImages(io::SqlSession& session, std::int64_t first, std::int64_t last);
  struct Changes {
    std::int64_t last = 0;
    std::vector<std::pair<std::int64_t, Image>> images;
    bool too_many = false;
  };
  Result<Changes> ReadChanges(io::SqlSession& session, std::int64_t behind, std::size_t at_most);
  void Apply(std::int64_t behind, const Changes& changes);

  void Work();
  Status Build();
  Status CatchUp();
  bool Stopping();

  io::Database& database_;
  const Options options_;

  std::atomic<std::uint64_t> answers_ = 0;

  mutable std::shared_mutex columns_mutex_;
  std::unique_ptr<Columns> columns_;  // null: not built

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool wanted_ = true;
  bool settled_ = false;  // built once, or too large
  bool too_large_ = false;
  std::chrono::steady_clock::time_point asked_;
  std::thread thread_;  // last: it uses all above
};

// Says within a transaction that what a search sees of the run has changed. Changes of the run's own row say it
// themselves (triggers of the schema).
Status MarkChanged(io::SqlSession& session, std::int64_t run);

}  // namespace keelson::tracking
