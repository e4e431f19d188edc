#pragma once

#include <cstddef>

#include "serving/tensor.h"

namespace keelson::wire::inference {

using serving::ByteSize;
using serving::Datatype;
using serving::DatatypeName;
using serving::IsFloat;
using serving::IsInteger;
using serving::ParseDatatype;
using serving::ReadBinary;
using serving::ShapeText;
using serving::Tensor;
using serving::WriteBinary;

// What a request may carry; over a limit it is refused.
struct TensorLimits {
  std::size_t rank = 8;
  std::size_t elements = std::size_t{16} << 20;  // in one tensor
  std::size_t inputs = 4'096;
};

}  // namespace keelson::wire::inference
