#include "serving/onnx_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace keelson::serving {
namespace {

// ONNX's numbers of the datatypes, in the order of Datatype.
constexpr std::array<int, 14> kElementTypes = {9, 2, 4, 12, 13, 3, 5, 6, 7, 10, 16, 1, 11, 8};

int ElementType(Datatype datatype) {
  return kElementTypes[static_cast<std::size_t>(datatype)];
}

std::optional<Datatype> DatatypeOf(int element_type) {
  const auto found = std::find(kElementTypes.begin(), kElementTypes.end(), element_type);
  if (found == kElementTypes.end()) return std::nullopt;
  return static_cast<Datatype>(found - kElementTypes.begin());
}

// The element type and shape of a tensor's description.
Result<TensorInfo> Describe(const OnnxRuntime& runtime, const OnnxApi::OrtShapeInfo& info) {
  const OnnxApi& api = runtime.api;
  int type = 0;
  std::size_t rank = 0;
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetTensorElementType(&info, &type), ErrorCode::kInternal));
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetDimensionsCount(&info, &rank), ErrorCode::kInternal));
  TensorInfo described;
  described.shape.resize(rank);
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetDimensions(&info, described.shape.data(), rank), ErrorCode::kInternal));
  const auto datatype = DatatypeOf(type);
  if (!datatype) return Fail(ErrorCode::kUnsupported, fmt::format("tensors of ONNX's element type {}", type));
  described.datatype = *datatype;
  return described;
}

// Whether a sequence holds maps to numbers, and as what datatype.
Result<TensorInfo> DescribeSequence(const OnnxRuntime& runtime, const OnnxApi::OrtTypeInfo& info) {
  const OnnxApi& api = runtime.api;
  const auto check = [&](OnnxApi::OrtStatus* status) { return api.Check(status, ErrorCode::kInternal); };
  const OnnxApi::OrtSequenceInfo* sequence = nullptr;
  KEELSON_RETURN_IF_ERROR(check(api.CastTypeInfoToSequenceTypeInfo(&info, &sequence)));
  OnnxApi::OrtTypeInfo* made = nullptr;
  KEELSON_RETURN_IF_ERROR(check(api.GetSequenceElementType(sequence, &made)));
  const OnnxTypeInfo element(made, OnnxRelease{&api});
  const OnnxApi::OrtMapInfo* map = nullptr;
  OnnxApi::Type type{};
  KEELSON_RETURN_IF_ERROR(check(api.GetOnnxTypeFromTypeInfo(element.get(), &type)));
  if (type != OnnxApi::Type::kMap) return Fail(ErrorCode::kUnsupported, "a sequence of something else than maps");
  KEELSON_RETURN_IF_ERROR(check(api.CastTypeInfoToMapTypeInfo(element.get(), &map)));
  KEELSON_RETURN_IF_ERROR(check(api.GetMapValueType(map, &made)));
  const OnnxTypeInfo value(made, OnnxRelease{&api});
  KEELSON_ASSIGN_OR_RETURN(auto described, DescribeOnnxType(runtime, *value));
  if (described.datatype != Datatype::kFp32)
    return Fail(ErrorCode::kUnsupported, "maps to something else than float32");
  described.shape = {-1, -1};
  return described;
}

Status ReadTexts(const OnnxApi& api, const OnnxApi::OrtValue& value, Tensor* tensor) {
  const std::size_t count = tensor->elements();
  std::size_t bytes = 0;
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetStringTensorDataLength(&value, &bytes), ErrorCode::kInternal));
  std::string all(bytes, '\0');
  std::vector<std::size_t> offsets(count);
  KEELSON_RETURN_IF_ERROR(
      api.Check(api.GetStringTensorContent(&value, all.data(), bytes, offsets.data(), count), ErrorCode::kInternal));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? offsets[i + 1] : bytes;
    if (offsets[i] > end || end > bytes)
      return Fail(ErrorCode::kInternal, "texts that do not lie where ONNX Runtime says");
    tensor->texts.push_back(all.substr(offsets[i], end - offsets[i]));
  }
  return {};
}

Result<Tensor> ReadTensor(const OnnxRuntime& runtime, OnnxApi::OrtValue& value) {
  const OnnxApi& api = runtime.api;
  OnnxApi::OrtShapeInfo* made = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetTensorTypeAndShape(&value, &made), ErrorCode::kInternal));
  const std::unique_ptr<OnnxApi::OrtShapeInfo, OnnxRelease> info(made, OnnxRelease{&api});
  KEELSON_ASSIGN_OR_RETURN(auto described, Describe(runtime, *info));
  Tensor tensor;
  tensor.datatype = described.datatype;
  tensor.shape = std::move(described.shape);
  if (tensor.datatype == Datatype::kBytes) {
    if (tensor.elements() != 0) KEELSON_RETURN_IF_ERROR(ReadTexts(api, value, &tensor));
    return tensor;
  }
  void* data = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetTensorMutableData(&value, &data), ErrorCode::kInternal));
  const std::size_t bytes = tensor.elements() * ByteSize(tensor.datatype);
  KEELSON_RETURN_IF_ERROR(ReadBinary({static_cast<const char*>(data), bytes}, &tensor));
  return tensor;
}

