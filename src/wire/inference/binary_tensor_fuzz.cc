// Any bytes as the contents of one tensor. The first byte is the datatype, the second the rank, one byte a dimension
// follows, then the contents. They are refused, or read into as many elements as the shape has, which written again
// give the same bytes.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "wire/inference/tensor.h"

namespace {

using namespace keelson::wire::inference;

void Append(std::uint64_t value, std::size_t bytes, std::string* out) {
  for (std::size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// The half-precision number that `value` is, when it is one that is neither subnormal nor NaN.
std::uint64_t Half(float value) {
  if (value == 0) return std::signbit(value) ? 0x8000 : 0;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = std::isinf(value) ? 31 : ((bits >> 23) & 0xFF) - 112;
  return (bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3FF);
}

std::string Written(const Tensor& tensor) {
  std::string out;
  for (std::size_t i = 0; i < tensor.elements(); ++i) {
    switch (tensor.datatype) {
      case Datatype::kBytes:
        Append(tensor.texts[i].size(), 4, &out);
        out += tensor.texts[i];
        break;
      case Datatype::kFp64:
        Append(std::bit_cast<std::uint64_t>(tensor.doubles[i]), 8, &out);
        break;
      case Datatype::kFp32:
        Append(std::bit_cast<std::uint32_t>(tensor.floats[i]), 4, &out);
        break;
      case Datatype::kBf16:
        Append(std::bit_cast<std::uint32_t>(tensor.floats[i]) >> 16, 2, &out);
        break;
      case Datatype::kFp16:
        Append(Half(tensor.floats[i]), 2, &out);
        break;
      default:
        Append(static_cast<std::uint64_t>(tensor.ints[i]), ByteSize(tensor.datatype), &out);
    }
  }
  return out;
}

bool HasOddHalf(const Tensor& tensor) {
  if (tensor.datatype != Datatype::kFp16) return false;
  for (const float value : tensor.floats) {
    if (std::isnan(value) || (value != 0 && std::abs(value) < 0x1p-14f)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Tensor tensor;
  tensor.name = "x";
  tensor.datatype = static_cast<Datatype>(data[0] % 14);
  const std::size_t rank = data[1] % 4;
  if (size < 2 + rank) return 0;
  for (std::size_t i = 0; i < rank; ++i) tensor.shape.push_back(data[2 + i]);
  const std::string_view contents(reinterpret_cast<const char*>(data) + 2 + rank, size - 2 - rank);
  if (!ReadBinary(contents, &tensor).has_value()) return 0;
  if (tensor.floats.size() + tensor.doubles.size() + tensor.ints.size() + tensor.texts.size() != tensor.elements()) {
    std::abort();
  }
  if (!HasOddHalf(tensor) && Written(tensor) != contents) std::abort();
  return 0;
}
