#include "kubernetes/objects/step_job.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kubernetes/objects/objects_testing.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kTrained =
    "train: {label: late, trainer: {xgboost: {}}, queue: research, resources: {cpu: 2.5, memory: 3Gi}}\n";

Json JobOf(const project::PipelineStep& step) {
  const TestOwner made = MakeOwner(kTrained);
  return StepJob(made.owner(), step).value();
}

std::string NameOf(const Json& object) {
  return object.at("metadata").at("name");
}

Json Worker(const Json& job) {
  return job.at("spec").at("template").at("spec").at("containers").at(0);
}

Json Variable(const Json& container, const std::string& name) {
  const Json& all = container.at("env");
  const auto found = std::ranges::find_if(all, [&](const Json& one) { return one.at("name") == name; });
  return found == all.end() ? Json(nullptr) : *found;
}

TEST(StepJob, WaitsUntilItIsLetRunAndKnowsWhatForAndOfWhom) {
  const Json job = JobOf({"validate:arrivals", "validate", {"prepare", "ingest:x"}, ""});
  EXPECT_EQ(job.at("spec").at("suspend"), true);
  EXPECT_TRUE(job.at("metadata").at("name").get<std::string>().starts_with("ships-validate-arrivals-"));
  EXPECT_EQ(job.at("metadata").at("annotations"),
            (Json{{"keelson.dev/step", "validate:arrivals"}, {"keelson.dev/needs", "prepare,ingest:x"}}));
  EXPECT_EQ(job.at("metadata").at("labels").at("keelson.dev/queue"), "research");
  EXPECT_EQ(job.at("metadata").at("labels").at("keelson.dev/step-kind"), "validate");
}

TEST(StepJob, OfAProjectWithoutTrainingStandsInLineToo) {
  const TestOwner made = MakeOwner("");
  const Json job = StepJob(made.owner(), {"prepare", "prepare", {}, ""}).value();
  EXPECT_EQ(job.at("metadata").at("labels").at("keelson.dev/queue"), "default");
}

TEST(StepJob, ATrainingGetsWhatTheProjectSaysAndOtherStepsAModestShare) {
  const Json train = Worker(JobOf({"train", "train", {"features"}, ""}));
  EXPECT_EQ(train.at("resources").at("requests"), (Json{{"cpu", "2500m"}, {"memory", "3Gi"}}));
  EXPECT_EQ(Variable(train, "OMP_NUM_THREADS").at("value"), "3");
  const Json ingest = Worker(JobOf({"ingest:arrivals", "ingest", {}, ""}));
  EXPECT_EQ(ingest.at("resources").at("requests"), (Json{{"cpu", "1"}, {"memory", "1Gi"}}));
}

TEST(StepJob, ItsTokenAndTaskComeFromTheSecretOfTheAttempt) {
  const Json job = JobOf({"train", "train", {"features"}, ""});
  const std::string secret = job.at("metadata").at("name").get<std::string>() + "-attempt";
  const Json worker = Worker(job);
  EXPECT_EQ(Variable(worker, "KEELSON_TOKEN").at("valueFrom"),
            (Json{{"secretKeyRef", {{"name", secret}, {"key", "token"}}}}));
  EXPECT_EQ(worker.at("args"), (Json{"worker", "--spec", "/var/run/keelson/attempt/spec.json"}));
  EXPECT_EQ(Variable(worker, "KEELSON_SERVER").at("value"), "http://keelson.keelson-system.svc:7070");
}

TEST(StepJob, WhatTheClusterTakesAwayIsNoFailure) {
  const Json rules = JobOf({"train", "train", {}, ""}).at("spec").at("podFailurePolicy").at("rules");
  ASSERT_EQ(rules.size(), 2u);
  for (const Json& rule : rules) EXPECT_EQ(rule.at("action"), "Ignore");
  EXPECT_EQ(rules[0].at("onPodConditions").at(0).at("type"), "DisruptionTarget");
  EXPECT_EQ(rules[1].at("onExitCodes").at("containerName"), "worker");
  EXPECT_EQ(rules[1].at("onExitCodes").at("values"), Json::array({3}));
}

TEST(StepJob, ATrainingIsNotTakenFromItsNodeToSaveOne) {
  const auto annotations = [](const Json& job) {
    return job.at("spec").at("template").at("metadata").value("annotations", Json::object());
  };
  EXPECT_EQ(annotations(JobOf({"train", "train", {}, ""})), (Json{{"karpenter.sh/do-not-disrupt", "true"}}));
  EXPECT_TRUE(annotations(JobOf({"prepare", "prepare", {}, ""})).empty());
}

TEST(StepJob, WhatCannotBeChangedIsAnotherJob) {
  const project::PipelineStep step = {"prepare", "prepare", {}, ""};
  const TestOwner made = MakeOwner(kTrained);
  const std::string name = NameOf(StepJob(made.owner(), step).value());
  EXPECT_EQ(NameOf(StepJob(made.owner(), step).value()), name);
  EXPECT_NE(NameOf(StepJob({made.project, std::string(64, 'b'), made.settings}, step).value()), name);
  Settings settings = TestSettings();
  settings.image = "registry.example/keelson:1.3";
  const TestOwner other = MakeOwner(kTrained, settings);
  EXPECT_NE(NameOf(StepJob(other.owner(), step).value()), name);
}

TEST(StepJob, TrialsOfASearchAreMadeOneByOne) {
  const TestOwner made = MakeOwner(kTrained);
  EXPECT_FALSE(StepJob(made.owner(), {"search", "search", {"features"}, "first training"}).has_value());
}

}  // namespace
}  // namespace keelson::kubernetes
