#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "io/http.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/queued_request.h"
#include "wire/inference/rest_inference.h"
#include "wire/inference/route.h"
#include "wire/inference/served_models.h"

namespace keelson::wire::inference {

// The replica's side of the REST protocols: Open Inference Protocol v2 with the extensions binary_tensor_data,
// model_repository, schedule_policy and statistics, KServe v1, MLflow scoring, and /metrics. A prediction that takes
// microseconds is made on the calling I/O thread, for a hand-over would take more; slow ones wait in their model's
// queue. Models are loaded and unloaded on a thread of their own. With a complete payload log the record is in the page
// cache before the answer goes out; when it cannot be written there is no answer but 429 or 503.
//
// Owned by the replica role, one a process; safe from any thread. The clock and the repository outlive it.
class ReplicaHandler {
 public:
  using Served = inference::Served;
  struct Options {
    TensorLimits limits;
    std::string server_version = "0";
    ModelRepository* repository = nullptr;  // null: no model is loaded or unloaded when asked
  };

  ReplicaHandler(std::vector<Served> models, const Clock& clock, Options options);

  // Request headers: x-keelson-timeout, how long in microseconds an answer is of use; x-request-id (the record's id,
  // unless the body has one) and x-keelson-time, the project's clock in microseconds; x-keelson-keys, inputs that are
  // there as entity keys only. The answer carries x-keelson-version, and is compressed when the request's
  // accept-encoding allows it.
  void Handle(io::HttpRequest request, const io::HttpRespond& respond);
  io::HttpResponse Answer(const io::HttpRequest& request);  // waits for loads and unloads

  void SetReady(bool ready) { ready_ = ready; }

  // What the gRPC side (grpc_service.h) shares with this one.
  using Entry = ServedModels::Entry;
  const ServedModels& models() const { return models_; }
  bool ready() const { return ready_; }
  const Clock& clock() const { return clock_; }
  const Options& options() const { return options_; }
  std::vector<std::string> Extensions() const;
  // Those of a model, or of all when it is "": all versions when none is named. kNotFound as ServedModels::Find.
  Result<std::vector<std::shared_ptr<Entry>>> EntriesOf(const std::string& model, const std::string& version) const;
  // One inference, counted: inference::Ask.
  void Ask(const std::shared_ptr<Entry>& entry, InferRequest asked, const RequestContext& context,
           const StageWatch& watch, Done done);
  // Loads or unloads, on a thread of its own.
  void Change(bool load, const std::string& model, std::function<void(const Status&)> done);

 private:
  io::HttpResponse AnswerMethod(const Route& route, const io::HttpRequest& request);
  io::HttpResponse AnswerRoute(const Route& route, const io::HttpRequest& request);
  io::HttpResponse OfServer(const Route& route, const io::HttpRequest& request);
  io::HttpResponse ServerMetadata() const;
  io::HttpResponse Statistics(const Route& route) const;
  io::HttpResponse Index(const io::HttpRequest& request) const;
  io::HttpResponse ChangeRepository(const Route& route, const io::HttpRequest& request);
  io::HttpResponse ModelMetadata(const Entry& entry) const;
  // The model that a scoring request means.
  Result<std::shared_ptr<Entry>> ForScoring(const io::HttpRequest& request) const;
  Result<std::shared_ptr<Entry>> EntryFor(const Route& route, const io::HttpRequest& request) const;

  const Clock& clock_;
  const Options options_;
  const RestInference inference_;
  ServedModels models_;  // after what the requests in its queues are answered by
  std::atomic<bool> ready_{true};
  ThreadPool loads_{1};  // goes first: it runs what was asked for
};

}  // namespace keelson::wire::inference
