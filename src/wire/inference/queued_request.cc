#include "wire/inference/queued_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "serving/tensor_batch.h"
#include "wire/inference/inference.h"

namespace keelson::wire::inference {
namespace {

using serving::BatchQueue;
using serving::BatchTrust;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

// A hand-over to a thread of the model's and back costs some 20 us of both threads' time. What takes longer than this
// holds up other models' requests; a model of tensors moreover gains by answering together what waits.
constexpr nanoseconds kQuickTrees = microseconds(1'000);
constexpr nanoseconds kQuickTensors = microseconds(200);

std::vector<std::string> WantedOf(const InferRequest& asked) {
  std::vector<std::string> wanted;
  if (asked.outputs) {
    for (const auto& output : *asked.outputs) wanted.push_back(output.name);
  }
  return wanted;
}

using Requests = std::vector<QueuedRequest*>;

void Distrust(ServedModels::Entry& entry, std::string_view why) {
  if (!entry.trust.Distrust()) return;
  LogWarning(
      "requests of a model are not computed together any more",
      {{"model", entry.served.model->name()}, {"version", entry.served.model->version()}, {"why", std::string(why)}});
}

// The answers of all requests, cut from one; nothing when the model does not take or give them so.
std::optional<std::vector<std::vector<Tensor>>> AskTogether(ServedModels::Entry& entry, const Requests& requests,
                                                            std::size_t* rows) {
  const auto& model = *entry.served.model;
  std::vector<std::size_t> counts;
  std::vector<Tensor> all = requests.front()->shared()->inputs;
  for (QueuedRequest* request : requests) {
    const auto& inputs = request->shared()->inputs;
    if (counts.empty() || serving::Together(all, inputs)) {
      if (!counts.empty()) serving::AppendRows(inputs, &all);
      counts.push_back(serving::RowsOf(inputs).value_or(0));
    }
  }
  if (counts.size() != requests.size()) return std::nullopt;  // two shapes of one hash
  *rows = serving::RowsOf(all).value_or(0);
  const auto outputs = model.Infer(all, WantedOf(*requests.front()->shared()));
  if (!outputs) return std::nullopt;  // each hears its own reason
  for (const Tensor& output : *outputs) {
    if (output.shape.empty() || output.shape[0] != static_cast<std::int64_t>(*rows)) {
      Distrust(entry, fmt::format("output \"{}\" has not one row for each row of the inputs", output.name));
      return std::nullopt;
    }
  }
  std::vector<std::vector<Tensor>> answers;
  std::size_t begin = 0;
  for (const std::size_t count : counts) {
    answers.push_back(serving::CutRows(*outputs, begin, count));
    begin += count;
  }
  return answers;
}

// Whether the answers are what the model says to the requests alone.
bool AreAlike(ServedModels::Entry& entry, const Requests& requests, const std::vector<std::vector<Tensor>>& answers,
              BatchTrust::Check check) {
  if (check == BatchTrust::Check::kNone) return true;
  const std::size_t last = check == BatchTrust::Check::kOne ? 1 : requests.size();
  for (std::size_t i = 0; i < last; ++i) {
    const InferRequest& asked = *requests[i]->shared();
    const auto alone = entry.served.model->Infer(asked.inputs, WantedOf(asked));
    if (alone && serving::SameBits(*alone, answers[i])) continue;
    Distrust(entry, "it answered a batch of rows otherwise than the rows alone");
    return false;
  }
  return true;
}

bool ComputeTogether(const Requests& requests) {
  ServedModels::Entry& entry = requests.front()->entry();
  const auto foreign = [&](QueuedRequest* each) { return each->shared() == nullptr || &each->entry() != &entry; };
  if (!entry.trust.trusted() || std::any_of(requests.begin(), requests.end(), foreign)) return false;
  for (QueuedRequest* request : requests) request->watch().EndQueue();
  std::size_t rows = 0;
  auto answers = AskTogether(entry, requests, &rows);
  if (!answers || !AreAlike(entry, requests, *answers, entry.trust.Next())) return false;
  for (QueuedRequest* request : requests) request->watch().EndCompute();
  entry.metrics.RecordExecution(rows, requests.front()->watch().times());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (auto logged = requests[i]->Log(&(*answers)[i]); !logged) {
      requests[i]->Answer(std::unexpected(std::move(logged).error()));
    } else {
      requests[i]->Answer(std::move((*answers)[i]));
    }
  }
  return true;
}

}  // namespace

bool Quick(const ServedModels::Entry& entry, bool explain, std::size_t bytes) {
  const auto& model = *entry.served.model;
  if (bytes > kReadHere || model.waits() || !model.resident()) return false;
  const auto expected = (explain ? entry.explain : entry.cost).Expect(bytes);
  if (model.takes_tensors()) return expected && *expected <= kQuickTensors;
  return expected ? *expected <= kQuickTrees : !explain;
}

BatchQueue::Time DeadlineOf(const serving::BatchPolicy& policy, std::chrono::steady_clock::time_point received,
                            std::optional<nanoseconds> timeout, std::optional<std::uint64_t> timeout_us) {
  constexpr std::uint64_t kYear = std::uint64_t{365} * 86'400 * 1'000'000;
  if (timeout_us && *timeout_us != 0) {
    const nanoseconds asked = microseconds(std::min(*timeout_us, kYear));
    timeout = timeout ? std::min(*timeout, asked) : asked;
  }
  const auto holds = policy.TimeoutOf(timeout);
  return holds ? received + *holds : BatchQueue::Time::max();
}

Error TimeIsUp() {
  return {ErrorCode::kDeadlineExceeded, "the request's timeout passed before it was computed", ""};
}

void QueuedRequest::Refuse(BatchQueue::Admission why) {
  const std::string& model = entry_->served.model->name();
  watch_.EndQueue();
  if (why == BatchQueue::Admission::kExpired) {
    entry_->metrics.RecordRefusal(ModelMetrics::Refusal::kExpired);
    Answer(std::unexpected(TimeIsUp()));
  } else if (why == BatchQueue::Admission::kFull) {
    entry_->metrics.RecordRefusal(ModelMetrics::Refusal::kQueueFull);
    Answer(Fail(ErrorCode::kResourceExhausted,
                fmt::format("{} requests wait for model {} already", entry_->served.policy.queue_limit, model)));
  } else {
    Answer(Fail(ErrorCode::kUnavailable, fmt::format("model {} is not served any more", model)));
  }
}

void QueuedRequest::Place(const InferRequest& asked, BatchQueue::Time deadline) {
  const auto& policy = entry_->served.policy;
  const auto& model = *entry_->served.model;
  ask.deadline = deadline;
  ask.priority = policy.PriorityOf(asked.priority);
  if (policy.max_rows <= 1 || !model.takes_tensors() || !entry_->trust.trusted() || asked.predict != "value") return;
  const auto rows = serving::RowsOf(asked.inputs);
  if (!rows || *rows == 0 || model.Suspects(asked.inputs)) return;
  ask.rows = *rows;
  const auto version = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(entry_.get()));
  ask.shape = std::max<std::uint64_t>(serving::ShapeHash(asked.inputs, WantedOf(asked)) ^ version, 1);
}

