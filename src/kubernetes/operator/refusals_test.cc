#include "kubernetes/operator/refusals.h"

#include <gtest/gtest.h>

namespace keelson::kubernetes {
namespace {

using std::chrono::milliseconds;

const ObjectKey kService = {"Service", "ships-v1"};
const ObjectKey kJob = {"Job", "lab/train"};
const Moment kBegin{};

milliseconds Doubling(int attempt) {
  return milliseconds(100 << (attempt - 2));
}

TEST(Refusals, WhatIsRefusedAgainWaitsLonger) {
  Refusals refusals;
  EXPECT_TRUE(refusals.MayAsk(kService, kBegin));
  EXPECT_EQ(refusals.Add(kService, "no room", kBegin, Doubling).failures, 1);
  EXPECT_FALSE(refusals.MayAsk(kService, kBegin + milliseconds(99)));
  EXPECT_TRUE(refusals.MayAsk(kService, kBegin + milliseconds(100)));
  EXPECT_EQ(refusals.Add(kService, "still none", kBegin, Doubling).again, kBegin + milliseconds(200));
  EXPECT_EQ(refusals.reasons(), (std::map<ObjectKey, std::string>{{kService, "still none"}}));
  refusals.Forget(kService);  // it was taken
  EXPECT_EQ(refusals.Add(kService, "again", kBegin, Doubling).failures, 1);
}

TEST(Refusals, TheFirstThatMayBeAskedForIsTold) {
  Refusals refusals;
  EXPECT_FALSE(refusals.next().has_value());
  refusals.Add(kService, "a", kBegin, Doubling);
  refusals.Add(kService, "a", kBegin, Doubling);
  refusals.Add(kJob, "b", kBegin, Doubling);
  EXPECT_EQ(refusals.next(), kBegin + milliseconds(100));
  EXPECT_FALSE(refusals.AnyDue(kBegin + milliseconds(99)));
  EXPECT_TRUE(refusals.AnyDue(kBegin + milliseconds(100)));
}

TEST(Refusals, WhatNobodyWantsAnyMoreIsForgotten) {
  Refusals refusals;
  refusals.Add(kService, "a", kBegin, Doubling);
  refusals.Add(kJob, "b", kBegin, Doubling);
  EXPECT_EQ(refusals.KeepOnly([](const ObjectKey& key) { return key == kJob; }), 1U);
  EXPECT_EQ(refusals.reasons().size(), 1U);
  EXPECT_TRUE(refusals.MayAsk(kService, kBegin));
}

}  // namespace
}  // namespace keelson::kubernetes
