#include "control/project_removals.h"

#include <algorithm>

#include "control/project_files.h"
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
  for (const auto& document : documents) projects_.insert(document.id);
  return {};
}

Status ProjectRemovals::Begin(const std::string& project) {
  // Not of the project, or it would be removed with it.
  KEELSON_RETURN_IF_ERROR(store_.RemoveProject(project, {{kKind, project, "", "{}"}}));
  projects_.insert(project);
  return {};
}

Status ProjectRemovals::Reconcile(const std::vector<substrate::WorkloadStatus>& workloads) {
  for (auto project = projects_.begin(); project != projects_.end();) {
    if (std::ranges::any_of(workloads, [&](const auto& workload) { return RunsFor(workload, *project); })) {
      ++project;
      continue;
    }
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(ProjectFolders(data_folder_, *project).root()));
    KEELSON_RETURN_IF_ERROR(store_.Commit({.put = {}, .remove = {{kKind, *project, "", ""}}, .events = {}}));
    project = projects_.erase(project);
  }
  return {};
}

}  // namespace keelson::control