// Maps have their keys sorted, so that every row has the classes in the same order.
Result<Tensor> ReadMaps(const OnnxRuntime& runtime, const OnnxApi::OrtValue& sequence, std::size_t rows) {
  const OnnxApi& api = runtime.api;
  Tensor answer;
  answer.shape = {static_cast<std::int64_t>(rows), 0};
  for (std::size_t row = 0; row < rows; ++row) {
    OnnxApi::OrtValue* made = nullptr;
    KEELSON_RETURN_IF_ERROR(
        api.Check(api.GetValue(&sequence, static_cast<int>(row), runtime.allocator, &made), ErrorCode::kInternal));
    const OnnxValue map(made, OnnxRelease{&api});
    KEELSON_RETURN_IF_ERROR(api.Check(api.GetValue(map.get(), 1, runtime.allocator, &made), ErrorCode::kInternal));
    const OnnxValue values(made, OnnxRelease{&api});
    KEELSON_ASSIGN_OR_RETURN(const auto tensor, ReadTensor(runtime, *values));
    KEELSON_RETURN_IF_ERROR(api.Check(api.GetValue(map.get(), 0, runtime.allocator, &made), ErrorCode::kInternal));
    const OnnxValue keys(made, OnnxRelease{&api});
    KEELSON_ASSIGN_OR_RETURN(auto labels, ReadTensor(runtime, *keys));
    for (const std::int64_t key : labels.ints) labels.texts.push_back(std::to_string(key));
    if (row == 0) answer.labels = labels.texts;
    // Where they are not every row's, they are the names of no column.
    if (answer.labels != labels.texts || labels.texts.size() != tensor.floats.size()) answer.labels.clear();
    const auto classes = static_cast<std::int64_t>(tensor.floats.size());
    if (row != 0 && classes != answer.shape[1]) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("row {} has {} classes, those before it {}", row, classes, answer.shape[1]));
    }
    answer.shape[1] = classes;
    answer.floats.insert(answer.floats.end(), tensor.floats.begin(), tensor.floats.end());
  }
  return answer;
}

// Where the tensor has its contents as the library wants them, or null. The library takes a pointer to what it may
// change, and does not change inputs.
void* SameBytes(const Tensor& tensor) {
  switch (tensor.datatype) {
    case Datatype::kFp32:
      return const_cast<float*>(tensor.floats.data());
    case Datatype::kFp64:
      return const_cast<double*>(tensor.doubles.data());
    case Datatype::kInt64:
    case Datatype::kUint64:
      return const_cast<std::int64_t*>(tensor.ints.data());
    default:
      return nullptr;
  }
}

}  // namespace

Result<OnnxInput> OnnxInput::Make(const OnnxRuntime& runtime, const Tensor& tensor) {
  const OnnxApi& api = runtime.api;
  const int type = ElementType(tensor.datatype);
  OnnxInput input(runtime);
  OnnxApi::OrtValue* made = nullptr;
  if (tensor.datatype == Datatype::kBytes) {
    std::vector<const char*> texts;
    for (const auto& text : tensor.texts) {
      if (text.find('\0') != std::string::npos) {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("input \"{}\": a text with a NUL in it", tensor.name));
      }
      texts.push_back(text.c_str());
    }
    KEELSON_RETURN_IF_ERROR(
        api.Check(api.CreateTensorAsOrtValue(runtime.allocator, tensor.shape.data(), tensor.shape.size(), type, &made),
                  ErrorCode::kInternal));
    input.value_.reset(made);
    KEELSON_RETURN_IF_ERROR(api.Check(api.FillStringTensor(made, texts.data(), texts.size()), ErrorCode::kInternal));
    return input;
  }
  const std::size_t bytes = tensor.elements() * ByteSize(tensor.datatype);
  void* data = SameBytes(tensor);
  if (data == nullptr) {
    input.bytes_ = std::make_unique<std::string>();
    WriteBinary(tensor, input.bytes_.get());
    data = input.bytes_->data();
  }
  OnnxApi::OrtMemoryInfo* memory = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(
      api.CreateCpuMemoryInfo(OnnxApi::kDeviceAllocator, OnnxApi::kDefaultMemory, &memory), ErrorCode::kInternal));
  const std::unique_ptr<OnnxApi::OrtMemoryInfo, OnnxRelease> owned(memory, OnnxRelease{&api});
  KEELSON_RETURN_IF_ERROR(api.Check(
      api.CreateTensorWithDataAsOrtValue(memory, data, bytes, tensor.shape.data(), tensor.shape.size(), type, &made),
      ErrorCode::kInternal));
  input.value_.reset(made);
  return input;
}

Result<TensorInfo> DescribeOnnxType(const OnnxRuntime& runtime, const OnnxApi::OrtTypeInfo& info) {
  const OnnxApi& api = runtime.api;
  OnnxApi::Type type{};
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetOnnxTypeFromTypeInfo(&info, &type), ErrorCode::kInternal));
  if (type == OnnxApi::Type::kSequence) return DescribeSequence(runtime, info);
  if (type != OnnxApi::Type::kTensor) return Fail(ErrorCode::kUnsupported, "neither a tensor nor a sequence of maps");
  const OnnxApi::OrtShapeInfo* shape = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.CastTypeInfoToTensorInfo(&info, &shape), ErrorCode::kInternal));
  return Describe(runtime, *shape);
}

Result<Tensor> ReadOnnxValue(const OnnxRuntime& runtime, OnnxApi::OrtValue& value) {
  const OnnxApi& api = runtime.api;
  OnnxApi::Type type{};
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetValueType(&value, &type), ErrorCode::kInternal));
  if (type == OnnxApi::Type::kTensor) return ReadTensor(runtime, value);
  std::size_t rows = 0;
  KEELSON_RETURN_IF_ERROR(api.Check(api.GetValueCount(&value, &rows), ErrorCode::kInternal));
  return ReadMaps(runtime, value, rows);
}

}  // namespace keelson::serving
