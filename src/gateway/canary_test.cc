#include "gateway/canary.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace keelson::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using Kind = CanaryAction::Kind;

const Instant kStart = InstantFromMicros(1'000'000'000'000);

CanaryPolicy Policy() {
  CanaryPolicy policy;
  policy.interval = hours(6);
  policy.guard_error_rate = 0.01;
  policy.guard_p99 = milliseconds(50);
  return policy;
}

CanarySnapshot At(int step) {
  CanarySnapshot snapshot;
  snapshot.champion = "1";
  snapshot.challenger = "2";
  snapshot.step = step;
  snapshot.step_since = kStart;
  snapshot.challenger_ready = true;
  return snapshot;
}

struct Case {
  const char* name;
  CanarySnapshot snapshot;
  Duration after;  // since the step began
  Kind kind;
  int step = -1;
  int percent = 0;
};

CanarySnapshot With(CanarySnapshot snapshot, auto change) {
  change(snapshot);
  return snapshot;
}

std::vector<Case> Cases() {
  using S = CanarySnapshot;
  const Duration zero{};
  return {
      {"nothing to roll out", With(At(-1), [](S& s) { s.challenger.clear(); }), zero, Kind::kWait},
      {"not ready", With(At(-1), [](S& s) { s.challenger_ready = false; }), hours(99), Kind::kWait},
      {"ready: the first step at once", At(-1), zero, Kind::kSetWeight, 0, 5},
      {"the interval runs", At(0), hours(6) - Duration(1), Kind::kWait},
      {"the interval is over", At(0), hours(6), Kind::kSetWeight, 1, 25},
      {"long over: still only the next step", At(0), hours(600), Kind::kSetWeight, 1, 25},
      {"last step begins", At(1), hours(6), Kind::kSetWeight, 2, 100},
      {"last step runs", At(2), hours(5), Kind::kWait},
      {"promotion", At(2), hours(6), Kind::kPromote},
      {"a policy that became shorter", At(7), hours(6), Kind::kPromote},
      {"the clock went back", At(1), -hours(1), Kind::kWait},
      {"replica lost: nothing moves on", With(At(1), [](S& s) { s.challenger_ready = false; }), hours(6), Kind::kWait},
      {"errors kept", With(At(1), [](S& s) { s.requests = 1000, s.errors = 10; }), zero, Kind::kWait},
      {"errors over", With(At(1), [](S& s) { s.requests = 1000, s.errors = 11; }), zero, Kind::kRollBack},
      {"errors over when the interval is over", With(At(2), [](S& s) { s.requests = 1000, s.errors = 11; }), hours(6),
       Kind::kRollBack},
      {"errors over and no replica ready",
       With(At(1), [](S& s) { s.requests = 60, s.errors = 60, s.challenger_ready = false; }), zero, Kind::kRollBack},
      {"p99 of too few requests", With(At(0), [](S& s) { s.requests = 49, s.p99 = milliseconds(900); }), zero,
       Kind::kWait},
      {"p99 over", With(At(0), [](S& s) { s.requests = 50, s.p99 = milliseconds(51); }), zero, Kind::kRollBack},
      {"p99 at the guard", With(At(0), [](S& s) { s.requests = 50, s.p99 = milliseconds(50); }), zero, Kind::kWait},
      {"p99 over, the champion's too",
       With(At(0), [](S& s) { s.requests = 50, s.p99 = milliseconds(90), s.champion_p99 = milliseconds(45); }), zero,
       Kind::kWait},
      {"p99 over twice the champion's",
       With(At(0), [](S& s) { s.requests = 50, s.p99 = milliseconds(91), s.champion_p99 = milliseconds(45); }), zero,
       Kind::kRollBack},
      {"before it begins no guard counts", With(At(-1), [](S& s) { s.requests = 100, s.errors = 100; }), zero,
       Kind::kSetWeight, 0, 5},
      {"first version", With(At(-1), [](S& s) { s.champion.clear(); }), zero, Kind::kSetWeight, 2, 100},
      {"first version, not ready", With(At(-1), [](S& s) { s.champion.clear(), s.challenger_ready = false; }), zero,
       Kind::kWait},
      {"first version in service", With(At(2), [](S& s) { s.champion.clear(); }), zero, Kind::kPromote},
      {"first version with errors: nothing to go back to",
       With(At(2), [](S& s) { s.champion.clear(), s.requests = s.errors = 100; }), zero, Kind::kPromote},
  };
}

