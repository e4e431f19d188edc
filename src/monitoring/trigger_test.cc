#include "monitoring/trigger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/strings.h"

namespace keelson::monitoring {
namespace {

Instant Day(std::int64_t day) {
  return Instant{} + std::chrono::hours(24 * day);
}

std::vector<std::pair<std::string, std::string>> Fields(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string_view word : Split(text, ' ')) {
    if (const auto equals = word.find('='); equals != std::string_view::npos) {
      fields.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  return fields;
}

TriggerPolicy ReadPolicy(std::string_view text) {
  TriggerPolicy policy;
  for (const auto& [name, value] : Fields(text)) {
    if (name == "threshold") policy.drift_threshold = ParseDouble(value);
    if (name == "floor") policy.performance_floor = ParseDouble(value);
    if (name == "minimum") policy.minimum_count = static_cast<std::uint64_t>(*ParseInt(value));
    if (name == "consecutive") policy.consecutive = static_cast<int>(*ParseInt(value));
    if (name == "cool_down") policy.cool_down = std::chrono::hours(24 * *ParseInt(value));
    if (name != "columns") continue;
    for (const auto column : Split(value, ',')) policy.drift_columns.emplace_back(column);
  }
  return policy;
}

WindowReport ReadReport(std::string_view text) {
  WindowReport report;
  for (const auto& [name, value] : Fields(text)) {
    if (name == "predictions") {
      report.predictions = static_cast<std::uint64_t>(*ParseInt(value));
    } else if (name == "labels") {
      report.live.count = static_cast<std::uint64_t>(*ParseInt(value));
    } else if (name == "auc") {
      report.live.auc = ParseDouble(value);
    } else {
      report.drift.push_back({name, *ParseDouble(value)});
    }
  }
  return report;
}

TEST(TriggerTest, Scenes) {
  std::ifstream file(KEELSON_SOURCE_DIR "/src/monitoring/testdata/triggers.txt");
  std::string line;
  std::string scene;
  TriggerPolicy policy;
  TriggerState state;
  int evaluations = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    SCOPED_TRACE("line " + std::to_string(number) + ", " + scene + ": " + line);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("scene ")) {
      scene = line.substr(6);
    } else if (line.starts_with("policy")) {
      policy = ReadPolicy(line);
      state = TriggerState();
    } else if (line.starts_with("promoted ")) {
      state.last_retraining = Day(*ParseInt(line.substr(9)));
    } else {
      const auto arrow = line.find(" => ");
      ASSERT_NE(arrow, std::string::npos);
      const auto now = Day(*ParseInt(line.substr(0, line.find(' '))));
      const TriggerDecision decision = PlanTrigger(ReadReport(line.substr(0, arrow)), state, policy, now);
      EXPECT_EQ(std::to_string(decision.breaches.size()) + (decision.alarm ? " alarm" : "") +
                    (decision.retrain ? " retrain" : ""),
                line.substr(arrow + 4));
      state = decision.state;
      ++evaluations;
    }
  }
  EXPECT_GT(evaluations, 40);
}

TEST(TriggerTest, BreachesAreSentences) {
  const auto decision = PlanTrigger(ReadReport("predictions=1000 temp=0.25 labels=300 auc=0.5"), {},
                                    ReadPolicy("threshold=0.2 floor=0.62"), Day(1));
  EXPECT_THAT(decision.breaches, testing::ElementsAre("temp has drifted: PSI 0.250 over 1000 predictions is above 0.2",
                                                      "AUC 0.5000 over 300 labels is below 0.62"));
}

}  // namespace
}  // namespace keelson::monitoring
