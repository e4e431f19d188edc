#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "serving/tensor.h"

namespace keelson::serving {

// How JSON says what its numbers cannot: NaN and the infinities.
enum class JsonConstants {
  kNull,    // null, as the standard has it
  kPython,  // NaN, Infinity and -Infinity, as Python's json module writes them
};

// Appends the elements of a tensor from `begin` on as nested arrays of `shape`, as numpy's tolist() and json.dumps
// write them: each float by the digits of its double. Without dimensions it is the one element. Where the places of the
// last dimension have labels (Tensor::labels), they are objects.
void AppendTensorJson(const Tensor& tensor, std::size_t begin, std::span<const std::int64_t> shape,
                      JsonConstants constants, std::string* out);

}  // namespace keelson::serving
