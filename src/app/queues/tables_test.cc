#include "app/queues/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json Answer() {
  return json::parse(R"({
    "machine": {"cpu": 4.0, "memory_bytes": 8589934592, "cpu_used": 1.0, "memory_bytes_used": 4294967296},
    "queues": [
      {"name": "research", "cohort": "all", "held": false, "weight": 1.0, "running": 1, "waiting": 1, "quotas": [
        {"flavor": "default", "resource": "cpu", "nominal": 0.5, "used": 1.0, "available": 0.0},
        {"flavor": "default", "resource": "memory", "nominal": 1073741824, "used": 4294967296, "available": 0}]},
      {"name": "nightly", "cohort": "", "held": true, "weight": 1.0, "running": 0, "waiting": 0, "quotas": [
        {"flavor": "default", "resource": "cpu", "nominal": null, "used": 0.0, "available": null}]}],
    "jobs": [
      {"id": "j000001", "project": "flights", "user": "ada", "step": "train", "state": "running", "queue": "research",
       "class": "training", "priority": 5, "cpu": 1.0, "memory_bytes": 4294967296, "created": "", "started": "",
       "fraction": 0.25, "why": "runs since noon, attempt 1"},
      {"id": "j000002", "project": "taxis", "user": "", "step": "evaluate", "state": "pending", "queue": "research",
       "class": "training", "priority": 0, "cpu": 1.5, "memory_bytes": 1073741824, "created": "", "started": null,
       "fraction": 0.0, "why": "waits for quota"}]})");
}

TEST(QueueTablesTest, TheLineSaysWhy) {
  const TextTable table = QueueTable(Answer());
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_THAT(table.rows[0], ElementsAre("j000001", "flights", "train", "research", "training", "5", "1 core, 4 GiB",
                                         "running", "runs since noon, attempt 1"));
  EXPECT_EQ(table.rows[1].back(), "waits for quota");
  EXPECT_EQ(table.rows[1].size(), table.header.size());
}

TEST(QueueTablesTest, QuotasWithWhatIsBorrowed) {
  const TextTable table = QuotaTable(Answer());
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_THAT(table.rows[0], ElementsAre("research", "all", "default", "cpu", "0.5", "1", "0.5", "0", "1"));
  EXPECT_THAT(table.rows[1],
              ElementsAre("research", "all", "default", "memory", "1 GiB", "4 GiB", "3 GiB", "0 MiB", "1"));
  EXPECT_THAT(table.rows[2], ElementsAre("nightly (held)", "", "default", "cpu", "-", "0", "-", "-", "0"));
}

TEST(QueueTablesTest, TopShowsTheMachineItsQueuesAndItsUsers) {
  const std::string screen = TopScreen(Answer());
  EXPECT_THAT(screen, HasSubstr("cores   [#####...............] 25 % 1 of 4 cores"));
  EXPECT_THAT(screen, HasSubstr("memory  [##########..........] 50 % 4 GiB of 8 GiB"));
  EXPECT_THAT(screen, HasSubstr("research  1        1        1      4 GiB"));
  EXPECT_THAT(screen, HasSubstr("nightly   0        0        0      0 MiB"));
  EXPECT_THAT(screen, HasSubstr("flights  1        0        1      4 GiB"));
  EXPECT_THAT(screen, HasSubstr("taxis    0        1        0      0 MiB"));
  EXPECT_THAT(screen, HasSubstr("ada               1        0        1      4 GiB"));
  EXPECT_THAT(screen, HasSubstr("(keelson itself)  0        1        0      0 MiB"));
  EXPECT_THAT(screen, HasSubstr("25 %  runs since noon"));
}

TEST(QueueTablesTest, AnIdleMachineHasNoJobsToShow) {
  json answer = Answer();
  answer["jobs"] = json::array();
  EXPECT_TRUE(QueueTable(answer).rows.empty());
  EXPECT_THAT(TopScreen(answer), testing::Not(HasSubstr("PROJECT")));
}

}  // namespace
}  // namespace keelson::app
