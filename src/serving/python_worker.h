#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/process.h"
#include "io/temp_folder.h"
#include "serving/tensor_model.h"

namespace keelson::serving {

struct PythonOptions {
  std::string python = "python3";  // an interpreter: a path, or a name looked up in PATH
  std::size_t workers = 2;         // processes a model
  std::size_t queue = 64;          // requests that may wait for one
  std::chrono::milliseconds start_timeout{
      120'000};  // also of a worker's first answer: libraries are imported when they are needed
  std::chrono::milliseconds call_timeout{30'000};  // a worker that takes longer is ended
};

// One Python process with a model loaded, asked through shared memory. Used by one thread at a time.
class PythonWorker {
 public:
  // Returns when the model is loaded. kInvalidArgument or kDataLoss with what Python said when it cannot be.
  static Result<std::unique_ptr<PythonWorker>> Start(const PythonOptions& options, const std::string& folder);
  // Ends the process.
  ~PythonWorker();
  PythonWorker(const PythonWorker&) = delete;
  PythonWorker& operator=(const PythonWorker&) = delete;

  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }
  pid_t pid() const { return process_.pid; }

  // All outputs. kInvalidArgument or kInternal is the model's own error. kAborted: the process ended or took too long,
  // and is of no use any more.
  Result<std::vector<Tensor>> Ask(std::span<const Tensor* const> inputs);
  // A request of MLflow's scoring protocol, answered by the MLflow of the model's environment. Errors as Ask's.
  Result<ScoredText> Score(std::string_view content_type, std::string_view body);
  bool scores() const { return scores_; }  // whether there is one
  bool usable() const { return usable_; }
  // Whether it waits for a question still, or ended meanwhile.
  bool Waits() const;

 private:
  explicit PythonWorker(const PythonOptions& options) : options_(options) {}
  Status Connect(const std::string& folder);
  Status SendMemory();
  Status Reserve(std::size_t bytes);
  Status Send(const std::string& message);
  // Puts `contents` into the shared memory, asks and waits for the reply, whose contents are mapped then.
  Result<nlohmann::json> Exchange(std::string_view contents, const nlohmann::json& question);
  Result<std::string> Receive(std::chrono::steady_clock::time_point until);
  std::unexpected<Error> Lost(std::string_view how);
  std::string LastWords() const;

  const PythonOptions options_;
  std::unique_ptr<io::TempFolder> temp_;
  io::ProcessId process_;
  int socket_ = -1;
  int memory_ = -1;
  char* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
  bool usable_ = true;
  bool answered_ = false;
  bool scores_ = false;
  std::vector<TensorInfo> inputs_, outputs_;
};

}  // namespace keelson::serving
