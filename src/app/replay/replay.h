#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/client/client.h"
#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "project/spec.h"

namespace keelson::app {

// A change made to the rows of one source on their way in, to see the expectations at work:
// "weather:2013-07-08..2013-07-15: temp=(temp-32)/1.8" puts other values into a column for that time,
// "weather:2013-07-20..2013-07-21:temp->temperature" gives the column another name.
struct Corruption {
  std::string source;
  Instant from;
  Instant to;
  std::string column;
  std::string expression;  // new value; or
  std::string rename;      // new name
};
Result<Corruption> ParseCorruption(const std::string& text, const Calendar& calendar);

// What the past did, in the order in which it became known.
struct ReplayEvent {
  Instant at;
  // A row as it begins (what is known later left out), a whole row, a question.
  enum class Kind { kPartialRow, kRow, kAsk } kind = Kind::kRow;
  std::size_t source = 0;
  std::size_t row = 0;  // in that source's table
};

struct ReplaySource {
  std::string name;
  project::Source described;
  data::Table rows;
};

// The tables of a project's own files, prepared by its own SQL, in this process. Nothing of it is shown to the server
// before its time.
struct Past {
  std::vector<ReplaySource> sources;
  std::size_t asked = 0;                     // index of the source whose rows are asked for: the training table
  std::vector<std::string> request_columns;  // of it: what a request carries
  std::vector<ReplayEvent> events;           // in (from, to], sorted by instant, rows before asks
};
Result<Past> LoadPast(const project::Project& project, const std::string& folder, Instant from, Instant to,
                      const std::function<void(const std::string&)>& progress);

struct MonthOfAsking {
  std::uint64_t asked = 0;
  std::uint64_t failed = 0;
  std::vector<std::uint32_t> latencies_us;
};

struct ReplayOptions {
  ServerOptions server;
  Instant from;
  Instant to;
  std::string journal;  // file; where a killed replay goes on
  int connections = 4;  // predictions at once
  std::vector<Corruption> corruptions;
};

struct ReplayResult {
  std::map<std::string, MonthOfAsking> months;
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_rows = 0;
  std::vector<std::string> first_refusals;  // what failed, as the server said it
  double asking_seconds = 0;                // without the time that trainings took
  double waiting_seconds = 0;               // for trainings and rollouts
};

struct ReplayProgress {
  Instant clock;
  double fraction = 0;
  std::uint64_t asked = 0;
  std::string note;
};

// GET through a server's restart: an address that does not answer is asked again until `patience` is over.
Result<Json> GetOnceBack(Client& client, const std::string& path, std::chrono::seconds patience);

// Lives through the past against a running server: at each instant first what became known, pushed as rows; then what
// was asked, as predictions over the Open Inference Protocol with the row's key as request id, several at once. The
// journal remembers where it stands; a request that got no answer is asked again with the same id.
Result<ReplayResult> Replay(const project::Project& project, const Past& past, const ReplayOptions& options,
                            const std::function<void(const ReplayProgress&)>& progress);

}  // namespace keelson::app
