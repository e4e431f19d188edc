#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/gateway.h"
#include "io/http.h"
#include "wire/inference/edge_features.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/route.h"

namespace keelson::wire::inference {

// The server's side of the REST protocols that a replica speaks (see ReplicaHandler): Open Inference Protocol v2,
// KServe v1 and MLflow scoring. An inference request gets its features spliced into its text (the rest of the body
// stays byte for byte; a body of v1 or MLflow is written anew), an x-request-id (the body's `id` when it is sane, else
// the request's own) and x-keelson-time, and goes to the gateway. Metadata comes from a replica, less the features
// spliced in. A path that names a version goes to that one, whatever the weights say. An endpoint and its versions are
// ready as soon as they are there, for the gateway holds requests until a replica is. Owned by the server; thread-safe;
// what is given at construction outlives it.
class InferenceEdge {
 public:
  InferenceEdge(gateway::Gateway& gateway, const EndpointDirectory& directory, FeatureLookup lookup,
                std::string server_version, TensorLimits limits = {});

  void Handle(io::HttpRequest request, io::HttpRespond respond);

 private:
  bool AnswerHere(const Route& route, io::HttpResponse* response) const;  // what needs no replica
  io::HttpResponse Index() const;
  io::HttpResponse Ready(const Route& route) const;
  void Infer(const Route& route, const EndpointFeatures& features, io::HttpRequest request, io::HttpRespond respond);
  void InferTable(const Route& route, const EndpointFeatures& features, io::HttpRequest request,
                  io::HttpRespond respond);
  Result<io::HttpCall> TableCall(const Route& route, const EndpointFeatures& features, io::HttpRequest& request) const;
  void Describe(const Route& route, std::shared_ptr<const EndpointFeatures> features, io::HttpRequest request,
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
