#include "kubernetes/objects/project_objects.h"

#include <algorithm>
#include <iterator>

#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/monitoring.h"
#include "kubernetes/objects/network_policies.h"
#include "kubernetes/objects/platform.h"
#include "kubernetes/objects/priority_classes.h"
#include "kubernetes/objects/project_definition.h"
#include "kubernetes/objects/routes.h"
#include "kubernetes/objects/scaling.h"
#include "kubernetes/objects/step_job.h"
#include "kubernetes/objects/workspace.h"
#include "project/expand.h"

namespace keelson::kubernetes {

std::vector<Json> ClusterObjects(const Settings& settings) {
  std::vector<Json> objects = PriorityClasses(settings.version);
  objects.push_back(ProjectDefinition(settings.version));
  std::ranges::move(Platform(settings), std::back_inserter(objects));
  return objects;
}

Result<std::vector<Json>> ProjectObjects(const project::Project& project, const std::string& revision,
                                         const Settings& settings) {
  KEELSON_ASSIGN_OR_RETURN(const Settings checked, CheckSettings(project, settings));
  const Owner owner{project, revision, checked};
  std::vector<Json> objects;
  const auto add = [&](std::vector<Json> more) { std::ranges::move(more, std::back_inserter(objects)); };
  add(Workspace(owner));
  add(NetworkPolicies(owner));
  objects.push_back(ProjectResource(owner));
  for (const project::PipelineStep& step : project::ExpandSteps(project)) {
    if (auto job = StepJob(owner, step)) objects.push_back(*std::move(job));
  }
  if (project.serve) {
    add(Endpoint(owner));
    add(Scaling(owner));
    if (checked.canary_version) {
      Settings settings = checked;
      settings.model_version = *checked.canary_version;
      const Owner canary{project, revision, settings};
      add(Endpoint(canary));
      add(Scaling(canary));
    }
    add(Routes(owner));
    add(Monitoring(owner));
  }
  return objects;
}

}  // namespace keelson::kubernetes
