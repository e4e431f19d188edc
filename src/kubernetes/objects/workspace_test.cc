#include "kubernetes/objects/workspace.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/network_policies.h"
#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/priority_classes.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kTrained =
    "train: {label: late, trainer: {xgboost: {}}, resources: {cpu: 2, memory: 3Gi}, search: {trials: 8, parallel: 4}}\n"
    "serve: {replicas: {min: 1, max: 3}, resources: {cpu: 500m, memory: 1536Mi}}\n";

TEST(Workspace, TheQuotaIsWhatTheProjectMayAskForAtOnce) {
  const MostAtOnce demand = Demand(MakeOwner(kTrained).project);
  EXPECT_DOUBLE_EQ(demand.cpu, 2 + 4 * 2 + 8 * 0.5);
  EXPECT_EQ(demand.memory_bytes, (2ull << 30) + 4 * (3ull << 30) + 8 * (1536ull << 20));
  EXPECT_EQ(demand.pods, 2 + 4 + 8);
  const TestOwner made = MakeOwner(kTrained);
  EXPECT_EQ(Only(Workspace(made.owner()), "ResourceQuota").at("spec").at("hard"),
            (Json{{"requests.cpu", "14"}, {"requests.memory", "26Gi"}, {"limits.memory", "26Gi"}, {"pods", "14"}}));
}

TEST(Workspace, TheNamespaceEnforcesPodSecurity) {
  const TestOwner made = MakeOwner("");
  const Json labels = Only(Workspace(made.owner()), "Namespace", "ships").at("metadata").at("labels");
  for (const char* mode : {"enforce", "warn", "audit"}) {
    EXPECT_EQ(labels.at(std::string("pod-security.kubernetes.io/") + mode), "restricted");
  }
}

TEST(Workspace, ItsPodsMayDoNothing) {
  const TestOwner made = MakeOwner("");
  const auto objects = Workspace(made.owner());
  EXPECT_EQ(Only(objects, "ServiceAccount").at("automountServiceAccountToken"), false);
  EXPECT_EQ(Only(objects, "Role"), nullptr);
  EXPECT_EQ(Only(objects, "RoleBinding"), nullptr);
}

TEST(NetworkPolicies, DenyEverythingThatIsNotNeeded) {
  Settings settings = TestSettings();
  settings.server_namespace = "platform";
  settings.monitoring_namespace = "watch";
  const TestOwner made = MakeOwner("train: {label: late, trainer: {xgboost: {}}}\nserve: {}\n", settings);
  const auto policies = NetworkPolicies(made.owner());
  const Json none = Only(policies, "NetworkPolicy", "deny-all").at("spec");
  EXPECT_EQ(none, (Json{{"podSelector", Json::object()}, {"policyTypes", {"Ingress", "Egress"}}}));
  const Json server = Only(policies, "NetworkPolicy", "to-server").at("spec").at("egress").at(0);
  EXPECT_EQ(server.at("ports"), Json::array({{{"protocol", "TCP"}, {"port", 7070}}}));
  EXPECT_EQ(server.at("to").at(0).at("namespaceSelector").at("matchLabels").at("kubernetes.io/metadata.name"),
            "platform");
  const Json replicas = Only(policies, "NetworkPolicy", "to-replicas").at("spec");
  EXPECT_EQ(replicas.at("podSelector").at("matchLabels").at("app.kubernetes.io/component"), "endpoint");
  EXPECT_EQ(replicas.at("ingress").at(0).at("ports").size(), 2u);
  EXPECT_EQ(replicas.at("ingress").at(1).at("from"),
            Json::array({{{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", "watch"}}}}}}}));
}

TEST(PriorityClasses, AreFourOfWhichInferenceGoesBeforeTraining) {
  const auto classes = PriorityClasses("1.2");
  ASSERT_EQ(classes.size(), 4u);
  for (std::size_t i = 1; i < classes.size(); ++i) EXPECT_GT(classes[i - 1].at("value"), classes[i].at("value"));
  EXPECT_EQ(Only(classes, "PriorityClass", kInferencePriority).at("preemptionPolicy"), "PreemptLowerPriority");
  EXPECT_EQ(Only(classes, "PriorityClass", kTrainingPriority).at("preemptionPolicy"), "Never");
  EXPECT_LT(Only(classes, "PriorityClass", kBestEffortPriority).at("value"), 0);
  EXPECT_LE(classes.front().at("value"), 1'000'000'000);  // what Kubernetes allows us
}

}  // namespace
}  // namespace keelson::kubernetes
