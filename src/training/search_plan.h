#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "training/asha.h"
#include "training/median_stop.h"
#include "training/search.h"

namespace keelson::training {

// One trial of a search as control stores it.
struct Trial {
  int number = 0;
  Point point;
  bool running = false;
  int rounds = 0;                  // that it was last told to reach
  std::vector<double> objectives;  // at each rung that it ended, minimised; NaN: it failed there and goes no further
  bool operator==(const Trial&) const;  // NaNs are equal
};

// A whole search: what was asked for and what has happened. All there is: stored as JSON, it goes on after a kill with
// the same suggestions.
struct SearchState {
  std::vector<Range> space;
  std::string algorithm = "tpe";
  std::uint64_t seed = 1;
  int trials_wanted = 20;
  int parallel = 1;
  int rounds = 200;                // of every trial, without pruner
  std::optional<AshaPolicy> asha;  // the pruner, of which there is one at most
  std::optional<MedianPolicy> median;
  std::vector<Trial> trials;  // by number: 0, 1, 2, ...

  std::string ToJson() const;
  // kDataLoss for what ToJson cannot have written.
  static Result<SearchState> FromJson(std::string_view text);
  bool operator==(const SearchState&) const = default;
};

struct TrialAction {
  enum class Kind {
    kStart,    // a new trial: train `point` for `rounds`
    kPromote,  // trial `trial` goes on from its checkpoint to `rounds`
    kFinish,   // nothing is left to do; `trial` is the best, -1 when every trial failed
  } kind = Kind::kStart;
  int trial = 0;
  Point point;
  int rounds = 0;
  bool operator==(const TrialAction&) const = default;
};

// Pure. Keeps `parallel` trials running: goes on with what the pruner finds promising, else starts the next one, until
// `trials_wanted` have ended; if then none has reached the last rung, the best one goes on to it. The best is the least
// objective among the trials of the highest rung reached. kInvalidArgument for ranges or an algorithm that make no
// sense.
Result<std::vector<TrialAction>> PlanTrials(const SearchState& state);

// The state after an action was carried out (of kStart and kPromote), and after a running trial reported (NaN: it
// failed).
SearchState Begin(SearchState state, const TrialAction& action);
SearchState Report(SearchState state, int trial, double objective);

}  // namespace keelson::training
