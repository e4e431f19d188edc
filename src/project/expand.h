#pragma once

#include <string>
#include <vector>

#include "project/spec.h"

namespace keelson::project {

// One step of the pipeline that a project expands to.
struct PipelineStep {
  std::string name;                // "ingest:flights"
  std::string kind;                // ingest | prepare | validate | materialize | features | search | train | evaluate
  std::vector<std::string> needs;  // names of earlier steps
  std::string when;                // "" every time; else "first training", "first run": later ones use what it found
  bool operator==(const PipelineStep&) const = default;
};

struct StepsWanted {
  bool search = true;  // not when a retraining reuses the parameters
  bool online = true;  // the starting point of the online features; made once
};

// The steps in an order in which they can run, the same for the same project: what a pipeline of control runs, and what
// `keelson render` shows.
std::vector<PipelineStep> ExpandSteps(const Project& project, StepsWanted wanted = {});

// Names of the features that the views give the model, in order: "route_history__delay_mean_7d".
std::vector<std::string> FeatureNames(const Project& project);

// Which of the training table's `columns` the model sees: train.inputs, or when that is left out all but the key, the
// time, those known later with the instants at which they are, and those of the label.
std::vector<std::string> InputColumns(const Project& project, const std::vector<std::string>& columns);

}  // namespace keelson::project
