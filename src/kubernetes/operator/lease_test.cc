#include "kubernetes/operator/lease.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubernetes/operator/operator_testing.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests
using std::chrono::seconds;

const Moment kStart{seconds(1'000)};
const LeaseTimes kTimes;

json Lease(const std::string& holder) {
  json lease = NewLease("keelson-system", "keelson-server", holder, kTimes, kNow);
  lease["metadata"]["resourceVersion"] = "5";
  return lease;
}

TEST(Lease, IsTakenWhenNobodyHasItAndKeptByWhoDoes) {
  EXPECT_EQ(PlanLease(std::nullopt, "me", kStart), LeaseStep::kCreate);
  EXPECT_EQ(PlanLease(SeenLease{Lease(""), kStart}, "me", kStart), LeaseStep::kTake);
  EXPECT_EQ(PlanLease(SeenLease{Lease("me"), kStart}, "me", kStart), LeaseStep::kRenew);
  EXPECT_EQ(PlanLease(SeenLease{Lease("me"), kStart}, "me", kStart + seconds(100)), LeaseStep::kRenew);
}

TEST(Lease, IsTakenFromAnotherOnlyWhenItWasSeenUnchangedForItsDuration) {
  const SeenLease seen{Lease("other"), kStart};
  EXPECT_EQ(PlanLease(seen, "me", kStart), LeaseStep::kWait);
  EXPECT_EQ(PlanLease(seen, "me", kStart + seconds(14)), LeaseStep::kWait);
  EXPECT_EQ(PlanLease(seen, "me", kStart + seconds(15)), LeaseStep::kTake);
  // Its own word counts, and a Lease of others' making that lacks it has the usual one.
  EXPECT_EQ(
      PlanLease(SeenLease{With(Lease("other"), "/spec/leaseDurationSeconds", 60), kStart}, "me", kStart + seconds(59)),
      LeaseStep::kWait);
  EXPECT_EQ(PlanLease(SeenLease{{{"spec", {{"holderIdentity", "other"}}}}, kStart}, "me", kStart + seconds(14)),
            LeaseStep::kWait);
  EXPECT_EQ(PlanLease(SeenLease{{{"metadata", {{"name", "x"}}}}, kStart}, "me", kStart), LeaseStep::kTake);
}

TEST(Lease, WhoeverActsStopsBeforeAnotherMayBegin) {
  EXPECT_LT(kTimes.renew_deadline, kTimes.duration);
  EXPECT_LT(2 * kTimes.period, kTimes.renew_deadline);
}

TEST(Lease, IsChangedOnlyAsItWasSeen) {
  const json renewed = TakeLease(Lease("me"), "me", kTimes, kNow);
  EXPECT_EQ(
      renewed,
      (json{{"metadata", {{"resourceVersion", "5"}}},
            {"spec",
             {{"holderIdentity", "me"}, {"leaseDurationSeconds", 15}, {"renewTime", "2026-11-30T12:00:00.000000Z"}}}}));
  const json taken = TakeLease(Lease("other"), "me", kTimes, kNow + std::chrono::microseconds(12));
  EXPECT_EQ(taken.at("spec").at("leaseTransitions"), 1);
  EXPECT_EQ(taken.at("spec").at("acquireTime"), "2026-11-30T12:00:00.000012Z");
  const json left = GiveUpLease(Lease("me"), kNow);
  EXPECT_EQ(left.at("metadata").at("resourceVersion"), "5");
  EXPECT_EQ(left.at("spec").at("holderIdentity"), "");
  EXPECT_EQ(left.at("spec").at("leaseDurationSeconds"), 1);
}

}  // namespace
}  // namespace keelson::kubernetes
