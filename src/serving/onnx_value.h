#pragma once

#include <memory>
#include <string>

#include "serving/onnx_library.h"
#include "serving/tensor_model.h"

namespace keelson::serving {

// ONNX Runtime's values and types from and to ours.

struct OnnxRelease {
  const OnnxApi* api;
  void operator()(OnnxApi::OrtValue* value) const { api->ReleaseValue(value); }
  void operator()(OnnxApi::OrtTypeInfo* info) const { api->ReleaseTypeInfo(info); }
  void operator()(OnnxApi::OrtShapeInfo* info) const { api->ReleaseShapeInfo(info); }
  void operator()(OnnxApi::OrtMemoryInfo* info) const { api->ReleaseMemoryInfo(info); }
};
using OnnxValue = std::unique_ptr<OnnxApi::OrtValue, OnnxRelease>;
using OnnxTypeInfo = std::unique_ptr<OnnxApi::OrtTypeInfo, OnnxRelease>;

// An input for one run. Refers to the tensor where the library reads the same bytes, else to its own copy.
class OnnxInput {
 public:
  static Result<OnnxInput> Make(const OnnxRuntime& runtime, const Tensor& tensor);
  const OnnxApi::OrtValue* value() const { return value_.get(); }

 private:
  explicit OnnxInput(const OnnxRuntime& runtime) : value_(nullptr, OnnxRelease{&runtime.api}) {}

  std::unique_ptr<std::string> bytes_;  // does not move with us
  OnnxValue value_;
};

// Datatype and shape, without the name. kUnsupported for what the protocol cannot carry.
Result<TensorInfo> DescribeOnnxType(const OnnxRuntime& runtime, const OnnxApi::OrtTypeInfo& info);

// A tensor, or a sequence of maps to FP32, without its name.
Result<Tensor> ReadOnnxValue(const OnnxRuntime& runtime, OnnxApi::OrtValue& value);

}  // namespace keelson::serving
