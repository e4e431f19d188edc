#include "project/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "features/expression.h"
#include "project/xgboost_parameters.h"

namespace keelson::project {
namespace {

template <class T>
std::vector<std::string> Names(const std::vector<T>& items) {
  std::vector<std::string> names;
  for (const T& item : items) names.push_back(item.name);
  return names;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Source* FindSource(const Project& project, const std::string& name) {
  for (const Source& source : project.sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

// Tables that exist by name: the prepared ones, and each source as it is.
std::vector<std::string> TableNames(const Project& project) {
  std::vector<std::string> names = Names(project.tables);
  for (const Source& source : project.sources) {
    if (!Contains(names, source.name)) names.push_back(source.name);
  }
  return names;
}

class Checker {
 public:
  Checker(const Project& project, const Positions& positions, const std::string& file)
      : project_(project), positions_(positions), file_(file) {}

  Problems Run() {
    for (const Source& source : project_.sources) CheckSource(source);
    CheckExpectations();
    CheckFeatures();
    if (project_.train) CheckTrain(*project_.train);
    if (project_.serve) CheckServe(*project_.serve);
    CheckPromote();
    CheckMonitor();
    return std::move(problems_);
  }

 private:
  bool Given(const std::string& path) const { return positions_.contains(path); }

  void Add(const std::string& path, std::string what, std::string expected, std::string near = "") {
    // A field that was left out is told at the innermost thing around it that was not.
    std::string place = path;
    while (!place.empty() && !positions_.contains(place)) {
      const auto dot = place.rfind('.');
      place = dot == std::string::npos ? "" : place.substr(0, dot);
    }
    const Position at = place.empty() ? Position{} : positions_.at(place);
    problems_.push_back({file_, at.line, at.column, std::move(what), std::move(expected), std::move(near)});
  }

  // Reports a name that is none of those; a name that was left out was reported already.
  bool Known(const std::string& path, const std::string& kind, const std::string& name,
             const std::vector<std::string>& names) {
    if (name.empty() || Contains(names, name)) return true;
    Add(path, fmt::format("{} names the {} {}, which does not exist", path, kind, Quoted(name)),
        names.empty() ? fmt::format("a {} to be declared", kind) : OneOf(names), DidYouMean(name, names).value_or(""));
    return false;
  }

  void CheckExpression(const std::string& path, const std::string& text) {
    if (text.empty()) return;
    const auto expression = features::Expression::Parse(text);
    if (expression) {
      if (expression->columns().empty()) Add(path, path + " mentions no column", "an expression over columns");
      return;
    }
    std::string what = fmt::format("{} is {}: {}", path, Quoted(text), expression.error().message);
    if (!expression.error().where.empty()) what += " at " + expression.error().where;
    Add(path, std::move(what), "");
  }

  void CheckSource(const Source& source) {
    const std::string path = "sources." + source.name;
    if (!source.known.empty() && source.time.empty()) {
      Add(path + ".known", path + " has known but no time", "a time, since without it every row is always known");
    }
    for (const auto& [column, instant] : source.known) {
      const std::string at = path + ".known." + column;
      if (column == instant) Add(at, at + " is known at itself", "the column with the instant at which it is known");
      if (column == source.time) Add(at, at + " is the row's time, which is known with the row", "another column");
      if (column == source.key) Add(at, at + " is the row's key, which is known with the row", "another column");
    }
    for (const auto& [column, type] : source.types) {
      if (!column.empty() && column == source.time && type != "timestamp") {
        Add(path + ".types." + column, fmt::format("{}.types.{} is {}, and it is the time", path, column, type),
            "timestamp");
      }
    }
    const std::string& file = source.path;
    const bool readable = file.ends_with(".csv") || file.ends_with(".csv.gz") || file.ends_with(".parquet");
    if (!file.empty() && !readable) {
      Add(path + ".path", fmt::format("{}.path is {}", path, Quoted(file)),
          "a file that ends in .csv, .csv.gz or .parquet");
    }
  }

  void CheckExpectations() {
    for (const auto& suite : project_.expectations) {
      Known("expectations." + suite.table, "table", suite.table, TableNames(project_));
    }
  }

  void CheckFeatures() {
    const auto& [entities, views] = project_.features;
    std::map<std::string, std::string> full_names;
    for (const features::View& view : views) {
      const std::string path = "features.views." + view.name;
      Known(path + ".entity", "entity", view.entity, Names(entities));
      if (Known(path + ".source", "source", view.source, Names(project_.sources)) && !view.source.empty() &&
          FindSource(project_, view.source)->time.empty()) {
        Add(path + ".source", fmt::format("{}.source names {}, which has no time", path, Quoted(view.source)),
            fmt::format("a time in sources.{}, since features look back from an instant", view.source));
      }
      for (const features::Aggregate& aggregate : view.aggregates) {
        const std::string at = path + ".aggregate." + aggregate.name;
        CheckExpression(at + ".of", aggregate.of);
        if (view.ttl && aggregate.window > *view.ttl) {
          Add(at + ".window",
              fmt::format("{}.window is {}, longer than the view's ttl", at, FormatDuration(aggregate.window)),
              "at most " + FormatDuration(*view.ttl));
        }
        const auto [first, is_new] = full_names.emplace(features::FullName(view, aggregate), at);
        if (!is_new)
          Add(at, fmt::format("{} gets the name {}, like {}", at, first->first, first->second), "different names");
      }
    }
  }

  void CheckTrain(const TrainSpec& train) {
    const auto tables = TableNames(project_);
    if (train.table.empty()) {
      Add("train", tables.empty() ? "train has no table to learn from" : "train has no table, and there are several",
          tables.empty() ? "a source" : "table: " + OneOf(tables));
    } else if (Known("train.table", "table", train.table, tables)) {
      const Source* source = FindSource(project_, train.table);
      if (source == nullptr || source->time.empty()) {
        Add("train.table", fmt::format("train.table is {}, whose rows have no time to split by", Quoted(train.table)),
            fmt::format("a time in sources.{}", train.table));
      }
    }
    CheckExpression("train.label", train.label);
    if (const Source* source = FindSource(project_, train.table)) {
      for (std::size_t i = 0; i < train.inputs.size(); ++i) {
        if (!source->known.contains(train.inputs[i])) continue;
        Add(fmt::format("train.inputs.{}", i + 1),
            fmt::format("train.inputs holds {}, which is known only at {}", Quoted(train.inputs[i]),
                        source->known.at(train.inputs[i])),
            "columns that are known when the model is asked");
      }
    }
    for (std::size_t i = 0; i < train.views.size(); ++i) {
      Known(fmt::format("train.views.{}", i + 1), "view", train.views[i], Names(project_.features.views));
    }
    if (train.search) CheckSearch(*train.search, train);
  }

  void CheckSearch(const SearchSpec& search, const TrainSpec& train) {
    if (search.parallel > search.trials) {
      Add("train.search.parallel",
          fmt::format("train.search.parallel is {}, more than the {} trials", search.parallel, search.trials),
          "at most trials");
    }
    const auto* xgboost = std::get_if<XgboostSpec>(&train.trainer);
    if (xgboost == nullptr) {
      if (search.parameters.empty()) Add("train.search", "train.search has no space", "a space, which a command needs");
      return;
    }
    std::vector<std::string> names = {"rounds"};
    for (const auto& parameter : XgboostParameters()) names.push_back(parameter.name);
    for (const SearchParameter& parameter : search.parameters) {
      const std::string path = "train.search.space." + parameter.name;
      if (!Contains(names, parameter.name)) {
        Add(path, fmt::format("XGBoost has no parameter {}", Quoted(parameter.name)), "",
            DidYouMean(parameter.name, names).value_or(""));
      } else if (xgboost->parameters.contains(parameter.name)) {
        Add(path, fmt::format("{} is also given in train.trainer.xgboost", path), "it either searched or fixed");
      }
    }
  }

  void CheckServe(const ServeSpec& serve) {
    if (serve.max_replicas < serve.min_replicas) {
      Add("serve.replicas.max",
          fmt::format("serve.replicas.max is {}, less than min, which is {}", serve.max_replicas, serve.min_replicas),
          "max at or above min");
    }
    const auto& steps = serve.canary.steps;
    for (std::size_t i = 1; i < steps.size(); ++i) {
      if (steps[i] > steps[i - 1]) continue;
      Add(fmt::format("serve.canary.steps.{}", i + 1),
          fmt::format("serve.canary.steps goes from {} to {}", steps[i - 1], steps[i]), "percentages that rise");
    }
    if (!steps.empty() && steps.back() != 100) {
      Add(fmt::format("serve.canary.steps.{}", steps.size()),
          fmt::format("serve.canary.steps ends with {}", steps.back()), "100 as the last step");
    }
  }

  void CheckPromote() {
    for (const Requirement& requirement : project_.promote.require) {
      const bool is_share = requirement.metric == "auc" || requirement.metric == "accuracy";
      if (is_share && (requirement.value < 0 || requirement.value > 1)) {
        Add("promote.require." + requirement.metric,
            fmt::format("promote.require.{} compares with {}", requirement.metric, requirement.value),
            "a value from 0 to 1");
      }
    }
    if (Given("promote") && !project_.train)
      Add("promote", "promote is given without train", "train, whose versions it gates");
  }

  void CheckMonitor() {
    const MonitorSpec& monitor = project_.monitor;
    if (monitor.performance) {
      const std::string path = "monitor.performance.labels";
      Known(path, "source", monitor.performance->labels, Names(project_.sources));
    }
    if (monitor.on_breach == "retrain" && !project_.train) {
      Add("monitor.on_breach", "monitor.on_breach is \"retrain\" without train", "train, or alert");
    }
    if (Given("monitor") && !monitor.drift && !monitor.performance) {
      Add("monitor", "monitor watches nothing", "drift, performance or both");
    }
    if (Given("monitor") && !project_.serve)
      Add("monitor", "monitor is given without serve", "serve, whose requests it watches");
  }

  const Project& project_;
  const Positions& positions_;
  const std::string& file_;
  Problems problems_;
};

}  // namespace

void FillDefaults(Project& project, const Positions& positions) {
  if (project.train) {
    TrainSpec& train = *project.train;
    if (!positions.contains("train.table")) {
      if (project.tables.size() == 1) {
        train.table = project.tables.front().name;
      } else if (project.tables.empty() && project.sources.size() == 1) {
        train.table = project.sources.front().name;
      } else if (project.monitor.performance) {
        train.table = project.monitor.performance->labels;
      }
    }
    if (!positions.contains("train.views")) train.views = Names(project.features.views);
  }
  if (project.serve && !positions.contains("serve.replicas.max")) {
    project.serve->max_replicas = std::max(1, project.serve->min_replicas);
  }
  if (project.monitor.performance) {
    auto& performance = *project.monitor.performance;
    const Source* source = FindSource(project, performance.labels);
    performance.label_key = source == nullptr || source->key.empty() ? "request_id" : source->key;
  }
}

Problems CheckReferences(const Project& project, const Positions& positions, const std::string& file) {
  return Checker(project, positions, file).Run();
}

}  // namespace keelson::project
