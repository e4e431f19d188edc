#include "control/metered_substrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "substrate/fake_substrate.h"

namespace keelson::control {
namespace {

using scheduling::Allocation;
using std::chrono::minutes;
using std::chrono::seconds;

class MeteredSubstrateTest : public testing::Test {
 protected:
  MeteredSubstrateTest() : clock_(InstantFromMicros(1'796'083'200'000'000)) { Restart(); }

  // Another server over the same store; what runs goes on.
  void Restart() {
    metered_.reset();
    store_.reset();
    database_.reset();
    database_ = io::OpenTestDatabase(folder_.File("keelson.db")).value();
    store_ = DocumentStore::Open(*database_).value();
    auto opened = MeteredSubstrate::Open(*store_, inner_, clock_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    metered_ = *std::move(opened);
  }
  static substrate::WorkloadSpec Job(const std::string& name) {
    substrate::WorkloadSpec spec;
    spec.name = name;
    spec.kind = "job";
    spec.project = "flights";
    spec.resources = {1'500, std::int64_t{1} << 30};
    spec.labels = {{"job", "j1"}, {"step", "train"}, {"queue", "nightly"}, {"user", "ada"}};
    return spec;
  }
  void Look() { ASSERT_TRUE(metered_->List()); }
  std::vector<Allocation> All() const {
    std::vector<Allocation> all;
    metered_->Visit([&](std::span<const Allocation> known) { all.assign(known.begin(), known.end()); });
    return all;
  }
  Allocation Only() const {
    const auto all = All();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Allocation{} : all.front();
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  ManualClock clock_;
  substrate::FakeSubstrate inner_;
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<DocumentStore> store_;
  std::unique_ptr<MeteredSubstrate> metered_;
};

TEST_F(MeteredSubstrateTest, WhatHeldHowMuchAndHowLongIsWrittenDown) {
  const Instant begin = clock_.WallNow();
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  clock_.Advance(minutes(3));
  inner_.Use("j1-a1", {seconds(90), 200 << 20});
  Look();
  EXPECT_EQ(Only().until, std::nullopt);
  EXPECT_EQ(Only().used, (scheduling::Use{seconds(90), 200 << 20}));
  inner_.Use("j1-a1", {seconds(120), 300 << 20});
  inner_.Succeed("j1-a1");
  clock_.Advance(minutes(1));
  Look();
  const Allocation expected{.workload = "j1-a1",
                            .project = "flights",
                            .user = "ada",
                            .queue = "nightly",
                            .job = "j1",
                            .step = "train",
                            .endpoint = "",
                            .workload_class = scheduling::WorkloadClass::kTraining,
                            .held = {1'500, std::int64_t{1} << 30},
                            .from = begin,
                            .until = begin + minutes(4),
                            .used = scheduling::Use{seconds(120), 300 << 20}};
  EXPECT_EQ(Only(), expected);
  clock_.Advance(minutes(9));
  Look();
  Restart();
  Look();
  EXPECT_EQ(Only(), expected) << "it is stored, and has ended once";
}

TEST_F(MeteredSubstrateTest, WhatVanishesHasEnded) {
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  inner_.Fail("j1-a1", 1, "x");
  ASSERT_TRUE(metered_->Forget("j1-a1"));
  clock_.Advance(minutes(1));
  Look();
  EXPECT_EQ(Only().until, clock_.WallNow());
}

TEST_F(MeteredSubstrateTest, WhatIsStartedAgainIsOneAndWhatDoesNotStartIsNone) {
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  clock_.Advance(minutes(1));
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  EXPECT_EQ(All().size(), 1U);
  inner_.Succeed("j1-a1");
  Look();
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  EXPECT_EQ(Only().until, clock_.WallNow());
  inner_.FailNextStarts(1, {ErrorCode::kUnavailable, "no room", ""});
  EXPECT_FALSE(metered_->Start(Job("j2-a1")));
  EXPECT_EQ(All().size(), 1U);
  Restart();
  EXPECT_EQ(All().size(), 1U);
}

TEST_F(MeteredSubstrateTest, WhatRunsOnWithoutAServerGoesOnAndWhatEndedThenIsNotPaidForTheNight) {
  const Instant begin = clock_.WallNow();
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  ASSERT_TRUE(metered_->Start(Job("j2-a1")));
  for (int i = 0; i < 12; ++i) {
    clock_.Advance(minutes(1));
    Look();
  }
  inner_.Fail("j2-a1", 1, "the server is gone");
  clock_.Advance(std::chrono::hours(9));
  Restart();
  Look();
  const auto all = All();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].until, std::nullopt);
  ASSERT_TRUE(all[1].until);
  EXPECT_GE(*all[1].until, begin + minutes(7)) << "it was seen within the last five minutes";
  EXPECT_LE(*all[1].until, begin + minutes(12) + seconds(30));
  inner_.Succeed("j1-a1");
  Look();
  EXPECT_EQ(All()[0].until, clock_.WallNow()) << "the server was there";
}

TEST_F(MeteredSubstrateTest, ThoseOfOverAYearAgoGo) {
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  inner_.Succeed("j1-a1");
  Look();
  clock_.Advance(std::chrono::days(399));
  Restart();
  EXPECT_EQ(All().size(), 1U);
  clock_.Advance(std::chrono::days(2));
  Restart();
  EXPECT_TRUE(All().empty());
  EXPECT_TRUE(store_->List("allocation")->empty());
}

TEST_F(MeteredSubstrateTest, AFailingListClosesNothing) {
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  inner_.FailNextLists(1, {ErrorCode::kUnavailable, "away", ""});
  EXPECT_FALSE(metered_->List());
  EXPECT_EQ(Only().until, std::nullopt);
}

TEST_F(MeteredSubstrateTest, TheMoneyOfADeletedProjectIsSpent) {
  ASSERT_TRUE(metered_->Start(Job("j1-a1")));
  ASSERT_TRUE(store_->RemoveProject("flights"));
  Restart();
  EXPECT_EQ(All().size(), 1U);
}

}  // namespace
}  // namespace keelson::control
