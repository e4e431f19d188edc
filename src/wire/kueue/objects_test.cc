#include "wire/kueue/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduling/quota_tree.h"

namespace keelson::wire::kueue {
namespace {

using scheduling::Resource;
using testing::HasSubstr;

constexpr const char* kObjects = R"(
apiVersion: kueue.x-k8s.io/v1beta1
kind: ResourceFlavor
metadata:
  name: "spot"
spec:
  nodeLabels:
    cloud: spot
---
apiVersion: kueue.x-k8s.io/v1beta2
kind: Cohort
metadata: {name: org}
spec:
  fairSharing: {weight: 1500m}
---
apiVersion: kueue.x-k8s.io/v1beta2
kind: Cohort
metadata: {name: team}
spec: {parentName: org}
---
apiVersion: kueue.x-k8s.io/v1beta1
kind: ClusterQueue
metadata:
  name: research
spec:
  namespaceSelector: {}
  cohort: team
  queueingStrategy: StrictFIFO
  preemption:
    reclaimWithinCohort: Any
    withinClusterQueue: LowerPriority
    borrowWithinCohort: {policy: Never}
  resourceGroups:
  - coveredResources: ["cpu", "memory", "nvidia.com/gpu"]
    flavors:
    - name: spot
      resources:
      - name: "cpu"
        nominalQuota: 9500m
      - name: "memory"
        nominalQuota: 36Gi
        lendingLimit: 1.5Gi
      - name: nvidia.com/gpu
        nominalQuota: 8
        borrowingLimit: 4
---
apiVersion: kueue.x-k8s.io/v1beta1
kind: LocalQueue
metadata: {namespace: team-a, name: jobs}
spec: {clusterQueue: research}
)";

TEST(KueueObjectsTest, ReadsThemAsTheyAreAndTheyGoTogether) {
  const auto read = ReadObjects(kObjects, "queues.yaml");
  ASSERT_TRUE(read) << read.error().ToString();
  ASSERT_EQ(read->cluster_queues.size(), 1u);
  const scheduling::ClusterQueue& queue = read->cluster_queues[0];
  EXPECT_EQ(queue.name, "research");
  EXPECT_EQ(queue.cohort, "team");
  EXPECT_EQ(queue.where, "queues.yaml:21");
  EXPECT_TRUE(queue.strict_fifo);
  EXPECT_EQ(queue.reclaim, scheduling::ReclaimWithinCohort::kAny);
  EXPECT_EQ(queue.preempt, scheduling::PreemptWithinQueue::kLowerPriority);
  const auto& of = queue.flavors.at(0).of;
  EXPECT_EQ(of[0], (scheduling::ResourceQuota{9500, {}, {}}));
  EXPECT_EQ(of[1], (scheduling::ResourceQuota{std::int64_t{36} << 30, {}, std::int64_t{3} << 29}));
  EXPECT_FALSE(of[2]);
  EXPECT_EQ(of[3], (scheduling::ResourceQuota{8000, 4000, {}}));
  EXPECT_EQ(read->cohorts.at(0).weight, 1.5);
  EXPECT_EQ(read->cohorts.at(1).parent, "org");
  EXPECT_EQ(read->flavors.at(0).node_labels.at("cloud"), "spot");
  EXPECT_EQ(read->local_queues.at(0).name_space, "team-a");
  const auto tree = scheduling::QuotaTree::Build(*read);
  ASSERT_TRUE(tree) << tree.error().ToString();
  EXPECT_EQ(tree->Available(tree->FindQueue("research"), 0, Resource::kGpu), 8000);
}

struct Bad {
  const char* name;
  const char* from;  // in kObjects
  const char* to;
  const char* error;
};

TEST(KueueObjectsTest, WhatIsWrongIsSaidWithItsLine) {
  const std::vector<Bad> cases = {
      {"an unknown field", "lendingLimit: 1.5Gi", "lendinLimit: 1.5Gi",
       "queues.yaml:42:9: unknown field \"lendinLimit\" in spec.resourceGroups[0].flavors[].resources[], did you mean "
       "\"lendingLimit\"?"},
      {"an unknown kind", "kind: LocalQueue", "kind: LokalQueue", "there is no kind \"LokalQueue\" here"},
      {"an unknown version", "v1beta2\nkind: Cohort\nmetadata: {name: org}", "v2\nkind: Cohort\nmetadata: {name: org}",
       "the object.apiVersion is \"kueue.x-k8s.io/v2\", expected one of"},
      {"no name", "metadata: {name: org}", "metadata: {}", "metadata.name is missing"},
      {"a quantity that is none", "nominalQuota: 36Gi", "nominalQuota: 36Gb",
       "nominalQuota is \"36Gb\", expected a quantity"},
      {"below zero", "nominalQuota: 8", "nominalQuota: -8", "nominalQuota is \"-8\""},
      {"a resource that we do not count", "- name: nvidia.com/gpu", "- name: example.com/fpga",
       "the resource \"example.com/fpga\" is not supported"},
      {"resources that are not those covered", "\"cpu\", \"memory\", \"nvidia.com/gpu\"", "\"cpu\", \"memory\"",
       "expected the covered resources in their order: cpu, memory"},
      {"a policy that we do not have", "withinClusterQueue: LowerPriority",
       "withinClusterQueue: LowerOrNewerEqualPriority",
       "withinClusterQueue is \"LowerOrNewerEqualPriority\", expected one of Never, LowerPriority"},
      {"preemption while borrowing", "{policy: Never}", "{policy: LowerPriority}",
       "borrowWithinCohort.policy is not supported here as \"LowerPriority\""},
      {"admission checks", "namespaceSelector: {}", "admissionChecks: [a]",
       "spec.admissionChecks is not supported here"},
      {"text where a map belongs", "spec: {parentName: org}", "spec: org", "spec is no map"},
      {"broken YAML", "spec: {parentName: org}", "spec: {parentName: org", "queues.yaml:"},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.name);
    std::string text = kObjects;
    const auto at = text.find(bad.from);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, std::string(bad.from).size(), bad.to);
    const auto read = ReadObjects(text, "queues.yaml");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().message, HasSubstr(bad.error));
  }
}

TEST(KueueObjectsTest, EveryMistakeIsSaidAtOnce) {
  const auto read = ReadObjects(
      "apiVersion: kueue.x-k8s.io/v1beta1\nkind: ClusterQueue\nmetadata: {name: a}\nspec: {cohrt: b, stopPolcy: "
      "Hold}\n",
      "q.yaml");
  ASSERT_FALSE(read);
  EXPECT_THAT(
      read.error().message,
      HasSubstr("q.yaml:4:8: unknown field \"cohrt\" in spec, did you mean \"cohort\"?\nq.yaml:4:18: unknown field"));
}

}  // namespace
}  // namespace keelson::wire::kueue
