#include "control/step_specs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::control {
namespace {

constexpr int kStepFormat = 1;  // part of every input key: a change of what steps write makes old outputs unusable

// What is visible to a step: the table, how its rows come to be known, and the rows pushed so far.
Json VisibleJson(const AppliedProject& project, const ProjectFolders& folders, const Pipeline& pipeline,
                 const std::string& table) {
  const Json& made = pipeline.Find("prepare")->output.at("tables").at(table);
  Json json = {{"name", table}, {"path", made.at("path")}, {"hash", made.at("hash")}};
  if (const project::Source* source = SourceOfTable(project.spec, table)) {
    json["source"] = SourceJson(*source);
    const auto sequence = pipeline.row_sequences.find(table);
    json["rows"] = folders.Rows(table);
    json["files_until"] = ToMicros(std::min(pipeline.files_until.value_or(pipeline.as_of), pipeline.as_of));
    json["up_to"] = sequence == pipeline.row_sequences.end() ? 0 : sequence->second;
  }
  return json;
}

std::string KeyOf(const std::string& kind, Json material) {
  material["kind"] = kind;
  material["format"] = kStepFormat;
  return Sha256::Hex(material.dump());
}

// Paths name where things are, not what they are: equal content under another DATA is the same input. They are taken
// out by place, not by name: a user's source, column or parameter may well be called "model".
Json WithoutPaths(Json spec) {
  for (const char* name : {"tables_folder", "revision_folder", "work_folder", "frame", "model", "champion_model"}) {
    spec.erase(name);
  }
  const auto strip = [](Json& item) {
    item.erase("path");
    item.erase("rows");
    if (item.contains("source")) item["source"].erase("path");
  };
  if (spec.contains("table")) strip(spec["table"]);
  for (const char* group : {"tables", "sources", "described"}) {
    if (!spec.contains(group)) continue;
    for (auto& item : spec[group]) strip(item);
  }
  return spec;
}

// A text of the revision, which goes into JSON and SQL.
Result<std::string> ReadText(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(std::string text, io::ReadFile(path));
  if (!IsValidUtf8(text)) return Fail(ErrorCode::kInvalidArgument, "the file is not UTF-8", path);
  return text;
}

// The contents of the files that a command names: the user's own training code.
Result<Json> CommandFilesJson(const AppliedProject& project, const project::CommandSpec& command) {
  Json files = Json::object();
  for (const std::string& word : command.command) {
    const auto path = io::SafeJoin(project.revision_folder, word);
    if (!path || !io::Exists(*path)) continue;
    KEELSON_ASSIGN_OR_RETURN(files[word], io::HashFile(*path));
  }
  return files;
}

Json TrainJson(const project::TrainSpec& train) {
  Json json = {{"label", train.label},
               {"split_train_us", train.split_train.count()},
               {"split_test_us", train.split_test.count()},
               {"cpu", train.resources.cpu},
               {"memory_bytes", train.resources.memory_bytes}};
  if (const auto* xgboost = std::get_if<project::XgboostSpec>(&train.trainer)) {
    json["xgboost"] = {{"rounds", xgboost->rounds},
                       {"parameters", xgboost->parameters},
                       {"checkpoint_every", xgboost->checkpoint_every}};
  } else {
    const auto& command = std::get<project::CommandSpec>(train.trainer);
    json["command"] = {{"command", command.command}, {"parameters", command.parameters}};
  }
  return json;
}

Json SearchJson(const project::SearchSpec& search) {
  return {{"algorithm", search.algorithm}, {"trials", search.trials}, {"pruner", search.pruner}, {"seed", search.seed}};
}

Json SpaceJson(const project::SearchSpec& search) {
  Json space = Json::array();
  for (const auto& parameter : search.parameters) {
    space.push_back({{"name", parameter.name},
                     {"kind", static_cast<int>(parameter.kind)},
                     {"low", parameter.low},
                     {"high", parameter.high},
                     {"log", parameter.log},
                     {"choices", parameter.choices}});
  }
  return space;
}

Result<StepSpec> IngestSpec(const AppliedProject& project, const ProjectFolders& folders, const std::string& name,
                            FileHashes& hashes) {
  const auto source = std::ranges::find(project.spec.sources, name, &project::Source::name);
  if (source == project.spec.sources.end()) return Fail(ErrorCode::kInternal, "no such source", name);
  KEELSON_ASSIGN_OR_RETURN(const auto files, MatchFiles(project.source_folder, source->path));
  KEELSON_ASSIGN_OR_RETURN(const auto content, hashes.OfSource(project.source_folder, source->path));
  const std::string pattern = source->path.starts_with('/') ? source->path : project.source_folder + "/" + source->path;
  Json spec = {
      {"source", SourceJson(*source)}, {"files", files}, {"pattern", pattern}, {"tables_folder", folders.Tables()}};
  return StepSpec{spec, KeyOf("ingest", {{"source", SourceJson(*source)}, {"content", content}})};
}

Result<StepSpec> PrepareSpec(const AppliedProject& project, const ProjectFolders& folders, const Pipeline& pipeline) {
  Json sources = Json::object();
  for (const auto& source : project.spec.sources) {
    const Json& output = pipeline.Find("ingest:" + source.name)->output;
    sources[source.name] = {{"path", output.at("path")}, {"hash", output.at("hash")}};
  }
  Json tables = Json::array();
  for (const auto& table : project.spec.tables) {
    KEELSON_ASSIGN_OR_RETURN(const std::string sql, ReadText(project.revision_folder + "/" + table.sql_path));
    tables.push_back({{"name", table.name}, {"sql", sql}});
  }
  Json described = Json::object();
  for (const auto& source : project.spec.sources) described[source.name] = SourceJson(source);
  Json spec = {{"sources", sources}, {"tables", tables}, {"described", described}, {"tables_folder", folders.Tables()}};
  return StepSpec{spec, KeyOf("prepare", WithoutPaths(spec))};
}

}  // namespace

