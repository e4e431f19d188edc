#pragma once

#include <vector>

#include "monitoring/monitor.h"

namespace keelson::monitoring {

// A score that became comparable with the truth.
struct Outcome {
  double score = 0;  // a probability; one that is not a number is left out
  bool positive = false;
};

// Exact and independent of the order of `outcomes`, to the last bit: they are sorted first. Ties count half in the AUC;
// the log loss clips scores to [1e-15, 1 - 1e-15]; calibration has the bins of width 0.1 that hold any score, in rising
// order.
Performance Measure(std::vector<Outcome> outcomes);

}  // namespace keelson::monitoring
