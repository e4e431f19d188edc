#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "gateway/gateway.h"
#include "io/http.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/route.h"

namespace keelson::wire::inference {

// What the edge must know of one endpoint. Immutable.
struct EndpointFeatures {
  data::Schema keys;               // request columns that carry entity keys: kString, kInt64, kDouble or kBool
  std::vector<std::string> names;  // the features to splice in, one FP32 tensor each
};

// The endpoints of the server, given by control. Called from I/O threads: thread-safe, and soon back.
class EndpointDirectory {
 public:
  virtual ~EndpointDirectory() = default;
  virtual std::vector<std::string> Names() const = 0;
  // Null when there is no such endpoint; without keys and names when its requests pass untouched.
  virtual std::shared_ptr<const EndpointFeatures> Find(const std::string& endpoint) const = 0;
  // The project's clock for a request that comes now; `asked` is what its x-keelson-time header says, if it has one.
  virtual Instant RequestTime(const std::string& endpoint, std::optional<Instant> asked) const = 0;
};

// The features of `rows` entities at `time`: `keys` has, row by row, the cells of EndpointFeatures::keys (null:
// monostate); the answer, row by row, one number a feature in the order of names, NaN for null. Like
// features::OnlineFeatures::Lookup.
using FeatureLookup = std::function<Result<std::vector<double>>(
    const std::string& endpoint, std::span<const data::Value> keys, std::size_t rows, Instant time)>;

// The server's side of the REST protocols that a replica speaks (see ReplicaHandler): Open Inference Protocol v2,
// KServe v1 and MLflow scoring. An inference request gets its features spliced into its text (the rest of the body
// stays byte for byte; a body of v1 or MLflow is written anew), an x-request-id (the body's `id` when it is sane, else
// the request's own) and x-keelson-time, and goes to the gateway. Metadata comes from a replica, less the features
// spliced in. An endpoint is ready as soon as it exists, for the gateway holds requests until a replica is. Owned by
// the server; thread-safe; what is given at construction outlives it.
class InferenceEdge {
 public:
  InferenceEdge(gateway::Gateway& gateway, const EndpointDirectory& directory, FeatureLookup lookup,
                std::string server_version, TensorLimits limits = {});

  void Handle(io::HttpRequest request, io::HttpRespond respond);

 private:
  void Infer(const std::string& endpoint, const EndpointFeatures& features, io::HttpRequest request,
             io::HttpRespond respond);
  bool AnswerHere(const Route& route, io::HttpResponse* response) const;  // what needs no replica
  void InferTable(const Route& route, const std::string& endpoint, const EndpointFeatures& features,
                  io::HttpRequest request, io::HttpRespond respond);
  Result<io::HttpCall> TableCall(const Route& route, const std::string& endpoint, const EndpointFeatures& features,
                                 io::HttpRequest& request) const;
  void Metadata(const std::string& endpoint, std::shared_ptr<const EndpointFeatures> features, io::HttpRequest request,
                io::HttpRespond respond);

  gateway::Gateway& gateway_;
  const EndpointDirectory& directory_;
  const FeatureLookup lookup_;
  const std::string server_version_;
  const TensorLimits limits_;
};

// The text of tensors to splice: {"name":..,"shape":[rows],"datatype":"FP32","data":[..]} for each name, separated by
// commas. `values` has, row by row, one number a name. A float32 reads back as it was; NaN is null.
std::string FeatureTensors(const std::vector<std::string>& names, std::size_t rows, const std::vector<double>& values);

// `request` was parsed from `body`: the body with `tensors` before the end of its "inputs".
std::string SpliceInputs(std::string_view body, const InferRequest& request, std::string_view tensors);

}  // namespace keelson::wire::inference