Status CheckDeadline(ServedModels::Entry& entry, StageWatch* watch, std::optional<nanoseconds> timeout,
                     std::optional<std::uint64_t> timeout_us) {
  const auto deadline = DeadlineOf(entry.served.policy, watch->received(), timeout, timeout_us);
  if (deadline == BatchQueue::Time::max()) return {};
  watch->EndInput();
  if (watch->now() < deadline) return {};
  entry.metrics.RecordRefusal(ModelMetrics::Refusal::kExpired);
  return std::unexpected(TimeIsUp());
}

namespace {

class AskedRequest final : public QueuedRequest {
 public:
  AskedRequest(std::shared_ptr<ServedModels::Entry> entry, InferRequest asked, const RequestContext& context,
               const StageWatch& watch, const Clock& clock, const TensorLimits& limits, Done done)
      : QueuedRequest(std::move(entry), watch),
        clock_(clock),
        limits_(limits),
        context_(context),
        asked_(std::move(asked)),
        done_(std::move(done)) {
    for (const Tensor& tensor : asked_.inputs) bytes_ += tensor.elements() * sizeof(float);
    Place(asked_, DeadlineOf(this->entry().served.policy, watch.received(), context_.timeout, asked_.timeout_us));
  }

  bool IsQuick() { return Quick(entry(), Explains(), bytes_); }

  void Compute() override {
    if (auto late = CheckDeadline(entry(), &watch(), context_.timeout, asked_.timeout_us); !late) {
      return Send(std::unexpected(std::move(late).error()), false, true);
    }
    Send(Infer(entry(), asked_, context_, clock_, limits_, &watch(), &rows_), true, false);
  }
  InferRequest* shared() override { return &asked_; }
  Status Log(std::vector<Tensor>* outputs) override {
    return LogTensors(entry(), NamedContext(context_, asked_.id), clock_, ask.rows, &asked_.inputs, outputs, &watch());
  }
  void Answer(Result<std::vector<Tensor>> outputs) override {
    rows_ = ask.rows;
    const bool refused = !outputs.has_value();
    Send(std::move(outputs), false, refused);
  }

 private:
  bool Explains() const { return asked_.predict == "contributions"; }

  void Send(Result<std::vector<Tensor>> outputs, bool alone, bool untouched) {
    watch().EndOutput();
    const StageTimes& times = watch().times();
    auto& metrics = entry().metrics;
    if (outputs) {
      metrics.RecordSuccess(rows_, times, ToMicros(clock_.WallNow()) / 1'000, alone);
      if (alone) (Explains() ? entry().explain : entry().cost).Observe(bytes_, times.Total() - times.queue);
    } else {
      metrics.RecordFailure(times.Total());
    }
    done_(std::move(outputs), untouched);
  }

  const Clock& clock_;
  const TensorLimits& limits_;
  const RequestContext context_;
  InferRequest asked_;
  Done done_;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace

void Ask(std::shared_ptr<ServedModels::Entry> entry, InferRequest asked, const RequestContext& context,
         const StageWatch& watch, const Clock& clock, const TensorLimits& limits, Done done) {
  auto* queue = entry->queue;
  auto request = std::make_unique<AskedRequest>(std::move(entry), std::move(asked), context, watch, clock, limits,
                                                std::move(done));
  if (request->IsQuick()) return request->Compute();
  request->watch().EndInput();
  queue->Offer(std::move(request));
}

void ComputeQueued(serving::BatchRunner::Tasks batch) {
  Requests requests;
  for (const auto& task : batch) requests.push_back(static_cast<QueuedRequest*>(task.get()));
  if (requests.size() > 1 && ComputeTogether(requests)) return;
  for (QueuedRequest* request : requests) {
    request->watch().EndQueue();
    // What came while those before it were computed one by one.
    if (request->ask.deadline <= request->watch().now()) {
      request->Refuse(BatchQueue::Admission::kExpired);
    } else {
      request->Compute();
    }
  }
}

}  // namespace keelson::wire::inference
