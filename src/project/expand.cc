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

class Expander {
 public:
  explicit Expander(const Project& project) : project_(project) {}

  std::vector<PipelineStep> Run() {
    std::vector<std::string> ingests;
    for (const Source& source : project_.sources) {
      ingests.push_back("ingest:" + source.name);
      steps_.push_back({ingests.back(), "ingest", source.name, {}, false});
    }
    // A table's SQL may read any source.
    for (const TableSpec& table : project_.tables) {
      steps_.push_back({"prepare:" + table.name, "prepare", table.name, ingests, false});
    }
    for (const ExpectationsSpec& suite : project_.expectations) {
      steps_.push_back({"validate:" + suite.table, "validate", suite.table, {MadeBy(suite.table)}, false});
    }
    std::vector<std::string> view_inputs;
    for (const features::View& view : project_.features.views) Add(Checked(view.source), &view_inputs);
    if (project_.train) ExpandTraining(*project_.train, view_inputs);
    if (project_.serve && !view_inputs.empty())
      steps_.push_back({"materialize", "materialize", "", view_inputs, false});
    return std::move(steps_);
  }

 private:
  std::string MadeBy(const std::string& table) const {
    return (Find(project_.tables, table) != nullptr ? "prepare:" : "ingest:") + table;
  }
  // What must have ended well before a table may be used.
  std::string Checked(const std::string& table) const {
    for (const ExpectationsSpec& suite : project_.expectations) {
      if (suite.table == table) return "validate:" + table;
    }
    return MadeBy(table);
  }
  static void Add(const std::string& name, std::vector<std::string>* names) {
    if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
  }

  void ExpandTraining(const TrainSpec& train, const std::vector<std::string>& view_inputs) {
    std::vector<std::string> inputs = {Checked(train.table)};
    for (const auto& input : view_inputs) Add(input, &inputs);
    steps_.push_back({"features", "features", "", inputs, false});
    std::vector<std::string> before = {"features"};
    if (train.search) {
      steps_.push_back({"search", "search", "", before, true});
      before.emplace_back("search");
    }
    steps_.push_back({"train", "train", "", before, false});
    steps_.push_back({"evaluate", "evaluate", "", {"features", "train"}, false});
    steps_.push_back({"register", "register", "", {"evaluate"}, false});
  }

  const Project& project_;
  std::vector<PipelineStep> steps_;
};

}  // namespace

std::vector<PipelineStep> ExpandSteps(const Project& project) {
  return Expander(project).Run();
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
