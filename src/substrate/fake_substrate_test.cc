#include "substrate/fake_substrate.h"

#include <gtest/gtest.h>

namespace keelson::substrate {
namespace {

TEST(FakeSubstrateTest, KeepsThePromisesOfTheInterface) {
  FakeSubstrate fake;
  WorkloadSpec job;
  job.name = "j";
  job.kind = "job";
  WorkloadSpec replica;
  replica.name = "r";
  replica.kind = "replica";
  fake.FailNextStarts(1, Error{ErrorCode::kUnavailable, "busy", ""});
  EXPECT_EQ(fake.Start(job).error().code, ErrorCode::kUnavailable);
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(fake.Start(job).has_value());
    ASSERT_TRUE(fake.Start(replica).has_value());
  }
  EXPECT_EQ(fake.started().size(), 2u);
  EXPECT_EQ((*fake.List())[1].address, "unix:/fake/r.sock");
  EXPECT_EQ(fake.Forget("j").error().code, ErrorCode::kFailedPrecondition);

  fake.Fail("j", 2, "exit code 2");
  fake.Succeed("j");  // ended once
  EXPECT_EQ((*fake.List())[0].phase, WorkloadPhase::kFailed);
  EXPECT_EQ((*fake.List())[0].reason, "exit code 2");
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(fake.Stop("r", Duration(0)).has_value());
  EXPECT_EQ(fake.stopped(), std::vector<std::string>{"r"});
  EXPECT_FALSE(fake.IsRunning("r"));
  EXPECT_EQ((*fake.List())[1].address, "");
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(fake.Forget("r").has_value());

  fake.AppendLog("j", "hello");
  EXPECT_EQ(*fake.ReadLog("j", 1, 3), "ell");
  EXPECT_EQ(*fake.ReadLog("j", 9, 3), "");
  fake.FailNextLists(1, Error{ErrorCode::kUnavailable, "away", ""});
  EXPECT_FALSE(fake.List().has_value());
  EXPECT_EQ(fake.List()->size(), 1u);
}

}  // namespace
}  // namespace keelson::substrate
