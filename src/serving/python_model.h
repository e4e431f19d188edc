#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serving/python_worker.h"
#include "serving/tensor_model.h"

namespace keelson::serving {

// An MLflow model directory that only Python can answer (scikit-learn, any pyfunc), by a few processes with the model
// loaded. A process that ends, or takes too long, is replaced while the others answer. A request in whose hands a
// process ended twice is not tried again (quarantined, kInvalidArgument); after the first time the caller may
// (kUnavailable). Safe from any thread; Infer waits.
class PythonModel final : public TensorModel {
 public:
  // Waits until all workers are ready. The errors of PythonWorker::Start.
  static Result<std::unique_ptr<const PythonModel>> Start(PythonOptions options, std::string folder);
  ~PythonModel() override;

  // kResourceExhausted when too many wait for a worker.
  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs, std::span<const std::string> wanted) const override;
  bool scores() const override { return scores_; }
  Result<ScoredText> Score(std::string_view content_type, std::string_view body) const override;
  bool waits() const override { return true; }
  bool Suspects(std::span<const Tensor> inputs) const override;
  std::size_t memory_bytes() const override;  // of the processes, as they were when they were ready

  std::vector<pid_t> worker_pids() const;
  std::size_t restarts() const;

 private:
  PythonModel(PythonOptions options, std::string folder) : options_(std::move(options)), folder_(std::move(folder)) {}
  // Asks a free worker, once. What a request of that fingerprint did to workers before, and does to this one, counts.
  template <typename Question>
  auto AskOne(std::uint64_t fingerprint, const Question& question) const
      -> decltype(question(std::declval<PythonWorker&>()));
  Result<std::unique_ptr<PythonWorker>> Take() const;
  void Return(std::unique_ptr<PythonWorker> worker) const;
  Status CheckQuarantine(std::uint64_t fingerprint) const;
  bool Strike(std::uint64_t fingerprint) const;  // whether it is quarantined now
  void Forgive(std::uint64_t fingerprint) const;
  void Supervise();

  const PythonOptions options_;
  const std::string folder_;
  std::size_t memory_bytes_ = 0;
  bool scores_ = false;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // All guarded by mutex_.
  mutable std::vector<std::unique_ptr<PythonWorker>> idle_;
  mutable std::vector<pid_t> pids_;  // of all that live
  mutable std::size_t missing_ = 0;  // workers to be started anew
  mutable std::size_t waiting_ = 0;  // requests
  mutable std::size_t restarts_ = 0;
  mutable std::map<std::uint64_t, int> strikes_;  // by fingerprint
  mutable std::deque<std::uint64_t> struck_;      // in the order of their first strike
  mutable std::string start_error_;               // why the last worker could not be started
  bool stopping_ = false;

  std::thread supervisor_;
};

}  // namespace keelson::serving
