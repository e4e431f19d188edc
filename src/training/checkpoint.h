#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace keelson::training {

// A model in the making, kept so that a killed training goes on where it was. In `folder`: model-ROUNDS.ubj and
// state.json, which names it, its hash and the identity of the training. state.json is replaced as a whole after the
// model is on disk, so that at every moment it speaks of a whole model; older models are removed after it.
struct Checkpoint {
  int rounds = 0;
  std::string model;  // bytes
};

// `identity`: hash of everything that decides the model (data, parameters, seed), rounds apart.
Status WriteCheckpoint(const std::string& folder, const std::string& identity, const Checkpoint& checkpoint);

// Nothing when there is none, it is of another identity, it is damaged, or it has more rounds than `at_most_rounds`;
// the reason is logged. Errors only for a folder that cannot be read.
Result<std::optional<Checkpoint>> ReadCheckpoint(const std::string& folder, const std::string& identity,
                                                 int at_most_rounds);

}  // namespace keelson::training
