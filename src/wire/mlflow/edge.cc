#include "wire/mlflow/edge.h"

#include <exception>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "tracking/version_guard.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/routes.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::size_t kUploads = 16;  // at once; more wait their turn

using Function = Answered (*)(Services&, const Asked&);

Function FunctionOf(Call call) {
  static const std::unordered_map<Call, Function> functions = {
      {Call::kCreateExperiment, CreateExperiment},
      {Call::kGetExperiment, GetExperiment},
      {Call::kGetExperimentByName, GetExperimentByName},
      {Call::kDeleteExperiment, DeleteExperiment},
      {Call::kRestoreExperiment, RestoreExperiment},
      {Call::kUpdateExperiment, UpdateExperiment},
      {Call::kSetExperimentTag, SetExperimentTag},
      {Call::kDeleteExperimentTag, DeleteExperimentTag},
      {Call::kSearchExperiments, SearchExperiments},
      {Call::kCreateRun, CreateRun},
      {Call::kGetRun, GetRun},
      {Call::kUpdateRun, UpdateRun},
      {Call::kDeleteRun, DeleteRun},
      {Call::kRestoreRun, RestoreRun},
      {Call::kSearchRuns, SearchRuns},
      {Call::kSetTag, SetTag},
      {Call::kDeleteTag, DeleteTag},
      {Call::kSearchDatasets, SearchDatasets},
      {Call::kLogMetric, LogMetric},
      {Call::kLogParam, LogParam},
      {Call::kLogBatch, LogBatch},
      {Call::kLogInputs, LogInputs},
      {Call::kLogOutputs, LogOutputs},
      {Call::kLogModel, LogModel},
      {Call::kGetMetricHistory, GetMetricHistory},
      {Call::kGetMetricHistoryBulk, GetMetricHistoryBulk},
      {Call::kGetMetricHistoryBulkInterval, GetMetricHistoryBulkInterval},
      {Call::kCreateRegisteredModel, CreateRegisteredModel},
      {Call::kGetRegisteredModel, GetRegisteredModel},
      {Call::kRenameRegisteredModel, RenameRegisteredModel},
      {Call::kUpdateRegisteredModel, UpdateRegisteredModel},
      {Call::kDeleteRegisteredModel, DeleteRegisteredModel},
      {Call::kSearchRegisteredModels, SearchRegisteredModels},
      {Call::kGetLatestVersions, GetLatestVersions},
      {Call::kSetRegisteredModelTag, SetRegisteredModelTag},
      {Call::kDeleteRegisteredModelTag, DeleteRegisteredModelTag},
      {Call::kSetRegisteredModelAlias, SetRegisteredModelAlias},
      {Call::kDeleteRegisteredModelAlias, DeleteRegisteredModelAlias},
      {Call::kGetModelVersionByAlias, GetModelVersionByAlias},
      {Call::kCreateModelVersion, CreateModelVersion},
      {Call::kGetModelVersion, GetModelVersion},
      {Call::kUpdateModelVersion, UpdateModelVersion},
      {Call::kTransitionModelVersionStage, TransitionModelVersionStage},
      {Call::kDeleteModelVersion, DeleteModelVersion},
      {Call::kSearchModelVersions, SearchModelVersions},
      {Call::kGetModelVersionDownloadUri, GetModelVersionDownloadUri},
      {Call::kSetModelVersionTag, SetModelVersionTag},
      {Call::kDeleteModelVersionTag, DeleteModelVersionTag},
      {Call::kCreateLoggedModel, CreateLoggedModel},
      {Call::kGetLoggedModel, GetLoggedModel},
      {Call::kFinalizeLoggedModel, FinalizeLoggedModel},
      {Call::kDeleteLoggedModel, DeleteLoggedModel},
      {Call::kSearchLoggedModels, SearchLoggedModels},
      {Call::kSetLoggedModelTags, SetLoggedModelTags},
      {Call::kDeleteLoggedModelTag, DeleteLoggedModelTag},
      {Call::kLogLoggedModelParams, LogLoggedModelParams},
      {Call::kListArtifacts, ListArtifacts},
      {Call::kListLoggedModelArtifacts, ListLoggedModelArtifacts},
      {Call::kListProxiedArtifacts, ListProxiedArtifacts},
      {Call::kDownloadArtifact, DownloadArtifact},
      {Call::kUploadArtifact, UploadArtifact},
      {Call::kDeleteArtifact, DeleteArtifact},
      {Call::kUploadRunArtifact, UploadRunArtifact},
      {Call::kGetLoggedModelArtifact, GetLoggedModelArtifact},
      {Call::kStartTrace, StartTrace},
      {Call::kGetTraceInfo, GetTraceInfo},
      {Call::kGetTrace, GetTrace},
      {Call::kBatchGetTraces, BatchGetTraces},
      {Call::kBatchGetTraceInfos, BatchGetTraceInfos},
      {Call::kSearchTraces, SearchTraces},
      {Call::kDeleteTraces, DeleteTraces},
      {Call::kSetTraceTag, SetTraceTag},
      {Call::kDeleteTraceTag, DeleteTraceTag},
      {Call::kLinkTracesToRun, LinkTracesToRun},
      {Call::kLinkPromptsToTrace, LinkPromptsToTrace},
      {Call::kCorrelateTraceFilters, CorrelateTraceFilters},
      {Call::kQueryTraceMetrics, QueryTraceMetrics},
      {Call::kGetTraceArtifact, GetTraceArtifact},
      {Call::kStartOldTrace, StartOldTrace},
      {Call::kEndOldTrace, EndOldTrace},
      {Call::kGetOldTraceInfo, GetOldTraceInfo},
      {Call::kSearchOldTraces, SearchOldTraces},
      {Call::kCreateAssessment, CreateAssessment},
      {Call::kGetAssessment, GetAssessment},
      {Call::kUpdateAssessment, UpdateAssessment},
      {Call::kDeleteAssessment, DeleteAssessment},
      {Call::kCreateWebhook, CreateWebhook},
      {Call::kListWebhooks, ListWebhooks},
      {Call::kGetWebhook, GetWebhook},
      {Call::kUpdateWebhook, UpdateWebhook},
      {Call::kDeleteWebhook, DeleteWebhook},
      {Call::kTestWebhook, TestWebhook},
      {Call::kCreateMultipartUpload, CreateMultipartUpload},
      {Call::kCompleteMultipartUpload, CompleteMultipartUpload},
      {Call::kAbortMultipartUpload, AbortMultipartUpload},
      {Call::kGetPresignedDownloadUrl, GetPresignedDownloadUrl},
      {Call::kCreatePresignedUploadUrl, CreatePresignedUploadUrl},
      {Call::kCreatePresignedDownloadUrl, CreatePresignedDownloadUrl},
      {Call::kCreateEvaluationDataset, CreateEvaluationDataset},
      {Call::kGetEvaluationDataset, GetEvaluationDataset},
      {Call::kDeleteEvaluationDataset, DeleteEvaluationDataset},
      {Call::kSearchEvaluationDatasets, SearchEvaluationDatasets},
      {Call::kSetEvaluationDatasetTags, SetEvaluationDatasetTags},
      {Call::kDeleteEvaluationDatasetTag, DeleteEvaluationDatasetTag},
      {Call::kUpsertEvaluationRecords, UpsertEvaluationRecords},
      {Call::kGetEvaluationDatasetExperiments, GetEvaluationDatasetExperiments},
      {Call::kGetEvaluationRecords, GetEvaluationRecords},
      {Call::kDeleteEvaluationRecords, DeleteEvaluationRecords},
      {Call::kAddEvaluationDatasetToExperiments, AddEvaluationDatasetToExperiments},
      {Call::kRemoveEvaluationDatasetFromExperiments, RemoveEvaluationDatasetFromExperiments},
      {Call::kServerInfo, ServerInfo},
      {Call::kGetUiTelemetry, GetUiTelemetry},
      {Call::kPostUiTelemetry, PostUiTelemetry},
      {Call::kGetCurrentUser, GetCurrentUser},
      {Call::kGetAssistantConfig, GetAssistantConfig},
      {Call::kGetAssistantProviders, GetAssistantProviders},
      {Call::kProxyGateway, ProxyGateway},
  };
  const auto found = functions.find(call);
  return found == functions.end() ? nullptr : found->second;
}

