#pragma once

#include "serving/json_cursor.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

// Reads a "data" array, flat or nested as the shape says, into `tensor` (name, datatype and shape are set, the shape
// within the limits). kInvalidArgument names the input; malformed JSON leaves its problem in the cursor.
Status ReadJsonData(serving::JsonCursor& cursor, Tensor* tensor);

}  // namespace keelson::wire::inference