Result<project::Project> ProjectOf(const project::Bundle& bundle) {
  auto parsed = project::ParseBundle(bundle);
  if (!parsed) return std::unexpected(project::ToError(parsed.error()));
  return std::move(parsed->project);
}

const std::string& TrainingTable(const project::Project& spec) {
  return spec.train->table;
}

std::vector<std::string> ViewSources(const project::FeaturesSpec& features) {
  std::vector<std::string> sources;
  for (const auto& view : features.views) {
    if (std::ranges::find(sources, view.source) == sources.end()) sources.push_back(view.source);
  }
  return sources;
}

const project::Source* SourceOfTable(const project::Project& spec, const std::string& table) {
  const auto source = std::ranges::find(spec.sources, table, &project::Source::name);
  return source == spec.sources.end() ? nullptr : &*source;
}

features::Definitions DefinitionsOf(const project::Project& spec,
                                    const std::function<data::Schema(const std::string& table)>& schema_of) {
  features::Definitions definitions;
  definitions.entities = spec.features.entities;
  for (const auto& view : spec.features.views) {
    if (!spec.train || std::ranges::find(spec.train->views, view.name) == spec.train->views.end()) continue;
    definitions.views.push_back(view);
    if (std::ranges::find(definitions.sources, view.source, &features::SourceDescription::name) !=
        definitions.sources.end())
      continue;
    features::SourceDescription description;
    description.name = view.source;
    description.schema = schema_of(view.source);
    if (const project::Source* source = SourceOfTable(spec, view.source)) {
      description.time = source->time;
      description.known = source->known;
      description.key = source->key;
    }
    definitions.sources.push_back(std::move(description));
  }
  return definitions;
}

Json SourceJson(const project::Source& source) {
  return {{"name", source.name}, {"path", source.path},         {"time", source.time},  {"known", source.known},
          {"key", source.key},   {"nulls", source.null_values}, {"types", source.types}};
}

project::Source SourceFromJson(const Json& json) {
  project::Source source;
  source.name = json.at("name");
  source.path = json.value("path", "");
  source.time = json.at("time");
  source.known = json.at("known").get<std::map<std::string, std::string>>();
  source.key = json.at("key");
  source.null_values = json.at("nulls").get<std::vector<std::string>>();
  source.types = json.at("types").get<std::map<std::string, std::string>>();
  return source;
}

Json FeaturesJson(const project::FeaturesSpec& features) {
  Json entities = Json::array();
  for (const auto& entity : features.entities) entities.push_back({{"name", entity.name}, {"keys", entity.keys}});
  Json views = Json::array();
  for (const auto& view : features.views) {
    Json aggregates = Json::array();
    for (const auto& aggregate : view.aggregates) {
      aggregates.push_back({{"name", aggregate.name},
                            {"of", aggregate.of},
                            {"fn", features::AggregateFunctionName(aggregate.fn)},
                            {"window_us", aggregate.window.count()}});
    }
    views.push_back({{"name", view.name},
                     {"entity", view.entity},
                     {"source", view.source},
                     {"ttl_us", view.ttl ? Json(view.ttl->count()) : Json(nullptr)},
                     {"aggregates", aggregates}});
  }
  return {{"entities", entities}, {"views", views}};
}

project::FeaturesSpec FeaturesFromJson(const Json& json) {
  project::FeaturesSpec features;
  for (const Json& entity : json.at("entities")) {
    features.entities.push_back({entity.at("name"), entity.at("keys").get<std::vector<std::string>>()});
  }
  for (const Json& item : json.at("views")) {
    features::View view;
    view.name = item.at("name");
    view.entity = item.at("entity");
    view.source = item.at("source");
    if (!item.at("ttl_us").is_null()) view.ttl = Duration(item.at("ttl_us").get<std::int64_t>());
    for (const Json& aggregate : item.at("aggregates")) {
      view.aggregates.push_back({aggregate.at("name"), aggregate.at("of"),
                                 features::ParseAggregateFunction(aggregate.at("fn").get<std::string>()).value(),
                                 Duration(aggregate.at("window_us").get<std::int64_t>())});
    }
    features.views.push_back(std::move(view));
  }
  return features;
}

