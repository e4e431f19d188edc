#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/http.h"
#include "tracking/artifact_store.h"
#include "tracking/assessments.h"
#include "tracking/evaluation_datasets.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/registered_models.h"
#include "tracking/runs.h"
#include "tracking/traces.h"
#include "tracking/version_check.h"
#include "tracking/webhooks.h"
#include "wire/mlflow/ui_files.h"
#include "wire/mlflow/webhook_options.h"
#include "wire/mlflow/webhook_sender.h"

namespace keelson::wire::mlflow {

// What the calls work with.
struct Services {
  tracking::Experiments experiments;
  tracking::Runs runs;
  tracking::RegisteredModels models;
  tracking::LoggedModels logged_models;
  tracking::Traces traces;
  tracking::Assessments assessments;
  tracking::EvaluationDatasets evaluation_datasets;
  std::shared_ptr<tracking::ArtifactStore> artifacts;  // what stands behind "mlflow-artifacts:/"
  std::optional<UiFiles> ui;                           // none: MLflow's page is not shown
  std::unique_ptr<tracking::VersionCheck> version_check;
  const Clock& clock;
  WebhookOptions webhook_options;
  tracking::Webhooks webhooks;
  std::unique_ptr<WebhookSender> webhook_sender;
};

// One call: the request, and what stood for the "{}" of its route.
struct Asked {
  const io::HttpRequest& http;
  const std::vector<std::string>& parts;
};

using Answered = Result<io::HttpResponse>;

class Message;

// One function a call of MLflow's, named as the call is. Where a file begins says which group it holds.

Answered CreateExperiment(Services&, const Asked&);
Answered GetExperiment(Services&, const Asked&);
Answered GetExperimentByName(Services&, const Asked&);
Answered DeleteExperiment(Services&, const Asked&);
Answered RestoreExperiment(Services&, const Asked&);
Answered UpdateExperiment(Services&, const Asked&);
Answered SetExperimentTag(Services&, const Asked&);
Answered DeleteExperimentTag(Services&, const Asked&);
Answered SearchExperiments(Services&, const Asked&);

Answered CreateRun(Services&, const Asked&);
Answered GetRun(Services&, const Asked&);
Answered UpdateRun(Services&, const Asked&);
Answered DeleteRun(Services&, const Asked&);
Answered RestoreRun(Services&, const Asked&);
Answered SearchRuns(Services&, const Asked&);
Answered SetTag(Services&, const Asked&);
Answered DeleteTag(Services&, const Asked&);
Answered SearchDatasets(Services&, const Asked&);

Answered LogMetric(Services&, const Asked&);
Answered LogParam(Services&, const Asked&);
Answered LogBatch(Services&, const Asked&);
Answered LogInputs(Services&, const Asked&);
Answered LogOutputs(Services&, const Asked&);
Answered LogModel(Services&, const Asked&);

Answered GetMetricHistory(Services&, const Asked&);
Answered GetMetricHistoryBulk(Services&, const Asked&);
Answered GetMetricHistoryBulkInterval(Services&, const Asked&);

Answered CreateRegisteredModel(Services&, const Asked&);
Answered GetRegisteredModel(Services&, const Asked&);
Answered RenameRegisteredModel(Services&, const Asked&);
Answered UpdateRegisteredModel(Services&, const Asked&);
Answered DeleteRegisteredModel(Services&, const Asked&);
Answered SearchRegisteredModels(Services&, const Asked&);
Answered GetLatestVersions(Services&, const Asked&);
Answered SetRegisteredModelTag(Services&, const Asked&);
Answered DeleteRegisteredModelTag(Services&, const Asked&);
Answered SetRegisteredModelAlias(Services&, const Asked&);
Answered DeleteRegisteredModelAlias(Services&, const Asked&);
Answered GetModelVersionByAlias(Services&, const Asked&);

Answered CreateModelVersion(Services&, const Asked&);
Answered GetModelVersion(Services&, const Asked&);
Answered UpdateModelVersion(Services&, const Asked&);
Answered TransitionModelVersionStage(Services&, const Asked&);
Answered DeleteModelVersion(Services&, const Asked&);
Answered SearchModelVersions(Services&, const Asked&);
Answered GetModelVersionDownloadUri(Services&, const Asked&);
Answered SetModelVersionTag(Services&, const Asked&);
Answered DeleteModelVersionTag(Services&, const Asked&);

Answered CreateLoggedModel(Services&, const Asked&);
Answered GetLoggedModel(Services&, const Asked&);
Answered FinalizeLoggedModel(Services&, const Asked&);
Answered DeleteLoggedModel(Services&, const Asked&);
Answered SearchLoggedModels(Services&, const Asked&);
Answered SetLoggedModelTags(Services&, const Asked&);
Answered DeleteLoggedModelTag(Services&, const Asked&);
Answered LogLoggedModelParams(Services&, const Asked&);

Answered ListArtifacts(Services&, const Asked&);
Answered ListLoggedModelArtifacts(Services&, const Asked&);
Answered ListProxiedArtifacts(Services&, const Asked&);
Answered DownloadArtifact(Services&, const Asked&);
Answered UploadArtifact(Services&, const Asked&);
Answered DeleteArtifact(Services&, const Asked&);
Answered UploadRunArtifact(Services&, const Asked&);
Answered GetRunArtifact(Services&, const Asked&);           // /get-artifact
Answered GetModelVersionArtifact(Services&, const Asked&);  // /model-versions/get-artifact
Answered GetLoggedModelArtifact(Services&, const Asked&);

Answered StartTrace(Services&, const Asked&);
Answered GetTraceInfo(Services&, const Asked&);
Answered GetTrace(Services&, const Asked&);
Answered BatchGetTraces(Services&, const Asked&);
Answered BatchGetTraceInfos(Services&, const Asked&);
Answered SearchTraces(Services&, const Asked&);
Answered DeleteTraces(Services&, const Asked&);
Answered SetTraceTag(Services&, const Asked&);
Answered DeleteTraceTag(Services&, const Asked&);
Answered LinkTracesToRun(Services&, const Asked&);
Answered LinkPromptsToTrace(Services&, const Asked&);
Answered CorrelateTraceFilters(Services&, const Asked&);
Answered QueryTraceMetrics(Services&, const Asked&);
Answered GetTraceArtifact(Services&, const Asked&);
Answered StartOldTrace(Services&, const Asked&);
Answered EndOldTrace(Services&, const Asked&);
Answered GetOldTraceInfo(Services&, const Asked&);
Answered SearchOldTraces(Services&, const Asked&);
Answered ExportSpans(Services&, const Asked&);  // OTLP's, at /v1/traces

Answered CreateAssessment(Services&, const Asked&);
Answered GetAssessment(Services&, const Asked&);
Answered UpdateAssessment(Services&, const Asked&);
Answered DeleteAssessment(Services&, const Asked&);

Answered CreateEvaluationDataset(Services&, const Asked&);
Answered GetEvaluationDataset(Services&, const Asked&);
Answered DeleteEvaluationDataset(Services&, const Asked&);
Answered SearchEvaluationDatasets(Services&, const Asked&);
Answered SetEvaluationDatasetTags(Services&, const Asked&);
Answered DeleteEvaluationDatasetTag(Services&, const Asked&);
Answered UpsertEvaluationRecords(Services&, const Asked&);
Answered GetEvaluationDatasetExperiments(Services&, const Asked&);
Answered GetEvaluationRecords(Services&, const Asked&);
Answered DeleteEvaluationRecords(Services&, const Asked&);
Answered AddEvaluationDatasetToExperiments(Services&, const Asked&);
Answered RemoveEvaluationDatasetFromExperiments(Services&, const Asked&);

Answered CreateWebhook(Services&, const Asked&);
Answered ListWebhooks(Services&, const Asked&);
Answered GetWebhook(Services&, const Asked&);
Answered UpdateWebhook(Services&, const Asked&);
Answered DeleteWebhook(Services&, const Asked&);
Answered TestWebhook(Services&, const Asked&);

// Of an object store, past this server.
Answered CreateMultipartUpload(Services&, const Asked&);
Answered CompleteMultipartUpload(Services&, const Asked&);
Answered AbortMultipartUpload(Services&, const Asked&);
Answered GetPresignedDownloadUrl(Services&, const Asked&);
Answered CreatePresignedUploadUrl(Services&, const Asked&);
Answered CreatePresignedDownloadUrl(Services&, const Asked&);

Answered ServerInfo(Services&, const Asked&);
Answered GetUiTelemetry(Services&, const Asked&);
Answered PostUiTelemetry(Services&, const Asked&);
Answered GetCurrentUser(Services&, const Asked&);
Answered GetAssistantConfig(Services&, const Asked&);
Answered GetAssistantProviders(Services&, const Asked&);
Answered ProxyGateway(Services&, const Asked&);

// Of a request that was read already: what GraphQL asks too.
Answered GetExperiment(Services&, const Message&);
Answered GetRun(Services&, const Message&);
Answered SearchRuns(Services&, const Message&);
Answered SearchDatasets(Services&, const Message&);
Answered GetMetricHistoryBulkInterval(Services&, const Message&);
Answered SearchModelVersions(Services&, const Message&);
Answered ListArtifacts(Services&, const Message&);

Answered AnswerGraphql(Services&, const Asked&);  // /graphql

// The file `path` of what keeps its artifacts at `uri`.
Answered SendArtifact(const Services& services, std::string_view uri, std::string_view path);

// A name for a run or model that was given none: "calm-heron-417".
std::string RandomName();

}  // namespace keelson::wire::mlflow
