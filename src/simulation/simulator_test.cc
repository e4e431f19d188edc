#include "simulation/simulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/sanitized_testing.h"

namespace keelson::simulation {
namespace {

TEST(SimulationTest, AMonthHoldsItsInvariantsFor200Seeds) {
  SimulationReport all;
  const int months = Rounds(200);
  for (int seed = 0; seed < months; ++seed) {
    SimulationOptions options;
    options.seed = static_cast<std::uint64_t>(seed);
    const SimulationReport report = Simulate(options);
    ASSERT_FALSE(report.broken.has_value()) << *report.broken;
    EXPECT_EQ(report.steps, 30 * 24 * 6);
    all.completed += report.completed;
    all.crashes += report.crashes;
    all.preemptions += report.preemptions;
    all.server_restarts += report.server_restarts;
    all.stale_reports += report.stale_reports;
    all.retrainings += report.retrainings;
    all.promotions += report.promotions;
    all.rollbacks += report.rollbacks;
    all.requests += report.requests;
  }
  // The faults and decisions that the invariants are about really happen.
  EXPECT_GT(all.completed, months * 50);
  EXPECT_GT(all.crashes, months * 10);
  EXPECT_GT(all.preemptions, months);
  EXPECT_GT(all.server_restarts, months * 5);
  EXPECT_GT(all.stale_reports, months);
  EXPECT_GT(all.promotions, months);
  EXPECT_GT(all.rollbacks, months / 4);
  EXPECT_GT(all.requests, static_cast<std::uint64_t>(months) * 10000);
  RecordProperty("per_month", std::to_string(all.completed / months) + " jobs, " +
                                  std::to_string(all.crashes / months) + " crashes");
}

TEST(SimulationTest, AMonthTakesLessThanASecond) {
  if (kSanitized) GTEST_SKIP() << "the speed is that of the release build";
  auto best = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 3; ++i) {  // other work on the machine may slow one down
    const auto begun = std::chrono::steady_clock::now();
    Simulate({});
    best = std::min(best, std::chrono::steady_clock::now() - begun);
  }
  EXPECT_LT(best, std::chrono::seconds(1));
}

TEST(SimulationTest, OneSeedGivesOneMonth) {
  SimulationOptions options;
  options.seed = 5;
  EXPECT_EQ(Simulate(options), Simulate(options));
  SimulationOptions other;
  other.seed = 6;
  EXPECT_NE(Simulate(options), Simulate(other));
}

// Each rule broken on purpose: some month must notice, and say seed, step and rule.
void ExpectNoticed(const char* rule, const std::function<void(Policies&)>& break_it) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    break_it(options.policies);
    const SimulationReport report = Simulate(options);
    if (!report.broken) continue;
    EXPECT_TRUE(report.broken->starts_with("seed " + std::to_string(seed) + ", step ")) << *report.broken;
    EXPECT_NE(report.broken->find(std::string(": ") + rule + ":"), std::string::npos) << *report.broken;
    return;
  }
  ADD_FAILURE() << "nobody noticed that '" << rule << "' was broken";
}

TEST(MutantTest, TrafficToReplicasThatAreNotReady) {
  ExpectNoticed("traffic",
                [](Policies& policies) { policies.may_route = [](const World&, const Attempt&) { return true; }; });
}

TEST(MutantTest, ACrashedJobIsForgotten) {
  ExpectNoticed("lost job", [](Policies& policies) { policies.requeues = [](const Job&) { return false; }; });
}

TEST(MutantTest, ARepeatedReportCountsAgain) {
  ExpectNoticed("run twice", [](Policies& policies) { policies.accepts = [](const Job&, int) { return true; }; });
}

TEST(MutantTest, EverythingStartsAtOnce) {
  ExpectNoticed("limits", [](Policies& policies) {
    policies.admission = [](const scheduling::AdmissionSnapshot& snapshot) {
      scheduling::AdmissionPlan plan;
      for (const auto& job : snapshot.pending)
        plan.actions.push_back({scheduling::AdmissionAction::Kind::kStart, job.id, ""});
      return plan;
    };
  });
}

TEST(MutantTest, MoreReplicasThanAllowed) {
  ExpectNoticed("limits", [](Policies& policies) {
    policies.replicas = [](const scheduling::ReplicaSnapshot&, const scheduling::ReplicaPolicy& policy) {
      return scheduling::ReplicaPlan{policy.max + 1, ""};
    };
  });
}

TEST(MutantTest, NothingEverStarts) {
  ExpectNoticed("starved", [](Policies& policies) {
    policies.admission = [](const scheduling::AdmissionSnapshot&) { return scheduling::AdmissionPlan{}; };
  });
}

TEST(MutantTest, TheChampionIsDeletedDuringARollout) {
  ExpectNoticed("rollback", [](Policies& policies) {
    policies.may_delete = [](const World& world, int version) {
      return world.stored.challenger != 0 && version == world.stored.champion;
    };
  });
}

TEST(MutantTest, ThePreviousChampionIsDeleted) {
  ExpectNoticed("rollback", [](Policies& policies) {
    policies.may_delete = [](const World& world, int version) { return version == world.stored.previous_champion; };
  });
}

TEST(MutantTest, WeightsBeyondTheWhole) {
  ExpectNoticed("weights", [](Policies& policies) {
    policies.canary = [](const gateway::CanarySnapshot& snapshot, Instant now, const gateway::CanaryPolicy& policy) {
      gateway::CanaryAction action = gateway::PlanCanary(snapshot, now, policy);
      if (action.percent == 25) action.percent = 130;
      return action;
    };
  });
}

TEST(MutantTest, AVersionNumberIsGivenTwice) {
  ExpectNoticed("versions", [](Policies& policies) {
    policies.next_version = [](const World& world) {
      return world.stored.versions.empty() ? 1 : static_cast<int>(world.stored.versions.size());
    };
  });
}

TEST(MutantTest, TwoRolloutsAtOnce) {
  ExpectNoticed("one rollout", [](Policies& policies) {
    policies.may_begin = [](const World&) { return true; };
    // Steps of two days and a retraining every day, so that a second version comes while the first is rolled out.
    policies.canary = [](const gateway::CanarySnapshot& snapshot, Instant now, gateway::CanaryPolicy policy) {
      policy.interval = std::chrono::hours(48);
      return gateway::PlanCanary(snapshot, now, policy);
    };
    policies.trigger = [](const monitoring::WindowReport&, const monitoring::TriggerState& state,
                          const monitoring::TriggerPolicy&, Instant) {
      monitoring::TriggerDecision decision;
      decision.state = state;
      decision.retrain = true;
      return decision;
    };
  });
}

}  // namespace
}  // namespace keelson::simulation