io::HttpResponse PlainAnswer(std::string_view text) {
  io::HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = text;
  return response;
}

io::HttpResponse Redirect(std::string_view target) {
  io::HttpResponse response = PlainAnswer("");
  response.status = 308;
  response.headers = {{"location", std::string(target)}};
  return response;
}

}  // namespace

Edge::Edge(io::Database& database, const Clock& clock, std::string artifact_root, std::size_t threads)
    : Edge(database, clock, tracking::OpenFolderArtifacts(std::move(artifact_root)), threads) {}

Edge::Edge(io::Database& database, const Clock& clock, std::shared_ptr<tracking::ArtifactStore> artifacts,
           std::size_t threads, std::optional<UiFiles> ui, const WebhookOptions& webhooks)
    : services_{tracking::Experiments(database, clock),
                tracking::Runs(database, clock),
                tracking::RegisteredModels(database, clock),
                tracking::LoggedModels(database, clock),
                tracking::Traces(database, clock),
                tracking::Assessments(database, clock),
                tracking::EvaluationDatasets(database, clock),
                tracking::GuardVersions(std::move(artifacts), database),
                std::move(ui),
                nullptr,
                clock,
                webhooks,
                tracking::Webhooks(database, clock, webhooks.box),
                nullptr},
      uploads_(std::make_unique<ThreadPool>(kUploads)),
      pool_(std::make_unique<ThreadPool>(threads)) {
  services_.version_check = std::make_unique<tracking::VersionCheck>(*services_.artifacts);
  services_.webhook_sender = std::make_unique<WebhookSender>(services_.webhooks, clock, services_.webhook_options);
  if (webhooks.send) services_.webhook_sender->Start();
}

