#include "serving/model_config.h"

#include <gmock/gmock.h>

#include <random>

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* const kWhole = R"(# a comment
name: "flights"
platform: 'onnxruntime' "_onnx"
max_batch_size: 8
input [
  { name: "x"  data_type: TYPE_FP32, dims: [ -1, 28 ] },
  { name: "city"; data_type: TYPE_STRING dims: -1 }
]
output < name: "y" data_type: TYPE_INT64 dims: [] >
dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 }
instance_group [ { count: 1 kind: KIND_CPU } ]
parameters { key: "threshold" value: { string_value: "0.5" } }
version_policy: { latest { num_versions: 2 } }
)";

TEST(ModelConfig, ReadsWhatItHeedsAndPassesOverTheRest) {
  const auto config = ReadModelConfig(kWhole);
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->name, "flights");
  EXPECT_EQ(config->platform, "onnxruntime_onnx");
  ASSERT_EQ(config->inputs.size(), 2u);
  EXPECT_EQ(config->inputs[0].datatype, "FP32");
  EXPECT_EQ(config->inputs[1].name, "city");
  EXPECT_EQ(config->inputs[1].datatype, "BYTES");
  ASSERT_EQ(config->outputs.size(), 1u);
  EXPECT_EQ(config->outputs[0].name, "y");
  EXPECT_EQ(config->latest, 2u);
  EXPECT_TRUE(ReadModelConfig("").has_value());
}

BatchPolicy PolicyOfText(const std::string& text, BatchPolicy server = {}) {
  const auto config = ReadModelConfig(text);
  EXPECT_TRUE(config.has_value()) << config.error().ToString();
  return PolicyOf(*config, server);
}

TEST(ModelConfig, ReadsHowRequestsWait) {
  using std::chrono::microseconds;
  const auto whole = PolicyOfText(R"(
max_batch_size: 16
instance_group [ { count: 2 }, { kind: KIND_CPU } ]
dynamic_batching {
  preferred_batch_size: 8
  max_queue_delay_microseconds: 300
  priority_levels: 5
  default_priority_level: 3
  default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 7000 allow_timeout_override: true
                         max_queue_size: 12 }
})");
  BatchPolicy expected;
  expected.max_rows = 16;
  expected.delay = microseconds(300);
  expected.queue_limit = 12;
  expected.instances = 3;
  expected.priority_levels = 5;
  expected.default_priority = 3;
  expected.default_timeout = microseconds(7'000);
  EXPECT_EQ(whole, expected);

  BatchPolicy server;
  server.max_rows = 4;
  server.queue_limit = 9;
  EXPECT_EQ(PolicyOfText("", server), server);
  EXPECT_EQ(PolicyOfText("max_batch_size: 8", server).max_rows, 1u);  // as in Triton, without dynamic_batching
  EXPECT_EQ(PolicyOfText("max_batch_size: 8 dynamic_batching {}", server).max_rows, 8u);
  EXPECT_EQ(PolicyOfText("dynamic_batching {}", server).max_rows, 1u);
  const auto delays = PolicyOfText(
      "dynamic_batching { default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 7 } }");
  EXPECT_EQ(delays.default_timeout, std::nullopt);
}

TEST(ModelConfig, RefusesWhatCannotHoldOfTheScheduling) {
  for (const char* text :
       {"max_batch_size: -1", "max_batch_size: many", "dynamic_batching { max_queue_delay_microseconds: -5 }",
        "dynamic_batching { priority_levels: 2 }", "dynamic_batching { priority_levels: 2 default_priority_level: 3 }",
        "dynamic_batching { default_priority_level: 1 }", "instance_group { count: x }",
        "dynamic_batching { default_queue_policy { allow_timeout_override: maybe } }",
        "dynamic_batching { default_queue_policy { max_queue_size: -1 } }"}) {
    const auto config = ReadModelConfig(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(ModelConfig, ReadsEveryVersionPolicy) {
  EXPECT_EQ(ReadModelConfig("version_policy { latest {} }")->latest, 1u);
  EXPECT_THAT(ReadModelConfig("version_policy: { specific: { versions: [1, 3] } }")->specific, ElementsAre(1, 3));
  const auto all = ReadModelConfig("version_policy { all {} }");
  EXPECT_FALSE(all->latest.has_value());
  EXPECT_TRUE(all->specific.empty());
  EXPECT_FALSE(ReadModelConfig("version_policy { specific { versions: -1 } }").has_value());
}

TEST(ModelConfig, TellsTheLineOfWhatIsMalformed) {
  const auto unclosed = ReadModelConfig("name: \"a\"\ninput [ { name: \"x\" }");
  EXPECT_EQ(unclosed.error().where, "line 2");
  EXPECT_THAT(ReadModelConfig("name \"a\"").error().message, HasSubstr("neither ':'"));
  EXPECT_THAT(ReadModelConfig("name: \"a").error().message, HasSubstr("no end"));
  EXPECT_THAT(ReadModelConfig("name: }").error().message, HasSubstr("no value"));
  EXPECT_THAT(ReadModelConfig("}").error().message, HasSubstr("name of a field"));
  std::string deep;
  for (int i = 0; i < 5'000; ++i) deep += "a{";
  EXPECT_THAT(ReadModelConfig(deep).error().message, HasSubstr("deep"));
}

TEST(ModelConfig, SurvivesTruncationAndCorruption) {
  const std::string whole = kWhole;
  for (std::size_t size = 0; size < whole.size(); ++size) (void)ReadModelConfig(whole.substr(0, size));
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 4; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)ReadModelConfig(bytes);
  }
}

}  // namespace
}  // namespace keelson::serving
