#include "training/search_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace keelson::training {
namespace {

using Json = nlohmann::ordered_json;

bool Failed(const Trial& trial) {
  return !trial.objectives.empty() && std::isnan(trial.objectives.back());
}

// The best of the highest rung that any has ended without failing; -1: none.
int BestTrial(const std::vector<Trial>& trials) {
  std::size_t highest = 0;
  for (const Trial& trial : trials) {
    if (!Failed(trial)) highest = std::max(highest, trial.objectives.size());
  }
  int best = -1;
  for (const Trial& trial : trials) {
    if (highest == 0 || Failed(trial) || trial.objectives.size() != highest) continue;
    if (best < 0 || trial.objectives.back() < trials[static_cast<std::size_t>(best)].objectives.back())
      best = trial.number;
  }
  return best;
}

std::optional<int> Promising(const SearchState& state) {
  if (!state.asha && !state.median) return std::nullopt;
  std::vector<RungResults> results;
  for (const Trial& trial : state.trials) results.push_back({trial.number, trial.objectives, trial.running});
  return state.asha ? PromotableTrial(results, *state.asha) : TrialToGoOn(results, *state.median);
}

std::vector<int> RungsOf(const SearchState& state) {
  if (state.asha) return Rungs(*state.asha);
  if (state.median) return Rungs(*state.median);
  return {state.rounds};
}

Point NextPoint(const SearchState& state, const Sampler& sampler) {
  std::vector<TrialOutcome> outcomes;
  std::vector<Point> running;
  for (const Trial& trial : state.trials) {
    if (!trial.objectives.empty()) {
      outcomes.push_back({trial.point, trial.objectives.back()});
    } else {
      running.push_back(trial.point);
    }
  }
  return sampler.Suggest(state.space, state.trials.size(), outcomes, running);
}

Json Number(double value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);
}

Json ToJson(const Range& range) {
  Json json = {{"name", range.name}};
  if (range.kind == Range::Kind::kChoice) {
    json["choices"] = range.choices;
    return json;
  }
  json["int"] = range.kind == Range::Kind::kInt;
  json["low"] = range.low;
  json["high"] = range.high;
  json["log"] = range.log;
  if (range.step != 0) json["step"] = range.step;
  if (range.normal) json["normal"] = true;
  return json;
}

Range ReadRange(const Json& json) {
  Range range;
  range.name = json.at("name").get<std::string>();
  if (json.contains("choices")) {
    range.kind = Range::Kind::kChoice;
    range.choices = json.at("choices").get<std::vector<std::string>>();
    return range;
  }
  range.kind = json.at("int").get<bool>() ? Range::Kind::kInt : Range::Kind::kFloat;
  range.low = json.at("low").get<double>();
  range.high = json.at("high").get<double>();
  range.log = json.at("log").get<bool>();
  range.step = json.value("step", 0.0);
  range.normal = json.value("normal", false);
  return range;
}

Trial ReadTrial(const Json& json, std::size_t number) {
  Trial trial;
  trial.number = static_cast<int>(number);
  trial.point = json.at("point").get<Point>();
  trial.running = json.at("running").get<bool>();
  trial.rounds = json.at("rounds").get<int>();
  for (const Json& objective : json.at("objectives")) {
    trial.objectives.push_back(objective.is_null() ? std::nan("") : objective.get<double>());
  }
  return trial;
}

}  // namespace

bool Trial::operator==(const Trial& other) const {
  return number == other.number && point == other.point && running == other.running && rounds == other.rounds &&
         std::equal(objectives.begin(), objectives.end(), other.objectives.begin(), other.objectives.end(),
                    [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); });
}

std::string SearchState::ToJson() const {
  Json json = {{"algorithm", algorithm},
               {"seed", seed},
               {"trials_wanted", trials_wanted},
               {"parallel", parallel},
               {"rounds", rounds}};
  if (asha) {
    json["asha"] = {{"min_rounds", asha->min_rounds}, {"max_rounds", asha->max_rounds}, {"reduction", asha->reduction}};
  }
  if (median) {
    json["median"] = {
        {"interval", median->interval}, {"max_rounds", median->max_rounds}, {"min_trials", median->min_trials}};
  }
  json["space"] = Json::array();
  for (const Range& range : space) json["space"].push_back(training::ToJson(range));
  json["trials"] = Json::array();
  for (const Trial& trial : trials) {
    Json objectives = Json::array();
    for (const double objective : trial.objectives) objectives.push_back(Number(objective));
    json["trials"].push_back(
        {{"point", trial.point}, {"running", trial.running}, {"rounds", trial.rounds}, {"objectives", objectives}});
  }
  return json.dump(1) + "\n";
}

