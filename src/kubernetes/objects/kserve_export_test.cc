#include "kubernetes/objects/kserve_export.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/objects_testing.h"

namespace keelson::kubernetes {
namespace {

std::vector<Json> Exported(const std::string& serve) {
  const TestOwner made = MakeOwner("train: {label: late, trainer: {xgboost: {}}}\nserve: " + serve + "\n");
  return KserveObjects(made.project, std::string(64, 'a'), TestSettings(), "s3://models/ships/3").value();
}

TEST(KserveExport, SaysReplicasScaleAndCanary) {
  const Json service = Only(Exported("{replicas: {min: 0, max: 5, target: {concurrency: 2.5}}, "
                                     "canary: {steps: [20, 100]}, resources: {cpu: 0.5, memory: 2Gi}}"),
                            "InferenceService", "ships");
  EXPECT_EQ(service.at("metadata").at("namespace"), "ships");
  EXPECT_EQ(
      service.at("spec").at("predictor"),
      (Json{{"minReplicas", 0},
            {"maxReplicas", 5},
            {"scaleMetric", "concurrency"},
            {"scaleTarget", 3},
            {"canaryTrafficPercent", 20},
            {"model",
             {{"modelFormat", {{"name", "mlflow"}}},
              {"runtime", "keelson"},
              {"protocolVersion", "v2"},
              {"storageUri", "s3://models/ships/3"},
              {"resources", {{"requests", {{"cpu", "500m"}, {"memory", "2Gi"}}}, {"limits", {{"memory", "2Gi"}}}}}}}}));
}

TEST(KserveExport, AWholeFirstStepIsNoCanary) {
  const Json service = Only(Exported("{canary: {steps: [100]}}"), "InferenceService");
  EXPECT_FALSE(service.at("spec").at("predictor").contains("canaryTrafficPercent"));
}

TEST(KserveExport, TheRuntimeIsOurReplicaOnTheFilesThatKServeFetches) {
  const Json spec = Only(Exported("{}"), "ServingRuntime", "keelson").at("spec");
  const Json replica = spec.at("containers").at(0);
  EXPECT_EQ(replica.at("name"), "kserve-container");
  EXPECT_EQ(replica.at("image"), "registry.example/keelson:1.2");
  EXPECT_EQ(replica.at("args").at(2), "ships=/mnt/models");
  EXPECT_EQ(replica.at("securityContext").at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(spec.at("volumes").at(1).at("secret").at("secretName"), "keelson-access");
}

TEST(KserveExport, AProjectThatServesNothingIsNone) {
  const TestOwner made = MakeOwner("");
  const auto objects = KserveObjects(made.project, "a", TestSettings(), "s3://x");
  ASSERT_FALSE(objects.has_value());
  EXPECT_EQ(objects.error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace keelson::kubernetes
