#include "control/costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing.h"

namespace keelson::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

// The machine has 4 cores and 8 GiB and costs 1.00 an hour; a job that asks for all of it costs as much.
class CostsTest : public JobsFixture {
 protected:
  CostsTest() {
    clock_.Advance(hours(24 * 365));
    pricing_.machine = scheduling::MachineIs{1'000'000, "", "", "", false};
    pricing_.budgets = {{"flights", 2'000'000, scheduling::Budget::Per::kDay, 0.5}};
    Restart();
  }
  void Restart() {
    jobs_.reset();
    costs_.reset();
    metered_ = MeteredSubstrate::Open(*store_, substrate_, clock_).value();
    auto opened = Costs::Open(pricing_, *metered_, substrate_.Capacity(), *store_, clock_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    costs_ = *std::move(opened);
    JobRunner::Options options;
    options.data_folder = folder_.path();
    options.held = [this](const Job& job) { return costs_->Held(job.project); };
    jobs_ = JobRunner::Open(std::move(options), *store_, *metered_, clock_, [](const Job&) {}).value();
  }
  std::string Submit(const std::string& project) {
    Job job;
    job.project = project;
    job.kind = "train";
    job.resources = substrate_.Capacity();
    return jobs_->Submit(job).value();
  }
  void Look() {
    ASSERT_TRUE(costs_->Look());
    ASSERT_TRUE(jobs_->Reconcile());
  }
  std::vector<std::string> Said() {
    std::vector<std::string> said;
    const auto events = store_->Events("flights", 0, 100).value();
    for (const auto& event : events) said.push_back(event.message);
    return said;
  }
  JobState StateOf(const std::string& job) const { return jobs_->Find(job)->state; }

  project::Pricing pricing_;
  std::unique_ptr<MeteredSubstrate> metered_;
  std::unique_ptr<Costs> costs_;
};

TEST_F(CostsTest, ABudgetWarnsAndThenHoldsWhatWouldStartUntilItBeginsAnew) {
  const std::string first = Submit("flights");
  Look();
  EXPECT_EQ(StateOf(first), JobState::kRunning);
  EXPECT_THAT(Said(), testing::IsEmpty());
  clock_.Advance(minutes(61));
  Look();
  ASSERT_EQ(Said().size(), 1U);
  EXPECT_THAT(Said()[0], HasSubstr("is used to 51 %"));
  clock_.Advance(minutes(60));
  Look();
  Look();
  ASSERT_EQ(Said().size(), 2U);
  EXPECT_THAT(Said()[1], HasSubstr("is used up: 2.02 USD spent"));
  EXPECT_EQ(StateOf(first), JobState::kRunning) << "what runs goes on";

  Finish(first, {});
  const std::string held = Submit("flights");
  const std::string other = Submit("taxis");
  Look();
  EXPECT_EQ(StateOf(held), JobState::kPending);
  EXPECT_EQ(StateOf(other), JobState::kRunning);
  EXPECT_THAT(jobs_->Why(held).value(), HasSubstr("waits for money: the budget of project 'flights', 2.00 USD a day"));
  EXPECT_EQ(jobs_->Find(held)->waiting, jobs_->Why(held).value());

  Finish(other, {});
  Restart();
  Look();
  EXPECT_EQ(StateOf(held), JobState::kPending);
  EXPECT_EQ(Said().size(), 2U) << "it was told";
  clock_.Advance(hours(24));
  Look();
  EXPECT_EQ(StateOf(held), JobState::kRunning);
}

TEST_F(CostsTest, ADeletedProjectHasSpentItsBudget) {
  const std::string first = Submit("flights");
  Look();
  clock_.Advance(hours(3));
  Look();
  Finish(first, {});
  jobs_->Forget("flights");
  ASSERT_TRUE(store_->RemoveProject("flights"));
  Restart();
  const std::string again = Submit("flights");
  Look();
  EXPECT_EQ(StateOf(again), JobState::kPending);
}

TEST_F(CostsTest, WithoutPricesTheBuiltInOnesHoldAndNothingIsHeld) {
  auto opened = Costs::Open(std::nullopt, *metered_, substrate_.Capacity(), *store_, clock_);
  ASSERT_TRUE(opened) << opened.error().ToString();
  EXPECT_GT((*opened)->machine().hour, 0);
  EXPECT_THAT((*opened)->machine().how, HasSubstr("on demand"));
  ASSERT_TRUE((*opened)->Look());
  EXPECT_EQ((*opened)->Held("flights"), std::nullopt);
  project::Pricing wrong;
  wrong.machine = scheduling::MachineIs{{}, "aws", "nowhere", "x", false};
  EXPECT_EQ(Costs::Open(wrong, *metered_, {}, *store_, clock_).error().code, ErrorCode::kNotFound);
}

TEST_F(CostsTest, ADamagedNoticeIsSaidSo) {
  ASSERT_TRUE(store_->Commit({.put = {{"budget_notice", "flights", "", "{}"}}, .remove = {}, .events = {}}));
  EXPECT_EQ(Costs::Open(pricing_, *metered_, {}, *store_, clock_).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace keelson::control
