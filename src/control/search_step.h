#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "control/job_runner.h"
#include "control/types.h"
#include "project/spec.h"

namespace keelson::control {

// A search step is many jobs: trials, each measured at one rung. Its state (training::SearchState) is stored with the
// step, so a search goes on after a kill with the same suggestions.
//
// Trials run in rounds of at most `parallel`: the next ones are chosen when all of a round have reported, in the order
// of their numbers. That costs a little waiting and makes the result independent of how fast each trial ran.
Json BeginSearch(const project::SearchSpec& search, const project::TrainSpec& train);

struct SearchProgress {
  bool changed = false;  // reports came in
  bool finished = false;
  Json output;        // {"parameters", "trials", "best"}
  std::string error;  // the search has failed
};

// Pure: the jobs of the next round, by the trial's number, and the search's state with them begun. Nothing is ordered
// while a round runs: `search` must have no "running".
Result<std::map<int, Job>> NextTrials(const Pipeline& pipeline, const std::string& step, Json& search, const Json& spec,
                                      const project::Project& project);
// Pure: takes in what the trials of a round answered, by number; null for one that failed. `last_error` is said when
// every trial has failed.
Result<SearchProgress> TakeReports(Json& search, const std::map<int, Json>& outputs, const std::string& last_error);

// The same with jobs: takes in the reports of trials that have ended.
Result<SearchProgress> ObserveSearch(Step& step, const JobRunner& jobs);
// Orders the next trials, when none is running.
Status ContinueSearch(const Pipeline& pipeline, Step& step, const Json& spec, const project::Project& project,
                      JobRunner& jobs);

}  // namespace keelson::control
