#include "wire/inference/edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/strings.h"
#include "io/http_deflate.h"
#include "wire/inference/answer.h"
#include "wire/inference/edge_table.h"
#include "wire/inference/entity_keys.h"
#include "wire/inference/kserve_v1.h"
#include "wire/inference/mlflow_scoring.h"

namespace keelson::wire::inference {
namespace {

constexpr std::string_view kJsonLength = "inference-header-content-length";

bool IsSaneId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == ':' || c == '-';
  });
}

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

// What the gateway itself refuses is refused for want of a replica, not because one asked too much.
Error OfGateway(Error error) {
  if (error.code == ErrorCode::kResourceExhausted) error.code = ErrorCode::kUnavailable;
  return error;
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

std::string_view DatatypeOfKey(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kBool:
      return "BOOL";
    case data::ColumnType::kInt64:
      return "INT64";
    case data::ColumnType::kDouble:
      return "FP64";
    default:
      return "BYTES";
  }
}

// The names of the entity keys for the header x-keelson-keys: percent-encoded, separated by commas.
std::string KeyNames(const data::Schema& keys) {
  std::string names;
  for (const auto& key : keys) {
    if (!names.empty()) names += ',';
    names += io::PercentEncode(key.name);
  }
  return names;
}

io::HttpResponse WithoutFeatures(io::HttpResponse response, const EndpointFeatures& features) {
  if (response.status != 200 || features.names.empty()) return response;
  auto metadata = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const auto inputs = metadata.is_object() ? metadata.find("inputs") : metadata.end();
  if (inputs == metadata.end() || !inputs->is_array()) return response;
  nlohmann::json kept = nlohmann::json::array();
  for (auto& input : *inputs) {
    const auto name = input.is_object() ? input.value("name", nlohmann::json()) : nlohmann::json();
    const bool spliced = name.is_string() && std::find(features.names.begin(), features.names.end(),
                                                       name.get_ref<const std::string&>()) != features.names.end();
    if (!spliced) kept.push_back(std::move(input));
  }
  // Entity keys are asked for too, whether or not the model reads them itself.
  for (const auto& key : features.keys) {
    const bool there =
        std::any_of(kept.begin(), kept.end(), [&](const auto& input) { return input.value("name", "") == key.name; });
    if (there) continue;
    kept.push_back({{"name", key.name}, {"datatype", DatatypeOfKey(key.type)}, {"shape", {-1}}});
  }
  *inputs = std::move(kept);
  response.body = metadata.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
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
      dump({{"name", "keelson"},
            {"version", server_version_},
            {"extensions", {"binary_tensor_data", "schedule_policy", "statistics", "model_repository"}}});
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
    case Kind::kIndex: {
      nlohmann::json rows = nlohmann::json::array();
      for (const auto& name : directory_.Names()) {
        rows.push_back({{"name", name}, {"version", ""}, {"state", "READY"}, {"reason", ""}});
      }
      dump(rows);
      return true;
    }
    case Kind::kLoad:
    case Kind::kUnload:
      *response = ErrorAnswer(400,
                              "the versions behind an endpoint are loaded and unloaded by the server: use keelson "
                              "promote, keelson rollback or keelson delete");
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
    return respond(ErrorAnswer(404, fmt::format("there is no endpoint \"{}\"", route->model.substr(0, 200))));
  }
  switch (route->kind) {
    case Kind::kModelReady:
    case Kind::kV1Model:
      response.body = fmt::format(R"({{"name":{},"ready":true}})", JsonString(route->model));
      return respond(std::move(response));
    case Kind::kInfer:
      return Infer(route->model, *features, std::move(request), std::move(respond));
    case Kind::kPredict:
    case Kind::kExplain:
    case Kind::kInvocations:
      return InferTable(*route, route->model, *features, std::move(request), std::move(respond));
    default:
      return Metadata(route->model, std::move(features), std::move(request), std::move(respond));
  }
}

