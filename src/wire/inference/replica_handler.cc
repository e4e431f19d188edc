#include "wire/inference/replica_handler.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "wire/inference/answer.h"
#include "wire/inference/model_inputs.h"

namespace keelson::wire::inference {
namespace {

io::HttpResponse JsonAnswer(const nlohmann::json& json, int status = 200) {
  io::HttpResponse response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

std::string_view WireDatatype(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kString:
      return "BYTES";
    case data::ColumnType::kInt64:
      return "INT64";
    case data::ColumnType::kBool:
      return "BOOL";
    case data::ColumnType::kDouble:
    case data::ColumnType::kTimestamp:
      break;
  }
  return "FP64";
}

// The output's shape: [n] for one value a row, else [n, values].
std::vector<std::int64_t> OutputShape(std::int64_t rows, std::uint32_t width) {
  if (width == 1) return {rows};
  return {rows, static_cast<std::int64_t>(width)};
}

// Leaves are [n, trees]; contributions [n, features + 1] or, of several outputs, [n, outputs, features + 1].
std::vector<std::int64_t> ShapeOf(serving::PredictKind kind, std::int64_t rows, const serving::TreeEngine& engine) {
  const std::uint32_t width = engine.width(kind);
  if (kind == serving::PredictKind::kLeaves) return {rows, width};
  if (kind != serving::PredictKind::kContributions) return OutputShape(rows, width);
  const std::uint32_t columns = engine.features() + 1;
  if (width == columns) return {rows, columns};
  return {rows, width / columns, columns};
}

// What parameters.predict asks for, when the model can give it.
Result<serving::PredictKind> KindOf(std::string_view name, const serving::LoadedModel& model) {
  using serving::PredictKind;
  constexpr std::pair<std::string_view, PredictKind> kKinds[] = {{"value", PredictKind::kValue},
                                                                 {"margin", PredictKind::kMargin},
                                                                 {"leaves", PredictKind::kLeaves},
                                                                 {"contributions", PredictKind::kContributions}};
  for (const auto& [known, kind] : kKinds) {
    if (name != known) continue;
    if (const auto supported = model.engine().Supports(kind); !supported) {
      return Fail(ErrorCode::kInvalidArgument, supported.error().message);
    }
    return kind;
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("parameters.predict is \"{}\"; expected value, margin, leaves or contributions", name.substr(0, 60)));
}

}  // namespace

ReplicaHandler::ReplicaHandler(std::vector<Served> models, const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)) {
  for (auto& served : models) {
    auto entry = std::make_unique<Entry>();
    entry->served = std::move(served);
    std::string name = entry->served.model->name();
    models_.insert_or_assign(std::move(name), std::move(entry));
  }
}

void ReplicaHandler::Handle(io::HttpRequest request, const io::HttpRespond& respond) {
  respond(Answer(request));
}

io::HttpResponse ReplicaHandler::Answer(const io::HttpRequest& request) {
  if (request.path == "/metrics" && request.method == "GET") return Metrics();
  const auto route = ParseRoute(request.path);
  if (!route) return ErrorAnswer(404, fmt::format("no such path: {}", request.path.substr(0, 200)));
  const bool infer = route->kind == Route::Kind::kInfer;
  if (request.method != (infer ? "POST" : "GET") && !(request.method == "HEAD" && !infer)) {
    auto response = ErrorAnswer(
        405, fmt::format("{} {}: expected {}", request.method, request.path.substr(0, 200), infer ? "POST" : "GET"));
    response.headers.emplace_back("allow", infer ? "POST" : "GET");
    return response;
  }
  switch (route->kind) {
    case Route::Kind::kServer:
      return ServerMetadata();
    case Route::Kind::kLive:
      return JsonAnswer({{"live", true}});
    case Route::Kind::kReady:
      return JsonAnswer({{"ready", ready_.load()}}, ready_ ? 200 : 503);
    default:
      break;
  }
  const auto found = models_.find(route->model);
  if (found == models_.end())
    return ErrorAnswer(404, fmt::format("model \"{}\" is not served here", route->model.substr(0, 200)));
  Entry& entry = *found->second;
  const auto& model = *entry.served.model;
  if (!route->version.empty() && route->version != model.version()) {
    return ErrorAnswer(404, fmt::format("model \"{}\" has version {} here, not {}", model.name(), model.version(),
                                        route->version.substr(0, 200)));
  }
  if (infer) return Infer(entry, request);
  if (route->kind == Route::Kind::kModelReady) {
    return JsonAnswer({{"name", model.name()}, {"ready", ready_.load()}}, ready_ ? 200 : 503);
  }
  return ModelMetadata(model);
}

io::HttpResponse ReplicaHandler::ServerMetadata() const {
  return JsonAnswer(
      {{"name", "keelson"}, {"version", options_.server_version}, {"extensions", {"binary_tensor_data"}}});
}

