#include "wire/kserve/inference_service.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace keelson::wire::kserve {
namespace {

std::string Service(const std::string& predictor, const std::string& more = "") {
  return "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: iris}\nspec:\n  "
         "predictor:\n" +
         predictor + more;
}

const std::string kModel = "    model: {modelFormat: {name: xgboost}, storageUri: 'file:///models/iris'}\n";

InferenceService Read(const std::string& text) {
  auto read = ReadInferenceService(text, "iris.yaml");
  EXPECT_TRUE(read.has_value()) << read.error().ToString() << "\n" << text;
  return read ? *std::move(read) : InferenceService{};
}

std::string Refusal(const std::string& text) {
  const auto read = ReadInferenceService(text, "iris.yaml");
  if (read) return "read";
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  return read.error().message;
}

TEST(InferenceService, SaysWhatIsServedAndHowManyReplicas) {
  const auto service = Read(
      Service("    minReplicas: 0\n    maxReplicas: 4\n    scaleTarget: 3\n    scaleMetric: concurrency\n"
              "    canaryTrafficPercent: 20\n"
              "    model:\n      modelFormat: {name: lightgbm}\n      protocolVersion: v2\n      runtime: keelson\n"
              "      storageUri: file:///models/iris\n"
              "      resources: {requests: {cpu: 500m, memory: 2Gi}, limits: {cpu: \"1\", memory: 2Gi}}\n"));
  EXPECT_EQ(service.name, "iris");
  EXPECT_EQ(service.format, "lightgbm");
  EXPECT_EQ(service.storage_uri, "file:///models/iris");
  EXPECT_EQ(service.min_replicas, 0);
  EXPECT_EQ(service.max_replicas, 4);
  EXPECT_EQ(service.target_concurrency, 3);
  EXPECT_EQ(service.canary_percent, 20);
  EXPECT_EQ(service.cpu, 0.5);
  EXPECT_EQ(service.memory_bytes, std::uint64_t{2} << 30);
  EXPECT_TRUE(service.warnings.empty());
}

TEST(InferenceService, WhatIsNotSaidIsAsInKServe) {
  const auto service = Read(Service(kModel));
  EXPECT_EQ(service.min_replicas, 1);
  EXPECT_EQ(service.max_replicas, 1);
  EXPECT_FALSE(service.target_concurrency.has_value());
  EXPECT_FALSE(service.canary_percent.has_value());
  EXPECT_EQ(Read(Service("    minReplicas: 3\n" + kModel)).max_replicas, 3);
  EXPECT_EQ(Read(Service("    minReplicas: 0\n    maxReplicas: 0\n" + kModel)).max_replicas, 1);
}

TEST(InferenceService, TheFormatMayBeTheNameOfTheField) {
  for (const char* format : {"xgboost", "lightgbm", "onnx", "sklearn"}) {
    const auto service = Read(Service("    " + std::string(format) + ": {storageUri: 'file:///m'}\n"));
    EXPECT_EQ(service.format, format);
    EXPECT_EQ(service.storage_uri, "file:///m");
  }
}

TEST(InferenceService, UnknownFieldsAreErrorsWithTheirPlace) {
  EXPECT_EQ(Refusal(Service("    minReplica: 1\n" + kModel)),
            "iris.yaml:6:5: unknown field \"minReplica\" in spec.predictor, did you mean \"minReplicas\"?\n");
  EXPECT_EQ(Refusal(Service("    model: {modelFormat: {nam: xgboost}, storageUri: x}\n")),
            "iris.yaml:6:13: spec.predictor.model.modelFormat.name is missing\n"
            "iris.yaml:6:27: unknown field \"nam\" in spec.predictor.model.modelFormat, did you mean \"name\"?\n");
  EXPECT_NE(Refusal(Service(kModel, "  speck: {}\n")).find("unknown field \"speck\" in spec"), std::string::npos);
  EXPECT_NE(Refusal(Service(kModel, "  predictr: {}\n")).find("did you mean \"predictor\""), std::string::npos);
  EXPECT_NE(Refusal(Service(kModel, "other: 1\n")).find("unknown field \"other\" in the object"), std::string::npos);
}

TEST(InferenceService, WhatChangesTheAnswersAndCannotBeKeptIsAnError) {
  for (const auto& [text, path] : std::vector<std::pair<std::string, std::string>>{
           {Service(kModel, "  transformer: {containers: [{image: x}]}\n"), "spec.transformer"},
           {Service(kModel, "  explainer: {art: {type: SquareAttack}}\n"), "spec.explainer"},
           {Service("    containers: [{image: x}]\n" + kModel), "spec.predictor.containers"},
           {Service("    pytorch: {storageUri: x}\n" + kModel), "spec.predictor.pytorch"},
           {Service("    model: {modelFormat: {name: xgboost}, storageUri: x, env: [{name: A, value: b}]}\n"),
            "spec.predictor.model.env"},
           {Service("    model: {modelFormat: {name: xgboost}, storageUri: x, storage: {key: k}}\n"),
            "spec.predictor.model.storage"},
           {Service("    model: {modelFormat: {name: xgboost}, storageUri: x, resources: {limits: "
                    "{nvidia.com/gpu: 1}}}\n"),
            "spec.predictor.model.resources.limits.nvidia.com/gpu"}}) {
    EXPECT_NE(Refusal(text).find(path + " cannot be kept: "), std::string::npos) << Refusal(text);
  }
}

TEST(InferenceService, WhatIsServedAllTheSameIsTold) {
  const auto service = Read(
      Service("    timeout: 30\n    nodeSelector: {a: b}\n    scaleMetric: rps\n    scaleTarget: 50\n"
              "    model: {modelFormat: {name: xgboost, version: \"1\"}, runtime: kserve-xgbserver, storageUri: x}\n"));
  std::vector<std::string> paths;
  for (const std::string& warning : service.warnings) paths.push_back(warning.substr(0, warning.find(": ")));
  EXPECT_EQ(paths, (std::vector<std::string>{"spec.predictor.scaleMetric", "spec.predictor.model.modelFormat.version",
                                             "spec.predictor.model.runtime", "spec.predictor.nodeSelector",
                                             "spec.predictor.timeout"}));
  EXPECT_FALSE(service.target_concurrency.has_value()) << "50 a second are not 50 at a time";
}

TEST(InferenceService, WhatKServeRefusesIsRefused) {
  EXPECT_NE(Refusal(Service("    minReplicas: -1\n" + kModel)).find("minReplicas is \"-1\""), std::string::npos);
  EXPECT_NE(Refusal(Service("    minReplicas: 3\n    maxReplicas: 2\n" + kModel)).find("less than minReplicas"),
            std::string::npos);
  EXPECT_NE(Refusal(Service("    canaryTrafficPercent: 101\n" + kModel)).find("from 0 to 100"), std::string::npos);
  EXPECT_NE(Refusal(Service("    scaleMetric: concurency\n" + kModel)).find("did you mean \"concurrency\""),
            std::string::npos);
  EXPECT_NE(Refusal(Service("    xgboost: {storageUri: x}\n" + kModel)).find("has 2 models"), std::string::npos);
  EXPECT_NE(Refusal(Service("    minReplicas: 1\n")).find("has 0 models"), std::string::npos);
  std::string named = Service(kModel);
  named.replace(named.find("iris"), 4, "Iris");
  EXPECT_NE(Refusal(named).find("metadata.name is \"Iris\""), std::string::npos);
  EXPECT_NE(Refusal("apiVersion: serving.kserve.io/v1alpha1\nkind: InferenceService\n").find("v1beta1"),
            std::string::npos);
  EXPECT_NE(Refusal("").find("holds no InferenceService"), std::string::npos);
}

TEST(InferenceService, AServingRuntimeBesideItIsPassedOver) {
  const std::string runtime = "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nspec: {any: thing}\n---\n";
  EXPECT_EQ(Read(runtime + Service(kModel)).warnings,
            std::vector<std::string>{"ServingRuntime: replicas here are Keelson's own"});
  EXPECT_NE(Refusal(Service(kModel) + "---\n" + Service(kModel)).find("iris.yaml:8:1: a second object"),
            std::string::npos);
}

TEST(InferenceService, AFileSaysWhatItIs) {
  EXPECT_TRUE(IsInferenceService(Service(kModel)));
  EXPECT_TRUE(IsInferenceService("kind: InferenceService\napiVersion: serving.kserve.io/v1alpha1\n"));
  EXPECT_FALSE(IsInferenceService("apiVersion: keelson.dev/v1\nkind: Project\n"));
  EXPECT_FALSE(IsInferenceService("a: [\n"));
}

}  // namespace
}  // namespace keelson::wire::kserve
