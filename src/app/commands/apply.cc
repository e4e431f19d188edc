#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "app/commands/inference_service_apply.h"
#include "app/commands/kubernetes_apply.h"
#include "app/project_problems.h"
#include "io/files.h"
#include "project/bundle.h"

namespace keelson::app {
namespace {

// What a file holds that is an InferenceService of KServe; nothing when it is another, or cannot be read, which whoever
// reads it as a project tells.
std::optional<std::string> InferenceServiceIn(const std::string& file) {
  auto text = io::ReadFile(file, project::Bundle::kMaximumFileBytes);
  if (!text || !wire::kserve::IsInferenceService(*text)) return std::nullopt;
  return *std::move(text);
}

}  // namespace

Command ApplyCommand() {
  return {
      "apply", "Send a project file to the server; says what changes before it does",
      "keelson apply -f examples/flights/keelson.yaml\n"
      "keelson apply -f inference-service.yaml\n"
      "keelson apply --dry-run\n"
      "keelson apply --kubernetes --image registry.example/keelson:1.0 --dry-run",
      [](CLI::App& app) -> RunCommand {
        struct Options {
          ServerOptions server;
          std::string file = "keelson.yaml";
          bool dry_run = false;
          KubernetesOptions kubernetes;
        };
        auto options = std::make_shared<Options>();
        options->server.AddTo(app);
        app.add_option("-f,--file", options->file,
                       "Project file, or an InferenceService of KServe, which becomes an endpoint")
            ->default_val("keelson.yaml");
        app.add_flag("--dry-run", options->dry_run, "Say what would change, and change nothing");
        options->kubernetes.AddTo(app,
                                  "Make the cluster that kubectl speaks to have the project's objects and no others "
                                  "of it, instead; without --with, what the cluster has is asked of it");
        return [options](Terminal& terminal) -> Result<int> {
          if (const auto text = InferenceServiceIn(options->file)) {
            KEELSON_ASSIGN_OR_RETURN(const auto service, wire::kserve::ReadInferenceService(*text, options->file));
            if (options->kubernetes.wanted) {
              return Fail(ErrorCode::kUnsupported,
                          "an InferenceService is for a server of Keelson; a cluster has KServe for it", options->file);
            }
            return ApplyInferenceService(service, options->file, options->server, options->dry_run, terminal);
          }
          auto loaded = project::LoadProject(options->file);
          if (!loaded) return ReportProblems(terminal, loaded.error());
          if (options->kubernetes.wanted) {
            return ApplyToCluster(*loaded, options->kubernetes, options->dry_run, terminal);
          }
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          const auto folder = std::filesystem::absolute(options->file).parent_path().lexically_normal().string();
          Json body = {{"bundle", loaded->bundle.ToJson()}, {"source_folder", folder}, {"dry_run", true}};
          KEELSON_ASSIGN_OR_RETURN(const Json plan, client.Post(kApi + "/projects", body));
          const std::string name = plan.at("project");
          if (plan.at("changes").empty()) {
            terminal.out << "project " << name << ": nothing changes\n";
          } else {
            terminal.out << "project " << name << ", revision " << plan.at("revision").get<std::string>().substr(0, 12)
                         << ":\n";
            for (const auto& line : plan.at("changes")) terminal.out << "  " << line.get<std::string>() << "\n";
          }
          if (options->dry_run) return kExitOk;
          body["dry_run"] = false;
          KEELSON_RETURN_IF_ERROR(client.Post(kApi + "/projects", body));
          terminal.out << "applied\n";
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
