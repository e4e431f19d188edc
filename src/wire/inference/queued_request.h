#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire/inference/infer_request.h"
#include "wire/inference/prediction.h"
#include "wire/inference/served_models.h"

namespace keelson::wire::inference {

// The largest body that is parsed on the thread that read it: about a millisecond's worth.
inline constexpr std::size_t kReadHere = std::size_t{256} << 10;

// Whether a request is answered on the thread that read it: the model is at hand, it waits for no other process, and a
// request of this kind and size takes less than handing it over is worth. `explain`: contributions are asked for.
bool Quick(const ServedModels::Entry& entry, bool explain, std::size_t bytes);

// When its time is up, as the model's policy has it; Time::max() for never. `timeout` is what stands around the request
// (a header), `received` when it came.
serving::BatchQueue::Time DeadlineOf(const serving::BatchPolicy& policy, std::chrono::steady_clock::time_point received,
                                     std::optional<std::chrono::nanoseconds> timeout,
                                     std::optional<std::uint64_t> timeout_us = std::nullopt);

// kDeadlineExceeded.
Error TimeIsUp();

// A request in its model's queue, whatever protocol brought it. Answered once, by Compute or by Refuse.
class QueuedRequest : public serving::BatchRunner::Task {
 public:
  QueuedRequest(std::shared_ptr<ServedModels::Entry> entry, const StageWatch& watch)
      : entry_(std::move(entry)), watch_(watch) {}

  // Computes it alone and answers it.
  virtual void Compute() = 0;
  void Refuse(serving::BatchQueue::Admission why) final;
  // What it asks, where it may be computed together with others; its answer then comes by Answer. Null: alone only.
  virtual InferRequest* shared() { return nullptr; }
  // Writes the record of an answer that was computed together with others, where there is a payload log.
  virtual Status Log(std::vector<Tensor>* outputs) {
    (void)outputs;
    return {};
  }
  // Encodes and sends what the model gave together with others, or why it was refused before anything was done.
  virtual void Answer(Result<std::vector<Tensor>> outputs) = 0;

  ServedModels::Entry& entry() { return *entry_; }
  StageWatch& watch() { return watch_; }

 protected:
  // Gives it the place in the queue that the request asks for: what it may be computed together with, and its priority.
  void Place(const InferRequest& asked, serving::BatchQueue::Time deadline);

 private:
  std::shared_ptr<ServedModels::Entry> entry_;
  StageWatch watch_;
};

// One inference of a protocol that has read it, counted: here and now when it is quick, else by the model's queue.
// `done` is called once, on this thread or another, with the outputs asked for; `untouched` when it was refused and
// nothing was done for it. What `context` views has to stay until then, as have the clock and the limits.
using Done = std::function<void(Result<std::vector<Tensor>> outputs, bool untouched)>;
void Ask(std::shared_ptr<ServedModels::Entry> entry, InferRequest asked, const RequestContext& context,
         const StageWatch& watch, const Clock& clock, const TensorLimits& limits, Done done);

// Refuses what is not to be computed any more, and counts that. Looks at the clock only where there is a timeout.
Status CheckDeadline(ServedModels::Entry& entry, StageWatch* watch, std::optional<std::chrono::nanoseconds> timeout,
                     std::optional<std::uint64_t> timeout_us = std::nullopt);

// What the models' queues hand their batches to (serving::BatchRunner::Compute): one by one, or one below the other
// where that gives the same bits.
void ComputeQueued(serving::BatchRunner::Tasks batch);

}  // namespace keelson::wire::inference
