#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// The datatypes of the Open Inference Protocol.
enum class Datatype {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes
};

std::string_view DatatypeName(Datatype datatype);  // "FP32"
std::optional<Datatype> ParseDatatype(std::string_view name);
bool IsFloat(Datatype datatype);          // FP16, BF16, FP32, FP64
bool IsInteger(Datatype datatype);        // also BOOL
std::size_t ByteSize(Datatype datatype);  // of one element; 0 for BYTES

// One named tensor of a request or an answer, row-major. FP16, BF16 and FP32 live in `floats`, FP64 in `doubles`, BOOL
// and all integers in `ints` (UINT64 by its bits), BYTES in `texts`; the other vectors stay empty. A missing number is
// NaN (float tensors only); `missing` marks missing texts and is empty when there are none.
struct Tensor {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> ints;
  std::vector<std::string> texts;
  std::vector<std::uint8_t> missing;
  // What the places of the last dimension are called, where the model says so: the keys of ONNX's maps. Not on the wire
  // of the Open Inference Protocol, which has no place for them.
  std::vector<std::string> labels;

  std::size_t elements() const;  // product of the shape
  double Number(std::size_t i) const;
  std::string ShapeText() const;  // "[1,28]"
};

std::string ShapeText(const std::vector<std::int64_t>& shape);

// The contents of `tensor` (name, datatype and shape are set) from the binary tensor data extension: little-endian,
// row-major; a BYTES element is its length in 32 bits and its bytes. kInvalidArgument when the size does not fit.
Status ReadBinary(std::string_view bytes, Tensor* tensor);
// Appends the contents in the same form. FP16 and BF16 are rounded to the nearest, a missing text is empty.
void WriteBinary(const Tensor& tensor, std::string* out);

}  // namespace keelson::serving