Edge::~Edge() = default;

bool Edge::Takes(std::string_view path) {
  return !OurPath(path).empty();
}

bool Edge::IsUpload(const io::HttpRequest& head) {
  const Match match = FindRoute(head.method, OurPath(head.path));
  return match.route != nullptr &&
         (match.route->call == Call::kUploadArtifact || match.route->call == Call::kUploadRunArtifact);
}

void Edge::Handle(io::HttpRequest request, io::HttpRespond respond) {
  ThreadPool& pool = request.upload != nullptr ? *uploads_ : *pool_;
  pool.Post([this, request = std::move(request), respond = std::move(respond)] {
    try {
      respond(Answer(request));
    } catch (const std::exception& error) {
      LogError("a call of MLflow's API failed", {{"path", request.path}, {"error", error.what()}});
      respond(ErrorAnswer({ErrorCode::kInternal, "the server could not answer this call", ""}));
    }
  });
}

io::HttpResponse Edge::Answer(const io::HttpRequest& request) {
  const std::string_view path = OurPath(request.path);
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && path == "/health") return PlainAnswer("OK");
  if (get && path == "/version") return PlainAnswer(kMlflowVersion);
  static const std::vector<std::string> kNoParts;
  const auto finish = [](Answered answered) {
    return answered.has_value() ? *std::move(answered) : ErrorAnswer(answered.error());
  };
  if (get && services_.ui && UiFiles::Takes(path)) {
    // The page names its files and calls by what is behind the last '/'.
    if (request.path == "/mlflow") return Redirect("/mlflow/");
    return finish(services_.ui->Answer(path));
  }
  if (get && path == "/get-artifact") return finish(GetRunArtifact(services_, {request, kNoParts}));
  if (get && path == "/model-versions/get-artifact") {
    return finish(GetModelVersionArtifact(services_, {request, kNoParts}));
  }
  if (path == kGraphqlPath) {
    if (!get && request.method != "POST") return NoSuchRoute(/*other_method=*/true);
    return finish(AnswerGraphql(services_, {request, kNoParts}));
  }
  if (path == kOtlpPath) {
    if (request.method != "POST") return NoSuchRoute(/*other_method=*/true);
    return finish(ExportSpans(services_, {request, kNoParts}));
  }
  const Match match = FindRoute(request.method, path);
  if (match.route == nullptr || match.route->call == Call::kNowhere) return NoSuchRoute(match.other_method);
  if (const Function function = FunctionOf(match.route->call)) {
    return finish(function(services_, {request, match.parts}));
  }
  return ErrorAnswer(
      {ErrorCode::kUnsupported, "This call is not part of this server; docs/compatibility.md lists what is.", ""});
}

}  // namespace keelson::wire::mlflow
