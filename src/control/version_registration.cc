#include "control/version_registration.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "io/files.h"
#include "tracking/model_folders.h"

namespace keelson::control {
namespace {

std::string HashOf(const Json& output) {
  return output.at("hash").get<std::string>();
}

// The model's folder becomes the run's artifact: whole, or not there.
Result<std::string> KeepModel(const std::string& model, const std::string& artifacts) {
  std::string kept = artifacts + "/model";
  if (io::Exists(kept)) return kept;
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(artifacts));
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(artifacts + "/model.new"));
  KEELSON_RETURN_IF_ERROR(io::CopyTree(model, artifacts + "/model.new"));
  KEELSON_RETURN_IF_ERROR(io::Rename(artifacts + "/model.new", kept));
  return kept;
}

Status LogRun(tracking::Store& tracking, const Pipeline& pipeline, const std::string& run) {
  KEELSON_ASSIGN_OR_RETURN(const auto experiment, tracking.EnsureExperiment(pipeline.project));
  KEELSON_RETURN_IF_ERROR(tracking.CreateRun(experiment.id, run, pipeline.id, {{"keelson.pipeline", pipeline.id}}));
  std::map<std::string, std::string> params;
  for (const auto& [name, value] : pipeline.Find("train")->output.at("parameters").items()) {
    params[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  std::vector<tracking::Metric> metrics;
  for (const auto& [name, value] : pipeline.Find("evaluate")->output.at("candidate").items()) {
    if (value.is_number()) metrics.push_back({name, value, pipeline.as_of, 0});
  }
  return tracking.LogBatch(run, params, metrics, {});
}

std::vector<tracking::LineageEdge> LineageOf(const Pipeline& pipeline, const std::string& run, int version) {
  const std::string run_node = "run:" + run;
  const std::string version_node = fmt::format("version:{}/{}", pipeline.project, version);
  const std::string frame_node = "frame:" + HashOf(pipeline.Find("features")->output);
  std::vector<tracking::LineageEdge> edges = {{run_node, version_node, "registered"},
                                              {"revision:" + pipeline.revision, run_node, "defined"},
                                              {version_node, "endpoint:" + pipeline.project, "served by"},
                                              {frame_node, run_node, "trained on"}};
  for (const auto& [name, table] : pipeline.Find("prepare")->output.at("tables").items()) {
    edges.push_back({"table:" + HashOf(table), frame_node, name});
    for (const auto& step : pipeline.steps) {  // a table's SQL may read any source
      if (step.kind == "ingest") {
        edges.push_back({"snapshot:" + HashOf(step.output), "table:" + HashOf(table), step.name});
      }
    }
  }
  return edges;
}

}  // namespace

Result<int> RegisterVersion(tracking::Store& tracking, tracking::ModelFolders* models, const Pipeline& pipeline,
                            bool passed) {
  const Json& trained = pipeline.Find("train")->output;
  const std::string run = Sha256::Hex(pipeline.id + trained.at("model_hash").get<std::string>()).substr(0, 32);
  KEELSON_ASSIGN_OR_RETURN(const std::string model, KeepModel(trained.at("model"), tracking.ArtifactFolder(run)));
  if (models != nullptr) KEELSON_RETURN_IF_ERROR(models->Publish(model));
  KEELSON_RETURN_IF_ERROR(LogRun(tracking, pipeline, run));
  KEELSON_RETURN_IF_ERROR(tracking.EndRun(run, tracking::RunStatus::kFinished));
  KEELSON_ASSIGN_OR_RETURN(const auto version,
                           tracking.RegisterVersion(pipeline.project, run, model,
                                                    {{"keelson.pipeline", pipeline.id},
                                                     {"keelson.revision", pipeline.revision},
                                                     {"keelson.gate", passed ? "passed" : "failed"}}));
  KEELSON_RETURN_IF_ERROR(tracking.AddLineage(LineageOf(pipeline, run, version.version)));
  return version.version;
}

}  // namespace keelson::control
