#include "wire/inference/edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/strings.h"
#include "io/http_deflate.h"
#include "io/request_id.h"
#include "wire/inference/answer.h"
#include "wire/inference/edge_table.h"
#include "wire/inference/entity_keys.h"
#include "wire/inference/kserve_v1.h"
#include "wire/inference/mlflow_scoring.h"
#include "wire/inference/model_config.h"

namespace keelson::wire::inference {
namespace {

constexpr std::string_view kJsonLength = "inference-header-content-length";

void CopyHeader(const io::HttpRequest& request, std::string_view name, io::HttpHeaders* to) {
  if (const auto value = io::FindHeader(request.headers, name); !value.empty()) to->emplace_back(name, value);
}

io::HttpCall CallFor(const io::HttpRequest& request, const std::string& request_id) {
  io::HttpCall call;
  call.method = request.method;
  call.target = request.path;
  CopyHeader(request, "content-type", &call.headers);
  CopyHeader(request, "accept", &call.headers);
  call.headers.emplace_back("x-request-id", request_id);
  return call;
}

// Headers of the replica's answer that are the connection's own, and written anew by our server.
bool IsHopHeader(std::string_view name) {
  const std::string lower = ToLower(name);
  return lower == "content-length" || lower == "content-type" || lower == "connection" || lower == "date" ||
         lower == "x-request-id" || lower == "transfer-encoding" || lower == "keep-alive" || lower == "server";
}

io::HttpResponse Relay(Result<io::HttpResponse> answer) {
  if (!answer) return ErrorAnswer(OfGateway(std::move(answer).error()));
  bool has_version = false;  // the replica says it, and the gateway may say it too
  std::erase_if(answer->headers, [&](const auto& header) {
    if (ToLower(header.first) == "x-keelson-version") return std::exchange(has_version, true);
    return IsHopHeader(header.first);
  });
  return std::move(*answer);
}

nlohmann::json AskedInputs(const EndpointFeatures& features, const nlohmann::json& inputs,
                           const std::function<nlohmann::json(const data::ColumnSchema&)>& describe) {
  nlohmann::json kept = nlohmann::json::array();
  std::set<std::string> names;
  for (const auto& input : inputs) {
    const std::string name = input.is_object() ? input.value("name", "") : "";
    if (features.Splices(name)) continue;
    names.insert(name);
    kept.push_back(input);
  }
  for (const auto& key : features.keys) {
    if (!names.contains(key.name)) kept.push_back(describe(key));
  }
  return kept;
}

// What a replica says of its model, as it is for those who ask the endpoint: the features that are spliced in are asked
// of nobody, the entity keys are, whether or not the model reads them itself; and there may be more versions.
io::HttpResponse OfEndpoint(Route::Kind kind, io::HttpResponse response, const EndpointFeatures& features,
                            const std::vector<std::string>& versions) {
  if (response.status != 200 || kind == Route::Kind::kStatistics) return response;
  auto said = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (!said.is_object()) return response;
  if (kind == Route::Kind::kModel) {
    said["versions"] = versions;
    if (!features.names.empty() && said.contains("inputs")) {
      said["inputs"] = AskedInputs(features, said["inputs"], [](const auto& key) {
        return nlohmann::json{{"name", key.name}, {"datatype", DatatypeName(DatatypeOfKey(key.type))}, {"shape", {-1}}};
      });
    }
  } else if (!features.names.empty() && said.contains("input")) {
    said["input"] = AskedInputs(features, said["input"], [](const auto& key) {
      return ConfigInput({key.name, DatatypeOfKey(key.type), {-1}});
    });
  }
  response.body = said.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

// When the answer is of no use any more. What is no timeout is left to the replica to refuse.
std::optional<std::chrono::steady_clock::time_point> DeadlineOf(const io::HttpRequest& request, io::HttpCall* call) {
  constexpr std::int64_t kYear = std::int64_t{365} * 86'400 * 1'000'000;
  const std::string_view header = io::FindHeader(request.headers, gateway::kTimeoutHeader);
  if (header.empty()) return std::nullopt;
  const auto micros = ParseInt(header);
  if (micros && *micros >= 1) {
    return std::chrono::steady_clock::now() + std::chrono::microseconds(std::min(*micros, kYear));
  }
  call->headers.emplace_back(gateway::kTimeoutHeader, header);
  return std::nullopt;
}

}  // namespace

std::string FeatureTensors(const std::vector<std::string>& names, std::size_t rows, const std::vector<double>& values) {
  std::string text;
  text.reserve(names.size() * (64 + rows * 12));
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (k != 0) text.push_back(',');
    text.append("{\"name\":").append(JsonString(names[k]));
    text.append(fmt::format(",\"shape\":[{}],\"datatype\":\"FP32\",\"data\":[", rows));
    for (std::size_t row = 0; row < rows; ++row) {
      if (row != 0) text.push_back(',');
      AppendFloat(static_cast<float>(values[row * names.size() + k]), &text);
    }
    text.append("]}");
  }
  return text;
}

std::string SpliceInputs(std::string_view body, const InferRequest& request, std::string_view tensors) {
  std::string spliced;
  spliced.reserve(body.size() + tensors.size() + 1);
  spliced.append(body.substr(0, request.inputs_end));
  if (!request.inputs_empty && !tensors.empty()) spliced.push_back(',');
  spliced.append(tensors);
  spliced.append(body.substr(request.inputs_end));
  return spliced;
}

InferenceEdge::InferenceEdge(gateway::Gateway& gateway, const EndpointDirectory& directory, FeatureLookup lookup,
                             std::string server_version, TensorLimits limits)
    : gateway_(gateway),
      directory_(directory),
      lookup_(std::move(lookup)),
      server_version_(std::move(server_version)),
      limits_(limits) {}

// What may be asked without a replica. Models are the endpoints; which versions are loaded behind them is control's.
bool InferenceEdge::AnswerHere(const Route& route, io::HttpResponse* response) const {
  using Kind = Route::Kind;
  const auto dump = [&](const nlohmann::json& json) {
    response->body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  switch (route.kind) {
    case Kind::kServer:
      dump({{"name", "keelson"}, {"version", server_version_}, {"extensions", kEdgeExtensions}});
      return true;
    case Kind::kLive:
      response->body = R"({"live":true})";
      return true;
    case Kind::kReady:
      response->body = R"({"ready":true})";
      return true;
    case Kind::kPing:
      response->body = "\n";
      return true;
    case Kind::kVersion:
      response->body = kMlflowVersion;
      return true;
    case Kind::kModels:
    case Kind::kV1Models:
      dump({{"models", directory_.Names()}});
      return true;
    case Kind::kIndex:
      *response = Index();
      return true;
    case Kind::kStatistics:
      if (!route.model.empty()) return false;
      *response = ErrorAnswer(400, kNameAModel);
      return true;
    case Kind::kLoad:
    case Kind::kUnload:
      *response = ErrorAnswer(400, kNotYoursToLoad);
      return true;
    default:
      return false;
  }
}

void InferenceEdge::Handle(io::HttpRequest request, io::HttpRespond respond) {
  auto route = ParseRoute(request.path);
  if (!route) return respond(ErrorAnswer(404, fmt::format("no such path: {}", request.path.substr(0, 200))));
  using Kind = Route::Kind;
  const std::string_view method = MethodOf(route->kind);
  if (request.method != method && !(request.method == "HEAD" && method == "GET")) {
    auto response =
        ErrorAnswer(405, fmt::format("{} is not answered here; expected {}", request.method.substr(0, 20), method));
    response.headers.emplace_back("allow", method);
    return respond(std::move(response));
  }
  io::HttpResponse response;
  if (AnswerHere(*route, &response)) return respond(std::move(response));
  if (const auto accepted = io::FindHeader(request.headers, "accept-encoding"); !accepted.empty()) {
    respond = [respond = std::move(respond), accepted = std::string(accepted)](io::HttpResponse answer) {
      io::CompressAnswer(accepted, &answer);
      respond(std::move(answer));
    };
  }
  if (route->kind == Kind::kInvocations) {
    route->model = io::QueryValue(request.query, "model").value_or("");
    route->version = io::QueryValue(request.query, "version").value_or("");
    if (const auto names = directory_.Names(); route->model.empty() && names.size() == 1) route->model = names.front();
  }
  auto features = directory_.Find(route->model);
  if (features == nullptr) {
    if (route->kind == Kind::kInvocations) {
      return respond(ScoringError({ErrorCode::kNotFound,
                                   fmt::format("there is no endpoint \"{}\": name one, as in /invocations?model=NAME",
                                               route->model.substr(0, 200)),
                                   ""}));
    }
    return respond(ErrorAnswer(NoSuchModel(route->model)));
  }
  switch (route->kind) {
    case Kind::kModelReady:
    case Kind::kV1Model:
      return respond(Ready(*route));
    case Kind::kInfer:
      return Infer(*route, *features, std::move(request), std::move(respond));
    case Kind::kPredict:
    case Kind::kExplain:
    case Kind::kInvocations:
      return InferTable(*route, *features, std::move(request), std::move(respond));
    default:
      return Describe(*route, std::move(features), std::move(request), std::move(respond));
  }
}

io::HttpResponse InferenceEdge::Index() const {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& name : directory_.Names()) {
    for (const auto& version : gateway_.Versions(name)) {
      rows.push_back({{"name", name}, {"version", version}, {"state", "READY"}, {"reason", ""}});
    }
  }
  io::HttpResponse response;
  response.body = rows.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

io::HttpResponse InferenceEdge::Ready(const Route& route) const {
  const auto versions = gateway_.Versions(route.model);
  if (!route.version.empty() && std::find(versions.begin(), versions.end(), route.version) == versions.end()) {
    return ErrorAnswer(gateway::NoSuchVersion(route.model, route.version, versions));
  }
  io::HttpResponse response;
  response.body = fmt::format(R"({{"name":{},"ready":true}})", JsonString(route.model));
  return response;
}

Result<io::HttpCall> InferenceEdge::TableCall(const Route& route, const EndpointFeatures& features,
                                              io::HttpRequest& request) const {
  const bool scoring = route.kind == Route::Kind::kInvocations;
  const Instant time = TimeOf(directory_, route.model, io::FindHeader(request.headers, "x-keelson-time"));
  io::HttpCall call = CallFor(request, request.request_id);
  if (scoring) call.target += "?model=" + io::PercentEncode(route.model);
  call.headers.emplace_back("x-keelson-time", std::to_string(ToMicros(time)));
  if (features.names.empty()) {
    call.body = std::move(request.body);
    return call;
  }
  ScoringRequest asked{RowTable(limits_)};
  if (scoring) {
    KEELSON_ASSIGN_OR_RETURN(asked, ReadScoringRequest(io::FindHeader(request.headers, "content-type"), request.body,
                                                       std::nullopt, limits_));
  } else {
    KEELSON_RETURN_IF_ERROR(ReadV1Request(request.body, &asked.table));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto keys, TakeEntityKeys(features.keys, asked.table));
  KEELSON_ASSIGN_OR_RETURN(const auto values, LookUp(lookup_, route.model, features, keys, time));
  KEELSON_RETURN_IF_ERROR(AddFeatures(features.names, values, &asked.table));
  call.body = WriteTableBody(route.kind, asked.predict, asked.table);
  for (auto& [name, value] : call.headers) {
    if (name == "content-type") value = "application/json";
  }
  call.headers.emplace_back("x-keelson-keys", KeyNames(features.keys));
  return call;
}

void InferenceEdge::InferTable(const Route& route, const EndpointFeatures& features, io::HttpRequest request,
                               io::HttpRespond respond) {
  gateway::GatewayRequest asked{route.model, request.request_id, {}, route.version};
  const bool scoring = route.kind == Route::Kind::kInvocations;
  auto call = TableCall(route, features, request);
  if (!call) return respond(scoring ? ScoringError(call.error()) : ErrorAnswer(call.error()));
  asked.call = std::move(*call);
  asked.deadline = DeadlineOf(request, &asked.call);
  gateway_.Forward(std::move(asked), [respond = std::move(respond), scoring](Result<io::HttpResponse> answer) {
    if (!answer && scoring) return respond(ScoringError(OfGateway(std::move(answer).error())));
    respond(Relay(std::move(answer)));
  });
}

void InferenceEdge::Describe(const Route& route, std::shared_ptr<const EndpointFeatures> features,
                             io::HttpRequest request, io::HttpRespond respond) {
  gateway::GatewayRequest asked{route.model, request.request_id, CallFor(request, request.request_id), route.version};
  gateway_.Forward(std::move(asked), [this, kind = route.kind, model = route.model, features = std::move(features),
                                      respond = std::move(respond)](Result<io::HttpResponse> answer) {
    respond(OfEndpoint(kind, Relay(std::move(answer)), *features, gateway_.Versions(model)));
  });
}

void InferenceEdge::Infer(const Route& route, const EndpointFeatures& features, io::HttpRequest request,
                          io::HttpRespond respond) {
  const bool splices = !features.names.empty();
  InferRequestOptions options;
  options.limits = limits_;
  options.wanted = [&](std::string_view name) { return splices && features.IsKey(name); };
  const auto length = ParseJsonLength(io::FindHeader(request.headers, kJsonLength), request.body.size());
  if (!length) return respond(ErrorAnswer(length.error()));
  auto asked = ParseInferRequest(request.body, *length, options);
  if (!asked) return respond(ErrorAnswer(asked.error()));

  const std::string request_id = io::IsSaneRequestId(asked->id) ? asked->id : request.request_id;
  const Instant time = TimeOf(directory_, route.model, io::FindHeader(request.headers, "x-keelson-time"));
  io::HttpCall call = CallFor(request, request_id);
  call.headers.emplace_back("x-keelson-time", std::to_string(ToMicros(time)));
  std::size_t added = 0;
  if (splices) {
    call.headers.emplace_back("x-keelson-keys", KeyNames(features.keys));
    const auto keys = TakeEntityKeys(features.keys, asked->inputs);
    if (!keys) return respond(ErrorAnswer(keys.error()));
    const auto values = LookUp(lookup_, route.model, features, *keys, time);
    if (!values) return respond(ErrorAnswer(values.error()));
    const std::string tensors = FeatureTensors(features.names, keys->rows, *values);
    const std::size_t before = request.body.size();
    request.body = SpliceInputs(request.body, *asked, tensors);
    added = request.body.size() - before;
  }
  if (*length) call.headers.emplace_back(kJsonLength, std::to_string(**length + added));
  call.body = std::move(request.body);
  gateway::GatewayRequest forwarded{route.model, request_id, std::move(call), route.version};
  forwarded.deadline = DeadlineOf(request, &forwarded.call);
  gateway_.Forward(std::move(forwarded), [respond = std::move(respond)](Result<io::HttpResponse> answer) {
    respond(Relay(std::move(answer)));
  });
}

}  // namespace keelson::wire::inference
