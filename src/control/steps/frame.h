#pragma once

#include <string>

#include "base/result.h"
#include "data/table.h"
#include "features/encoder.h"
#include "training/matrix.h"

namespace keelson::control::steps {

// What training reads: a table file with the model's inputs in their order, then the label and the time; and how many
// rows at the end (in order of time) are the test split. Beside it, the encoder of the inputs.
inline constexpr const char* kLabelColumn = "__label";
inline constexpr const char* kTimeColumn = "__time";

struct Frame {
  data::Table train;
  data::Table test;
  features::InputEncoder encoder;
};

Status WriteFrame(const Frame& frame, const std::string& folder);
Result<Frame> ReadFrame(const std::string& folder);

// The encoded numbers of one split.
Result<training::Matrix> MatrixOf(const data::Table& rows, const features::InputEncoder& encoder);

}  // namespace keelson::control::steps
