#pragma once

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
// Takes in the reports of trials that have ended.
Result<SearchProgress> ObserveSearch(Step& step, const JobRunner& jobs);

// Orders the next trials, when none is running.
Status ContinueSearch(const Pipeline& pipeline, Step& step, const Json& spec, const project::Project& project,
                      JobRunner& jobs);

}  // namespace keelson::control
