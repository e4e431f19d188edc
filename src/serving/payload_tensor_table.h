#pragma once

#include <span>

#include "data/table.h"
#include "serving/payload_log.h"

namespace keelson::serving {

// The records of a model of named tensors as a table, for Parquet: `request_id, row, model, version, time, latency_us`,
// then input_NAME and output_NAME for every tensor that one of the records has. A tensor with one value a row is a
// column of its kind (UINT64 as text); another is a text, the row's values as nested JSON arrays, which SQL casts
// (`input_x::DOUBLE[]`). Where the tensors of a record do not share a first dimension, which then counts its rows, the
// record is one row with all of each tensor.
data::Table TensorTable(const PayloadSchema& schema, std::span<const PayloadRecord* const> records);

}  // namespace keelson::serving
