#include "app/commands/kubernetes_apply.h"

#include <cstdlib>
#include <ostream>

#include "kubernetes/changes/project_in_cluster.h"
#include "kubernetes/objects/project_objects.h"

namespace keelson::app {
namespace {

using kubernetes::Change;

std::optional<std::string> Environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

const char* SignOf(Change::What what) {
  switch (what) {
    case Change::What::kCreate:
      return "+";
    case Change::What::kUpdate:
      return "~";
    case Change::What::kDelete:
      return "-";
    case Change::What::kKeep:
      return "=";
  }
  return "?";
}

void Print(const std::string& project, const std::vector<Change>& changes, std::ostream& out) {
  out << "project " << project << (changes.empty() ? ": nothing changes\n" : ":\n");
  for (const Change& change : changes) {
    out << "  " << SignOf(change.what) << " " << kubernetes::Called(change.object) << "\n";
    for (const std::string& line : change.lines) out << "      " << line << "\n";
  }
}

Result<int> CarryOut(kubernetes::ProjectInCluster& cluster, const std::string& project,
                     const std::vector<Change>& changes, const char* done, bool dry_run, Terminal& terminal) {
  Print(project, changes, terminal.out);
  if (dry_run) return kExitOk;
  KEELSON_RETURN_IF_ERROR(cluster.CarryOut(changes));
  terminal.out << done << "\n";
  return kExitOk;
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Connect() {
  KEELSON_ASSIGN_OR_RETURN(kubernetes::Access access, kubernetes::FindAccess(Environment));
  auto cluster = std::make_unique<Cluster>();
  KEELSON_ASSIGN_OR_RETURN(cluster->client_,
                           kubernetes::ApiClient::Create(std::move(access), {.clock = &cluster->clock_}));
  return cluster;
}

Result<int> ApplyToCluster(const project::LoadedProject& loaded, const KubernetesOptions& options, bool dry_run,
                           Terminal& terminal) {
  const project::Project& project = loaded.parsed.project;
  KEELSON_ASSIGN_OR_RETURN(const auto connected, Cluster::Connect());
  KEELSON_ASSIGN_OR_RETURN(auto cluster, kubernetes::ProjectInCluster::Open(connected->client(), project.name));
  kubernetes::Settings settings = options.Chosen();
  if (options.addons.empty()) {
    settings.addons = kubernetes::AddonsOf(
        [&](std::string_view api_version, std::string_view kind) { return cluster.Has(api_version, kind); });
  }
  KEELSON_ASSIGN_OR_RETURN(const auto objects, kubernetes::ProjectObjects(project, loaded.bundle.Revision(), settings));
  KEELSON_ASSIGN_OR_RETURN(const auto changes,
                           cluster.PlanApply(std::vector<nlohmann::json>(objects.begin(), objects.end())));
  return CarryOut(cluster, project.name, changes, "applied", dry_run, terminal);
}

Result<int> DeleteFromCluster(const std::string& project, bool dry_run, Terminal& terminal) {
  KEELSON_ASSIGN_OR_RETURN(const auto connected, Cluster::Connect());
  KEELSON_ASSIGN_OR_RETURN(auto cluster, kubernetes::ProjectInCluster::Open(connected->client(), project));
  KEELSON_ASSIGN_OR_RETURN(const auto changes, cluster.PlanDelete());
  if (changes.empty()) return Fail(ErrorCode::kNotFound, "the cluster has nothing of this project", project);
  return CarryOut(cluster, project, changes, "deleted", dry_run, terminal);
}

}  // namespace keelson::app
