#pragma once

#include <cstdint>

#include "base/result.h"
#include "training/search.h"
#include "wire/katib/messages.h"

namespace keelson::wire::katib {

// How the sampler is set that an experiment asks for: "tpe" with gamma, prior_weight and n_EI_candidates as Katib's
// Hyperopt service takes them or n_startup_trials and n_ei_candidates as its Optuna service does, "random", both with
// random_state. Without that the seed is made of the experiment's name, so that a question asked again is answered the
// same. kInvalidArgument with Katib's own words for another algorithm, another setting or a value that makes no sense.
Result<training::SamplerSettings> SettingsOf(const Experiment& experiment);

}  // namespace keelson::wire::katib
