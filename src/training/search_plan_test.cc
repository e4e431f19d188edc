#include "training/search_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/random.h"
#include "training/asha.h"

namespace keelson::training {
namespace {

SearchState MakeSearch(int trials, int parallel, bool asha = true) {
  SearchState state;
  state.space = {{"x", Range::Kind::kFloat, -1, 1, false, {}}, {"d", Range::Kind::kInt, 1, 8, false, {}}};
  state.trials_wanted = trials;
  state.parallel = parallel;
  state.seed = 11;
  if (asha) state.asha = AshaPolicy{25, 200, 3};
  return state;
}

// What a trial shows after `rounds`: better points and more rounds are better.
double Objective(const Point& point, int rounds) {
  return point[0] * point[0] + 0.05 * point[1] + 10.0 / rounds;
}

struct Played {
  SearchState state;
  std::vector<TrialAction> actions;
  int best = -2;
  int rounds_spent = 0;
};

// Runs the search to its end; trials report in the order they were begun. After `store_every` actions the state goes
// through its JSON, as after a kill.
Played Play(SearchState state, int store_every = 0, int fail_every = 0) {
  Played played;
  std::deque<TrialAction> running;
  for (int step = 0; step < 2000; ++step) {
    const auto plan = PlanTrials(state);
    EXPECT_TRUE(plan.has_value());
    for (const TrialAction& action : *plan) {
      played.actions.push_back(action);
      if (action.kind == TrialAction::Kind::kFinish) {
        played.best = action.trial;
        played.state = state;
        EXPECT_TRUE(running.empty());
        return played;
      }
      state = Begin(std::move(state), action);
      running.push_back(action);
      if (store_every > 0 && played.actions.size() % static_cast<std::size_t>(store_every) == 0) {
        state = SearchState::FromJson(state.ToJson()).value();
      }
    }
    EXPECT_LE(running.size(), static_cast<std::size_t>(state.parallel));
    EXPECT_EQ(PlanTrials(state)->size(), 0u) << "what was begun is begun again";
    const TrialAction ended = running.front();
    running.pop_front();
    const Trial& trial = state.trials[static_cast<std::size_t>(ended.trial)];
    const std::vector<int> rungs = state.median ? Rungs(*state.median) : Rungs(AshaPolicy{25, 200, 3});
    const int before = trial.objectives.empty() ? 0 : rungs[trial.objectives.size() - 1];
    played.rounds_spent += ended.rounds - before;
    const bool fails = fail_every > 0 && ended.trial % fail_every == 0;
    state = Report(std::move(state), ended.trial, fails ? std::nan("") : Objective(trial.point, ended.rounds));
  }
  ADD_FAILURE() << "the search does not end";
  return played;
}

TEST(AshaTest, RungsGrowByTheReductionUpToTheMost) {
  EXPECT_EQ(Rungs(AshaPolicy{25, 200, 3}), (std::vector<int>{25, 75, 200}));
  EXPECT_EQ(Rungs(AshaPolicy{1, 64, 4}), (std::vector<int>{1, 4, 16, 64}));
  EXPECT_EQ(Rungs(AshaPolicy{500, 200, 3}), (std::vector<int>{200}));
  EXPECT_EQ(Rungs(AshaPolicy{0, 3, 1}), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(Rungs(AshaPolicy{1000000000, 2147483647, 1000}), (std::vector<int>{1000000000, 2147483647}));
}

TEST(AshaTest, PromotesTheBestThirdOfARungHighestRungFirst) {
  const AshaPolicy policy{25, 200, 3};
  std::vector<RungResults> trials = {{0, {0.5}}, {1, {0.3}}};
  EXPECT_EQ(PromotableTrial(trials, policy), std::nullopt);  // a third of two is none
  trials.push_back({2, {0.4}});
  EXPECT_EQ(PromotableTrial(trials, policy), 1);
  trials[1].running = true;
  EXPECT_EQ(PromotableTrial(trials, policy), std::nullopt);
  trials[1] = {1, {0.3, 0.2}};
  EXPECT_EQ(PromotableTrial(trials, policy), std::nullopt);
  trials.insert(trials.end(), {{3, {0.1}}, {4, {0.9}}, {5, {0.9}}});
  EXPECT_EQ(PromotableTrial(trials, policy), 3);  // two of six, and the other one is gone on already
  trials[0].objectives = {0.5, 0.3};
  trials[3].objectives = {0.1, 0.1};
  EXPECT_EQ(PromotableTrial(trials, policy), 3);  // now at the second rung
  trials[3].objectives = {0.1, 0.1, 0.05};
  EXPECT_EQ(PromotableTrial(trials, policy), std::nullopt);
  EXPECT_EQ(PromotableTrial({{0, {0.5}}, {1, {0.5}}, {2, {std::nan("")}}, {3, {0.5}}}, policy),
            0);  // a tie; failed ones are none
}

TEST(SearchPlanTest, EveryTrialRunsOnceWithoutPruner) {
  const Played played = Play(MakeSearch(20, 4, /*asha=*/false));
  EXPECT_EQ(played.actions.size(), 21u);
  double least = INFINITY;
  for (const Trial& trial : played.state.trials) least = std::min(least, trial.objectives.at(0));
  EXPECT_EQ(played.state.trials[static_cast<std::size_t>(played.best)].objectives[0], least);
}

TEST(SearchPlanTest, PruningSpendsLessAndFindsAsGood) {
  const Played full = Play(MakeSearch(50, 4, /*asha=*/false));
  const Played pruned = Play(MakeSearch(50, 4));
  EXPECT_EQ(pruned.state.trials.size(), 50u);
  EXPECT_LT(pruned.rounds_spent, 50 * 200 * 6 / 10);
  const Trial& best = pruned.state.trials[static_cast<std::size_t>(pruned.best)];
  EXPECT_EQ(best.rounds, 200);
  EXPECT_LT(best.objectives.back(), full.state.trials[static_cast<std::size_t>(full.best)].objectives.back() + 0.05);
}

TEST(SearchPlanTest, TheMedianRuleSpendsLessAndFindsAsGood) {
  SearchState state = MakeSearch(50, 4, /*asha=*/false);
  const Played full = Play(state);
  state.median = MedianPolicy{25, 200, 3};
  const Played pruned = Play(state, /*store_every=*/1);
  EXPECT_EQ(pruned.state.trials.size(), 50u);
  EXPECT_EQ(pruned.state.median, state.median);
  EXPECT_LT(pruned.rounds_spent, 50 * 200 * 9 / 10);
  const Trial& best = pruned.state.trials[static_cast<std::size_t>(pruned.best)];
  EXPECT_EQ(best.rounds, 200);
  EXPECT_LT(best.objectives.back(), full.state.trials[static_cast<std::size_t>(full.best)].objectives.back() + 0.05);
}

TEST(SearchPlanTest, StoredAndReadAtAnyMomentItGoesOnTheSame) {
  const Played unbroken = Play(MakeSearch(30, 3));
  const Played broken = Play(MakeSearch(30, 3), /*store_every=*/1);
  EXPECT_EQ(broken.actions, unbroken.actions);
  EXPECT_EQ(broken.state, unbroken.state);
  EXPECT_NE(Play([] {
              SearchState other = MakeSearch(30, 3);
              other.seed = 12;
              return other;
            }())
                .actions,
            unbroken.actions);
}

TEST(SearchPlanTest, FailedTrialsCountAndAreNeverTheBest) {
  const Played played = Play(MakeSearch(20, 2), 0, /*fail_every=*/3);
  EXPECT_EQ(played.state.trials.size(), 20u);
  EXPECT_NE(played.best % 3, 0);
  EXPECT_EQ(Play(MakeSearch(6, 2), 0, /*fail_every=*/1).best, -1);
}

TEST(SearchPlanTest, TheBestOfTooFewTrialsStillReachesTheLastRung) {
  const Played played = Play(MakeSearch(2, 1));
  EXPECT_EQ(played.state.trials[static_cast<std::size_t>(played.best)].rounds, 200);
  EXPECT_EQ(Play(MakeSearch(0, 1)).best, -1);
}

TEST(SearchPlanTest, TrialsThatEndInAnyOrderKeepTheRules) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    SearchState state = MakeSearch(25, 4);
    std::vector<int> running;
    bool finished = false;
    for (int step = 0; step < 500 && !finished; ++step) {
      const std::vector<TrialAction> plan = PlanTrials(state).value();
      for (const TrialAction& action : plan) {
        finished = action.kind == TrialAction::Kind::kFinish;
        if (finished) break;
        ASSERT_EQ(std::count(running.begin(), running.end(), action.trial), 0);
        running.push_back(action.trial);
        state = Begin(std::move(state), action);
      }
      ASSERT_LE(running.size(), 4u);
      if (finished) break;
      const std::size_t which = random.Below(running.size());
      const Trial trial = state.trials[static_cast<std::size_t>(running[which])];
      state = Report(std::move(state), trial.number, Objective(trial.point, trial.rounds));
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
    }
    ASSERT_TRUE(finished) << "seed " << seed;
  }
}

TEST(SearchPlanTest, WhatIsNoStoredSearchIsRefused) {
  const std::string text = MakeSearch(3, 1).ToJson();
  EXPECT_EQ(SearchState::FromJson(text).value(), MakeSearch(3, 1));
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[1]"), text.substr(0, text.size() / 2),
                                 std::string(R"({"algorithm": 3})")}) {
    EXPECT_EQ(SearchState::FromJson(bad).error().code, ErrorCode::kDataLoss) << bad;
  }
  SearchState stepped = MakeSearch(3, 1);
  stepped.space[0].step = 0.25;
  stepped.space[0].normal = true;
  EXPECT_EQ(SearchState::FromJson(stepped.ToJson()).value(), stepped);
  SearchState wrong = MakeSearch(3, 1);
  wrong.trials.push_back({0, {1.0}, false, 25, {0.5}});
  EXPECT_FALSE(SearchState::FromJson(wrong.ToJson()).has_value());
  wrong = MakeSearch(3, 1);
  wrong.algorithm = "grid";
  EXPECT_EQ(PlanTrials(wrong).error().code, ErrorCode::kInvalidArgument);
  wrong.space.clear();
  EXPECT_FALSE(PlanTrials(wrong).has_value());
}

}  // namespace
}  // namespace keelson::training
