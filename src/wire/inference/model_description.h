#pragma once

#include <vector>

#include "serving/model.h"

namespace keelson::wire::inference {

// What a model says of its inputs and outputs in this protocol, a tree model as well as one of tensors: the columns of
// its encoder, else one matrix of numbers; and the values that it predicts.
std::vector<serving::TensorInfo> InputsOf(const serving::LoadedModel& model);
std::vector<serving::TensorInfo> OutputsOf(const serving::LoadedModel& model);

}  // namespace keelson::wire::inference
