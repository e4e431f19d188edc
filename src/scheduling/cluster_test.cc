#include "scheduling/cluster.h"

#include <gtest/gtest.h>

namespace keelson::scheduling {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Node EightGpus() {
  return {"n", {96000, 384 * kGiB}, 8, 0, 0};
}
PodShape Share(int milli) {
  return {{4000, 8 * kGiB}, 1, milli, kAnyModel, {}, {}};
}
PodShape Whole(int gpus) {
  return {{4000, 8 * kGiB}, gpus, kWholeGpu, kAnyModel, {}, {}};
}

TEST(ClusterTest, AShareLiesOnOneGpuAndWholeOnesAreFreeOnes) {
  NodeState node = EmptyNode(EightGpus());
  EXPECT_EQ(node.free_milli(), 8000);
  Take(node, Share(600), 3);
  EXPECT_EQ(node.gpu_free[3], 400);
  EXPECT_EQ(node.whole_gpus(), 7);
  EXPECT_FALSE(Fits(node, Whole(8)));
  EXPECT_TRUE(Fits(node, Whole(7)));
  Take(node, Whole(7), -1);
  EXPECT_EQ(node.free_milli(), 400);
  EXPECT_TRUE(Fits(node, Share(400)));
  EXPECT_FALSE(Fits(node, Share(401)));
  EXPECT_FALSE(Fits(node, Whole(1)));
  EXPECT_EQ(node.free.cpu_milli, 88000);
}

TEST(ClusterTest, TheGpuWithTheLeastRoomThatIsEnoughTakesAShare) {
  NodeState node = EmptyNode(EightGpus());
  Take(node, Share(300), 0);
  Take(node, Share(500), 1);
  EXPECT_EQ(BestFitGpu(node, Share(500)), 1);
  EXPECT_EQ(BestFitGpu(node, Share(600)), 0);
  EXPECT_EQ(BestFitGpu(node, Share(800)), 2);
}

TEST(ClusterTest, CpuMemoryAndModelMustAllDo) {
  const NodeState node = EmptyNode(EightGpus());
  PodShape pod = Whole(1);
  pod.request.cpu_milli = 96001;
  EXPECT_FALSE(Fits(node, pod));
  pod = Whole(1);
  pod.request.memory_bytes = 385 * kGiB;
  EXPECT_FALSE(Fits(node, pod));
  pod = Whole(1);
  pod.models = 2;
  EXPECT_FALSE(Fits(node, pod));
  pod.models = 3;
  EXPECT_TRUE(Fits(node, pod));
  EXPECT_FALSE(Fits(EmptyNode({"cpu", {1000, kGiB}, 0, -1, 0}), Share(1)));
}

TEST(ClusterTest, LabelsAndTaintsAdmitAsInKubernetes) {
  const NodePool spot{"spot", {{"zone", "a"}}, {{"spot", "true"}}};
  PodShape pod = Whole(1);
  EXPECT_FALSE(Admits(spot, pod)) << "a taint keeps it away";
  pod.tolerations = {{"spot", "false"}};
  EXPECT_FALSE(Admits(spot, pod));
  pod.tolerations = {{"spot", "true"}};
  EXPECT_TRUE(Admits(spot, pod));
  pod.tolerations = {{"spot", std::nullopt}};
  EXPECT_TRUE(Admits(spot, pod));
  pod.tolerations = {{"", std::nullopt}};
  EXPECT_TRUE(Admits(spot, pod));
  pod.selector = {{"zone", "b"}};
  EXPECT_FALSE(Admits(spot, pod));
  pod.selector = {{"zone", "a"}};
  EXPECT_TRUE(Admits(spot, pod));
  pod.selector = {{"rack", "a"}};
  EXPECT_FALSE(Admits(spot, pod));
}

TEST(ClusterTest, WhatIsImpossibleIsSaidInASentence) {
  Cluster cluster;
  cluster.models.Add("H8");
  cluster.models.Add("L2");
  cluster.nodes = {EightGpus(), {"small", {8000, 16 * kGiB}, 0, -1, 0}};
  EXPECT_EQ(WhyImpossible(cluster, Whole(8)), "");
  EXPECT_EQ(WhyImpossible(cluster, Whole(9)), "it asks for 9 GPUs, and no node that it may use has more than 8");
  PodShape pod = Whole(1);
  pod.models = 2;
  EXPECT_EQ(WhyImpossible(cluster, pod), "no node that it may use has a GPU of model L2");
  pod.selector = {{"zone", "a"}};
  EXPECT_EQ(WhyImpossible(cluster, pod), "no node has the labels that it selects and only taints that it tolerates");
  pod = Share(1);
  pod.request.memory_bytes = 500 * kGiB;
  EXPECT_EQ(WhyImpossible(cluster, pod),
            "it asks for 4 cores and 500 GiB, and no node that it may use has more than 96 cores and 384 GiB");
}

TEST(ClusterTest, ModelsAreNumberedOnceAndAreNotMoreThanASetHolds) {
  GpuModels models;
  EXPECT_EQ(models.Add("A"), 0);
  EXPECT_EQ(models.Add("A"), 0);
  for (int i = 1; i < 64; ++i) EXPECT_EQ(models.Add("M" + std::to_string(i)), i);
  EXPECT_EQ(models.Add("one more"), std::nullopt);
  EXPECT_EQ(models.Find("M63"), 63);
  EXPECT_EQ(models.Find("M64"), std::nullopt);
}

}  // namespace
}  // namespace keelson::scheduling
