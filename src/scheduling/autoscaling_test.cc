#include "scheduling/autoscaling.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/random.h"
#include "base/strings.h"

namespace keelson::scheduling {
namespace {

TEST(AutoscalingTest, EveryLineOfTheTableHolds) {
  std::ifstream file(std::string(KEELSON_SOURCE_DIR) + "/src/scheduling/testdata/autoscaling.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    SCOPED_TRACE(line);
    std::istringstream words(line);
    ReplicaSnapshot snapshot;
    ReplicaPolicy policy;
    std::string idle, below, bar, policy_idle, stabilization, arrow, replicas, reason;
    words >> snapshot.ready >> snapshot.starting >> snapshot.in_flight >> snapshot.held >> idle >> below >> bar >>
        policy.min >> policy.max >> policy.target_concurrency >> policy_idle >> stabilization >> arrow >> replicas;
    std::getline(words, reason);
    snapshot.idle_for = *ParseDuration(idle);
    snapshot.below_for = *ParseDuration(below);
    policy.idle = *ParseDuration(policy_idle);
    policy.stabilization = *ParseDuration(stabilization);
    const ReplicaPlan plan = PlanReplicas(snapshot, policy);
    EXPECT_EQ(std::to_string(plan.replicas) + ":", replicas);
    EXPECT_NE(plan.reason.find(Trim(reason)), std::string::npos) << plan.reason;
    ++cases;
  }
  EXPECT_GE(cases, 20);
}

TEST(AutoscalingPropertyTest, StaysWithinTheLimitsServesWhatIsHeldAndSettles) {
  Random random(7);
  const auto up_to = [&](std::uint64_t most) { return static_cast<int>(random.Below(most + 1)); };
  for (int i = 0; i < 20000; ++i) {
    ReplicaPolicy policy;
    policy.max = 1 + up_to(7);
    policy.min = up_to(static_cast<std::uint64_t>(policy.max));
    policy.target_concurrency = 0.5 + random.Uniform() * 16;
    ReplicaSnapshot snapshot{up_to(9), up_to(2), up_to(60), up_to(20), {}, std::chrono::seconds(up_to(90))};
    if (snapshot.in_flight + snapshot.held == 0) snapshot.idle_for = std::chrono::seconds(up_to(600));
    const ReplicaPlan plan = PlanReplicas(snapshot, policy);
    ASSERT_GE(plan.replicas, policy.min);
    ASSERT_LE(plan.replicas, policy.max);
    ASSERT_FALSE(plan.reason.empty());
    if (snapshot.in_flight + snapshot.held > 0) {
      ASSERT_GE(plan.replicas, 1);
    }
    snapshot.ready = plan.replicas;
    snapshot.starting = 0;
    ASSERT_EQ(PlanReplicas(snapshot, policy).replicas, plan.replicas) << "acted on, the same plan must come again";
  }
}

}  // namespace
}  // namespace keelson::scheduling
