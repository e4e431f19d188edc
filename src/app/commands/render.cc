#include "project/render.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/commands.h"
#include "app/commands/kubernetes_options.h"
#include "app/project_problems.h"
#include "kubernetes/objects/kserve_export.h"
#include "kubernetes/objects/node_pools.h"
#include "kubernetes/objects/project_objects.h"
#include "project/bundle.h"
#include "project/yaml_writer.h"

namespace keelson::app {
namespace {

using Objects = std::vector<nlohmann::ordered_json>;

struct Options {
  std::string file = "keelson.yaml";
  std::string output = "yaml";
  bool cluster = false;
  std::string storage_uri;  // of --inference-service; "": not that
  std::string node_class;   // of --node-pools; "": not that
  kubernetes::PoolLimits pool_limits;
  KubernetesOptions kubernetes;
};

void Print(const Objects& objects, const std::string& output, std::ostream& out) {
  out << (output == "json" ? nlohmann::ordered_json(objects).dump(2) + "\n" : project::ToYamlDocuments(objects));
}

Result<int> Render(const Options& options, Terminal& terminal) {
  if (options.cluster) {
    Print(kubernetes::ClusterObjects(options.kubernetes.Chosen()), options.output, terminal.out);
    return kExitOk;
  }
  if (!options.node_class.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto node_class, kubernetes::ParseNodeClass(options.node_class));
    Print(kubernetes::NodePools(KEELSON_VERSION, node_class, options.pool_limits), options.output, terminal.out);
    return kExitOk;
  }
  const auto loaded = project::LoadProject(options.file);
  if (!loaded) return ReportProblems(terminal, loaded.error());
  Objects objects;
  if (!options.storage_uri.empty()) {
    KEELSON_ASSIGN_OR_RETURN(objects, kubernetes::KserveObjects(loaded->parsed.project, loaded->bundle.Revision(),
                                                                options.kubernetes.Chosen(), options.storage_uri));
  } else if (options.kubernetes.wanted) {
    KEELSON_ASSIGN_OR_RETURN(objects, kubernetes::ProjectObjects(loaded->parsed.project, loaded->bundle.Revision(),
                                                                 options.kubernetes.Chosen()));
  } else {
    objects = project::Expand(loaded->parsed.project);
  }
  Print(objects, options.output, terminal.out);
  return kExitOk;
}

}  // namespace

Command RenderCommand() {
  return {
      "render", "Check a project file and show everything that it expands to",
      "keelson render -f examples/flights/keelson.yaml\n"
      "keelson render --kubernetes --with keda,prometheus-operator -f examples/flights/keelson.yaml\n"
      "keelson render --kubernetes --inference-service s3://models/flights/3 -f examples/flights/keelson.yaml\n"
      "keelson render --kubernetes --node-pools karpenter.k8s.aws/EC2NodeClass/default --most-gpus 8\n"
      "keelson render --kubernetes --cluster | kubectl apply --server-side -f -",
      [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        app.add_option("-f,--file,file", options->file, "The project file; keelson.yaml without it");
        app.add_option("-o,--output", options->output, "How it is printed: yaml or json")
            ->check(CLI::IsMember({"yaml", "json"}));
        auto* const kubernetes =
            options->kubernetes.AddTo(app, "Every object of Kubernetes that the project is, instead");
        auto* const kserve =
            app.add_option("--inference-service", options->storage_uri,
                           "The endpoint as an InferenceService of KServe, instead, and the ServingRuntime by "
                           "which KServe runs Keelson's replica; the model's files are at this storageUri")
                ->needs(kubernetes);
        app.add_flag("--cluster", options->cluster,
                     "What a cluster needs once for all projects, instead: four PriorityClasses, the kind Project and "
                     "what runs the server")
            ->needs(kubernetes)
            ->excludes(kserve);
        auto* const pools =
            app.add_option("--node-pools", options->node_class,
                           "Two NodePools of Karpenter, instead, of nodes without and with GPUs, spot first; made "
                           "by this class of nodes, such as karpenter.k8s.aws/EC2NodeClass/default")
                ->needs(kubernetes)
                ->excludes(kserve);
        app.add_option("--most-cores", options->pool_limits.cores, "Cores that the nodes of a pool may have together")
            ->needs(pools)
            ->check(CLI::Range(1, 1'000'000))
            ->capture_default_str();
        app.add_option("--most-gpus", options->pool_limits.gpus, "GPUs of the pool with GPUs")
            ->needs(pools)
            ->check(CLI::Range(0, 1'000'000))
            ->capture_default_str();
        return [options](Terminal& terminal) { return Render(*options, terminal); };
      }};
}

}  // namespace keelson::app
