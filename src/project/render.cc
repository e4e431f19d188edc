#include "project/render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "project/description.h"
#include "project/expand.h"
#include "project/yaml_writer.h"

namespace keelson::project {
namespace {

Json Document(const Project& project, const char* kind) {
  return {{"apiVersion", kApiVersion}, {"kind", kind}, {"metadata", {{"name", project.name}}}};
}

Json Pipeline(const Project& project) {
  Json document = Document(project, "Pipeline");
  document["steps"] = Json::array();
  for (const PipelineStep& step : ExpandSteps(project)) {
    Json json = {{"name", step.name}};
    if (!step.needs.empty()) json["needs"] = step.needs;
    if (!step.when.empty()) json["when"] = step.when;
    document["steps"].push_back(std::move(json));
  }
  return document;
}

Json ModelInputs(const Project& project) {
  const TrainSpec& train = *project.train;
  Json document = Document(project, "ModelInputs");
  document["table"] = train.table;
  document["label"] = train.label;
  if (train.inputs.empty()) {
    document["columns"] = "all of the table that are known when the model is asked";
  } else {
    document["columns"] = train.inputs;
  }
  document["features"] = FeatureNames(project);
  Json keys = Json::array();
  for (const auto& entity : project.features.entities) {
    for (const auto& key : entity.keys) {
      if (std::find(keys.begin(), keys.end(), Json(key)) == keys.end()) keys.push_back(key);
    }
  }
  document["entity_keys"] = std::move(keys);
  return document;
}

// What runs in queues: a training, the search's trials, and the replicas.
Json Workloads(const Project& project, const Json& whole) {
  Json document = Document(project, "Workloads");
  document["workloads"] = Json::array();
  if (project.train) {
    const TrainSpec& train = *project.train;
    const Json& resources = whole["train"]["resources"];
    if (train.search) {
      document["workloads"].push_back({{"name", "search"},
                                       {"class", "training"},
                                       {"queue", train.queue},
                                       {"priority", train.priority},
                                       {"jobs", train.search->trials},
                                       {"parallel", train.search->parallel},
                                       {"resources", resources}});
    }
    document["workloads"].push_back({{"name", "train"},
                                     {"class", "training"},
                                     {"queue", train.queue},
                                     {"priority", train.priority},
                                     {"jobs", 1},
                                     {"parallel", 1},
                                     {"resources", resources}});
  }
  if (project.serve) {
    document["workloads"].push_back(
        {{"name", "replica"},
         {"class", "inference"},
         {"jobs", {{"min", project.serve->min_replicas}, {"max", project.serve->max_replicas}}},
         {"resources", whole["serve"]["resources"]}});
  }
  return document;
}

Json Endpoint(const Project& project, const Json& whole) {
  Json document = Document(project, "Endpoint");
  document["url"] = "/v2/models/" + project.name + "/infer";
  document.update(whole["serve"]);
  return document;
}

}  // namespace

Json ProjectJson(const Project& project) {
  Json json = ProjectShape().Write(&project);
  // What has nothing to work on is not a default, it is absent; the parser would refuse it.
  if (!project.train) json.erase("promote");
  if (!project.monitor.drift && !project.monitor.performance) json.erase("monitor");
  return json;
}

std::vector<Json> Expand(const Project& project) {
  const Json whole = ProjectJson(project);
  std::vector<Json> documents = {whole, Pipeline(project)};
  if (project.train) documents.push_back(ModelInputs(project));
  if (project.train || project.serve) documents.push_back(Workloads(project, whole));
  if (project.serve) documents.push_back(Endpoint(project, whole));
  if (project.monitor.drift || project.monitor.performance) {
    Json monitor = Document(project, "Monitor");
    monitor.update(whole["monitor"]);
    documents.push_back(std::move(monitor));
  }
  return documents;
}

std::string Render(const Project& project) {
  return ToYamlDocuments(Expand(project));
}

}  // namespace keelson::project
