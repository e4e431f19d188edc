#include "serving/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace keelson::serving {
namespace {

struct DatatypeRow {
  Datatype datatype;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<DatatypeRow, 14> kDatatypes = {{{Datatype::kBool, "BOOL", 1},
                                                     {Datatype::kUint8, "UINT8", 1},
                                                     {Datatype::kUint16, "UINT16", 2},
                                                     {Datatype::kUint32, "UINT32", 4},
                                                     {Datatype::kUint64, "UINT64", 8},
                                                     {Datatype::kInt8, "INT8", 1},
                                                     {Datatype::kInt16, "INT16", 2},
                                                     {Datatype::kInt32, "INT32", 4},
                                                     {Datatype::kInt64, "INT64", 8},
                                                     {Datatype::kFp16, "FP16", 2},
                                                     {Datatype::kBf16, "BF16", 2},
                                                     {Datatype::kFp32, "FP32", 4},
                                                     {Datatype::kFp64, "FP64", 8},
                                                     {Datatype::kBytes, "BYTES", 0}}};

const DatatypeRow& RowOf(Datatype datatype) {
  return kDatatypes[static_cast<std::size_t>(datatype)];
}

float FromHalf(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1F;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

template <typename T>
T Load(const char* at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <typename T>
void LoadInts(const char* at, std::size_t count, std::vector<std::int64_t>* out) {
  out->resize(count);
  for (std::size_t i = 0; i < count; ++i) (*out)[i] = static_cast<std::int64_t>(Load<T>(at + i * sizeof(T)));
}

Status ReadTexts(std::string_view bytes, std::size_t count, Tensor* tensor) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = bytes.size() < 4 ? 0 : Load<std::uint32_t>(bytes.data());
    if (bytes.size() < 4 || bytes.size() - 4 < length) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("input \"{}\": the binary data ends inside element {} of {}", tensor->name, i, count));
    }
    tensor->texts.emplace_back(bytes.substr(4, length));
    bytes.remove_prefix(4 + length);
  }
  if (!bytes.empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("input \"{}\": {} bytes are left behind its {} elements",
                                                         tensor->name, bytes.size(), count));
  }
  return {};
}

std::uint16_t ToHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<std::uint16_t>(sign | 0x7E00u);   // not a number
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // 65,536 and above: infinite
  if (magnitude < 0x38800000u) {                                                    // below 2^-14: a denormal half
    const float scaled = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rebased = magnitude - (112u << 23);
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFFu + ((rebased >> 13) & 1u)) >> 13));
}

std::uint16_t ToBfloat(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

template <typename T>
void Store(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <typename T>
void StoreInts(const std::vector<std::int64_t>& values, std::string* out) {
  for (const auto value : values) Store(static_cast<T>(value), out);
}

}  // namespace

std::string_view DatatypeName(Datatype datatype) {
  return RowOf(datatype).name;
}

std::optional<Datatype> ParseDatatype(std::string_view name) {
  for (const auto& row : kDatatypes) {
    if (row.name == name) return row.datatype;
  }
  return std::nullopt;
}

bool IsFloat(Datatype datatype) {
  return datatype >= Datatype::kFp16 && datatype <= Datatype::kFp64;
}
bool IsInteger(Datatype datatype) {
  return datatype <= Datatype::kInt64;
}
std::size_t ByteSize(Datatype datatype) {
  return RowOf(datatype).bytes;
}

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}
std::string Tensor::ShapeText() const {
  return serving::ShapeText(shape);
}

std::size_t Tensor::elements() const {
  std::size_t product = 1;
  for (const auto dimension : shape) product *= static_cast<std::size_t>(dimension);
  return product;
}

double Tensor::Number(std::size_t i) const {
  if (!floats.empty()) return static_cast<double>(floats[i]);
  if (!doubles.empty()) return doubles[i];
  if (datatype == Datatype::kUint64) return static_cast<double>(static_cast<std::uint64_t>(ints[i]));
  return static_cast<double>(ints[i]);
}

