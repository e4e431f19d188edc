#include "kubernetes/objects/endpoint.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/monitoring.h"
#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/scaling.h"

namespace keelson::kubernetes {
namespace {

TestOwner Serving(const std::string& serve, std::set<Addon> addons = {}) {
  Settings settings = TestSettings();
  settings.model_version = 3;
  settings.addons = std::move(addons);
  return MakeOwner("train: {label: late, trainer: {xgboost: {}}}\nserve: " + serve + "\n", settings);
}

Json Deployed(const std::string& serve, const std::set<Addon>& addons = {}) {
  const TestOwner made = Serving(serve, addons);
  return Only(Endpoint(made.owner()), "Deployment", "ships-v3").at("spec");
}

TEST(Endpoint, SaysTheNumberOfReplicasOnlyWhereNothingScalesThem) {
  EXPECT_EQ(Deployed("{replicas: {min: 2, max: 2}}").at("replicas"), 2);
  for (const auto& addons : {std::set<Addon>{}, std::set{Addon::kKeda}, std::set{Addon::kMetricsServer}}) {
    EXPECT_FALSE(Deployed("{replicas: {min: 1, max: 2}}", addons).contains("replicas"));
  }
}

TEST(Endpoint, AChangeOfTheRevisionAloneStartsNoReplicaAnew) {
  const TestOwner made = Serving("{}");
  const Owner before = made.owner();
  const Owner after{made.project, std::string(64, 'b'), made.settings};
  const Json old_deployment = Only(Endpoint(before), "Deployment");
  const Json new_deployment = Only(Endpoint(after), "Deployment");
  EXPECT_NE(old_deployment.at("metadata"), new_deployment.at("metadata"));
  EXPECT_EQ(old_deployment.at("spec"), new_deployment.at("spec"));
}

TEST(Endpoint, ServiceBudgetAndDeploymentMeanTheSamePods) {
  const TestOwner made = Serving("{}");
  const auto objects = Endpoint(made.owner());
  const Json pods = Only(objects, "Deployment").at("spec").at("template").at("metadata").at("labels");
  EXPECT_EQ(pods.at("keelson.dev/model-version"), "3");
  EXPECT_EQ(Only(objects, "Deployment").at("spec").at("selector").at("matchLabels"), pods);
  EXPECT_EQ(Only(objects, "Service").at("spec").at("selector"), pods);
  EXPECT_EQ(Only(objects, "PodDisruptionBudget").at("spec").at("selector").at("matchLabels"), pods);
  EXPECT_EQ(Only(objects, "PodDisruptionBudget").at("spec").at("maxUnavailable"), 1);
}

TEST(Endpoint, AReplicaMayTakeAnHourToStartAndThenIsWatchedClosely) {
  const Json replica = Deployed("{}").at("template").at("spec").at("containers").at(0);
  const auto seconds = [&](const char* probe) {
    return replica.at(probe).at("periodSeconds").get<int>() * replica.at(probe).at("failureThreshold").get<int>();
  };
  EXPECT_EQ(seconds("startupProbe"), 3'600);
  EXPECT_EQ(seconds("readinessProbe"), 10);
  EXPECT_EQ(seconds("livenessProbe"), 60);
  EXPECT_GT(Deployed("{}").at("progressDeadlineSeconds"), 3'600);
}

TEST(Endpoint, ReplicasFetchTheVersionThatTheyServe) {
  const Json pod = Deployed("{}").at("template").at("spec");
  const Json fetch = pod.at("initContainers").at(0);
  EXPECT_EQ(fetch.at("args"), (Json{"fetch", "ships", "3", "--to", "/var/run/keelson/model/3", "--server",
                                    "http://keelson.keelson-system.svc:7070", "--plain-token"}));
  const Json arguments = pod.at("containers").at(0).at("args");
  EXPECT_EQ(arguments.at(2), "ships=/var/run/keelson/model/3");
  EXPECT_EQ(arguments.back(), "ships-v3.ships.svc");
}

TEST(Endpoint, AnnotationsAreForAClusterWithoutThePrometheusOperator) {
  EXPECT_EQ(Deployed("{}").at("template").at("metadata").at("annotations").at("prometheus.io/port"), "8080");
  EXPECT_FALSE(Deployed("{}", {Addon::kPrometheusOperator}).at("template").at("metadata").contains("annotations"));
}

TEST(Scaling, IsByWhatTheClusterHas) {
  const std::string serve = "{replicas: {min: 0, max: 5, target: {concurrency: 2.5}, idle: 90s}}";
  const TestOwner alone = Serving(serve);
  EXPECT_TRUE(Scaling(alone.owner()).empty());

  const TestOwner metrics = Serving(serve, {Addon::kMetricsServer});
  const auto by_cpu = Scaling(metrics.owner());
  ASSERT_EQ(by_cpu.size(), 1u);
  EXPECT_EQ(by_cpu[0].at("spec").at("minReplicas"), 1);  // it cannot wake what sleeps
  EXPECT_EQ(by_cpu[0].at("spec").at("maxReplicas"), 5);

  const TestOwner keda = Serving(serve, {Addon::kKeda, Addon::kMetricsServer});
  const auto by_load = Scaling(keda.owner());
  const Json spec = Only(by_load, "ScaledObject", "ships-v3").at("spec");
  EXPECT_EQ(spec.at("minReplicaCount"), 0);
  EXPECT_EQ(spec.at("maxReplicaCount"), 5);
  EXPECT_EQ(spec.at("cooldownPeriod"), 90);
  EXPECT_EQ(spec.at("advanced").at("scalingModifiers").at("target"), "2.5");
  EXPECT_EQ(spec.at("triggers").at(0).at("metadata").at("url"),
            "http://keelson.keelson-system.svc:7070/api/keelson/v1/projects/ships/summary");
  EXPECT_EQ(Only(by_load, "TriggerAuthentication").at("spec").at("secretTargetRef"),
            Json::array({{{"parameter", "token"}, {"name", "keelson-access"}, {"key", "server-token"}}}));
  EXPECT_EQ(Only(by_load, "HorizontalPodAutoscaler"), nullptr);
}

TEST(Scaling, IsNothingWhereTheProjectFixesTheNumber) {
  const TestOwner made = Serving("{replicas: {min: 2, max: 2}}", {Addon::kKeda, Addon::kMetricsServer});
  EXPECT_TRUE(Scaling(made.owner()).empty());
}

TEST(Monitoring, AlarmsAreTheGuardsOfTheCanary) {
  const TestOwner bare = Serving("{}", {Addon::kPrometheusOperator});
  EXPECT_EQ(Only(Monitoring(bare.owner()), "PrometheusRule").at("spec").at("groups").at(0).at("rules").size(), 1u);
  const TestOwner made = Serving("{canary: {guard: {error_rate: 0.01, p99: 250ms}}}", {Addon::kPrometheusOperator});
  const auto objects = Monitoring(made.owner());
  const Json rules = Only(objects, "PrometheusRule").at("spec").at("groups").at(0).at("rules");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[1].at("expr"),
            "sum by (version) (rate(keelson_inference_requests_total{namespace=\"ships\",model=\"ships\",outcome="
            "\"failure\"}[5m])) / sum by (version) (rate(keelson_inference_requests_total{namespace=\"ships\",model="
            "\"ships\"}[5m])) > 0.01");
  EXPECT_EQ(rules[2].at("expr"),
            "histogram_quantile(0.99, sum by (version, le) (rate(keelson_inference_duration_seconds_bucket{namespace="
            "\"ships\",model=\"ships\"}[5m]))) > 0.25");
  EXPECT_EQ(Only(objects, "ServiceMonitor").at("spec").at("endpoints").at(0).at("authorization").at("credentials"),
            (Json{{"name", "keelson-access"}, {"key", "replica-token"}}));
}

TEST(Monitoring, TheDashboardIsJsonThatAsksTheSameQueries) {
  const TestOwner made = Serving("{}", {Addon::kPrometheusOperator});
  const Json map = Only(Monitoring(made.owner()), "ConfigMap", "ships-dashboard");
  EXPECT_EQ(map.at("metadata").at("labels").at("grafana_dashboard"), "1");
  const Json dashboard = Json::parse(map.at("data").at("ships.json").get<std::string>());
  ASSERT_EQ(dashboard.at("panels").size(), 4u);
  for (const Json& panel : dashboard.at("panels")) {
    const std::string query = panel.at("targets").at(0).at("expr");
    EXPECT_NE(query.find("model=\"ships\""), std::string::npos) << query;
  }
}

TEST(Monitoring, IsNothingWithoutTheOperator) {
  const TestOwner made = Serving("{}");
  EXPECT_TRUE(Monitoring(made.owner()).empty());
}

}  // namespace
}  // namespace keelson::kubernetes
