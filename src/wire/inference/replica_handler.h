#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/http.h"
#include "serving/model.h"
#include "serving/payload_log.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/metrics.h"
#include "wire/inference/route.h"

namespace keelson::wire::inference {

// The replica's side of the Open Inference Protocol v2 (REST): server and model metadata, health, readiness, inference,
// and /metrics. A prediction is made on the calling I/O thread: it takes microseconds, and a hand-over would take more.
// With a payload log the record is in the page cache before the answer goes out; when it cannot be written the answer
// is 503.
//
// Owned by the replica role, one a process; safe from any thread. The clock outlives it.
class ReplicaHandler {
 public:
  struct Served {
    std::shared_ptr<const serving::LoadedModel> model;
    std::unique_ptr<serving::PayloadWriter> payload;  // may be null
  };
  struct Options {
    TensorLimits limits;
    std::string server_version = "0";
  };

  ReplicaHandler(std::vector<Served> models, const Clock& clock, Options options);

  // Request headers: x-request-id (the record's id, unless the body has one) and x-keelson-time, the project's clock in
  // microseconds; x-keelson-keys, inputs that are there as entity keys only. The answer carries x-keelson-version.
  void Handle(io::HttpRequest request, const io::HttpRespond& respond);
  io::HttpResponse Answer(const io::HttpRequest& request);

  void SetReady(bool ready) { ready_ = ready; }

 private:
  struct Entry {
    Served served;
    ModelMetrics metrics;
  };

  io::HttpResponse ServerMetadata() const;
  io::HttpResponse Metrics() const;
  io::HttpResponse Infer(Entry& entry, const io::HttpRequest& request);
  Result<io::HttpResponse> TryInfer(Entry& entry, const io::HttpRequest& request,
                                    std::chrono::steady_clock::time_point start);
  static io::HttpResponse ModelMetadata(const serving::LoadedModel& model);

  std::map<std::string, std::unique_ptr<Entry>, std::less<>> models_;
  const Clock& clock_;
  const Options options_;
  std::atomic<bool> ready_{true};
};

}  // namespace keelson::wire::inference
