#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace keelson::serving {

// The part of ONNX Runtime's C API that we call, declared by us: its ABI is an append-only table of function pointers,
// of which each has kept its place since version 1 (every one taken here is used by onnx_model_test.cc). Handles are
// the library's opaque pointers. A function that returns a status gives null for success; the status is released by
// Check.
struct OnnxApi {
  struct OrtStatus;
  struct OrtEnv;
  struct OrtSession;
  struct OrtSessionOptions;
  struct OrtValue;
  struct OrtTypeInfo;
  struct OrtShapeInfo;  // OrtTensorTypeAndShapeInfo
  struct OrtMapInfo;
  struct OrtSequenceInfo;
  struct OrtMemoryInfo;
  struct OrtAllocator;

  enum class Type { kUnknown, kTensor, kSequence, kMap };  // ONNXType, as far as we tell them apart
  static constexpr int kLogErrors = 3;                     // ORT_LOGGING_LEVEL_ERROR
  static constexpr int kDeviceAllocator = 0;
  static constexpr int kDefaultMemory = 0;

  int (*GetErrorCode)(const OrtStatus*);
  const char* (*GetErrorMessage)(const OrtStatus*);
  void (*ReleaseStatus)(OrtStatus*);

  OrtStatus* (*CreateEnv)(int log_level, const char* log_id, OrtEnv** out);
  OrtStatus* (*DisableTelemetryEvents)(const OrtEnv*);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions** out);
  OrtStatus* (*DisableMemPattern)(OrtSessionOptions*);
  OrtStatus* (*DisableCpuMemArena)(OrtSessionOptions*);
  OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions*, int);
  OrtStatus* (*SetInterOpNumThreads)(OrtSessionOptions*, int);
  void (*ReleaseSessionOptions)(OrtSessionOptions*);
  OrtStatus* (*CreateSession)(const OrtEnv*, const char* path, const OrtSessionOptions*, OrtSession** out);
  OrtStatus* (*Run)(OrtSession*, const void* run_options, const char* const* input_names, const OrtValue* const* inputs,
                    std::size_t inputs_size, const char* const* output_names, std::size_t outputs_size,
                    OrtValue** outputs);
  void (*ReleaseSession)(OrtSession*);

  OrtStatus* (*SessionGetInputCount)(const OrtSession*, std::size_t* out);
  OrtStatus* (*SessionGetOutputCount)(const OrtSession*, std::size_t* out);
  OrtStatus* (*SessionGetInputTypeInfo)(const OrtSession*, std::size_t index, OrtTypeInfo** out);
  OrtStatus* (*SessionGetOutputTypeInfo)(const OrtSession*, std::size_t index, OrtTypeInfo** out);
  OrtStatus* (*SessionGetInputName)(const OrtSession*, std::size_t index, OrtAllocator*, char** out);
  OrtStatus* (*SessionGetOutputName)(const OrtSession*, std::size_t index, OrtAllocator*, char** out);
  OrtStatus* (*GetAllocatorWithDefaultOptions)(OrtAllocator** out);  // belongs to the library
  OrtStatus* (*AllocatorFree)(OrtAllocator*, void*);

  OrtStatus* (*CastTypeInfoToTensorInfo)(const OrtTypeInfo*, const OrtShapeInfo** out);  // part of its argument
  OrtStatus* (*CastTypeInfoToMapTypeInfo)(const OrtTypeInfo*, const OrtMapInfo** out);
  OrtStatus* (*CastTypeInfoToSequenceTypeInfo)(const OrtTypeInfo*, const OrtSequenceInfo** out);
  OrtStatus* (*GetOnnxTypeFromTypeInfo)(const OrtTypeInfo*, Type* out);
  OrtStatus* (*GetMapValueType)(const OrtMapInfo*, OrtTypeInfo** out);
  OrtStatus* (*GetSequenceElementType)(const OrtSequenceInfo*, OrtTypeInfo** out);
  OrtStatus* (*GetTensorElementType)(const OrtShapeInfo*, int* out);
  OrtStatus* (*GetDimensionsCount)(const OrtShapeInfo*, std::size_t* out);
  OrtStatus* (*GetDimensions)(const OrtShapeInfo*, std::int64_t* out, std::size_t size);
  void (*ReleaseTypeInfo)(OrtTypeInfo*);
  void (*ReleaseShapeInfo)(OrtShapeInfo*);

  OrtStatus* (*CreateCpuMemoryInfo)(int allocator_type, int memory_type, OrtMemoryInfo** out);
  void (*ReleaseMemoryInfo)(OrtMemoryInfo*);
  OrtStatus* (*CreateTensorAsOrtValue)(OrtAllocator*, const std::int64_t* shape, std::size_t rank, int element_type,
                                       OrtValue** out);
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, std::size_t bytes,
                                               const std::int64_t* shape, std::size_t rank, int element_type,
                                               OrtValue** out);  // the data stays the caller's
  OrtStatus* (*GetTensorMutableData)(OrtValue*, void** out);
  OrtStatus* (*FillStringTensor)(OrtValue*, const char* const* texts, std::size_t size);
  OrtStatus* (*GetStringTensorDataLength)(const OrtValue*, std::size_t* out);
  OrtStatus* (*GetStringTensorContent)(const OrtValue*, void* out, std::size_t bytes, std::size_t* offsets,
                                       std::size_t size);
  OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtShapeInfo** out);
  OrtStatus* (*GetValueType)(const OrtValue*, Type* out);
  OrtStatus* (*GetValue)(const OrtValue*, int index, OrtAllocator*, OrtValue** out);
  OrtStatus* (*GetValueCount)(const OrtValue*, std::size_t* out);
  void (*ReleaseValue)(OrtValue*);

  // The status as ours: its message, and kUnsupported for what the library does not implement, kNotFound for a file
  // that is not there, kInvalidArgument, else `otherwise`.
  Status Check(OrtStatus* status, ErrorCode otherwise) const;
};

// ONNX Runtime, opened at the first call of the process, for its whole life, with its one environment.
struct OnnxRuntime {
  OnnxApi api;
  OnnxApi::OrtEnv* env = nullptr;
  OnnxApi::OrtAllocator* allocator = nullptr;
};
Result<const OnnxRuntime*> OpenOnnxRuntime();

}  // namespace keelson::serving
