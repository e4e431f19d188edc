#pragma once

#include <vector>

#include "base/result.h"
#include "data/table.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

struct EntityKeys {
  std::size_t rows = 0;
  std::vector<data::Value> cells;  // row by row, in the order of the schema
};

// The key columns out of a request's tensors: BYTES for kString, integers for kInt64, any number for kDouble, BOOL for
// kBool. A missing value is null. kInvalidArgument names the input, what came and what was expected.
Result<EntityKeys> TakeEntityKeys(const data::Schema& keys, const std::vector<Tensor>& tensors);

}  // namespace keelson::wire::inference
