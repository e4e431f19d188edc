#include "wire/inference/rest_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "gateway/gateway.h"
#include "io/http_deflate.h"
#include "io/http_event_loop.h"
#include "wire/inference/answer.h"
#include "wire/inference/inference.h"
#include "wire/inference/kserve_v1.h"
#include "wire/inference/mlflow_scoring.h"
#include "wire/inference/queued_request.h"
#include "wire/inference/tensor_inference.h"
#include "wire/inference/tensor_scoring.h"

namespace keelson::wire::inference {
namespace {

using Kind = Route::Kind;

using gateway::kTimeoutHeader;

Result<std::optional<std::chrono::nanoseconds>> TimeoutOf(const io::HttpRequest& request) {
  constexpr std::int64_t kYear = std::int64_t{365} * 86'400 * 1'000'000;
  const std::string_view header = io::FindHeader(request.headers, kTimeoutHeader);
  if (header.empty()) return std::optional<std::chrono::nanoseconds>{};
  const auto micros = ParseInt(header);
  if (!micros || *micros < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is \"{}\", expected microseconds, 1 or more", kTimeoutHeader, header.substr(0, 40)));
  }
  return std::chrono::microseconds(std::min(*micros, kYear));
}

Tensor OneText(std::string name, std::string text) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.datatype = Datatype::kBytes;
  tensor.shape = {1};
  tensor.texts.push_back(std::move(text));
  return tensor;
}

// What MLflow refuses, for KServe's clients.
Error V1ErrorOf(const serving::ScoredText& scored) {
  const auto said = nlohmann::json::parse(scored.body, nullptr, /*allow_exceptions=*/false);
  const bool whole = said.is_object() && said.contains("message") && said["message"].is_string();
  return {scored.status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal,
          whole ? said["message"].get<std::string>() : scored.body, ""};
}

}  // namespace

// A request whose body its model's thread reads, too: it is large, or not of the v2 protocol.
class RestInference::Whole final : public QueuedRequest {
 public:
  Whole(const RestInference& rest, std::shared_ptr<Entry> entry, const StageWatch& watch, const Asked& asked,
        io::HttpRequest request, io::HttpRespond respond)
      : QueuedRequest(std::move(entry), watch),
        rest_(rest),
        asked_(asked),
        request_(std::move(request)),
        respond_(std::move(respond)) {
    Place({}, DeadlineOf(this->entry().served.policy, watch.received(), asked_.timeout));
  }

  void Compute() override { Send(rest_.Try(entry(), request_, &watch(), &asked_)); }
  void Answer(Result<std::vector<Tensor>> outputs) override {
    asked_.untouched = true;
    Send(std::unexpected(std::move(outputs).error()));
  }

 private:
  void Send(Result<io::HttpResponse> response) {
    respond_(rest_.Finish(entry(), request_, watch(), asked_, std::move(response)));
  }

  const RestInference& rest_;
  Asked asked_;
  io::HttpRequest request_;
  io::HttpRespond respond_;
};

class RestInference::Inference final : public QueuedRequest {
 public:
  Inference(const RestInference& rest, std::shared_ptr<Entry> entry, const StageWatch& watch, const Asked& asked,
            io::HttpRequest request, InferRequest read, io::HttpRespond respond)
      : QueuedRequest(std::move(entry), watch),
        rest_(rest),
        asked_(asked),
        request_(std::move(request)),
        read_(std::move(read)),
        respond_(std::move(respond)) {
    Place(read_, DeadlineOf(this->entry().served.policy, watch.received(), asked_.timeout, read_.timeout_us));
  }

  void Compute() override { Send(rest_.TryInfer(entry(), request_, &read_, &watch(), &asked_)); }
  InferRequest* shared() override { return &read_; }
  Status Log(std::vector<Tensor>* outputs) override {
    return LogTensors(entry(), NamedContext(ContextOf(request_), read_.id), rest_.clock_, ask.rows, &read_.inputs,
                      outputs, &watch());
  }
  void Answer(Result<std::vector<Tensor>> outputs) override {
    asked_.untouched = !outputs.has_value();
    if (!outputs) return Send(std::unexpected(std::move(outputs).error()));
    asked_.alone = false;
    asked_.rows = ask.rows;
    Send(WriteTensorAnswer(entry().served.model->name(), entry().served.model->version(), read_, *outputs));
  }

