#include "scheduling/quota_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "base/sanitized_testing.h"

namespace keelson::scheduling {
namespace {

using testing::HasSubstr;

FlavorQuota Cpu(std::int64_t nominal, std::optional<std::int64_t> borrow = {}, std::optional<std::int64_t> lend = {},
                const std::string& flavor = "default") {
  FlavorQuota quota{flavor, {}};
  quota.of[0] = ResourceQuota{nominal, borrow, lend};
  return quota;
}

ClusterQueue Queue(const std::string& name, const std::string& cohort, FlavorQuota quota, double weight = 1) {
  ClusterQueue queue;
  queue.name = name;
  queue.cohort = cohort;
  queue.flavors = {std::move(quota)};
  queue.weight = weight;
  queue.where = "queues.yaml:" + name;
  return queue;
}

Queues Of(std::vector<Cohort> cohorts, std::vector<ClusterQueue> queues) {
  return {{{"default", {}, ""}}, std::move(cohorts), std::move(queues), {}};
}

Amounts Cores(std::int64_t milli) {
  Amounts amounts;
  amounts[Resource::kCpu] = milli;
  return amounts;
}

std::int64_t Left(const QuotaTree& tree, const std::string& queue) {
  return tree.Available(tree.FindQueue(queue), 0, Resource::kCpu);
}

TEST(QuotaTreeTest, AQueueAloneHasItsNominalQuota) {
  QuotaTree tree = QuotaTree::Build(Of({}, {Queue("a", "", Cpu(10))})).value();
  EXPECT_EQ(Left(tree, "a"), 10);
  tree.Add(tree.FindQueue("a"), 0, Cores(4));
  EXPECT_EQ(Left(tree, "a"), 6);
  EXPECT_TRUE(tree.Fits(tree.FindQueue("a"), 0, Cores(6)));
  EXPECT_FALSE(tree.Fits(tree.FindQueue("a"), 0, Cores(7)));
  Amounts gpu;
  gpu[Resource::kGpu] = 1;
  EXPECT_FALSE(tree.Fits(tree.FindQueue("a"), 0, gpu)) << "of what a flavor does not offer there is none";
  EXPECT_EQ(tree.FindQueue("b"), -1);
}

TEST(QuotaTreeTest, QueuesOfACohortBorrowUpToTheirLimitsAndLendUpToTheirs) {
  QuotaTree tree = QuotaTree::Build(Of({}, {Queue("a", "all", Cpu(10, 5)), Queue("b", "all", Cpu(10, {}, 4)),
                                            Queue("c", "all", Cpu(0))}))
                       .value();
  EXPECT_EQ(Left(tree, "a"), 14) << "its own and the four that b lends, of five that it may borrow";
  EXPECT_EQ(Left(tree, "b"), 20) << "what it keeps, what it lends and all of a";
  EXPECT_EQ(Left(tree, "c"), 14);
  tree.Add(tree.FindQueue("c"), 0, Cores(12));
  EXPECT_EQ(Left(tree, "a"), 2);
  EXPECT_EQ(Left(tree, "b"), 8) << "what it does not lend is its own whatever the others use";
  tree.Add(tree.FindQueue("b"), 0, Cores(8));
  EXPECT_EQ(Left(tree, "a"), 0);
  EXPECT_EQ(Left(tree, "b"), 0);
  EXPECT_TRUE(tree.Borrows(tree.FindQueue("c"), 0, Cores(1)));
  EXPECT_FALSE(tree.Borrows(tree.FindQueue("b"), 0, Cores(1)));
  tree.Remove(tree.FindQueue("c"), 0, Cores(12));
  EXPECT_EQ(Left(tree, "a"), 12);
  EXPECT_EQ(tree.Potential(tree.FindQueue("a"), 0, Resource::kCpu), 14);
}

TEST(QuotaTreeTest, QuotaFlowsThroughNestedCohorts) {
  const std::vector<Cohort> cohorts = {{"org", "", {Cpu(6)}, 1, ""}, {"team", "org", {Cpu(0, 3)}, 1, ""}};
  QuotaTree tree = QuotaTree::Build(Of(cohorts, {Queue("a", "team", Cpu(2)), Queue("b", "org", Cpu(4))})).value();
  EXPECT_EQ(Left(tree, "a"), 5) << "its own and the three that its team may borrow";
  EXPECT_EQ(Left(tree, "b"), 12);
  tree.Add(tree.FindQueue("b"), 0, Cores(9));
  EXPECT_EQ(Left(tree, "a"), 3);
}

TEST(QuotaTreeTest, SharesAreTheDominantResourceByWeight) {
  FlavorQuota both = Cpu(10);
  both.of[static_cast<std::size_t>(Resource::kGpu)] = ResourceQuota{10, {}, {}};
  QuotaTree tree = QuotaTree::Build(Of({}, {Queue("a", "all", both), Queue("b", "all", both, 2)})).value();
  const int a = tree.FindQueue("a");
  const int b = tree.FindQueue("b");
  EXPECT_EQ(tree.Share(a), -1);
  Amounts some = Cores(2);
  some[Resource::kGpu] = 5;
  tree.Add(a, 0, some);
  EXPECT_DOUBLE_EQ(tree.Share(a), -0.5) << "half of its GPUs";
  some[Resource::kGpu] = 9;
  tree.Add(a, 0, some);
  tree.Add(b, 0, Cores(14));
  EXPECT_DOUBLE_EQ(tree.Share(a), 4.0 / 20);
  EXPECT_DOUBLE_EQ(tree.Share(b), 4.0 / 20 / 2) << "who has twice the weight may borrow twice as much";
}

TEST(QuotaTreeTest, WhatContradictsIsSaidWithItsPlace) {
  const auto error = [](const Queues& queues) {
    const auto tree = QuotaTree::Build(queues);
    return tree ? "accepted" : tree.error().ToString();
  };
  EXPECT_THAT(error(Of({}, {Queue("a", "", Cpu(1, 2))})),
              HasSubstr("queue 'a''s cpu of flavor 'default' may borrow, and there is no cohort"));
  EXPECT_THAT(error(Of({}, {Queue("a", "", Cpu(1, {}, 1))})), HasSubstr("no cohort to lend to (queues.yaml:a)"));
  EXPECT_THAT(error(Of({}, {Queue("a", "c", Cpu(1, {}, 2))})), HasSubstr("lends more than there is"));
  EXPECT_THAT(error(Of({}, {Queue("a", "c", Cpu(-1))})), HasSubstr("below zero"));
  EXPECT_THAT(error(Of({}, {Queue("a", "c", Cpu(1, -1))})), HasSubstr("below zero"));
  EXPECT_THAT(error(Of({}, {Queue("a", "c", Cpu(std::int64_t{1} << 60))})), HasSubstr("beyond what can be counted"));
  EXPECT_THAT(error(Of({}, {Queue("a", "c", Cpu(1), -1)})), HasSubstr("a weight below zero"));
  EXPECT_THAT(error(Of({}, {Queue("a", "", Cpu(1, {}, {}, "spot"))})),
              HasSubstr("the flavor 'spot', which is not there"));
  EXPECT_THAT(error(Of({}, {Queue("a", "", Cpu(1)), Queue("a", "", Cpu(1))})), HasSubstr("two queues 'a'"));
  EXPECT_THAT(error(Of({{"c", "", {}, 1, ""}, {"c", "", {}, 1, "here"}}, {})), HasSubstr("two cohorts 'c' (here)"));
  EXPECT_THAT(error(Of({{"c", "", {Cpu(1, 1)}, 1, ""}}, {})), HasSubstr("cohort 'c''s cpu"));
  Queues local = Of({}, {Queue("a", "", Cpu(1))});
  local.local_queues = {{"ns", "q", "b", "here"}, {"ns", "q", "a", ""}};
  EXPECT_THAT(error(local),
              HasSubstr("here: local queue 'ns/q' stands for the queue 'b', which is not there\nthere are two of"));
}

TEST(QuotaTreeTest, CohortsThatAreTheirOwnAncestorsAreShownTheirWay) {
  const auto error = [](std::vector<Cohort> cohorts) {
    return QuotaTree::Build(Of(std::move(cohorts), {})).error().ToString();
  };
  EXPECT_EQ(error({{"a", "a", {}, 1, "f:1"}}), "cohorts are their own ancestors: 'a' -> 'a' (f:1)");
  EXPECT_EQ(error({{"x", "a", {}, 1, "f:1"}, {"a", "b", {}, 1, "f:2"}, {"b", "c", {}, 1, ""}, {"c", "a", {}, 1, ""}}),
            "cohorts are their own ancestors: 'a' -> 'b' -> 'c' -> 'a' (f:1)");
  std::vector<Cohort> deep;
  for (int i = 0; i < 100; ++i) deep.push_back({std::to_string(i), std::to_string(i + 1), {}, 1, ""});
  EXPECT_THAT(error(deep), HasSubstr("cohort '0' has more than 32 above it"));
}

TEST(QuotaTreeTest, NoCohortHasMoreThan32AboveItInWhateverOrderTheyStand) {
  // The chain 0 -> 1 -> ... -> `above`, which is the root.
  const auto chain = [](int above, bool root_first) {
    std::vector<Cohort> cohorts;
    for (int i = 0; i <= above; ++i) {
      cohorts.push_back({std::to_string(i), i < above ? std::to_string(i + 1) : "", {}, 1, ""});
    }
    if (root_first) std::reverse(cohorts.begin(), cohorts.end());
    return QuotaTree::Build(Of(std::move(cohorts), {Queue("q", "0", Cpu(1))}));
  };
  for (const bool root_first : {false, true}) {
    SCOPED_TRACE(root_first);
    EXPECT_TRUE(chain(32, root_first).has_value());
    ASSERT_FALSE(chain(33, root_first).has_value());
    EXPECT_THAT(chain(33, root_first).error().message, HasSubstr("has more than 32 above it"));
    EXPECT_FALSE(chain(20'000, root_first).has_value());
  }
}

TEST(QuotaTreeTest, QuotasThatCannotBeCountedTogetherAreRefused) {
  std::vector<ClusterQueue> queues;
  for (int i = 0; i < 200; ++i) queues.push_back(Queue(std::to_string(i), "all", Cpu(std::int64_t{1} << 56)));
  const auto much = QuotaTree::Build(Of({}, queues));
  ASSERT_FALSE(much.has_value());
  EXPECT_THAT(much.error().message, HasSubstr("the quotas of cpu of flavor 'default' are together beyond"));
  queues.resize(30);
  EXPECT_TRUE(QuotaTree::Build(Of({}, queues)).has_value());
}

TEST(QuotaTreeTest, QueuesTimesFlavorsHaveALimit) {
  Queues queues;
  for (int i = 0; i < 2'000; ++i) queues.flavors.push_back({std::to_string(i), {}, ""});
  for (int i = 0; i < 2'000; ++i) queues.cluster_queues.push_back(Queue(std::to_string(i), "", Cpu(1, {}, {}, "0")));
  const auto many = QuotaTree::Build(queues);
  ASSERT_FALSE(many.has_value());
  EXPECT_THAT(many.error().message, HasSubstr("2000 queues and cohorts with 2000 flavors"));
}

// Kueue's rules said in another way: what a queue may use more is the largest amount that, added, keeps every node of
// its way within what it may take from its parent.
class Reckoner {
 public:
  Reckoner(const Queues& queues, std::map<std::string, std::int64_t> used) : queues_(queues), used_(std::move(used)) {}

  bool May(const std::string& queue, std::int64_t more) {
    used_[queue] += more;
    bool fine = true;
    for (std::string at = queue; !at.empty(); at = Parent(at)) {
      const std::int64_t beyond = Usage(at) - Quota(at);
      const ResourceQuota own = Own(at);
      if (Parent(at).empty()) {
        fine = fine && beyond <= 0;
      } else if (own.borrowing_limit && beyond > *own.borrowing_limit) {
        fine = false;
      }
    }
    used_[queue] -= more;
    return fine;
  }

 private:
  ResourceQuota Own(const std::string& node) const {
    for (const ClusterQueue& queue : queues_.cluster_queues) {
      if (queue.name == node) return *queue.flavors[0].of[0];
    }
    for (const Cohort& cohort : queues_.cohorts) {
      if (cohort.name == node && !cohort.flavors.empty()) return *cohort.flavors[0].of[0];
    }
    return {};
  }
  std::string Parent(const std::string& node) const {
    for (const ClusterQueue& queue : queues_.cluster_queues) {
      if (queue.name == node) return queue.cohort;
    }
    for (const Cohort& cohort : queues_.cohorts) {
      if (cohort.name == node) return cohort.parent;
    }
    return "";
  }
  std::vector<std::string> Children(const std::string& node) const {
    std::vector<std::string> children;
    for (const ClusterQueue& queue : queues_.cluster_queues) {
      if (queue.cohort == node) children.push_back(queue.name);
    }
    for (const Cohort& cohort : queues_.cohorts) {
      if (cohort.parent == node) children.push_back(cohort.name);
    }
    return children;
  }
  std::int64_t Kept(const std::string& node) const {
    const ResourceQuota own = Own(node);
    return own.lending_limit ? std::max<std::int64_t>(0, Quota(node) - *own.lending_limit) : 0;
  }
  std::int64_t Quota(const std::string& node) const {
    std::int64_t quota = Own(node).nominal;
    for (const std::string& child : Children(node)) quota += Quota(child) - Kept(child);
    return quota;
  }
  std::int64_t Usage(const std::string& node) const {
    const auto own = used_.find(node);
    std::int64_t usage = own == used_.end() ? 0 : own->second;
    for (const std::string& child : Children(node)) usage += std::max<std::int64_t>(0, Usage(child) - Kept(child));
    return usage;
  }

  const Queues& queues_;
  std::map<std::string, std::int64_t> used_;
};

TEST(QuotaTreePropertyTest, IsWhatTheRulesSayAndWhatIsTakenBackLeavesNothing) {
  for (int seed = 0; seed < Rounds(300); ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const auto maybe = [&](std::int64_t most) -> std::optional<std::int64_t> {
      if (random.Below(2) == 0) return std::nullopt;
      return static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(most) + 1));
    };
    const auto quota = [&](bool shares) {
      const auto nominal = static_cast<std::int64_t>(random.Below(12));
      return shares ? Cpu(nominal, maybe(8), maybe(nominal)) : Cpu(nominal);
    };
    Queues queues = Of({{"root", "", {quota(false)}, 1, ""},
                        {"left", "root", {quota(true)}, 1, ""},
                        {"right", "left", {quota(true)}, 1, ""}},
                       {});
    const std::vector<std::string> cohorts = {"root", "left", "right"};
    for (int i = 0; i < 5; ++i)
      queues.cluster_queues.push_back(Queue("q" + std::to_string(i), cohorts[random.Below(3)], quota(true)));
    QuotaTree tree = QuotaTree::Build(queues).value();
    const QuotaTree empty = tree;
    std::map<std::string, std::int64_t> used;
    std::vector<std::pair<std::string, std::int64_t>> added;
    for (int step = 0; step < 30; ++step) {
      const std::string name = "q" + std::to_string(random.Below(5));
      const int queue = tree.FindQueue(name);
      if (!added.empty() && random.Below(3) == 0) {
        const auto [back, amount] = added.back();
        added.pop_back();
        tree.Remove(tree.FindQueue(back), 0, Cores(amount));
        used[back] -= amount;
        continue;
      }
      const std::int64_t left = Left(tree, name);
      Reckoner reckoner(queues, used);
      ASSERT_EQ(left > 0, reckoner.May(name, 1)) << "step " << step << ", " << name << " has " << left;
      if (left <= 0) continue;
      ASSERT_TRUE(reckoner.May(name, left)) << "step " << step << ", " << name << " has " << left;
      ASSERT_FALSE(reckoner.May(name, left + 1)) << "step " << step << ", " << name << " has " << left;
      const auto amount = static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(left))) + 1;
      tree.Add(queue, 0, Cores(amount));
      used[name] += amount;
      added.emplace_back(name, amount);
    }
    for (const auto& [name, amount] : added) tree.Remove(tree.FindQueue(name), 0, Cores(amount));
    EXPECT_EQ(tree.Usage(tree.root(0)), empty.Usage(empty.root(0)));
  }
}

}  // namespace
}  // namespace keelson::scheduling
