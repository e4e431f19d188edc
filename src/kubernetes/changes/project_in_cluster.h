#pragma once

#include <string>
#include <vector>

#include "kubernetes/changes/change_plan.h"
#include "kubernetes/client/api_client.h"

namespace keelson::kubernetes {

// The objects of one project in one cluster: what would change, and the carrying out of it. Blocking; one thread at a
// time. Nothing is forced: a field that somebody else manages is an error with both names (ApiClient::Apply).
class ProjectInCluster {
 public:
  // Asks the cluster for its kinds. `client` outlives this.
  static Result<ProjectInCluster> Open(ApiClient& client, std::string project);

  // Whether the cluster has a kind, though it may not answer just now: by this it is known what is installed.
  bool Has(std::string_view api_version, std::string_view kind) const { return kinds_.Offers(api_version, kind); }

  // What makes the cluster have `objects` and nothing else of the project; asks for every one by a dry run what would
  // become of it. kUnsupported: the cluster does not have a kind; errors of PlanChanges.
  Result<std::vector<Change>> PlanApply(const std::vector<nlohmann::json>& objects);
  Result<std::vector<Change>> PlanDelete();

  // In their order. What was done when one fails stays done, and the same plan may be made again.
  Status CarryOut(const std::vector<Change>& changes);

 private:
  ProjectInCluster(ApiClient& client, std::string project, Kinds kinds)
      : client_(client), project_(std::move(project)), kinds_(std::move(kinds)) {}

  Result<const Kind*> KindOf(const nlohmann::json& object) const;
  Result<WantedObject> LookUp(nlohmann::json object);
  // All objects of the project, in the order in which they are made.
  Result<std::vector<nlohmann::json>> Owned();
  // What there is in a namespace that is neither the project's nor Kubernetes' own.
  Result<std::vector<std::string>> Strangers(const std::string& in_namespace);
  bool GoesWithAnother(const nlohmann::json& object) const;  // that is in its namespace

  ApiClient& client_;
  std::string project_;
  Kinds kinds_;
};

}  // namespace keelson::kubernetes
