#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sanitized_testing.h"
#include "simulation/trace.h"

namespace keelson::simulation {
namespace {

using testing::HasSubstr;

const char* const kNodeHeader = "sn,cpu_milli,memory_mib,gpu,model\n";
const char* const kPodHeader =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

template <typename T>
Error ErrorOf(const Result<T>& result) {
  return result.has_value() ? Error{} : result.error();
}

scheduling::Cluster TwoModels() {
  return ReadOpenbNodes(std::string(kNodeHeader) + "a,64000,262144,2,P100\nb,96000,393216,8,T4\nc,32000,65536,0,\n",
                        "n")
      .value();
}

TEST(OpenbNodesTest, ReadsNodesWithAndWithoutGpus) {
  const scheduling::Cluster cluster = TwoModels();
  ASSERT_EQ(cluster.nodes.size(), 3U);
  EXPECT_EQ(cluster.nodes[0].name, "a");
  EXPECT_EQ(cluster.nodes[1].capacity, (scheduling::Resources{96000, std::int64_t{393216} << 20}));
  EXPECT_EQ(cluster.nodes[1].gpus, 8);
  EXPECT_EQ(cluster.models.names()[static_cast<std::size_t>(cluster.nodes[1].model)], "T4");
  EXPECT_EQ(cluster.nodes[2].model, -1);
}

TEST(OpenbPodsTest, ReadsPodsInAnyOrderOfColumnsAndCountsTheirShapes) {
  const auto trace = ReadOpenbPods(
      "gpu_milli,name,num_gpu,memory_mib,cpu_milli\r\n1000,x,2,1024,4000\r\n\r\n500,y,1,512,1000\r\n500,z,1,512,1000",
      "p", TwoModels());
  ASSERT_TRUE(trace.has_value()) << trace.error().ToString();
  ASSERT_EQ(trace->pods.size(), 3U);
  ASSERT_EQ(trace->mix.shapes.size(), 2U);
  EXPECT_TRUE(trace->mix.shapes[0].shares()) << "the most frequent first";
  EXPECT_DOUBLE_EQ(trace->mix.frequency[0], 2.0 / 3);
  EXPECT_EQ(trace->pods[0].shape, 1U);
  EXPECT_EQ(trace->pods[0].line, 2U);
  EXPECT_EQ(trace->pods[1].line, 4U);
  EXPECT_EQ(trace->mix.shapes[1].gpus, 2);
  EXPECT_EQ(trace->mix.shapes[1].request, (scheduling::Resources{4000, std::int64_t{1} << 30}));
}

TEST(OpenbPodsTest, AModelMayBeNamedTwiceAndAPendingPodWasNeverScheduled) {
  const auto trace = ReadOpenbPods(
      std::string(kPodHeader) + "x,1,1,1,1000,T4|T4|P100,LS,Pending,5,9,\ny,1,1,1,1000,,BE,Running,5,9,7\n", "p",
      TwoModels());
  ASSERT_TRUE(trace.has_value()) << trace.error().ToString();
  EXPECT_EQ(trace->mix.shapes[trace->pods[0].shape].models, 3U);
  EXPECT_EQ(trace->mix.shapes[trace->pods[1].shape].models, scheduling::kAnyModel);
}

TEST(OpenbTest, BadInputIsRefusedWithItsLine) {
  struct Case {
    bool nodes;
    std::string text;
    std::string where;
    std::string message;
  };
  const std::string node = kNodeHeader;
  const std::string pod = kPodHeader;
  const std::vector<Case> cases = {
      {true, "", "f.csv:1", "is empty"},
      {true, node, "f.csv:1", "has no node"},
      {true, "sn,cpu_milli,memory_mib,gpu\n", "f.csv:1", "the column 'model' is missing"},
      {true, "sn,cpu_milli,memory_mib,gpu,modle\n", "f.csv:1", "unknown column 'modle'; did you mean 'model'?"},
      {true, "sn,sn,cpu_milli,memory_mib,gpu,model\n", "f.csv:1", "the column 'sn' stands twice"},
      {true, node + "a,1,1,1\n", "f.csv:2", "has 4 values, the header has 5 columns"},
      {true, node + "a,1,1,1,X\na,1,1,1,X\n", "f.csv:3", "'a' stands twice"},
      {true, node + ",1,1,1,X\n", "f.csv:2", "the name is missing"},
      {true, node + "a,-1,1,1,X\n", "f.csv:2", "cpu_milli is negative: -1"},
      {true, node + "a,1,1,17,X\n", "f.csv:2", "gpu is 17, more than 16"},
      {true, node + "a,1,1,1,\n", "f.csv:2", "the GPU model is missing"},
      {true, node + "a,1,1,0,X\n", "f.csv:2", "for a node without GPU"},
      {true, node + "a,99999999999999999999,1,0,\n", "f.csv:2", "not a whole number"},
      {true, node + "\"a\",1,1,1,X\n", "f.csv:2", "a quote"},
      {true, node + std::string("a\0b,1,1,1,X\n", 12), "f.csv:2", "a NUL byte"},
      {true, node + "a\xff,1,1,1,X\n", "f.csv:2", "is not UTF-8"},
      {true, node + std::string(70'000, 'a') + ",1,1,1,X\n", "f.csv:2", "too long"},
      {false, pod, "f.csv:1", "has no pod"},
      {false, pod + "x,1,1,1,1000,H100,LS,Running,0,9,0\n", "f.csv:2",
       "unknown GPU model 'H100'; the nodes have P100, T4"},
      {false, pod + "x,1,1,0,0,T4,LS,Running,0,9,0\n", "f.csv:2", "for a pod without GPU"},
      {false, pod + "x,1,1,1,0,,LS,Running,0,9,0\n", "f.csv:2", "gpu_milli is 0"},
      {false, pod + "x,1,1,0,100,,LS,Running,0,9,0\n", "f.csv:2", "gpu_milli without a GPU"},
      {false, pod + "x,1,1,2,500,,LS,Running,0,9,0\n", "f.csv:2", "only one GPU can be shared"},
      {false, pod + "x,1,1,1,1001,,LS,Running,0,9,0\n", "f.csv:2", "gpu_milli is 1001, more than 1000"},
      {false, pod + "x,1.5,1,1,1000,,LS,Running,0,9,0\n", "f.csv:2", "cpu_milli is '1.5', not a whole number"},
      {false, pod + "x,1,1,1,1000,,LS,Running,-1,9,0\n", "f.csv:2", "creation_time is negative"},
      {false, pod + "x,1,1,1,1000,,LS,Running,,9,0\n", "f.csv:2", "creation_time is missing"},
      {false, pod + "x,1,1,1,1000,,LS,Running,0,,0\n", "f.csv:2", "deletion_time is missing"},
      {false, pod + "x,1,1,1,1000,,LS,Running,0,9,\n", "f.csv:2", "scheduled_time is missing"},
      {false, pod + "x,1,1,1,1000,,LS,Running,5,4,5\n", "f.csv:2", "deletion_time 4 is before creation_time 5"},
      {false, pod + "x,1,1,1,1000,,LS,Running,5,9,4\n", "f.csv:2", "scheduled_time 4 is before creation_time 5"},
      {false, pod + "x,1,1,1,1000,,LS,Running,5,9,10\n", "f.csv:2", "scheduled_time 10 is after deletion_time 9"},
      {false, pod + "x,1,1,1,1000,,XX,Running,0,9,0\n", "f.csv:2", "qos is 'XX'"},
      {false, pod + "x,1,1,1,1000,,LS,Gone,0,9,0\n", "f.csv:2", "pod_phase is 'Gone'"},
      {false, pod + "x,1,1,1,1000,,LS,Running,0,9,0\n\nx,1,1,1,1000,,LS,Running,10,19,12\n", "f.csv:4",
       "'x' stands twice"},
  };
  for (const Case& each : cases) {
    const Error error = each.nodes ? ErrorOf(ReadOpenbNodes(each.text, "f.csv"))
                                   : ErrorOf(ReadOpenbPods(each.text, "f.csv", TwoModels()));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << each.message;
    EXPECT_EQ(error.where, each.where) << error.message;
    EXPECT_THAT(error.message, HasSubstr(each.message));
  }
}

TEST(OpenbTest, WhatNoNodeCouldRunIsFoundWithItsReason) {
  const scheduling::Cluster cluster = TwoModels();
  const auto trace = ReadOpenbPods(
      "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
      "fits,1000,1024,8,1000,\n"
      "many,1000,1024,9,1000,\n"
      "model,1000,1024,4,1000,P100\n"
      "cpu,97000,1024,1,500,\n"
      "memory,1000,393217,0,0,\n"
      "many-again,1000,1024,9,1000,\n"
      "both,90000,1024,2,1000,P100\n",
      "p", cluster);
  ASSERT_TRUE(trace.has_value()) << trace.error().ToString();
  const std::vector<ImpossibleShape> impossible = FindImpossible(*trace, cluster);
  ASSERT_EQ(impossible.size(), 5U);
  EXPECT_EQ(impossible[0].line, 3U);
  EXPECT_EQ(impossible[0].pods, 2U);
  EXPECT_THAT(impossible[0].reason, HasSubstr("asks for 9 GPUs, and no node that it may use has more than 8"));
  EXPECT_THAT(impossible[1].reason, HasSubstr("asks for 4 GPUs, and no node that it may use has more than 2"));
  EXPECT_THAT(impossible[2].reason, HasSubstr("asks for 97 cores and 1 GiB"));
  EXPECT_THAT(impossible[3].reason, HasSubstr("no node that it may use has more than 96 cores and 384 GiB"));
  EXPECT_THAT(impossible[4].reason, HasSubstr("64 cores"));
}

TEST(OpenbTest, AMillionPodsAreReadInOneGoAndTheirWorstLineIsNamed) {
  const int pods = kSanitized ? 20'000 : 1'000'000;
  std::string text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n";
  for (int i = 0; i < pods; ++i) text += fmt::format("pod-{},{},2048,1,{}\n", i, 1000 + i % 5'000, 1 + i % 1000);
  const auto trace = ReadOpenbPods(text, "p", TwoModels());
  ASSERT_TRUE(trace.has_value()) << trace.error().ToString();
  EXPECT_EQ(trace->pods.size(), static_cast<std::size_t>(pods));
  EXPECT_EQ(trace->mix.shapes.size(), 5'000U);
  text += "pod-x,1,1,0,1\n";
  const auto wrong = ReadOpenbPods(text, "p", TwoModels());
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().where, fmt::format("p:{}", pods + 2));
}

}  // namespace
}  // namespace keelson::simulation
