#pragma once

#include <string>
#include <vector>

#include "wire/katib/messages.h"

namespace keelson::wire::katib {

// An experiment with a parameter of each type.
inline Experiment MakeExperiment(const std::string& algorithm = "tpe", const std::vector<Named>& settings = {}) {
  Experiment experiment;
  experiment.name = "test";
  experiment.algorithm = {algorithm, settings};
  experiment.parameters = {{"n", ParameterType::kInt, "1", "5", "", {}, {}},
                           {"kind", ParameterType::kCategorical, "", "", "", {"cat1", "cat2", "cat3"}, {}},
                           {"size", ParameterType::kDiscrete, "", "", "", {"3", "2", "6"}, {}},
                           {"rate", ParameterType::kDouble, "0.001", "1", "", {}, Distribution::kLogUniform}};
  return experiment;
}

inline Trial MakeTrial(const std::string& name, const std::vector<Named>& assignments, Condition condition,
                       const std::string& objective = "") {
  Trial trial{name, "auc", assignments, condition, {{"loss", "7"}}};
  if (!objective.empty()) trial.metrics.emplace_back("auc", objective);
  return trial;
}

}  // namespace keelson::wire::katib
