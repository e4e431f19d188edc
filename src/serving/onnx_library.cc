#include "serving/onnx_library.h"

#include "io/library.h"

namespace keelson::serving {
namespace {

constexpr std::uint32_t kApiVersion = 17;

// What the library exports, and all that it exports to us.
struct OrtApiBase {
  const void* const* (*GetApi)(std::uint32_t version);
  const char* (*GetVersionString)();
};

enum ErrorCodes { kOrtInvalidArgument = 2, kOrtNoSuchFile = 3, kOrtNotImplemented = 9 };

// Places in the table of the API.
OnnxApi Bind(const void* const* table) {
  OnnxApi api{};
  const auto bind = [table]<typename Function>(std::size_t place, Function& slot) {
    slot = reinterpret_cast<Function>(const_cast<void*>(table[place]));
  };
  bind(1, api.GetErrorCode);
  bind(2, api.GetErrorMessage);
  bind(3, api.CreateEnv);
  bind(6, api.DisableTelemetryEvents);
  bind(7, api.CreateSession);
  bind(9, api.Run);
  bind(10, api.CreateSessionOptions);
  bind(17, api.DisableMemPattern);
  bind(19, api.DisableCpuMemArena);
  bind(24, api.SetIntraOpNumThreads);
  bind(25, api.SetInterOpNumThreads);
  bind(30, api.SessionGetInputCount);
  bind(31, api.SessionGetOutputCount);
  bind(33, api.SessionGetInputTypeInfo);
  bind(34, api.SessionGetOutputTypeInfo);
  bind(36, api.SessionGetInputName);
  bind(37, api.SessionGetOutputName);
  bind(48, api.CreateTensorAsOrtValue);
  bind(49, api.CreateTensorWithDataAsOrtValue);
  bind(51, api.GetTensorMutableData);
  bind(52, api.FillStringTensor);
  bind(53, api.GetStringTensorDataLength);
  bind(54, api.GetStringTensorContent);
  bind(55, api.CastTypeInfoToTensorInfo);
  bind(56, api.GetOnnxTypeFromTypeInfo);
  bind(60, api.GetTensorElementType);
  bind(61, api.GetDimensionsCount);
  bind(62, api.GetDimensions);
  bind(65, api.GetTensorTypeAndShape);
  bind(67, api.GetValueType);
  bind(69, api.CreateCpuMemoryInfo);
  bind(76, api.AllocatorFree);
  bind(78, api.GetAllocatorWithDefaultOptions);
  bind(80, api.GetValue);
  bind(81, api.GetValueCount);
  bind(93, api.ReleaseStatus);
  bind(94, api.ReleaseMemoryInfo);
  bind(95, api.ReleaseSession);
  bind(96, api.ReleaseValue);
  bind(98, api.ReleaseTypeInfo);
  bind(99, api.ReleaseShapeInfo);
  bind(100, api.ReleaseSessionOptions);
  bind(103, api.CastTypeInfoToMapTypeInfo);
  bind(104, api.CastTypeInfoToSequenceTypeInfo);
  bind(106, api.GetMapValueType);
  bind(107, api.GetSequenceElementType);
  return api;
}

Result<OnnxRuntime> Open() {
  KEELSON_ASSIGN_OR_RETURN(void* const library, io::OpenLibrary("libonnxruntime.so"));
  KEELSON_ASSIGN_OR_RETURN(void* const symbol, io::FindSymbol(library, "OrtGetApiBase"));
  const OrtApiBase* base = reinterpret_cast<const OrtApiBase* (*)()>(symbol)();
  const void* const* table = base->GetApi(kApiVersion);
  if (table == nullptr) {
    return Fail(ErrorCode::kUnsupported, "the library does not have version 17 of its API", base->GetVersionString());
  }
  OnnxRuntime runtime;
  runtime.api = Bind(table);
  const auto check = [&](OnnxApi::OrtStatus* status) { return runtime.api.Check(status, ErrorCode::kUnavailable); };
  KEELSON_RETURN_IF_ERROR(check(runtime.api.CreateEnv(OnnxApi::kLogErrors, "keelson", &runtime.env)));
  KEELSON_RETURN_IF_ERROR(check(runtime.api.DisableTelemetryEvents(runtime.env)));
  KEELSON_RETURN_IF_ERROR(check(runtime.api.GetAllocatorWithDefaultOptions(&runtime.allocator)));
  return runtime;
}

}  // namespace

Status OnnxApi::Check(OrtStatus* status, ErrorCode otherwise) const {
  if (status == nullptr) return {};
  const int code = GetErrorCode(status);
  Error error{otherwise, GetErrorMessage(status), "ONNX Runtime"};
  if (code == kOrtInvalidArgument) error.code = ErrorCode::kInvalidArgument;
  if (code == kOrtNoSuchFile) error.code = ErrorCode::kNotFound;
  if (code == kOrtNotImplemented) error.code = ErrorCode::kUnsupported;
  ReleaseStatus(status);
  return std::unexpected(std::move(error));
}

Result<const OnnxRuntime*> OpenOnnxRuntime() {
  static const Result<OnnxRuntime> runtime = Open();
  if (!runtime) return std::unexpected(runtime.error());
  return &*runtime;
}

}  // namespace keelson::serving
