#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/tensor.h"

namespace keelson::serving {

// What a model says of one input or output: -1 is a dimension of any length; no dimension at all is any shape.
struct TensorInfo {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape;
  bool optional = false;  // an input that may be left out
};

// An answer of MLflow's scoring protocol, as the model's own MLflow made it.
struct ScoredText {
  int status = 200;
  std::string content_type;
  std::string body;
};

// A model that takes and gives named tensors: ONNX, or Python's. Immutable; safe from any thread.
class TensorModel {
 public:
  virtual ~TensorModel() = default;

  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }

  // Answers with the `wanted` outputs in that order, all of them when it is empty. Inputs may come in any order.
  // kInvalidArgument names what is wrong with an input or output and what was expected; other codes are the model's.
  virtual Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs,
                                            std::span<const std::string> wanted) const = 0;
  // Whether Score answers: there is an MLflow beside the model that reads and writes its scoring protocol.
  virtual bool scores() const { return false; }
  // The answer to a request of that protocol. Errors are those of Infer; what MLflow itself refuses is an answer.
  virtual Result<ScoredText> Score(std::string_view content_type, std::string_view body) const;
  // Whether it is a python_function of MLflow's whose scoring requests are answered here: with its only output as an
  // array, and KServe v1's by the same rules.
  virtual bool is_pyfunc() const { return false; }
  // What the columns of a table that comes without a signature have to be called, in their order; empty: anything.
  std::span<const std::string> column_names() const { return column_names_; }
  // Whether Infer waits for another process: then it must not be called on a thread that others wait for.
  virtual bool waits() const { return false; }
  // Whether Infer can begin at once: nothing has to be loaded again first.
  virtual bool resident() const { return true; }
  // Whether these inputs have done the model harm before: then no other's are to be computed together with them.
  virtual bool Suspects(std::span<const Tensor> inputs) const {
    (void)inputs;
    return false;
  }
  virtual std::size_t memory_bytes() const = 0;

 protected:
  TensorModel() = default;
  // kInvalidArgument for an unknown, repeated, missing or ill-typed input; gives the inputs in the model's order, null
  // where an optional one is left out.
  Result<std::vector<const Tensor*>> Match(std::span<const Tensor> inputs) const;
  // The places of the wanted outputs.
  Result<std::vector<std::size_t>> MatchOutputs(std::span<const std::string> wanted) const;

  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<std::string> column_names_;
};

}  // namespace keelson::serving
