#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "io/temp_folder.h"
#include "serving/onnx_library.h"
#include "serving/xgboost_model.h"

namespace keelson::bench {

// ONNX Runtime on one thread, with the same trees as a TreeEnsembleRegressor. Every failure ends the program with its
// text. The fewest calls of its C API that a prediction needs.
class OnnxPeer {
 public:
  // A model of scalar leaves and numeric splits.
  explicit OnnxPeer(const serving::XgboostModel& model);
  ~OnnxPeer();
  OnnxPeer(const OnnxPeer&) = delete;
  OnnxPeer& operator=(const OnnxPeer&) = delete;

  // Margins: the library leaves the logistic transformation of this operator out. The span lives until the next call.
  std::span<const float> Predict(std::span<const float> rows, std::size_t count);

 private:
  void Check(serving::OnnxApi::OrtStatus* status) const;

  const serving::OnnxRuntime* runtime_;
  std::size_t features_;
  serving::OnnxApi::OrtSession* session_ = nullptr;
  serving::OnnxApi::OrtMemoryInfo* memory_ = nullptr;
  serving::OnnxApi::OrtValue* output_ = nullptr;
};

}  // namespace keelson::bench
