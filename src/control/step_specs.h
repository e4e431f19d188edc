#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/project_files.h"
#include "control/types.h"
#include "features/plan.h"
#include "project/bundle.h"
#include "project/expand.h"
#include "project/spec.h"

namespace keelson::control {

// A project as applied: its types, and where its files are.
struct AppliedProject {
  project::Project spec;
  std::string revision;
  std::string source_folder;    // where relative source paths start: the project file's own folder
  std::string revision_folder;  // the files of the bundle, as applied
};

// What a pipeline knows about the version in service when it is made: the measure to beat and the dictionaries to
// extend.
struct ChampionInfo {
  int version = 0;
  std::string model_folder;
};

// The project that a bundle describes; kFailedPrecondition with every problem, a line each.
Result<project::Project> ProjectOf(const project::Bundle& bundle);

// The steps of a project's pipeline (project::ExpandSteps), none begun.
std::vector<Step> StepsOf(const project::Project& spec, project::StepsWanted wanted);

// What the worker of `step` is told. Its inputs are the outputs of earlier steps of the same pipeline, so everything
// that it depends on must have ended. `input_key` covers all that can change the output.
struct StepSpec {
  Json spec;
  std::string input_key;
};
Result<StepSpec> MakeStepSpec(const AppliedProject& project, const ProjectFolders& folders, const Pipeline& pipeline,
                              const Step& step, const std::optional<ChampionInfo>& champion, FileHashes& hashes);

// What the project searches for and with what: parameters that were found under one key are those of its retrainings.
// Nothing when it has no search.
std::optional<std::string> SearchKey(const project::Project& spec);

// JSON forms of the parts of a project that workers need; read back by control/steps.
Json SourceJson(const project::Source& source);
project::Source SourceFromJson(const Json& json);
Json FeaturesJson(const project::FeaturesSpec& features);
project::FeaturesSpec FeaturesFromJson(const Json& json);

// The table that training reads, by default the only one with the label's source columns; fixed by the parser.
const std::string& TrainingTable(const project::Project& spec);
// The tables whose rows feed views.
std::vector<std::string> ViewSources(const project::FeaturesSpec& features);
// The source whose time, known and key speak of `table`; nullptr for a derived table without one.
const project::Source* SourceOfTable(const project::Project& spec, const std::string& table);

// The views that the model reads, over the sources that feed them; `schema_of` tells a prepared table's columns.
features::Definitions DefinitionsOf(const project::Project& spec,
                                    const std::function<data::Schema(const std::string& table)>& schema_of);

}  // namespace keelson::control
