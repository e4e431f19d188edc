#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "data/duckdb.h"
#include "data/table.h"
#include "features/plan.h"
#include "project/spec.h"

namespace keelson::control::steps {

using Json = nlohmann::json;

struct Frame;  // steps/frame.h

// What a step has to work with, in the worker's process. Its output goes below `output`, which is this attempt's own.
struct Context {
  Json spec;               // as control/step_specs.h made it
  std::string output;      // folder
  std::string checkpoint;  // folder shared by the attempts of the job
  std::function<void(const std::string& line, double fraction)> progress;
  std::function<bool()> cancelled;
};

// What a step answers. `refused`: it ran and said no (a check), with the reason in `message`.
struct Outcome {
  Json output;
  bool refused = false;
  std::string message;
};

// Runs the step that the spec's "kind" names. kInvalidArgument, kNotFound and kUnsupported are the project's or the
// data's fault and are not retried; others are the world's.
Result<Outcome> RunStep(const Context& context);

// One file a step.
Result<Outcome> Ingest(const Context& context);
Result<Outcome> Prepare(const Context& context);
Result<Outcome> Validate(const Context& context);
Result<Outcome> Materialize(const Context& context);
Result<Outcome> Features(const Context& context);
Result<Outcome> Trial(const Context& context);
Result<Outcome> Train(const Context& context);
Result<Outcome> Evaluate(const Context& context);
Result<Outcome> Payload(const Context& context);

// The same for a frame that is in memory already.
Result<Outcome> TrialOn(const Context& context, const Frame& frame);
Result<Outcome> TrainOn(const Context& context, const Frame& frame);
Result<Outcome> EvaluateOn(const Context& context, const Frame& frame);

// The columns that a source's `time`, `known` and `key` name must be in its prepared table, with a type that fits:
// kInvalidArgument otherwise.
Status CheckColumns(const project::Source& source, const data::Schema& schema);

// What several steps need.
Result<std::unique_ptr<data::Engine>> OpenEngine(const Context& context);
Json SchemaJson(const data::Schema& schema);
data::Schema SchemaFromJson(const Json& json);
// A table as it can be seen by this pipeline: base rows as of `as_of`, in a replay as of its beginning, and the rows
// pushed since.
Result<data::Table> LoadVisible(data::Engine& engine, const Json& described, Instant as_of);
features::SourceDescription DescribeSource(const Json& described, const data::Schema& schema);

}  // namespace keelson::control::steps
