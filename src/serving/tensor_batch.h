#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "serving/tensor.h"

namespace keelson::serving {

// Requests of a model of tensors that are computed together: their inputs one below the other, and the answer cut apart
// again. The first dimension of a tensor counts its rows.

// The rows that all inputs have; nothing when they differ or a tensor has no dimension.
std::optional<std::size_t> RowsOf(std::span<const Tensor> inputs);

// The same for requests that can be computed together: equal names, datatypes and dimensions beyond the first of the
// inputs, in one order, and equal wanted outputs. Never 0.
std::uint64_t ShapeHash(std::span<const Tensor> inputs, std::span<const std::string> wanted);

// Whether that is so indeed, and not only by the hash.
bool Together(std::span<const Tensor> a, std::span<const Tensor> b);

// One request's inputs below another's. Together(all, more).
void AppendRows(std::span<const Tensor> more, std::vector<Tensor>* all);

// The `rows` rows from the row `begin` on, of every tensor.
std::vector<Tensor> CutRows(std::span<const Tensor> tensors, std::size_t begin, std::size_t rows);

// Bit for bit; NaNs of one pattern are the same.
bool SameBits(std::span<const Tensor> a, std::span<const Tensor> b);

}  // namespace keelson::serving
