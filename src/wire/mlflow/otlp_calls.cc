// Spans as OpenTelemetry's exporters send them.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/otlp.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/span_batches.h"

namespace keelson::wire::mlflow {
namespace {

// Refusals that are not MLflow's own errors come as its web framework writes them.
io::HttpResponse Refusal(int status, std::string_view detail) {
  JsonWriter json;
  io::HttpResponse response = JsonAnswer(json.Open('{').Text("detail", detail).Close('}').Take());
  response.status = status;
  return response;
}

io::HttpResponse NoExperiment() {
  io::HttpResponse response = JsonAnswer(
      R"({"detail":[{"type":"missing","loc":["header","x-mlflow-experiment-id"],"msg":"Field required","input":null}]})");
  response.status = 422;
  return response;
}

}  // namespace

Answered ExportSpans(Services& services, const Asked& asked) {
  constexpr int kUnprocessable = 422;
  const std::string_view experiment = io::FindHeader(asked.http.headers, "x-mlflow-experiment-id");
  if (experiment.empty()) return NoExperiment();
  const std::string_view type = io::FindHeader(asked.http.headers, "content-type");
  const std::string_view media = Trim(type.substr(0, type.find(';')));
  if (media != "application/x-protobuf" && media != "application/json") {
    return Refusal(400, fmt::format("Invalid Content-Type: {}. Expected: application/x-protobuf or application/json",
                                    type.empty() ? "None" : type));
  }
  auto resources = media == "application/json" ? ParseOtlpJson(asked.http.body) : ParseOtlp(asked.http.body);
  if (!resources) return Refusal(400, resources.error().message);
  if (resources->empty()) return Refusal(400, "Invalid OpenTelemetry format - no spans found");
  auto batches = ToBatches(*std::move(resources));
  if (!batches && batches.error().code == ErrorCode::kFailedPrecondition) {
    return Refusal(kUnprocessable, batches.error().message);
  }
  if (!batches) return std::unexpected(batches.error());
  if (!batches->empty()) {
    // Where its traces are known already, the experiment is theirs and nobody asks for another.
    constexpr std::int64_t kNone = -1;
    const auto number = ExperimentNumber(experiment);
    const Status logged = services.traces.LogSpans(number.value_or(kNone), *batches);
    if (!logged) return std::unexpected(number.has_value() ? logged.error() : number.error());
    const std::string run(io::FindHeader(asked.http.headers, "x-mlflow-run-id"));
    std::vector<std::string> finished;
    for (const auto& batch : *batches) {
      if (std::ranges::any_of(batch.spans, [](const auto& span) { return span.parent_id.empty(); })) {
        finished.push_back(batch.trace_id);
      }
    }
    if (!run.empty() && !finished.empty()) KEELSON_RETURN_IF_ERROR(services.traces.LinkRun(finished, run));
  }
  io::HttpResponse response;  // an ExportTraceServiceResponse without a word of partial success
  response.content_type = "application/x-protobuf";
  return response;
}

}  // namespace keelson::wire::mlflow
