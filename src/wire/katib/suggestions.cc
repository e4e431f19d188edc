#include "wire/katib/suggestions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "base/strings.h"
#include "training/search.h"
#include "wire/katib/algorithm.h"

namespace keelson::wire::katib {
namespace {

using training::Point;
using training::Range;

// Of trials times parameters times candidates times suggestions: some seconds.
constexpr double kMostWork = 5e8;

std::unexpected<Error> Bad(std::string message, const std::string& where) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), where);
}

bool IsWhole(const Parameter& parameter) {
  return parameter.type == ParameterType::kInt;
}

Result<double> ReadEnd(const Parameter& parameter, const char* which, const std::string& text) {
  if (IsWhole(parameter)) {
    if (const auto whole = ParseInt(Trim(text))) return static_cast<double>(*whole);
  } else if (const auto number = ParseDouble(Trim(text))) {
    return *number;
  }
  return Bad(fmt::format("{} is \"{}\", expected a {}number", which, text, IsWhole(parameter) ? "whole " : ""),
             parameter.name);
}

Result<Range> RangeOf(const Parameter& parameter) {
  Range range;
  range.name = parameter.name;
  if (parameter.type == ParameterType::kDiscrete || parameter.type == ParameterType::kCategorical) {
    range.kind = Range::Kind::kChoice;
    range.choices = parameter.list;
    return range;
  }
  if (parameter.type == ParameterType::kUnknown) {
    return Bad("the parameter has no type; there are DOUBLE, INT, DISCRETE and CATEGORICAL", parameter.name);
  }
  range.kind = IsWhole(parameter) ? Range::Kind::kInt : Range::Kind::kFloat;
  KEELSON_ASSIGN_OR_RETURN(range.low, ReadEnd(parameter, "min", parameter.min));
  KEELSON_ASSIGN_OR_RETURN(range.high, ReadEnd(parameter, "max", parameter.max));
  if (!parameter.step.empty()) {
    KEELSON_ASSIGN_OR_RETURN(range.step, ReadEnd(parameter, "step", parameter.step));
    if (range.step <= 0) return Bad("the step must be a number above 0", parameter.name);
  }
  const Distribution distribution = parameter.distribution;
  range.log = distribution == Distribution::kLogUniform || distribution == Distribution::kLogNormal;
  range.normal = distribution == Distribution::kNormal || distribution == Distribution::kLogNormal;
  return range;
}

std::optional<double> ValueOf(const Range& range, const std::string& text) {
  if (range.kind != Range::Kind::kChoice) {
    const auto number = ParseDouble(Trim(text));
    if (!number || !std::isfinite(*number)) return std::nullopt;
    return training::OnStep(range, *number);  // the space may have been another
  }
  const auto found = std::ranges::find(range.choices, text);
  if (found == range.choices.end()) return std::nullopt;
  return static_cast<double>(found - range.choices.begin());
}

// kInvalidArgument for a trial without a value for each range.
Result<Point> PointOf(const std::vector<Range>& space, const Trial& trial) {
  Point point;
  for (const Range& range : space) {
    const auto found = std::ranges::find(trial.assignments, range.name, &Named::first);
    if (found == trial.assignments.end()) {
      return Bad(fmt::format("the trial has no value of the parameter {}", range.name), trial.name);
    }
    const auto value = ValueOf(range, found->second);
    if (!value) {
      return Bad(fmt::format("the trial's value \"{}\" is none of the parameter {}", found->second, range.name),
                 trial.name);
    }
    point.push_back(*value);
  }
  return point;
}

bool HasResult(Condition condition) {
  return condition == Condition::kSucceeded || condition == Condition::kEarlyStopped;
}

bool HasFailed(Condition condition) {
  return condition == Condition::kFailed || condition == Condition::kKilled ||
         condition == Condition::kMetricsUnavailable;
}

// The trial's objective, minimised; nothing when it was not observed. kInvalidArgument for what is no number.
Result<std::optional<double>> ObjectiveOf(const Trial& trial, bool maximize) {
  const auto found = std::ranges::find(trial.metrics, trial.objective_metric, &Named::first);
  if (found == trial.metrics.end()) return std::nullopt;
  const auto number = ParseDouble(Trim(found->second));
  if (!number && ToLower(Trim(found->second)) != "nan") {
    return Bad(fmt::format("the objective {} is \"{}\", expected a number", trial.objective_metric, found->second),
               trial.name);
  }
  const double objective = number.value_or(std::nan(""));
  return maximize ? -objective : objective;
}

struct Known {
  std::vector<training::TrialOutcome> outcomes;
  std::vector<Point> running;
};

Result<Known> WhatIsKnown(const std::vector<Range>& space, const std::vector<Trial>& trials, bool maximize) {
  Known known;
  for (const Trial& trial : trials) {
    const auto point = PointOf(space, trial);
    if (HasResult(trial.condition)) {
      KEELSON_ASSIGN_OR_RETURN(const auto objective, ObjectiveOf(trial, maximize));
      if (!objective) continue;
      if (!point) return std::unexpected(point.error());
      known.outcomes.push_back({*point, *objective});
    } else if (point && HasFailed(trial.condition)) {
      known.outcomes.push_back({*point, std::nan("")});
    } else if (point) {
      known.running.push_back(*point);
    }
  }
  return known;
}

}  // namespace

Result<std::vector<std::vector<Named>>> Suggest(const SuggestionsAsked& asked) {
  const Experiment& experiment = asked.experiment;
  KEELSON_ASSIGN_OR_RETURN(const auto settings, SettingsOf(experiment));
  KEELSON_ASSIGN_OR_RETURN(const auto sampler, training::MakeSampler(experiment.algorithm.name, settings));
  std::vector<Range> space;
  for (const Parameter& parameter : experiment.parameters) {
    KEELSON_ASSIGN_OR_RETURN(space.emplace_back(), RangeOf(parameter));
  }
  KEELSON_RETURN_IF_ERROR(training::CheckRanges(space));
  if (asked.current < 0) return Bad("a number of suggestions below 0", "current_request_number");
  const double work = static_cast<double>(asked.trials.size() + static_cast<std::size_t>(asked.current)) *
                      static_cast<double>(space.size()) * settings.candidates * static_cast<double>(asked.current);
  if (work > kMostWork) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("{} suggestions after {} trials of {} parameters with {} candidates are too much for one "
                            "answer; ask for fewer at a time",
                            asked.current, asked.trials.size(), space.size(), settings.candidates));
  }
  KEELSON_ASSIGN_OR_RETURN(auto known, WhatIsKnown(space, asked.trials, experiment.maximize));
  // Katib counts what it has asked for; a caller that does not has as many trials as it says.
  const std::uint64_t first = asked.total >= asked.current && asked.total > 0
                                  ? static_cast<std::uint64_t>(asked.total - asked.current)
                                  : asked.trials.size();
  std::vector<std::vector<Named>> suggestions;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(asked.current); ++i) {
    Point point = sampler->Suggest(space, first + i, known.outcomes, known.running);
    const auto values = training::ToParameters(space, point);
    auto& suggestion = suggestions.emplace_back();
    for (const Range& range : space) suggestion.emplace_back(range.name, values.at(range.name));
    known.running.push_back(std::move(point));
  }
  return suggestions;
}

}  // namespace keelson::wire::katib
