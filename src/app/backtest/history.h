#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/replay/past.h"
#include "base/result.h"
#include "data/table.h"
#include "project/spec.h"

namespace keelson::app {

// A project's past with every feature joined, row by row, as of the row's own time, by the engine that training and
// serving use: what any version would have been asked with. Made once; read only afterwards.
struct History {
  Past past;
  std::vector<std::string> request_ids;  // of the training table's rows
  std::vector<std::string> inputs;       // columns of that table that a model sees
  data::Table features;                  // of that table's rows
  data::Table model_rows;                // the inputs and features of that table's rows
  std::vector<double> labels;            // by row of `label_source`; not a number where it is never known
  std::size_t label_source = 0;          // index into past.sources: whose rows bring the truth
  std::vector<std::string> label_ids;    // the request that the row is the truth of; "" for none

  const ReplaySource& asked() const { return past.sources[past.asked]; }
};

// kInvalidArgument, kNotFound and kFailedPrecondition say what is wrong with the project or its data.
Result<History> ReadHistory(const project::Project& project, Past past);

}  // namespace keelson::app
