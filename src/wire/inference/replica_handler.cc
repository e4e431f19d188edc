#include "wire/inference/replica_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/strings.h"
#include "io/http_deflate.h"
#include "wire/inference/answer.h"
#include "wire/inference/mlflow_scoring.h"
#include "wire/inference/model_config.h"
#include "wire/inference/model_description.h"
#include "wire/inference/tensor_inference.h"

namespace keelson::wire::inference {
namespace {

using Kind = Route::Kind;

io::HttpResponse JsonAnswer(const nlohmann::json& json, int status = 200) {
  io::HttpResponse response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

// The body of a repository call: an object or nothing.
Result<nlohmann::json> ReadObject(std::string_view body) {
  constexpr std::size_t kMaxDepth = 64;
  if (Trim(body).empty()) return nlohmann::json::object();
  if (JsonDepth(body) > kMaxDepth) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("JSON nested deeper than {}", kMaxDepth));
  }
  auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "the body is not a JSON object");
  return json;
}

io::HttpResponse NoSuchPath(const io::HttpRequest& request) {
  return ErrorAnswer(404, fmt::format("no such path: {}", request.path.substr(0, 200)));
}

}  // namespace

ReplicaHandler::ReplicaHandler(std::vector<Served> models, const Clock& clock, Options options)
    : clock_(clock),
      options_(std::move(options)),
      inference_(clock_, options_.limits),
      models_(std::move(models), options_.repository, clock_, ComputeQueued) {}

void ReplicaHandler::Handle(io::HttpRequest request, const io::HttpRespond& respond) {
  auto route = ParseRoute(request.path);
  if (route && (route->kind == Kind::kLoad || route->kind == Kind::kUnload)) {
    return loads_.Post(
        [this, route = *route, request = std::move(request), respond] { respond(AnswerMethod(route, request)); });
  }
  if (route && RestInference::Infers(route->kind) && request.method == MethodOf(route->kind)) {
    auto entry = EntryFor(*route, request);
    if (entry) return inference_.Handle(route->kind, std::move(*entry), std::move(request), respond);
  }
  io::HttpResponse response = route ? AnswerMethod(*route, request) : NoSuchPath(request);
  io::CompressAnswer(io::FindHeader(request.headers, "accept-encoding"), &response);
  respond(std::move(response));
}

void ReplicaHandler::Ask(const std::shared_ptr<Entry>& entry, InferRequest asked, const RequestContext& context,
                         const StageWatch& watch, Done done) {
  inference::Ask(entry, std::move(asked), context, watch, clock_, options_.limits, std::move(done));
}

void ReplicaHandler::Change(bool load, const std::string& model, std::function<void(const Status&)> done) {
  loads_.Post(
      [this, load, model, done = std::move(done)] { done(load ? models_.Load(model) : models_.Unload(model)); });
}

io::HttpResponse ReplicaHandler::Answer(const io::HttpRequest& request) {
  const auto route = ParseRoute(request.path);
  return route ? AnswerMethod(*route, request) : NoSuchPath(request);
}

io::HttpResponse ReplicaHandler::AnswerMethod(const Route& route, const io::HttpRequest& request) {
  const std::string_view method = MethodOf(route.kind);
  if (request.method == method || (request.method == "HEAD" && method == "GET")) return AnswerRoute(route, request);
  auto response = ErrorAnswer(
      405, fmt::format("{} {}: expected {}", request.method.substr(0, 20), request.path.substr(0, 200), method));
  response.headers.emplace_back("allow", method);
  return response;
}

io::HttpResponse ReplicaHandler::AnswerRoute(const Route& route, const io::HttpRequest& request) {
  switch (route.kind) {
    case Kind::kModel:
    case Kind::kModelReady:
    case Kind::kConfig:
    case Kind::kInfer:
    case Kind::kV1Model:
    case Kind::kPredict:
    case Kind::kExplain:
      break;
    default:
      return OfServer(route, request);
  }
  const auto found = EntryFor(route, request);
  if (!found) return ErrorAnswer(404, found.error().message);
  Entry& entry = **found;
  const auto& model = *entry.served.model;
  switch (route.kind) {
    case Kind::kModel:
      return ModelMetadata(entry);
    case Kind::kConfig:
      return JsonAnswer(ModelConfigJson(model));
    case Kind::kModelReady:
    case Kind::kV1Model:
      if (!ready_) return ErrorAnswer(503, fmt::format("Model with name {} is not ready.", model.name()));
      return JsonAnswer({{"name", model.name()}, {"ready", true}});
    default:
      return inference_.Answer(route.kind, entry, request);
  }
}

io::HttpResponse ReplicaHandler::OfServer(const Route& route, const io::HttpRequest& request) {
  io::HttpResponse response;
  switch (route.kind) {
    case Kind::kLive:
      return JsonAnswer({{"live", true}});
    case Kind::kReady:
      return JsonAnswer({{"ready", ready_.load()}}, ready_ ? 200 : 503);
    case Kind::kRoot:
      return JsonAnswer({{"status", "alive"}});
    case Kind::kModels:
    case Kind::kV1Models: {
      std::vector<std::string> names;
      for (const auto& entry : models_.All()) {
        if (names.empty() || names.back() != entry->served.model->name()) names.push_back(entry->served.model->name());
      }
      return JsonAnswer({{"models", names}});
    }
    case Kind::kStatistics:
      return Statistics(route);
    case Kind::kIndex:
      return Index(request);
    case Kind::kLoad:
    case Kind::kUnload:
      return ChangeRepository(route, request);
    case Kind::kPing:
      response.body = "\n";
      if (!ready_) response.status = 503;
      return response;
    case Kind::kVersion:
      response.body = kMlflowVersion;
      return response;
    case Kind::kInvocations: {
      const auto found = ForScoring(request);
      if (!found) return ScoringError(found.error());
      return inference_.Answer(route.kind, **found, request);
    }
    case Kind::kMetrics: {
      const auto entries = models_.All();
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = MetricsText(MetricsOf(entries));
      return response;
    }
    default:
      return ServerMetadata();
  }
}

