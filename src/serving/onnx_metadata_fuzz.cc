// What ONNX Runtime says of a file: the types and shapes of inputs and outputs, and the values of an answer. The
// library is played here, from the fuzzer's bytes: it fails at any call, has types and elements that we do not know,
// maps of every size, and texts that do not lie where it says. The bytes of the file itself are the library's to parse;
// that a corrupt one is refused is OnnxModel.SurvivesTruncationAndCorruption, with the real library.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "serving/onnx_value.h"

namespace {

using keelson::ByteReader;
using keelson::serving::OnnxApi;
using Status = OnnxApi::OrtStatus;

ByteReader* answers = nullptr;
int handle = 0;  // every handle points here
constexpr std::size_t kMostElements = 256;
std::array<char, kMostElements * 8> data;

template <typename T>
T* Handle() {
  return reinterpret_cast<T*>(&handle);
}
// One call in sixteen fails.
Status* Maybe() {
  return answers->Number<std::uint8_t>() % 16 == 15 ? Handle<Status>() : nullptr;
}
template <typename T>
Status* Give(T** out) {
  *out = Handle<T>();
  return Maybe();
}
template <typename T>
Status* GivePart(const T** out) {
  *out = Handle<const T>();
  return Maybe();
}

OnnxApi Played() {
  OnnxApi api{};
  api.GetErrorCode = [](const Status*) { return static_cast<int>(answers->Number<std::uint8_t>()); };
  api.GetErrorMessage = [](const Status*) { return "played"; };
  api.ReleaseStatus = [](Status*) {};
  api.CastTypeInfoToTensorInfo = [](const OnnxApi::OrtTypeInfo*, const OnnxApi::OrtShapeInfo** out) {
    return GivePart(out);
  };
  api.CastTypeInfoToMapTypeInfo = [](const OnnxApi::OrtTypeInfo*, const OnnxApi::OrtMapInfo** out) {
    return GivePart(out);
  };
  api.CastTypeInfoToSequenceTypeInfo = [](const OnnxApi::OrtTypeInfo*, const OnnxApi::OrtSequenceInfo** out) {
    return GivePart(out);
  };
  api.GetOnnxTypeFromTypeInfo = [](const OnnxApi::OrtTypeInfo*, OnnxApi::Type* out) {
    *out = static_cast<OnnxApi::Type>(answers->Number<std::uint8_t>() % 6);
    return Maybe();
  };
  api.GetMapValueType = [](const OnnxApi::OrtMapInfo*, OnnxApi::OrtTypeInfo** out) { return Give(out); };
  api.GetSequenceElementType = [](const OnnxApi::OrtSequenceInfo*, OnnxApi::OrtTypeInfo** out) { return Give(out); };
  api.GetTensorElementType = [](const OnnxApi::OrtShapeInfo*, int* out) {
    *out = answers->Number<std::int8_t>();
    return Maybe();
  };
  api.GetDimensionsCount = [](const OnnxApi::OrtShapeInfo*, std::size_t* out) {
    *out = answers->Number<std::uint8_t>() % 9;
    return Maybe();
  };
  api.GetDimensions = [](const OnnxApi::OrtShapeInfo*, std::int64_t* out, std::size_t size) {
    // As a value has them: so many elements as there is memory for.
    std::int64_t most = kMostElements;
    for (std::size_t i = 0; i < size; ++i) {
      out[i] = answers->Number<std::uint8_t>() % (most + 1);
      most = out[i] == 0 ? most : most / out[i];
    }
    return Maybe();
  };
  api.ReleaseTypeInfo = [](OnnxApi::OrtTypeInfo*) {};
  api.ReleaseShapeInfo = [](OnnxApi::OrtShapeInfo*) {};
  api.GetTensorMutableData = [](OnnxApi::OrtValue*, void** out) {
    *out = data.data();
    return Maybe();
  };
  api.GetStringTensorDataLength = [](const OnnxApi::OrtValue*, std::size_t* out) {
    *out = answers->Number<std::uint8_t>();
    return Maybe();
  };
  api.GetStringTensorContent = [](const OnnxApi::OrtValue*, void* out, std::size_t bytes, std::size_t* offsets,
                                  std::size_t size) {
    std::memset(out, 'x', bytes);
    for (std::size_t i = 0; i < size; ++i) offsets[i] = answers->Number<std::uint8_t>();
    return Maybe();
  };
  api.GetTensorTypeAndShape = [](const OnnxApi::OrtValue*, OnnxApi::OrtShapeInfo** out) { return Give(out); };
  api.GetValueType = [](const OnnxApi::OrtValue*, OnnxApi::Type* out) {
    *out = static_cast<OnnxApi::Type>(answers->Number<std::uint8_t>() % 4);
    return Maybe();
  };
  api.GetValue = [](const OnnxApi::OrtValue*, int, OnnxApi::OrtAllocator*, OnnxApi::OrtValue** out) {
    return Give(out);
  };
  api.GetValueCount = [](const OnnxApi::OrtValue*, std::size_t* out) {
    *out = answers->Number<std::uint8_t>() % 20;
    return Maybe();
  };
  api.ReleaseValue = [](OnnxApi::OrtValue*) {};
  return api;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace keelson::serving;
  static const OnnxRuntime runtime{Played(), nullptr, nullptr};
  ByteReader reader({reinterpret_cast<const char*>(bytes), size});
  answers = &reader;
  const auto info = DescribeOnnxType(runtime, *Handle<OnnxApi::OrtTypeInfo>());
  if (info && DatatypeName(info->datatype).empty()) std::abort();
  const auto value = ReadOnnxValue(runtime, *Handle<OnnxApi::OrtValue>());
  if (!value) return 0;
  const std::size_t held = value->floats.size() + value->doubles.size() + value->ints.size() + value->texts.size();
  if (held != value->elements()) std::abort();
  if (!value->labels.empty() && value->labels.size() != static_cast<std::size_t>(value->shape.back())) std::abort();
  return 0;
}