 private:
  void Send(Result<io::HttpResponse> response) {
    respond_(rest_.Finish(entry(), request_, watch(), asked_, std::move(response)));
  }

  const RestInference& rest_;
  Asked asked_;
  io::HttpRequest request_;
  InferRequest read_;
  io::HttpRespond respond_;
};

bool RestInference::Infers(Kind kind) {
  return kind == Kind::kInfer || kind == Kind::kPredict || kind == Kind::kExplain || kind == Kind::kInvocations;
}

StageWatch RestInference::Begin() const {
  const io::EventLoop* loop = io::EventLoop::Current();
  return {clock_, loop == nullptr ? std::chrono::steady_clock::time_point{} : loop->now()};
}

void RestInference::Handle(Kind kind, std::shared_ptr<Entry> entry, io::HttpRequest request,
                           const io::HttpRespond& respond) const {
  StageWatch watch = Begin();
  Asked asked{kind, std::nullopt, 0, kind == Kind::kExplain};
  const auto finish = [&](Result<io::HttpResponse> response) {
    respond(Finish(*entry, request, watch, asked, std::move(response)));
  };
  auto timeout = TimeoutOf(request);
  if (!timeout) return finish(std::unexpected(std::move(timeout).error()));
  asked.timeout = *timeout;
  const std::size_t bytes = request.body.size();
  if ((kind != Kind::kInfer || bytes > kReadHere) && !Quick(*entry, asked.explain, bytes)) {
    auto* queue = entry->queue;
    return queue->Offer(std::make_unique<Whole>(*this, std::move(entry), watch, asked, std::move(request), respond));
  }
  if (kind != Kind::kInfer) return finish(Try(*entry, request, &watch, &asked));
  auto read = Read(request);
  if (!read) return finish(std::unexpected(std::move(read).error()));
  asked.explain = read->predict == "contributions";
  if (Quick(*entry, asked.explain, bytes)) return finish(TryInfer(*entry, request, &*read, &watch, &asked));
  watch.EndInput();
  auto* queue = entry->queue;
  queue->Offer(std::make_unique<Inference>(*this, std::move(entry), watch, asked, std::move(request), std::move(*read),
                                           respond));
}

io::HttpResponse RestInference::Answer(Kind kind, Entry& entry, const io::HttpRequest& request) const {
  StageWatch watch = Begin();
  Asked asked{kind, std::nullopt, 0, kind == Kind::kExplain};
  auto timeout = TimeoutOf(request);
  if (!timeout) return Finish(entry, request, watch, asked, std::unexpected(std::move(timeout).error()));
  asked.timeout = *timeout;
  auto response = Try(entry, request, &watch, &asked);
  return Finish(entry, request, watch, asked, std::move(response));
}

