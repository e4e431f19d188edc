#pragma once

#include <vector>

#include "app/replay/corruption.h"
#include "app/replay/past.h"

namespace keelson::app {

// Whether rows of later instants may be at the server already when a question of an earlier one is answered. The server
// answers as of the question's instant whatever rows it has, so it may be when no row says anything of an instant
// before the one at which it is pushed: each row is pushed once, when all of it is known and not in parts; no row takes
// the place of another one with its key; and nobody changes instants or keys on the way.
bool MayRunAhead(const Past& past, const std::vector<Corruption>& corruptions);

}  // namespace keelson::app