io::HttpResponse ReplicaHandler::ServerMetadata() const {
  return JsonAnswer({{"name", "keelson"}, {"version", options_.server_version}, {"extensions", Extensions()}});
}

std::vector<std::string> ReplicaHandler::Extensions() const {
  std::vector<std::string> extensions = {"binary_tensor_data", "schedule_policy", "statistics"};
  if (options_.repository != nullptr) extensions.emplace_back("model_repository");
  extensions.emplace_back("model_configuration");
  return extensions;
}

io::HttpResponse ReplicaHandler::Statistics(const Route& route) const {
  const auto entries = EntriesOf(route.model, route.version);
  if (!entries) return ErrorAnswer(404, entries.error().message);
  io::HttpResponse response;
  response.body = StatisticsJson(MetricsOf(*entries));
  return response;
}

Result<std::vector<std::shared_ptr<ServedModels::Entry>>> ReplicaHandler::EntriesOf(const std::string& model,
                                                                                    const std::string& version) const {
  if (model.empty()) return models_.All();
  std::vector<std::shared_ptr<Entry>> entries;
  if (version.empty()) entries = models_.Versions(model);
  if (!entries.empty()) return entries;
  KEELSON_ASSIGN_OR_RETURN(auto found, models_.Find(model, version));
  entries.push_back(std::move(found));
  return entries;
}

io::HttpResponse ReplicaHandler::Index(const io::HttpRequest& request) const {
  const auto asked = ReadObject(request.body);
  if (!asked) return ErrorAnswer(asked.error());
  const auto ready = asked->find("ready");
  if (ready != asked->end() && !ready->is_boolean()) return ErrorAnswer(400, "\"ready\" must be true or false");
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& row : models_.Index(ready != asked->end() && ready->get<bool>())) {
    rows.push_back({{"name", row.name},
                    {"version", row.version},
                    {"state", row.ready ? "READY" : "UNAVAILABLE"},
                    {"reason", row.reason}});
  }
  return JsonAnswer(rows);
}

io::HttpResponse ReplicaHandler::ChangeRepository(const Route& route, const io::HttpRequest& request) {
  const auto asked = ReadObject(request.body);
  if (!asked) return ErrorAnswer(asked.error());
  const auto parameters = asked->find("parameters");
  if (parameters != asked->end() && !parameters->is_object()) {
    return ErrorAnswer(400, "\"parameters\" must be an object");
  }
  if (parameters != asked->end()) {
    for (const auto& [name, value] : parameters->items()) {
      if (route.kind == Kind::kUnload && name == "unload_dependents") continue;  // there are none
      return ErrorAnswer(
          400, fmt::format("unrecognized parameter '{}'; models are loaded as the repository has them", name));
    }
  }
  const bool load = route.kind == Kind::kLoad;
  const Status changed = load ? models_.Load(route.model) : models_.Unload(route.model);
  if (!changed) return ErrorAnswer(changed.error());
  return JsonAnswer({{"name", route.model}, {load ? "load" : "unload", true}});
}

io::HttpResponse ReplicaHandler::ModelMetadata(const Entry& entry) const {
  const auto& model = *entry.served.model;
  std::vector<std::string> versions;
  for (const auto& each : models_.Versions(model.name())) versions.push_back(each->served.model->version());
  return JsonAnswer({{"name", model.name()},
                     {"versions", versions},
                     {"platform", model.platform()},
                     {"inputs", nlohmann::json::parse(TensorInfosJson(InputsOf(model)))},
                     {"outputs", nlohmann::json::parse(TensorInfosJson(OutputsOf(model)))}});
}

Result<std::shared_ptr<ServedModels::Entry>> ReplicaHandler::EntryFor(const Route& route,
                                                                      const io::HttpRequest& request) const {
  if (route.kind == Kind::kInvocations) return ForScoring(request);
  return models_.Find(route.model, route.version);
}

Result<std::shared_ptr<ServedModels::Entry>> ReplicaHandler::ForScoring(const io::HttpRequest& request) const {
  const auto named = io::QueryValue(request.query, "model");
  if (named) return models_.Find(*named, io::QueryValue(request.query, "version").value_or(""));
  const auto entries = models_.All();
  std::string names;
  for (const auto& entry : entries) {
    if (entry->served.model->name() != entries.front()->served.model->name()) names += ", ";
    if (names.empty() || names.ends_with(", ")) names += entry->served.model->name();
  }
  if (entries.empty() || entries.front()->served.model->name() != entries.back()->served.model->name()) {
    return Fail(ErrorCode::kNotFound, fmt::format("this server has not one model: name it, as in "
                                                  "/invocations?model=NAME; there are: {}",
                                                  names));
  }
  return entries.back();
}

}  // namespace keelson::wire::inference
