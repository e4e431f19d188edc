#pragma once

#include <vector>

namespace keelson::training {

// What a trial has shown at each rung that it ended, the number of rounds at which trials are compared; NaN at the last
// one: it failed.
struct RungResults {
  int trial = 0;
  std::vector<double> objectives;  // minimised
  bool running = false;            // on its way to the next rung, or promoted to it
};

}  // namespace keelson::training
