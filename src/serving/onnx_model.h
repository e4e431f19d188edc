#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "serving/onnx_library.h"
#include "serving/tensor_model.h"

namespace keelson::serving {

// Whether bytes that begin so may be an ONNX model: the first field of its message is its version.
bool LooksLikeOnnx(std::string_view content);

// An ONNX model, run by ONNX Runtime on the calling thread. Tensors of every datatype of the protocol; a sequence of
// maps, as classifiers converted from scikit-learn give their probabilities, is answered as FP32 [rows, classes] in the
// order of the classes. A text with a NUL in it is refused.
class OnnxModel final : public TensorModel {
 public:
  // kNotFound, kDataLoss with the library's reason for a corrupt file, kUnsupported for inputs or outputs that the
  // protocol cannot carry and operators that the library lacks.
  static Result<std::unique_ptr<const OnnxModel>> Load(const std::string& path);
  ~OnnxModel() override;

  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs, std::span<const std::string> wanted) const override;
  // An estimate: the library does not tell.
  std::size_t memory_bytes() const override { return memory_bytes_; }

 private:
  explicit OnnxModel(const OnnxRuntime& runtime) : runtime_(runtime) {}
  Status ReadMetadata();
  Status Check(OnnxApi::OrtStatus* status) const { return runtime_.api.Check(status, ErrorCode::kInternal); }

  const OnnxRuntime& runtime_;
  OnnxApi::OrtSession* session_ = nullptr;
  std::size_t memory_bytes_ = 0;
};

}  // namespace keelson::serving
