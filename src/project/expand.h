#pragma once

#include <string>
#include <vector>

#include "project/spec.h"

namespace keelson::project {

// One step of the pipeline that a project expands to.
struct PipelineStep {
  std::string name;     // "ingest:flights"
  std::string kind;     // ingest | prepare | validate | features | materialize | search | train | evaluate | register
  std::string subject;  // the source or table of the first three kinds
  std::vector<std::string> needs;    // names of earlier steps
  bool first_training_only = false;  // a search: retrainings use what it found
  bool operator==(const PipelineStep&) const = default;
};

// The steps in an order in which they can run, the same for the same project.
std::vector<PipelineStep> ExpandSteps(const Project& project);

// Names of the features that the views give the model, in order: "route_history__delay_mean_7d".
std::vector<std::string> FeatureNames(const Project& project);

// Which of the training table's `columns` the model sees: train.inputs, or when that is left out all but the key, the
// time, those known later with the instants at which they are, and those of the label.
std::vector<std::string> InputColumns(const Project& project, const std::vector<std::string>& columns);

}  // namespace keelson::project
