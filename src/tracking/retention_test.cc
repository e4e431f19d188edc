#include "tracking/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::tracking {
namespace {

using std::chrono::hours;

const Instant kNow = *ParseInstant("2013-12-01T00:00:00Z");
const RetentionPolicy kMonth = {hours(24 * 30), {"champion"}};

// Runs r1 to r4 ended long ago, r5 yesterday, r6 runs; versions d/1 to d/3 were made by r1 to r3.
RetentionSnapshot Scene() {
  RetentionSnapshot snapshot;
  for (int i = 1; i <= 6; ++i) {
    const std::string id = "r" + std::to_string(i);
    std::optional<Instant> ended = kNow - hours(24 * 100);
    if (i == 5) ended = kNow - hours(24);
    if (i == 6) ended.reset();
    snapshot.runs.push_back({id, "/a/" + id, ended});
  }
  for (int i = 1; i <= 3; ++i) {
    ModelVersion version;
    version.model = "d";
    version.version = i;
    version.run_id = "r" + std::to_string(i);
    version.source = "/a/r" + std::to_string(i) + "/model";
    snapshot.versions.push_back(version);
  }
  return snapshot;
}

std::vector<std::string> Deleted(const RetentionSnapshot& snapshot, const RetentionPolicy& policy = kMonth) {
  std::vector<std::string> ids;
  for (const auto& deletion : PlanRetention(snapshot, kNow, policy)) ids.push_back(deletion.run_id);
  return ids;
}

TEST(RetentionTest, OldFoldersGoThatNothingNeeds) {
  EXPECT_THAT(Deleted(Scene()), testing::ElementsAre("r1", "r2", "r3", "r4"));
  const auto plan = PlanRetention(Scene(), kNow, kMonth);
  EXPECT_EQ(plan[0].folder, "/a/r1");
  EXPECT_EQ(plan[0].reason, "ended 100d ago, more than the 30d that artifacts are kept, and nothing needs it");
}

TEST(RetentionTest, WithoutAPolicyEverythingStays) {
  EXPECT_TRUE(Deleted(Scene(), {}).empty());
}

TEST(RetentionTest, TheAgeIsExact) {
  auto snapshot = Scene();
  snapshot.runs[0].ended = kNow - hours(24 * 30);
  snapshot.runs[1].ended = kNow - hours(24 * 30) + Duration(1);
  EXPECT_THAT(Deleted(snapshot), testing::ElementsAre("r1", "r3", "r4"));
}

TEST(RetentionTest, WhatIsNeededStays) {
  auto aliased = Scene();
  aliased.versions[1].aliases = {"anything"};
  EXPECT_THAT(Deleted(aliased), testing::ElementsAre("r1", "r3", "r4"));

  auto served = Scene();
  served.served = {"d/3"};
  EXPECT_THAT(Deleted(served), testing::ElementsAre("r1", "r2", "r4"));

  auto resumed = Scene();
  resumed.needed_runs = {"r4"};
  EXPECT_THAT(Deleted(resumed), testing::ElementsAre("r1", "r2", "r3"));

  auto lineage =
      Scene();  // r4 is the search whose best parameters r2 took, through a node of another kind; and a cycle
  lineage.versions[1].aliases = {"champion"};
  lineage.lineage = {
      {"run:r4", "params:p", ""}, {"params:p", "run:r2", ""}, {"run:r2", "run:r4", ""}, {"version:d/2", "run:r1", ""}};
  EXPECT_THAT(Deleted(lineage), testing::ElementsAre("r1", "r3"));

  auto source = Scene();  // a version whose files lie in the folder of a run that did not make it
  source.versions[0].aliases = {"champion"};
  source.versions[0].source = "/a/r4/model";
  EXPECT_THAT(Deleted(source), testing::ElementsAre("r2", "r3"));
}

TEST(RetentionTest, TheFormerHolderOfAKeptAliasStaysForARollback) {
  auto snapshot = Scene();
  snapshot.versions[2].aliases = {"champion"};
  snapshot.alias_history = {{"d", "champion", std::nullopt, 1, "", "", kNow},
                            {"d", "champion", 1, 2, "", "", kNow},
                            {"d", "shadow", 1, 2, "", "", kNow},
                            {"d", "champion", 2, 3, "", "", kNow}};
  EXPECT_THAT(Deleted(snapshot), testing::ElementsAre("r1", "r4"));
  EXPECT_THAT(Deleted(snapshot, {hours(24 * 30), {}}), testing::ElementsAre("r1", "r2", "r4"));
}

TEST(RetentionTest, AppliedAndPlannedAgainItIsEmpty) {
  auto snapshot = Scene();
  const auto gone = Deleted(snapshot);
  std::erase_if(snapshot.runs, [&](const auto& run) { return std::ranges::count(gone, run.run_id) != 0; });
  EXPECT_TRUE(Deleted(snapshot).empty());
}

}  // namespace
}  // namespace keelson::tracking
