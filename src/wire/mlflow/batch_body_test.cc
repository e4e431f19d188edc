#include "wire/mlflow/batch_body.h"

#include <gtest/gtest.h>

namespace keelson::wire::mlflow {
namespace {

constexpr std::string_view kRun = "0123456789abcdef0123456789abcdef";

std::string Body(const std::string& rest) {
  return "{\"run_id\": \"" + std::string(kRun) + "\"" + (rest.empty() ? "" : ", " + rest) + "}";
}

TEST(BatchBody, ReadsWhatClientsSendByTheMillion) {
  const auto batch = ReadPlainBatch(Body(
      R"("metrics": [{"key": "val/loss", "value": 0.5, "timestamp": 17, "step": 3}, {"timestamp": 1, "value": -2, "key": "a b.c"}],
              "params": [{"key": "depth", "value": "ü"}], "tags": [{"key": "t", "value": ""}])"));
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->run_id, kRun);
  ASSERT_EQ(batch->metrics.size(), 2u);
  EXPECT_EQ(batch->metrics[0].key, "val/loss");
  EXPECT_EQ(batch->metrics[0].value, 0.5);
  EXPECT_EQ(batch->metrics[0].time_ms, 17);
  EXPECT_EQ(batch->metrics[0].step, 3);
  EXPECT_EQ(batch->metrics[1].value, -2);
  EXPECT_EQ(batch->metrics[1].step, 0);
  EXPECT_EQ(batch->params, (tracking::Pairs{{"depth", "ü"}}));
  EXPECT_EQ(batch->tags, (tracking::Pairs{{"t", ""}}));
  EXPECT_TRUE(ReadPlainBatch(Body("")).has_value());
}

TEST(BatchBody, LeavesEverythingElseToTheGeneralReader) {
  const auto metric = [](const std::string& fields) { return Body("\"metrics\": [{" + fields + "}]"); };
  std::string many;
  for (int i = 0; i < 1001; ++i) many += std::string(i == 0 ? "" : ",") + R"({"key": "a", "value": 1, "timestamp": 1})";
  for (const std::string& body : {std::string(),
                                  std::string("{}"),
                                  std::string("[]"),
                                  Body("") + "x",
                                  Body(R"("run_id": "a")"),
                                  Body(R"("unknown": 1)"),
                                  Body(R"("metrics": null)"),
                                  metric(R"("key": "a", "value": 1)"),
                                  metric(R"("key": "a", "value": "NaN", "timestamp": 1)"),
                                  metric(R"("key": "a", "value": 1, "timestamp": -1)"),
                                  metric(R"("key": "a", "value": 1, "timestamp": 1.5)"),
                                  metric(R"("key": "", "value": 1, "timestamp": 1)"),
                                  metric(R"("key": "a//b", "value": 1, "timestamp": 1)"),
                                  metric(R"("key": "../a", "value": 1, "timestamp": 1)"),
                                  metric(R"("key": "/a", "value": 1, "timestamp": 1)"),
                                  metric(R"("key": "ü", "value": 1, "timestamp": 1)"),
                                  metric(R"("key": "a", "value": 1e999, "timestamp": 1)"),
                                  metric(R"("key": "a", "value": 1, "timestamp": 1, "model_id": "m-1")"),
                                  metric("\"key\": \"" + std::string(251, 'a') + R"(", "value": 1, "timestamp": 1)"),
                                  Body("\"metrics\": [" + many + "]"),
                                  Body(R"("params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}])"),
                                  Body(R"("params": [{"key": "a"}])"),
                                  Body("\"params\": [{\"key\": \"a\", \"value\": \"" + std::string(6001, 'x') + "\"}]"),
                                  Body("\"tags\": [{\"key\": \"a\", \"value\": \"\xff\"}]"),
                                  std::string(R"({"run_id": "short"})")}) {
    EXPECT_FALSE(ReadPlainBatch(body).has_value()) << body.substr(0, 200);
  }
}

}  // namespace
}  // namespace keelson::wire::mlflow