Result<io::HttpCall> InferenceEdge::TableCall(const Route& route, const std::string& endpoint,
                                              const EndpointFeatures& features, io::HttpRequest& request) const {
  const bool scoring = route.kind == Route::Kind::kInvocations;
  const auto micros = ParseInt(io::FindHeader(request.headers, "x-keelson-time"));
  const Instant time =
      directory_.RequestTime(endpoint, micros ? std::optional(InstantFromMicros(*micros)) : std::nullopt);
  io::HttpCall call = CallFor(request, request.request_id);
  if (scoring) call.target += "?model=" + io::PercentEncode(endpoint);
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
  KEELSON_ASSIGN_OR_RETURN(const auto values, lookup_(endpoint, keys.cells, keys.rows, time));
  if (values.size() != keys.rows * features.names.size()) {
    return Fail(ErrorCode::kInternal, "the feature lookup gave another number of values than it was asked for");
  }
  KEELSON_RETURN_IF_ERROR(AddFeatures(features.names, values, &asked.table));
  call.body = WriteTableBody(route.kind, asked.predict, asked.table);
  for (auto& [name, value] : call.headers) {
    if (name == "content-type") value = "application/json";
  }
  call.headers.emplace_back("x-keelson-keys", KeyNames(features.keys));
  return call;
}

void InferenceEdge::InferTable(const Route& route, const std::string& endpoint, const EndpointFeatures& features,
                               io::HttpRequest request, io::HttpRespond respond) {
  const std::string request_id = request.request_id;
  const bool scoring = route.kind == Route::Kind::kInvocations;
  auto call = TableCall(route, endpoint, features, request);
  if (!call) return respond(scoring ? ScoringError(call.error()) : ErrorAnswer(call.error()));
  gateway_.Forward(endpoint, request_id, std::move(*call),
                   [respond = std::move(respond), scoring](Result<io::HttpResponse> answer) {
                     if (!answer && scoring) return respond(ScoringError(OfGateway(std::move(answer).error())));
                     respond(Relay(std::move(answer)));
                   });
}

void InferenceEdge::Metadata(const std::string& endpoint, std::shared_ptr<const EndpointFeatures> features,
                             io::HttpRequest request, io::HttpRespond respond) {
  gateway_.Forward(endpoint, request.request_id, CallFor(request, request.request_id),
                   [features = std::move(features), respond = std::move(respond)](Result<io::HttpResponse> answer) {
                     respond(WithoutFeatures(Relay(std::move(answer)), *features));
                   });
}

void InferenceEdge::Infer(const std::string& endpoint, const EndpointFeatures& features, io::HttpRequest request,
                          io::HttpRespond respond) {
  const bool splices = !features.names.empty();
  InferRequestOptions options;
  options.limits = limits_;
  options.wanted = [&](std::string_view name) {
    return splices &&
           std::any_of(features.keys.begin(), features.keys.end(), [&](const auto& key) { return key.name == name; });
  };
  const auto length = ParseJsonLength(io::FindHeader(request.headers, kJsonLength), request.body.size());
  if (!length) return respond(ErrorAnswer(length.error()));
  auto asked = ParseInferRequest(request.body, *length, options);
  if (!asked) return respond(ErrorAnswer(asked.error()));

  const std::string request_id = IsSaneId(asked->id) ? asked->id : request.request_id;
  const auto micros = ParseInt(io::FindHeader(request.headers, "x-keelson-time"));
  const Instant time =
      directory_.RequestTime(endpoint, micros ? std::optional(InstantFromMicros(*micros)) : std::nullopt);
  io::HttpCall call = CallFor(request, request_id);
  call.headers.emplace_back("x-keelson-time", std::to_string(ToMicros(time)));
  std::size_t added = 0;
  if (splices) {
    call.headers.emplace_back("x-keelson-keys", KeyNames(features.keys));
    auto keys = TakeEntityKeys(features.keys, asked->inputs);
    if (!keys) return respond(ErrorAnswer(keys.error()));
    const auto values = lookup_(endpoint, keys->cells, keys->rows, time);
    if (!values) return respond(ErrorAnswer(values.error()));
    if (values->size() != keys->rows * features.names.size()) {
      return respond(ErrorAnswer(500, "the feature lookup gave another number of values than it was asked for"));
    }
    const std::string tensors = FeatureTensors(features.names, keys->rows, *values);
    const std::size_t before = request.body.size();
    request.body = SpliceInputs(request.body, *asked, tensors);
    added = request.body.size() - before;
  }
  if (*length) call.headers.emplace_back(kJsonLength, std::to_string(**length + added));
  call.body = std::move(request.body);
  gateway_.Forward(
      endpoint, request_id, std::move(call),
      [respond = std::move(respond)](Result<io::HttpResponse> answer) { respond(Relay(std::move(answer))); });
}

}  // namespace keelson::wire::inference
