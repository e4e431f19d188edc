#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "project/spec.h"

namespace keelson::app {

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
  bool early = false;  // its rows are told as they begin, too: a view counts what is known then
};

// Some of a source's rows, as they were told by then, and which of its rows they are.
struct SeenRows {
  data::Table rows;
  std::vector<std::size_t> which;
};
// What a training as of `as_of` reads in a replay that began at `from`: what the files said by then, and what was
// pushed since. What comes at the very instant comes after the clock, and after the training.
Result<SeenRows> SeenAt(const ReplaySource& source, Instant from, Instant as_of);

// The tables of a project's own files, prepared by its own SQL, in this process. Nothing of it is shown to the server
// before its time.
struct Past {
  std::vector<ReplaySource> sources;
  std::size_t asked = 0;                        // index of the source whose rows are asked for: the training table
  std::vector<std::string> request_columns;     // of it: what a request carries
  std::vector<ReplayEvent> events;              // in (from, to], sorted by instant, rows before asks
  std::map<std::string, data::Table> timeless;  // the other tables that expectations speak of
};
Result<Past> LoadPast(const project::Project& project, const std::string& folder, Instant from, Instant to,
                      const std::function<void(const std::string&)>& progress);

}  // namespace keelson::app
