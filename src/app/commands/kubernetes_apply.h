#pragma once

#include <memory>

#include "app/command.h"
#include "app/commands/kubernetes_options.h"
#include "base/clock.h"
#include "kubernetes/client/api_client.h"
#include "project/bundle.h"

namespace keelson::app {

// The cluster that kubectl speaks to: $KUBECONFIG, ~/.kube/config, or that of the pod that this is.
class Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> Connect();
  kubernetes::ApiClient& client() { return *client_; }

 private:
  SystemClock clock_;
  std::unique_ptr<kubernetes::ApiClient> client_;
};

// Makes the cluster have a project's objects and no others of it; says what changes before it does. Where no addon was
// named, what the cluster has decides.
Result<int> ApplyToCluster(const project::LoadedProject& loaded, const KubernetesOptions& options, bool dry_run,
                           Terminal& terminal);

// Removes from the cluster what was applied of a project, and nothing else.
Result<int> DeleteFromCluster(const std::string& project, bool dry_run, Terminal& terminal);

}  // namespace keelson::app
