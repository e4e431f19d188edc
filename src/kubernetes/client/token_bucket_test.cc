#include "kubernetes/client/token_bucket.h"

#include <gtest/gtest.h>

namespace keelson::kubernetes {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

TEST(TokenBucketTest, LetsABurstThroughAndThenTheRate) {
  TokenBucket bucket(10, 3);
  TokenBucket::Time now{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.Take(now).count(), 0) << i;
  EXPECT_EQ(duration_cast<milliseconds>(bucket.Take(now)), milliseconds(100));
  EXPECT_EQ(duration_cast<milliseconds>(bucket.Take(now)), milliseconds(200));
  now += milliseconds(300);  // the two that waited are sent, and one more may be
  EXPECT_EQ(bucket.Take(now).count(), 0);
  EXPECT_GT(bucket.Take(now).count(), 0);
}

TEST(TokenBucketTest, SavesNoMoreThanABurst) {
  TokenBucket bucket(10, 3);
  TokenBucket::Time now{std::chrono::hours(1)};
  now += std::chrono::hours(5);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.Take(now).count(), 0) << i;
  EXPECT_GT(bucket.Take(now).count(), 0);
}

TEST(TokenBucketTest, SendsNoMoreThanTheRateInTheLongRun) {
  TokenBucket bucket(50, 5);
  TokenBucket::Time now{std::chrono::hours(1)};
  const TokenBucket::Time begin = now;
  for (int i = 0; i < 505; ++i) now += bucket.Take(now);
  EXPECT_GE(now - begin, milliseconds(9'900));
  EXPECT_LE(now - begin, milliseconds(10'100));
}

}  // namespace
}  // namespace keelson::kubernetes