io::HttpResponse RestInference::Finish(Entry& entry, const io::HttpRequest& request, StageWatch& watch,
                                       const Asked& asked, Result<io::HttpResponse> response) const {
  watch.EndOutput();
  const StageTimes& times = watch.times();
  if (response && response->status < 400) {
    entry.metrics.RecordSuccess(asked.rows, times, ToMicros(clock_.WallNow()) / 1'000, asked.alone);
    if (asked.alone)
      (asked.explain ? entry.explain : entry.cost).Observe(request.body.size(), times.Total() - times.queue);
  } else {
    entry.metrics.RecordFailure(times.Total());
  }
  io::HttpResponse answer = response                           ? std::move(*response)
                            : asked.kind == Kind::kInvocations ? ScoringError(response.error())
                                                               : ErrorAnswer(response.error());
  answer.headers.emplace_back("x-keelson-version", entry.served.model->version());
  if (asked.untouched) answer.headers.emplace_back(gateway::kUntouchedHeader, "1");
  io::CompressAnswer(io::FindHeader(request.headers, "accept-encoding"), &answer);
  return answer;
}

Result<io::HttpResponse> RestInference::Try(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                            Asked* asked) const {
  if (asked->kind == Kind::kInfer) {
    KEELSON_ASSIGN_OR_RETURN(auto read, Read(request));
    asked->explain = read.predict == "contributions";
    return TryInfer(entry, request, &read, watch, asked);
  }
  if (entry.served.model->takes_tensors()) return TryTensors(entry, request, watch, asked);
  return asked->kind == Kind::kInvocations ? TryScoring(entry, request, watch, asked)
                                           : TryV1(entry, request, watch, asked);
}

Result<InferRequest> RestInference::Read(const io::HttpRequest& request) const {
  KEELSON_ASSIGN_OR_RETURN(
      const auto json_length,
      ParseJsonLength(io::FindHeader(request.headers, "inference-header-content-length"), request.body.size()));
  InferRequestOptions options;
  options.limits = limits_;
  return ParseInferRequest(request.body, json_length, options);
}

Result<io::HttpResponse> RestInference::TryInfer(Entry& entry, const io::HttpRequest& request, InferRequest* read,
                                                 StageWatch* watch, Asked* asked) const {
  const auto& model = *entry.served.model;
  KEELSON_RETURN_IF_ERROR(CheckDeadline(entry, watch, asked->timeout, read->timeout_us));
  KEELSON_ASSIGN_OR_RETURN(const auto tensors,
                           inference::Infer(entry, *read, ContextOf(request), clock_, limits_, watch, &asked->rows));
  return WriteTensorAnswer(model.name(), model.version(), *read, tensors);
}

Result<io::HttpResponse> RestInference::TryV1(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                              Asked* asked) const {
  const auto& model = *entry.served.model;
  RowTable table(limits_);
  KEELSON_RETURN_IF_ERROR(ReadV1Request(request.body, &table));
  KEELSON_ASSIGN_OR_RETURN(const auto kind, PredictKindOf(asked->explain ? "contributions" : "value", model));
  const auto context = ContextOf(request);
  DropNamed(UnusedKeys(context, model), table.columns());
  auto inputs = TakeTable(model, entry.served.signature, table, IsLogged(entry, context));
  if (!inputs) return Fail(ErrorCode::kInvalidArgument, inputs.error().message);
  asked->rows = inputs->rows;
  KEELSON_RETURN_IF_ERROR(CheckDeadline(entry, watch, asked->timeout));
  KEELSON_ASSIGN_OR_RETURN(const auto values,
                           Predict(entry, std::move(*inputs), kind, context, clock_, limits_, watch));
  const auto shape = AnswerShape(kind, static_cast<std::int64_t>(asked->rows), model.engine());
  io::HttpResponse response;
  response.body =
      asked->explain ? WriteV1Explanations(values, shape, model.feature_names()) : WriteV1Predictions(values, shape);
  return response;
}

Result<io::HttpResponse> RestInference::TryScoring(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                                   Asked* asked) const {
  const auto& model = *entry.served.model;
  KEELSON_ASSIGN_OR_RETURN(auto read, ReadScoringRequest(io::FindHeader(request.headers, "content-type"), request.body,
                                                         entry.served.signature, limits_));
  KEELSON_ASSIGN_OR_RETURN(const auto kind, PredictKindOf(read.predict, model));
  asked->explain = kind == serving::PredictKind::kContributions;
  const auto context = ContextOf(request);
  DropNamed(UnusedKeys(context, model), read.table.columns());
  KEELSON_ASSIGN_OR_RETURN(auto inputs, TakeTable(model, entry.served.signature, read.table, IsLogged(entry, context)));
  asked->rows = inputs.rows;
  KEELSON_RETURN_IF_ERROR(CheckDeadline(entry, watch, asked->timeout));
  KEELSON_ASSIGN_OR_RETURN(const auto values, Predict(entry, std::move(inputs), kind, context, clock_, limits_, watch));
  io::HttpResponse response;
  response.body = WriteScoringAnswer(values, AnswerShape(kind, static_cast<std::int64_t>(asked->rows), model.engine()));
  return response;
}

Result<io::HttpResponse> RestInference::TryTensors(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                                   Asked* asked) const {
  const auto& model = *entry.served.model;
  if (asked->explain) return Fail(ErrorCode::kInvalidArgument, "only tree models explain their predictions");
  if (model.scores()) return TryMlflow(entry, request, watch, asked);
  if (model.is_pyfunc()) return TryPyfunc(entry, request, watch, asked);
  const bool v1 = asked->kind != Kind::kInvocations;
  KEELSON_ASSIGN_OR_RETURN(auto read, v1 ? ReadTensorV1(request.body, model, limits_)
                                         : ReadTensorScoring(io::FindHeader(request.headers, "content-type"),
                                                             request.body, model, entry.served.signature, limits_));
  KEELSON_ASSIGN_OR_RETURN(const auto outputs, AskTensors(entry, request, watch, asked, std::move(read.inputs)));
  io::HttpResponse response;
  if (v1) {
    response.body = WriteTensorV1(outputs);
  } else {
    KEELSON_ASSIGN_OR_RETURN(response.body, WriteTensorScoring(read, outputs));
  }
  return response;
}

Result<std::vector<Tensor>> RestInference::AskTensors(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                                      Asked* asked, std::vector<Tensor> inputs) const {
  KEELSON_RETURN_IF_ERROR(CheckDeadline(entry, watch, asked->timeout));
  InferRequest question;
  question.inputs = std::move(inputs);
  return inference::Infer(entry, question, ContextOf(request), clock_, limits_, watch, &asked->rows);
}

// As MLflow's scoring server would of the same python_function; a v1 request's rows are read as its are, and what is
// wrong with them is 400.
Result<io::HttpResponse> RestInference::TryPyfunc(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                                  Asked* asked) const {
  std::string_view content_type = io::FindHeader(request.headers, "content-type");
  std::string_view body = request.body;
  std::string rows;
  const bool v1 = asked->kind != Kind::kInvocations;
  if (v1) {
    KEELSON_ASSIGN_OR_RETURN(const auto found, FindV1Rows(request.body));
    rows = fmt::format("{{\"{}\": {}}}", found.name, found.rows);
    content_type = "application/json";
    body = rows;
  }
  auto read = ReadTensorScoring(content_type, body, *entry.served.model, entry.served.signature, limits_);
  if (!read && v1) {
    const auto said = ScoringError(read.error());
    return std::unexpected(V1ErrorOf({said.status, said.content_type, said.body}));
  }
  if (!read) return std::unexpected(std::move(read).error());
  const auto outputs = AskTensors(entry, request, watch, asked, std::move(read->inputs));
  if (!outputs) return std::unexpected(EvaluationError(outputs.error()));
  io::HttpResponse response;
  response.body = WritePyfuncScoring(*outputs);
  return response;
}

// By the model's own MLflow, which reads the body and writes the answer; the payload log has both as they are.
Result<io::HttpResponse> RestInference::TryMlflow(Entry& entry, const io::HttpRequest& request, StageWatch* watch,
                                                  Asked* asked) const {
  const bool v1 = asked->kind != Kind::kInvocations;
  std::string content_type(v1 ? "application/json" : io::FindHeader(request.headers, "content-type"));
  if (content_type.empty()) KEELSON_RETURN_IF_ERROR(ScoringType(content_type));
  std::vector<Tensor> question = {OneText("body", request.body)};
  if (v1) {
    KEELSON_ASSIGN_OR_RETURN(const auto found, FindV1Rows(request.body));
    question[0].texts[0] = fmt::format("{{\"{}\": {}}}", found.name, found.rows);
  }
  KEELSON_RETURN_IF_ERROR(CheckDeadline(entry, watch, asked->timeout));
  watch->EndInput();
  auto scored = entry.served.model->Score(content_type, question[0].texts[0]);
  watch->EndCompute();
  if (!scored) return std::unexpected(std::move(scored).error());
  if (v1 && scored->status != 200) return std::unexpected(V1ErrorOf(*scored));
  asked->rows = 1;  // what MLflow made of the body is its secret
  std::vector<Tensor> answer = {OneText("answer", std::move(scored->body))};
  if (scored->status == 200) {
    KEELSON_RETURN_IF_ERROR(LogTensors(entry, ContextOf(request), clock_, 1, &question, &answer, watch));
  }
  io::HttpResponse response;
  response.status = scored->status;
  response.content_type = scored->content_type;
  response.body = std::move(answer[0].texts[0]);
  return response;
}

}  // namespace keelson::wire::inference