io::HttpResponse ReplicaHandler::ModelMetadata(const serving::LoadedModel& model) {
  nlohmann::json inputs = nlohmann::json::array();
  if (model.encoder() != nullptr) {
    for (const auto& input : model.encoder()->inputs()) {
      inputs.push_back({{"name", input.name}, {"datatype", WireDatatype(input.type)}, {"shape", {-1}}});
    }
  } else {
    inputs.push_back({{"name", "input-0"}, {"datatype", "FP32"}, {"shape", {-1, model.features()}}});
  }
  return JsonAnswer(
      {{"name", model.name()},
       {"versions", {model.version()}},
       {"platform", model.platform()},
       {"inputs", std::move(inputs)},
       {"outputs",
        {{{"name", model.output_name()}, {"datatype", "FP32"}, {"shape", OutputShape(-1, model.outputs())}}}}});
}

io::HttpResponse ReplicaHandler::Metrics() const {
  io::HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  bool first = true;
  for (const auto& [name, entry] : models_) {
    response.body += entry->metrics.Text(name, entry->served.model->version(), first);
    first = false;
  }
  return response;
}

io::HttpResponse ReplicaHandler::Infer(Entry& entry, const io::HttpRequest& request) {
  const auto start = clock_.MonotonicNow();
  auto response = TryInfer(entry, request, start);
  entry.metrics.Record(response.has_value(), clock_.MonotonicNow() - start);
  io::HttpResponse answer = response ? std::move(*response) : ErrorAnswer(response.error());
  answer.headers.emplace_back("x-keelson-version", entry.served.model->version());
  return answer;
}

namespace {

// The gateway's edge has looked features up by entity keys and names these in a header. A key that the model does not
// read itself has done its work and is no unknown input.
void DropUnusedKeys(std::string_view header, const serving::LoadedModel& model, std::vector<Tensor>& tensors) {
  if (header.empty()) return;
  const auto& inputs = model.feature_names();
  for (const std::string_view encoded : Split(header, ',')) {
    const std::string key = io::PercentDecode(encoded);
    if (std::find(inputs.begin(), inputs.end(), key) != inputs.end()) continue;
    std::erase_if(tensors, [&](const Tensor& tensor) { return tensor.name == key; });
  }
}

}  // namespace

Result<io::HttpResponse> ReplicaHandler::TryInfer(Entry& entry, const io::HttpRequest& request,
                                                  std::chrono::steady_clock::time_point start) {
  const auto& model = *entry.served.model;
  KEELSON_ASSIGN_OR_RETURN(
      const auto json_length,
      ParseJsonLength(io::FindHeader(request.headers, "inference-header-content-length"), request.body.size()));
  InferRequestOptions options;
  options.limits = options_.limits;
  KEELSON_ASSIGN_OR_RETURN(auto asked, ParseInferRequest(request.body, json_length, options));

  KEELSON_ASSIGN_OR_RETURN(const auto kind, KindOf(asked.predict, model));

  InferAnswer answer{model.name(), model.version(), asked.id, model.output_name(), true, asked.binary_output, {}, {}};
  if (asked.outputs) {
    answer.with_output = asked.outputs->empty();
    for (const auto& output : *asked.outputs) {
      if (output.name != model.output_name()) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("unknown output \"{}\"; expected: {}", output.name, model.output_name()));
      }
      answer.with_output = true;
      answer.binary = output.binary.value_or(asked.binary_output);
    }
  }
  DropUnusedKeys(io::FindHeader(request.headers, "x-keelson-keys"), model, asked.inputs);
  KEELSON_ASSIGN_OR_RETURN(auto inputs, TakeModelInputs(model, asked.inputs, entry.served.payload != nullptr));
  if (const std::size_t width = model.engine().width(kind);
      kind != serving::PredictKind::kValue && width * inputs.rows > options_.limits.elements) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} rows of {} {} each: an answer has at most {} numbers",
                                                         inputs.rows, width, asked.predict, options_.limits.elements));
  }
  std::vector<float> values = model.Predict(inputs.numbers, inputs.rows);  // also what the payload log keeps
  if (entry.served.payload != nullptr) {
    serving::PayloadRecord record;
    record.request_id = asked.id.empty() ? request.request_id : asked.id;
    record.version = model.version();
    const auto time = ParseInt(io::FindHeader(request.headers, "x-keelson-time"));
    record.time = time ? InstantFromMicros(*time) : clock_.WallNow();
    record.latency_us = std::chrono::duration_cast<Duration>(clock_.MonotonicNow() - start).count();
    record.rows = static_cast<std::uint32_t>(inputs.rows);
    record.inputs = std::move(inputs.columns);
    record.outputs = std::move(values);
    KEELSON_RETURN_IF_ERROR(entry.served.payload->Append(record));
    values = std::move(record.outputs);
  }
  if (kind != serving::PredictKind::kValue) values = model.Predict(inputs.numbers, inputs.rows, kind);
  answer.shape = ShapeOf(kind, static_cast<std::int64_t>(inputs.rows), model.engine());
  answer.values = values;
  return WriteInferAnswer(answer);
}

}  // namespace keelson::wire::inference