std::vector<Step> StepsOf(const project::Project& spec, project::StepsWanted wanted) {
  std::vector<Step> steps;
  for (auto& planned : project::ExpandSteps(spec, wanted)) {
    Step step;
    step.name = std::move(planned.name);
    step.kind = std::move(planned.kind);
    step.depends = std::move(planned.needs);
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<StepSpec> MakeStepSpec(const AppliedProject& project, const ProjectFolders& folders, const Pipeline& pipeline,
                              const Step& step, const std::optional<ChampionInfo>& champion, FileHashes& hashes) {
  if (step.kind == "ingest") return IngestSpec(project, folders, step.name.substr(step.name.find(':') + 1), hashes);
  if (step.kind == "prepare") return PrepareSpec(project, folders, pipeline);

  Json spec = {{"as_of", ToMicros(pipeline.as_of)}};
  if (step.kind == "validate") {
    const std::string table = step.name.substr(step.name.find(':') + 1);
    const auto suite = std::ranges::find(project.spec.expectations, table, &project::ExpectationsSpec::table);
    KEELSON_ASSIGN_OR_RETURN(const std::string text, ReadText(project.revision_folder + "/" + suite->suite_path));
    spec["table"] = VisibleJson(project, folders, pipeline, table);
    spec["suite"] = text;
  } else if (step.kind == "features" || step.kind == "materialize") {
    Json tables = Json::array();
    std::vector<std::string> names = ViewSources(project.spec.features);
    if (step.kind == "features") {
      const std::string& spine = TrainingTable(project.spec);
      spec["spine"] = spine;
      if (std::ranges::find(names, spine) == names.end()) names.push_back(spine);
      std::vector<std::string> columns;
      for (const Json& column : pipeline.Find("prepare")->output.at("tables").at(spine).at("schema")) {
        columns.push_back(column.at("name"));
      }
      spec["inputs"] = project::InputColumns(project.spec, columns);
      spec["label"] = project.spec.train->label;
      spec["views"] = project.spec.train->views;
      spec["split_train_us"] = project.spec.train->split_train.count();
      spec["split_test_us"] = project.spec.train->split_test.count();
      spec["champion_model"] = champion ? champion->model_folder : "";
      spec["champion_version"] = champion ? champion->version : 0;
    }
    for (const auto& name : names) tables.push_back(VisibleJson(project, folders, pipeline, name));
    spec["tables"] = tables;
    spec["features"] = FeaturesJson(project.spec.features);
  } else if (step.kind == "search" || step.kind == "train") {
    spec["train"] = TrainJson(*project.spec.train);
    if (const auto* command = std::get_if<project::CommandSpec>(&project.spec.train->trainer)) {
      KEELSON_ASSIGN_OR_RETURN(spec["command_files"], CommandFilesJson(project, *command));
    }
    spec["frame"] = pipeline.Find("features")->output.at("path");
    spec["frame_hash"] = pipeline.Find("features")->output.at("hash");
    spec["revision_folder"] = project.revision_folder;
    spec["work_folder"] = folders.root();
    spec["model_name"] = project.spec.name;
    if (const Step* search = pipeline.Find("search"); search != nullptr && step.kind == "train") {
      spec["parameters"] = search->output.at("parameters");
    } else if (pipeline.reuse_parameters) {
      spec["parameters"] = Json::parse(*pipeline.reuse_parameters);
    }
    if (step.kind == "search") {
      spec["search"] = SearchJson(*project.spec.train->search);
      spec["space"] = SpaceJson(*project.spec.train->search);
    }
  } else if (step.kind == "evaluate") {
    spec["frame"] = pipeline.Find("features")->output.at("path");
    spec["frame_hash"] = pipeline.Find("features")->output.at("hash");
    spec["model"] = pipeline.Find("train")->output.at("model");
    spec["model_hash"] = pipeline.Find("train")->output.at("model_hash");
    spec["champion_model"] = champion ? champion->model_folder : "";
    spec["champion_version"] = champion ? champion->version : 0;
  } else {
    return Fail(ErrorCode::kInternal, fmt::format("unknown kind of step \"{}\"", step.kind), step.name);
  }
  return StepSpec{spec, KeyOf(step.kind, WithoutPaths(spec))};
}

std::optional<std::string> SearchKey(const project::Project& spec) {
  if (!spec.train || !spec.train->search) return std::nullopt;
  const Json train = TrainJson(*spec.train);
  Json wanted = {{"label", train.at("label")},
                 {"search", SearchJson(*spec.train->search)},
                 {"space", SpaceJson(*spec.train->search)}};
  if (train.contains("xgboost")) {
    wanted["xgboost"] = {{"rounds", train.at("xgboost").at("rounds")},
                         {"parameters", train.at("xgboost").at("parameters")}};
  } else {
    wanted["command"] = train.at("command");
  }
  return KeyOf("search of", wanted);
}

}  // namespace keelson::control