Status ReadBinary(std::string_view bytes, Tensor* tensor) {
  const std::size_t count = tensor->elements();
  if (tensor->datatype == Datatype::kBytes) return ReadTexts(bytes, count, tensor);
  const std::size_t expected = count * ByteSize(tensor->datatype);
  if (bytes.size() != expected) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("input \"{}\": {} bytes of binary data, expected {} for {} of shape {}", tensor->name,
                            bytes.size(), expected, DatatypeName(tensor->datatype), tensor->ShapeText()));
  }
  const char* at = bytes.data();
  switch (tensor->datatype) {
    case Datatype::kBool:
    case Datatype::kUint8:
      LoadInts<std::uint8_t>(at, count, &tensor->ints);
      break;
    case Datatype::kUint16:
      LoadInts<std::uint16_t>(at, count, &tensor->ints);
      break;
    case Datatype::kUint32:
      LoadInts<std::uint32_t>(at, count, &tensor->ints);
      break;
    case Datatype::kUint64:
      LoadInts<std::uint64_t>(at, count, &tensor->ints);
      break;
    case Datatype::kInt8:
      LoadInts<std::int8_t>(at, count, &tensor->ints);
      break;
    case Datatype::kInt16:
      LoadInts<std::int16_t>(at, count, &tensor->ints);
      break;
    case Datatype::kInt32:
      LoadInts<std::int32_t>(at, count, &tensor->ints);
      break;
    case Datatype::kInt64:
      LoadInts<std::int64_t>(at, count, &tensor->ints);
      break;
    case Datatype::kFp16:
    case Datatype::kBf16:
      tensor->floats.resize(count);
      for (std::size_t i = 0; i < count; ++i) {
        const auto half = Load<std::uint16_t>(at + 2 * i);
        tensor->floats[i] = tensor->datatype == Datatype::kFp16
                                ? FromHalf(half)
                                : std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
      }
      break;
    case Datatype::kFp32:
      tensor->floats.resize(count);
      if (count != 0) std::memcpy(tensor->floats.data(), at, expected);
      break;
    case Datatype::kFp64:
      tensor->doubles.resize(count);
      if (count != 0) std::memcpy(tensor->doubles.data(), at, expected);
      break;
    case Datatype::kBytes:
      break;
  }
  if (tensor->datatype == Datatype::kBool) {
    for (const auto value : tensor->ints) {
      if (value > 1) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("input \"{}\": a byte {} where BOOL has 0 or 1", tensor->name, value));
      }
    }
  }
  return {};
}

void WriteBinary(const Tensor& tensor, std::string* out) {
  switch (tensor.datatype) {
    case Datatype::kBool:
    case Datatype::kUint8:
    case Datatype::kInt8:
      return StoreInts<std::uint8_t>(tensor.ints, out);
    case Datatype::kUint16:
    case Datatype::kInt16:
      return StoreInts<std::uint16_t>(tensor.ints, out);
    case Datatype::kUint32:
    case Datatype::kInt32:
      return StoreInts<std::uint32_t>(tensor.ints, out);
    case Datatype::kUint64:
    case Datatype::kInt64:
      return StoreInts<std::uint64_t>(tensor.ints, out);
    case Datatype::kFp16:
      for (const float value : tensor.floats) Store(ToHalf(value), out);
      return;
    case Datatype::kBf16:
      for (const float value : tensor.floats) Store(ToBfloat(value), out);
      return;
    case Datatype::kFp32:
      out->append(reinterpret_cast<const char*>(tensor.floats.data()), tensor.floats.size() * sizeof(float));
      return;
    case Datatype::kFp64:
      out->append(reinterpret_cast<const char*>(tensor.doubles.data()), tensor.doubles.size() * sizeof(double));
      return;
    case Datatype::kBytes:
      for (const auto& text : tensor.texts) {
        Store(static_cast<std::uint32_t>(text.size()), out);
        out->append(text);
      }
      return;
  }
}

}  // namespace keelson::serving
