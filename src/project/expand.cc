#include "project/expand.h"

#include <algorithm>
#include <set>

#include "features/expression.h"

namespace keelson::project {
namespace {

template <class T>
const T* Find(const std::vector<T>& items, std::string_view name) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const T& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

std::vector<PipelineStep> ExpandSteps(const Project& project, StepsWanted wanted) {
  std::vector<PipelineStep> steps;
  std::vector<std::string> ingests;
  for (const Source& source : project.sources) {
    ingests.push_back("ingest:" + source.name);
    steps.push_back({ingests.back(), "ingest", {}, ""});
  }
  // One step for all tables: a table's SQL may read any source and any table before it.
  steps.push_back({"prepare", "prepare", ingests, ""});
  // Nothing is learned or served from any table before every suite holds.
  std::vector<std::string> checked = {"prepare"};
  for (const ExpectationsSpec& suite : project.expectations) {
    steps.push_back({"validate:" + suite.table, "validate", {"prepare"}, ""});
    checked.push_back(steps.back().name);
  }
  if (wanted.online && !project.features.views.empty())
    steps.push_back({"materialize", "materialize", checked, "first run"});
  if (!project.train) return steps;
  const bool search = wanted.search && project.train->search.has_value();
  steps.push_back({"features", "features", checked, ""});
  if (search) steps.push_back({"search", "search", {"features"}, "first training"});
  steps.push_back({"train", "train", {search ? "search" : "features"}, ""});
  steps.push_back({"evaluate", "evaluate", {"train"}, ""});
  return steps;
}

std::vector<std::string> FeatureNames(const Project& project) {
  std::vector<std::string> names;
  for (const features::View& view : project.features.views) {
    const bool used = project.train && std::find(project.train->views.begin(), project.train->views.end(), view.name) !=
                                           project.train->views.end();
    if (!used) continue;
    for (const features::Aggregate& aggregate : view.aggregates) names.push_back(features::FullName(view, aggregate));
  }
  return names;
}

std::vector<std::string> InputColumns(const Project& project, const std::vector<std::string>& columns) {
  if (!project.train || !project.train->inputs.empty()) {
    return project.train ? project.train->inputs : std::vector<std::string>{};
  }
  std::set<std::string> hidden;
  if (const Source* source = Find(project.sources, project.train->table)) {
    hidden = {source->key, source->time};
    for (const auto& [column, instant] : source->known) hidden.insert({column, instant});
  }
  // The label was parsed with the project; what does not parse names no columns.
  if (const auto label = features::Expression::Parse(project.train->label)) {
    hidden.insert(label->columns().begin(), label->columns().end());
  }
  std::vector<std::string> inputs;
  for (const auto& column : columns) {
    if (!hidden.contains(column)) inputs.push_back(column);
  }
  return inputs;
}

}  // namespace keelson::project
