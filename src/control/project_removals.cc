#include "control/project_removals.h"

#include <algorithm>

#include "control/project_files.h"
#include "control/types.h"
#include "io/files.h"

namespace keelson::control {
namespace {

constexpr const char* kKind = "removal";

bool RunsFor(const substrate::WorkloadStatus& workload, const std::string& project) {
  const auto label = workload.labels.find(workload.kind == "replica" ? "endpoint" : "project");
  return label != workload.labels.end() && label->second == project && substrate::IsAlive(workload);
}

}  // namespace

Status ProjectRemovals::Load() {
  KEELSON_ASSIGN_OR_RETURN(const auto documents, store_.List(kKind));
  for (const auto& document : documents) {
    projects_[document.id] = Json::parse(document.body).value("jobs", std::vector<std::string>{});
  }
  return {};
}

Status ProjectRemovals::Begin(const std::string& project, const std::vector<std::string>& jobs) {
  // Not of the project, or it would be removed with it.
  KEELSON_RETURN_IF_ERROR(store_.RemoveProject(project, {{kKind, project, "", Json{{"jobs", jobs}}.dump()}}));
  projects_[project] = jobs;
  return {};
}

Status ProjectRemovals::Reconcile(const std::vector<substrate::WorkloadStatus>& workloads) {
  for (auto removal = projects_.begin(); removal != projects_.end();) {
    const auto& [project, jobs] = *removal;
    if (std::ranges::any_of(workloads, [&](const auto& workload) { return RunsFor(workload, project); })) {
      ++removal;
      continue;
    }
    for (const std::string& job : jobs) KEELSON_RETURN_IF_ERROR(io::RemoveTree(JobFolder(data_folder_, job)));
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(ProjectFolders(data_folder_, project).root()));
    KEELSON_RETURN_IF_ERROR(store_.Commit({.put = {}, .remove = {{kKind, project, "", ""}}, .events = {}}));
    removal = projects_.erase(removal);
  }
  return {};
}

}  // namespace keelson::control
