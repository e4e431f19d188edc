#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "io/http.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/prediction.h"
#include "wire/inference/route.h"
#include "wire/inference/served_models.h"

namespace keelson::wire::inference {

// The inferences of the REST protocols: Open Inference Protocol v2, KServe v1 and MLflow scoring. Quick ones are
// answered on the thread that asks, the others by their model's queue. Owned by ReplicaHandler; safe from any thread.
class RestInference {
 public:
  using Entry = ServedModels::Entry;

  RestInference(const Clock& clock, const TensorLimits& limits) : clock_(clock), limits_(limits) {}

  // Whether requests of this kind are inferences.
  static bool Infers(Route::Kind kind);
  void Handle(Route::Kind kind, std::shared_ptr<Entry> entry, io::HttpRequest request,
              const io::HttpRespond& respond) const;
  // Here and now, whatever it costs.
  io::HttpResponse Answer(Route::Kind kind, Entry& entry, const io::HttpRequest& request) const;

 private:
  class Whole;      // a request that its model's thread reads
  class Inference;  // one that is read, and may be computed together with others

  // What is known of a request besides its body.
  struct Asked {
    Route::Kind kind;
    std::optional<std::chrono::nanoseconds> timeout;  // of the header
    std::size_t rows = 0;                             // once they are known
    bool explain = false;
    bool alone = true;       // and not computed together with others
    bool untouched = false;  // it was refused before anything was done
  };

  StageWatch Begin() const;
  Result<InferRequest> Read(const io::HttpRequest& request) const;
  Result<io::HttpResponse> Try(Entry& entry, const io::HttpRequest& request, StageWatch* watch, Asked* asked) const;
  Result<io::HttpResponse> TryInfer(Entry& entry, const io::HttpRequest& request, InferRequest* read, StageWatch* watch,
                                    Asked* asked) const;
  Result<io::HttpResponse> TryV1(Entry& entry, const io::HttpRequest& request, StageWatch* watch, Asked* asked) const;
  Result<io::HttpResponse> TryScoring(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                      Asked* asked) const;
  // KServe v1 and MLflow scoring of models of named tensors.
  Result<io::HttpResponse> TryTensors(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                      Asked* asked) const;
  Result<io::HttpResponse> TryPyfunc(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                     Asked* asked) const;
  Result<std::vector<Tensor>> AskTensors(Entry& entry, const io::HttpRequest& request, StageWatch* watch, Asked* asked,
                                         std::vector<Tensor> inputs) const;
  Result<io::HttpResponse> TryMlflow(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                     Asked* asked) const;
  // Counts it, learns what it cost and tells the version; compressed where `request` allows it.
  io::HttpResponse Finish(Entry& entry, const io::HttpRequest& request, StageWatch& watch, const Asked& asked,
                          Result<io::HttpResponse> response) const;

  const Clock& clock_;
  const TensorLimits limits_;
};

}  // namespace keelson::wire::inference
