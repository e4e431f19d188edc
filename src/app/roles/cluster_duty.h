#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kubernetes/operator/operator.h"
#include "scheduling/queues.h"

namespace CLI {
class App;
}  // namespace CLI

namespace keelson::app {

// What the server does on a cluster of Kubernetes, as its options say it.
struct ClusterDuty {
  bool wanted = false;
  std::string image;  // of pods; "": keelson:VERSION
  std::string lease_namespace = "keelson-system";
  std::string monitoring_namespace = "monitoring";
  std::string admit = "kueue";  // kueue, nodes or quota
  std::string lease = "15s";
  std::string silence = "90s";

  // Adds --kubernetes and the options that need it.
  void AddTo(CLI::App& app);
};

// Finds the cluster as kubectl does and begins to act on it. kNotFound when there is nothing that says where it is; not
// that it answers.
Result<std::unique_ptr<kubernetes::Operator>> BeginClusterDuty(const ClusterDuty& duty,
                                                               const std::optional<scheduling::Queues>& queues,
                                                               const Clock& clock);

}  // namespace keelson::app