Result<SearchState> SearchState::FromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    SearchState state;
    state.algorithm = json.at("algorithm").get<std::string>();
    state.seed = json.at("seed").get<std::uint64_t>();
    state.trials_wanted = json.at("trials_wanted").get<int>();
    state.parallel = json.at("parallel").get<int>();
    state.rounds = json.at("rounds").get<int>();
    if (json.contains("asha")) {
      const Json& asha = json.at("asha");
      state.asha = AshaPolicy{asha.at("min_rounds").get<int>(), asha.at("max_rounds").get<int>(),
                              asha.at("reduction").get<int>()};
    }
    if (json.contains("median")) {
      const Json& median = json.at("median");
      state.median = MedianPolicy{median.at("interval").get<int>(), median.at("max_rounds").get<int>(),
                                  median.at("min_trials").get<int>()};
    }
    for (const Json& range : json.at("space")) state.space.push_back(ReadRange(range));
    for (const Json& trial : json.at("trials")) {
      state.trials.push_back(ReadTrial(trial, state.trials.size()));
      if (state.trials.back().point.size() != state.space.size()) {
        return Fail(ErrorCode::kDataLoss, "a trial's point is not of the search's space");
      }
    }
    return state;
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kDataLoss, fmt::format("this is no stored search: {}", error.what()));
  }
}

Result<std::vector<TrialAction>> PlanTrials(const SearchState& original) {
  KEELSON_RETURN_IF_ERROR(CheckRanges(original.space));
  KEELSON_ASSIGN_OR_RETURN(const std::unique_ptr<Sampler> sampler,
                           MakeSampler(original.algorithm, {.seed = original.seed}));
  const std::vector<int> rungs = RungsOf(original);
  const auto promote = [&rungs](const Trial& trial) {
    return TrialAction{TrialAction::Kind::kPromote, trial.number, trial.point, rungs[trial.objectives.size()]};
  };
  SearchState state = original;
  std::vector<TrialAction> actions;
  const auto running = [&state] {
    return std::count_if(state.trials.begin(), state.trials.end(), [](const Trial& trial) { return trial.running; });
  };
  while (running() < std::max(state.parallel, 1)) {
    TrialAction action;
    if (const auto trial = Promising(state)) {
      action = promote(state.trials[static_cast<std::size_t>(*trial)]);
    } else if (static_cast<int>(state.trials.size()) < state.trials_wanted) {
      action = {TrialAction::Kind::kStart, static_cast<int>(state.trials.size()), NextPoint(state, *sampler),
                rungs.front()};
    } else {
      break;
    }
    actions.push_back(action);
    state = Begin(std::move(state), action);
  }
  if (running() > 0) return actions;
  const int best = BestTrial(state.trials);
  if (best >= 0 && state.trials[static_cast<std::size_t>(best)].objectives.size() < rungs.size()) {
    return std::vector{promote(state.trials[static_cast<std::size_t>(best)])};
  }
  return std::vector{TrialAction{TrialAction::Kind::kFinish, best, {}, 0}};
}

SearchState Begin(SearchState state, const TrialAction& action) {
  if (action.kind == TrialAction::Kind::kStart) {
    state.trials.push_back({action.trial, action.point, true, action.rounds, {}});
  } else if (action.kind == TrialAction::Kind::kPromote) {
    Trial& trial = state.trials[static_cast<std::size_t>(action.trial)];
    trial.running = true;
    trial.rounds = action.rounds;
  }
  return state;
}

SearchState Report(SearchState state, int number, double objective) {
  Trial& trial = state.trials[static_cast<std::size_t>(number)];
  if (!trial.running) return state;
  trial.running = false;
  trial.objectives.push_back(objective);
  return state;
}

}  // namespace keelson::training
