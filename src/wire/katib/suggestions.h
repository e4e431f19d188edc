#pragma once

#include <vector>

#include "base/result.h"
#include "wire/katib/messages.h"

namespace keelson::wire::katib {

// The next trials of an experiment: as many assignments of all its parameters as are asked for. Pure: the same question
// has the same answer. Trials that succeeded or were stopped early count with their objective (without one they do not
// count, as Katib has it), failed and killed ones as the worst; those under way keep new ones away.
//
// kInvalidArgument names what makes no sense: the algorithm and its settings, a parameter's space, a trial's value.
// kResourceExhausted for more work than one answer may take.
Result<std::vector<std::vector<Named>>> Suggest(const SuggestionsAsked& asked);

}  // namespace keelson::wire::katib
