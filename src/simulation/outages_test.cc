#include "simulation/outages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace keelson::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using Kind = Outages::Change::Kind;

Fleet::Pool PoolOf(const std::string& name, int nodes, const std::string& zone = "") {
  Fleet::Pool pool;
  pool.name = name;
  pool.nodes = nodes;
  pool.zone = zone;
  pool.price = 2'000'000;
  pool.spot_price = 500'000;
  pool.interruptions = 0;
  return pool;
}

Fleet FleetOf(std::vector<Fleet::Pool> pools) {
  Fleet fleet;
  fleet.pools = std::move(pools);
  return fleet;
}

// Every change until then, with its instant.
std::vector<std::pair<Instant, Outages::Change>> Play(Outages& outages, Duration until) {
  std::vector<std::pair<Instant, Outages::Change>> all;
  while (const auto next = outages.Next()) {
    if (*next > Instant{} + until) break;
    outages.Pay(*next);
    const auto changes = outages.Take(*next);
    for (const Outages::Change& change : changes.value()) all.emplace_back(*next, change);
  }
  outages.Pay(Instant{} + until);
  return all;
}

TEST(OutagesTest, WithoutRatesNothingFailsAndEveryHourIsPaid) {
  const Fleet fleet = FleetOf({PoolOf("a", 3), PoolOf("b", 2)});
  Outages outages(fleet, {});
  EXPECT_EQ(outages.Next(), std::nullopt);
  EXPECT_FALSE(outages.Returning());
  outages.Pay(Instant{} + hours(10));
  EXPECT_DOUBLE_EQ(outages.paid()[0].node_hours, 30);
  EXPECT_DOUBLE_EQ(outages.paid()[0].cost, 60);
  EXPECT_DOUBLE_EQ(outages.cost(), 100);
}

TEST(OutagesTest, ANodeThatIsGoneComesBackAndIsNotPaidMeanwhile) {
  const Fleet fleet = FleetOf({PoolOf("a", 1)});
  Failures failures;
  failures.node_loss = 0.5;
  failures.back = minutes(30);
  Outages outages(fleet, failures);
  const Duration until = hours(1000);
  const auto changes = Play(outages, until);
  ASSERT_GT(changes.size(), 100U);
  Duration away{};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    EXPECT_EQ(changes[i].second.kind, i % 2 == 0 ? Kind::kGone : Kind::kBack);
    if (i % 2 == 1) {
      EXPECT_EQ(changes[i].first - changes[i - 1].first, minutes(30));
      away += minutes(30);
    }
  }
  if (changes.size() % 2 == 1) away += Instant{} + until - changes.back().first;
  const double there = std::chrono::duration<double, std::ratio<3600>>(until - away).count();
  EXPECT_NEAR(outages.paid()[0].node_hours, there, 1e-6);
  EXPECT_NEAR(static_cast<double>(outages.lost()), 0.5 * there, 0.2 * there) << "as often as was said";
}

TEST(OutagesTest, ASpotNodeIsTakenAfterItsNotice) {
  Fleet fleet = FleetOf({PoolOf("a", 4)});
  fleet.pools[0].spot_share = 0.5;
  fleet.pools[0].interruptions = 0.2;
  EXPECT_EQ(fleet.pools[0].PriceOf(1), 500'000);
  EXPECT_EQ(fleet.pools[0].PriceOf(2), 2'000'000);
  Outages outages(fleet, {});
  std::map<int, Instant> told;
  for (const auto& [at, change] : Play(outages, hours(200))) {
    EXPECT_LT(change.node, 2) << "the others are on demand";
    if (change.kind == Kind::kNotice) {
      EXPECT_EQ(change.gone_at, at + minutes(2));
      told[change.node] = change.gone_at;
    }
    if (change.kind == Kind::kGone) {
      EXPECT_EQ(told.at(change.node), at);
    }
  }
  EXPECT_GT(outages.interrupted(), 20U);
  EXPECT_EQ(outages.lost(), 0U);
  Failures never;
  never.interruptions = 0;
  EXPECT_EQ(Outages(fleet, never).Next(), std::nullopt);
}

TEST(OutagesTest, AZoneFailsWithAllItsNodes) {
  const Fleet fleet = FleetOf({PoolOf("a", 2, "east"), PoolOf("b", 3, "west"), PoolOf("c", 1, "east")});
  Failures failures;
  failures.zone_loss = 0.1;
  Outages outages(fleet, failures);
  std::map<Instant, std::set<int>> gone;
  for (const auto& [at, change] : Play(outages, hours(100))) {
    if (change.kind == Kind::kGone) gone[at].insert(change.node);
  }
  ASSERT_GT(gone.size(), 4U);
  for (const auto& [at, nodes] : gone) {
    EXPECT_THAT(nodes, testing::AnyOf(std::set<int>{0, 1, 5}, std::set<int>{2, 3, 4}));
  }
}

// So that policies, and fleets of other sizes, can be compared: the same machines fail at the same time.
TEST(OutagesTest, WhatFailsWhenFollowsFromTheSeedAndTheNamesAlone) {
  Failures failures;
  failures.node_loss = 0.1;
  const auto of = [](const Fleet& fleet, const Failures& how, int most) {
    Outages outages(fleet, how);
    std::vector<std::pair<Instant, int>> gone;
    for (const auto& [at, change] : Play(outages, hours(300))) {
      if (change.kind == Kind::kGone && change.node < most) gone.emplace_back(at, change.node);
    }
    return gone;
  };
  const Fleet small = FleetOf({PoolOf("a", 3)});
  const auto first = of(small, failures, 3);
  EXPECT_GT(first.size(), 20U);
  EXPECT_EQ(of(small, failures, 3), first);
  EXPECT_EQ(of(FleetOf({PoolOf("a", 5), PoolOf("b", 7)}), failures, 3), first);
  failures.seed = 43;
  EXPECT_NE(of(small, failures, 3), first);
}

TEST(OutagesTest, WhatFailsWhileItIsAwayOrToldFailsOnce) {
  Fleet fleet = FleetOf({PoolOf("a", 1)});
  fleet.pools[0].spot_share = 1;
  Failures failures;
  failures.interruptions = 20;
  failures.node_loss = 20;
  failures.zone_loss = 20;
  failures.notice = minutes(3);
  Outages outages(fleet, failures);
  bool there = true;
  bool told = false;
  for (const auto& [at, change] : Play(outages, hours(200))) {
    if (change.kind == Kind::kNotice) {
      EXPECT_TRUE(there && !told);
      told = true;
    } else {
      EXPECT_EQ(there, change.kind == Kind::kGone);
      there = change.kind == Kind::kBack;
      told = false;
    }
  }
  EXPECT_GT(outages.lost(), 50U);
  EXPECT_GT(outages.interrupted(), 5U);
}

}  // namespace
}  // namespace keelson::simulation
