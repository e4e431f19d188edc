#include "kubernetes/operator/trouble.h"

#include <gtest/gtest.h>

#include "kubernetes/operator/operator_testing.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests

json Replica(const json& status) {
  json pod = TestPod("ships-1", "n0", PodSpecWith("1"));
  pod["spec"]["containers"][0]["resources"]["limits"] = {{"memory", "1Gi"}};
  pod["status"] = status;
  return pod;
}

json Containers(const json& state, const json& last = json::object()) {
  return {{"phase", "Running"},
          {"containerStatuses",
           {{{"name", "worker"}, {"image", "registry.example/none:1"}, {"state", state}, {"lastState", last}}}}};
}

json Condition(const std::string& type, const std::string& status, const std::string& message) {
  return {{"conditions", {{{"type", type}, {"status", status}, {"message", message}}}}};
}

TEST(TroubleOfPod, IsOneSentenceOnWhatIsWrong) {
  const json killed = {{"terminated", {{"exitCode", 137}, {"reason", "OOMKilled"}}}};
  const json ended = {{"terminated", {{"exitCode", 3}, {"reason", "Error"}}}};
  const json again = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
  const std::vector<std::pair<json, Trouble>> cases = {
      {Containers({{"waiting", {{"reason", "ErrImagePull"}, {"message", "not found"}}}}),
       {"ImageMissing", "pod ships-1 cannot have the image registry.example/none:1: not found"}},
      {Containers(killed),
       {"OutOfMemory", "pod ships-1 was killed because its container worker took more memory than its limit of 1Gi"}},
      {Containers(again, killed),
       {"OutOfMemory", "pod ships-1 was killed because its container worker took more memory than its limit of 1Gi"}},
      {Containers({{"running", json::object()}}, killed),
       {"OutOfMemory", "pod ships-1 was killed because its container worker took more memory than its limit of 1Gi"}},
      {Containers(again, ended), {"Failed", "container worker of pod ships-1 ended with exit code 3"}},
      {Containers(again), {"Failed", "container worker of pod ships-1 ends again and again"}},
      {Containers(ended), {"Failed", "container worker of pod ships-1 ended with exit code 3"}},
      {Containers({{"waiting", {{"reason", "CreateContainerConfigError"}, {"message", "secret \"x\" not found"}}}}),
       {"CannotStart", "container worker of pod ships-1 cannot start: secret \"x\" not found"}},
      {Condition("PodScheduled", "False", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
       {"Unschedulable", "no node takes pod ships-1: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}},
      {{{"phase", "Failed"}, {"reason", "Evicted"}, {"message", "The node was low on resource: memory."}},
       {"Evicted", "pod ships-1 was evicted from node n0: The node was low on resource: memory."}},
      {Condition("DisruptionTarget", "True", "preempting to accommodate a higher priority pod"),
       {"Evicted", "pod ships-1 was taken from node n0: preempting to accommodate a higher priority pod"}},
      {{{"phase", "Failed"}, {"message", "x\ny"}}, {"Failed", "pod ships-1 has failed: x y"}}};
  for (const auto& [status, trouble] : cases) EXPECT_EQ(TroubleOfPod(Replica(status)), trouble) << status;
}

TEST(TroubleOfPod, IsNothingWhileAllGoesItsWay) {
  for (const json& status :
       {json{{"phase", "Pending"}}, Containers({{"running", json::object()}}),
        Containers({{"terminated", {{"exitCode", 0}}}}), Containers({{"waiting", {{"reason", "ContainerCreating"}}}}),
        Condition("PodScheduled", "True", ""), json::object()}) {
    EXPECT_EQ(TroubleOfPod(Replica(status)), std::nullopt) << status;
  }
}

TEST(TroubleOfPod, ALongMessageIsCut) {
  std::string message;
  for (int i = 0; i < 400; ++i) message += "ä";
  const auto trouble = TroubleOfPod(Replica(Condition("PodScheduled", "False", message)));
  ASSERT_TRUE(trouble.has_value());
  EXPECT_LT(trouble->sentence.size(), 350U);
  EXPECT_NO_THROW(static_cast<void>(json(trouble->sentence).dump()));
}

TEST(TroubleOfDeployment, TellsAQuotaApart) {
  const json deployment = {{"metadata", {{"name", "ships-v1"}}}};
  const auto with = [&](const json& status) { return With(deployment, "/status", status); };
  EXPECT_EQ(
      TroubleOfDeployment(with(Condition("ReplicaFailure", "True", "pods is forbidden: exceeded quota: keelson"))),
      (Trouble{"QuotaExceeded",
               "the quota of the namespace has no room for replicas of ships-v1: pods is forbidden: exceeded "
               "quota: keelson"}));
  EXPECT_EQ(TroubleOfDeployment(with(Condition("ReplicaFailure", "True", "violates PodSecurity")))->reason,
            "PodsRefused");
  EXPECT_EQ(TroubleOfDeployment(with(Condition("Progressing", "False", "timed out")))->reason, "NoProgress");
  EXPECT_EQ(TroubleOfDeployment(with(Condition("Progressing", "True", ""))), std::nullopt);
}

TEST(TroubleOfJob, SaysWhyItFailed) {
  const json job = {{"metadata", {{"name", "train"}}}, {"status", Condition("Failed", "True", "too many retries")}};
  EXPECT_EQ(TroubleOfJob(job), (Trouble{"JobFailed", "job train has failed: too many retries"}));
  EXPECT_EQ(TroubleOfJob(With(job, "/status/conditions/0/type", "Complete")), std::nullopt);
}

}  // namespace
}  // namespace keelson::kubernetes