TEST(CanaryTest, EachSnapshotHasItsOneRightAction) {
  for (const Case& c : Cases()) {
    const CanaryAction action = PlanCanary(c.snapshot, kStart + c.after, Policy());
    EXPECT_EQ(action.kind, c.kind) << c.name << ": " << action.reason;
    EXPECT_EQ(action.step, c.step) << c.name;
    EXPECT_EQ(action.percent, c.percent) << c.name;
    EXPECT_FALSE(action.reason.empty()) << c.name;
    EXPECT_EQ(action, PlanCanary(c.snapshot, kStart + c.after, Policy()))
        << c.name << ": the same answer for the same input";
  }
}

TEST(CanaryTest, FewRequestsMakeNoRateButErrorsThatCannotBeMadeUpForDo) {
  CanaryPolicy policy = Policy();
  policy.guard_error_rate = 0.1;  // 5 of 50
  CanarySnapshot snapshot = At(0);
  snapshot.requests = snapshot.errors = 5;
  EXPECT_EQ(PlanCanary(snapshot, kStart, policy).kind, Kind::kWait);
  snapshot.requests = snapshot.errors = 6;
  EXPECT_EQ(PlanCanary(snapshot, kStart, policy).kind, Kind::kRollBack);
}

TEST(CanaryTest, WithoutGuardsAndStepsItStillEnds) {
  CanarySnapshot snapshot = At(-1);
  snapshot.requests = snapshot.errors = 1000;
  snapshot.p99 = hours(1);
  CanaryPolicy policy;
  policy.steps.clear();
  const CanaryAction first = PlanCanary(snapshot, kStart, policy);
  EXPECT_EQ(first.kind, Kind::kSetWeight);
  EXPECT_EQ(first.percent, 100);
  snapshot.step = first.step;
  EXPECT_EQ(PlanCanary(snapshot, kStart, policy).kind, Kind::kPromote);
}

// Random walks of the executor: each step follows the one before, weights never fall, and from every state that has
// begun a broken guard leads back.
TEST(CanaryTest, ARolloutNeverSkipsAStepAndCanAlwaysBeRolledBack) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    CanaryPolicy policy = Policy();
    policy.steps.clear();
    for (int percent = 1 + static_cast<int>(random.Below(20)); percent < 100;
         percent += 1 + static_cast<int>(random.Below(40)))
      policy.steps.push_back(percent);
    policy.steps.push_back(100);
    CanarySnapshot snapshot = At(-1);
    Instant now = kStart;
    int percent = 0;
    for (int turn = 0; turn < 10'000; ++turn) {
      now += std::chrono::minutes(random.Below(300));
      snapshot.challenger_ready = random.Below(5) != 0;
      if (snapshot.step >= 0) {
        CanarySnapshot broken = snapshot;
        broken.requests = 100;
        broken.errors = 2;
        ASSERT_EQ(PlanCanary(broken, now, policy).kind, Kind::kRollBack);
      }
      const CanaryAction action = PlanCanary(snapshot, now, policy);
      ASSERT_NE(action.kind, Kind::kRollBack);
      if (action.kind == Kind::kPromote) break;
      if (action.kind != Kind::kSetWeight) continue;
      ASSERT_TRUE(snapshot.challenger_ready);
      ASSERT_EQ(action.step, snapshot.step + 1);
      ASSERT_GT(action.percent, percent);
      percent = action.percent;
      snapshot.step = action.step;
      snapshot.step_since = now;
    }
    ASSERT_EQ(percent, 100);
  }
}

}  // namespace
}  // namespace keelson::gateway
