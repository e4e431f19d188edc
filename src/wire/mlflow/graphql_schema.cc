#include "wire/mlflow/graphql_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "wire/mlflow/graphql_lexer.h"

namespace keelson::wire::mlflow::graphql {
namespace {

constexpr std::string_view kDefinitions = R"(
scalar Boolean scalar Float scalar ID scalar Int scalar LongString scalar String

type Query {
  mlflowGetExperiment(input: MlflowGetExperimentInput): MlflowGetExperimentResponse
  mlflowGetMetricHistoryBulkInterval(input: MlflowGetMetricHistoryBulkIntervalInput): MlflowGetMetricHistoryBulkIntervalResponse
  mlflowGetRun(input: MlflowGetRunInput): MlflowGetRunResponse
  mlflowListArtifacts(input: MlflowListArtifactsInput): MlflowListArtifactsResponse
  mlflowSearchModelVersions(input: MlflowSearchModelVersionsInput): MlflowSearchModelVersionsResponse
  test(inputString: String): Test
  mlflowSearchRuns(input: MlflowSearchRunsInput): MlflowSearchRunsResponse
}
type Mutation {
  mlflowSearchDatasets(input: MlflowSearchDatasetsInput): MlflowSearchDatasetsResponse
  mlflowSearchRuns(input: MlflowSearchRunsInput): MlflowSearchRunsResponse
  testMutation(inputString: String): TestMutation
}
type Test { output: String }
type TestMutation { output: String }

input MlflowGetExperimentInput { experimentId: String }
input MlflowGetMetricHistoryBulkIntervalInput {
  runIds: [String] metricKey: String startStep: Int endStep: Int maxResults: Int
}
input MlflowGetRunInput { runId: String runUuid: String }
input MlflowListArtifactsInput { runId: String runUuid: String path: String pageToken: String }
input MlflowSearchDatasetsInput { experimentIds: [String] }
input MlflowSearchModelVersionsInput { filter: String maxResults: LongString orderBy: [String] pageToken: String }
input MlflowSearchRunsInput {
  experimentIds: [String] filter: String runViewType: MlflowViewType maxResults: Int orderBy: [String] pageToken: String
}
enum MlflowViewType { ACTIVE_ONLY DELETED_ONLY ALL }

type ApiError { code: String message: String helpUrl: String traceId: String errorDetails: [ErrorDetail] }
type ErrorDetail { field: String message: String }

type MlflowGetExperimentResponse { experiment: MlflowExperiment apiError: ApiError }
type MlflowGetMetricHistoryBulkIntervalResponse { metrics: [MlflowMetricWithRunId!] apiError: ApiError }
type MlflowGetRunResponse { run: MlflowRunExtension apiError: ApiError }
type MlflowListArtifactsResponse { rootUri: String files: [MlflowFileInfo!] nextPageToken: String apiError: ApiError }
type MlflowSearchDatasetsResponse { datasetSummaries: [MlflowDatasetSummary!] apiError: ApiError }
type MlflowSearchModelVersionsResponse {
  modelVersions: [MlflowModelVersion!] nextPageToken: String apiError: ApiError
}
type MlflowSearchRunsResponse { runs: [MlflowRunExtension!] nextPageToken: String apiError: ApiError }

type MlflowExperiment {
  experimentId: String name: String artifactLocation: String lifecycleStage: String lastUpdateTime: LongString
  creationTime: LongString tags: [MlflowExperimentTag!] effectiveTraceArchivalRetention: String workspace: String
}
type MlflowExperimentTag { key: String value: String }
type MlflowRunExtension {
  info: MlflowRunInfo data: MlflowRunData inputs: MlflowRunInputs outputs: MlflowRunOutputs
  experiment: MlflowExperiment modelVersions: [MlflowModelVersion!]
}
type MlflowRunInfo {
  runId: String runUuid: String runName: String experimentId: String userId: String status: MlflowRunStatus
  startTime: LongString endTime: LongString artifactUri: String lifecycleStage: String
}
enum MlflowRunStatus { RUNNING SCHEDULED FINISHED FAILED KILLED }
type MlflowRunData { metrics: [MlflowMetricExtension!] params: [MlflowParam!] tags: [MlflowRunTag!] }
type MlflowMetricExtension {
  key: String value: Float timestamp: LongString step: LongString datasetName: String datasetDigest: String
  modelId: String runId: String
}
type MlflowMetricWithRunId { key: String value: Float timestamp: LongString step: LongString runId: String }
type MlflowParam { key: String value: String }
type MlflowRunTag { key: String value: String }
type MlflowRunInputs { datasetInputs: [MlflowDatasetInput!] modelInputs: [MlflowModelInput!] }
type MlflowDatasetInput { tags: [MlflowInputTag!] dataset: MlflowDataset }
type MlflowInputTag { key: String value: String }
type MlflowDataset {
  name: String digest: String sourceType: String source: String schema: String profile: String
}
type MlflowDatasetSummary { experimentId: String name: String digest: String context: String }
type MlflowModelInput { modelId: String }
type MlflowRunOutputs { modelOutputs: [MlflowModelOutput!] }
type MlflowModelOutput { modelId: String step: LongString }
type MlflowFileInfo { path: String isDir: Boolean fileSize: LongString }

type MlflowModelVersion {
  name: String version: String creationTimestamp: LongString lastUpdatedTimestamp: LongString userId: String
  currentStage: String description: String source: String runId: String status: MlflowModelVersionStatus
  statusMessage: String tags: [MlflowModelVersionTag!] runLink: String aliases: [String] modelId: String
  modelParams: [MlflowModelParam!] modelMetrics: [MlflowModelMetric!]
  deploymentJobState: MlflowModelVersionDeploymentJobState
}
enum MlflowModelVersionStatus { PENDING_REGISTRATION FAILED_REGISTRATION READY }
type MlflowModelVersionTag { key: String value: String }
type MlflowModelParam { name: String value: String }
type MlflowModelMetric {
  key: String value: Float timestamp: LongString step: LongString datasetName: String datasetDigest: String
  modelId: String runId: String
}
type MlflowModelVersionDeploymentJobState {
  jobId: String runId: String jobState: MlflowDeploymentJobConnectionState
  runState: MlflowModelVersionDeploymentJobStateDeploymentJobRunState currentTaskName: String
}
enum MlflowDeploymentJobConnectionState {
  DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED NOT_SET_UP CONNECTED NOT_FOUND REQUIRED_PARAMETERS_CHANGED
}
enum MlflowModelVersionDeploymentJobStateDeploymentJobRunState {
  DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED NO_VALID_DEPLOYMENT_JOB_FOUND RUNNING SUCCEEDED FAILED PENDING APPROVAL
}
)";

// "run_id" of "runId".
std::string SourceOf(std::string_view name) {
  std::string source;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      source += '_';
      source += static_cast<char>(c - 'A' + 'a');
    } else {
      source += c;
    }
  }
  return source;
}

// Reads the definitions above, which are ours: what is wrong in them ends the program at its first question.
class DefinitionReader {
 public:
  DefinitionReader() { Advance(); }

  bool AtEnd() const { return token_.kind == TokenKind::kEnd; }

  SchemaType ReadDefinition() {
    static const std::map<std::string, SchemaType::Kind, std::less<>> kinds = {{"scalar", SchemaType::Kind::kScalar},
                                                                               {"type", SchemaType::Kind::kObject},
                                                                               {"input", SchemaType::Kind::kInput},
                                                                               {"enum", SchemaType::Kind::kEnum}};
    SchemaType type;
    type.kind = kinds.at(Word());
    type.name = Word();
    if (type.kind == SchemaType::Kind::kScalar) return type;
    Expect("{");
    while (!Took("}")) {
      if (type.kind == SchemaType::Kind::kEnum) {
        type.values.push_back(Word());
      } else {
        type.fields.push_back(ReadField());
      }
    }
    return type;
  }

 private:
  void Advance() {
    auto token = lexer_.Next();
    if (!token) Abort(token.error().message);
    token_ = *std::move(token);
  }
  [[noreturn]] static void Abort(std::string_view why) {
    LogError("the GraphQL definitions are broken", {{"error", std::string(why)}});
    std::abort();
  }
  bool Took(std::string_view text) {
    if (token_.text != text) return false;
    Advance();
    return true;
  }
  void Expect(std::string_view text) {
    if (!Took(text)) Abort(fmt::format("expected {} in line {}", text, token_.line));
  }
  std::string Word() {
    std::string word = token_.text;
    Advance();
    return word;
  }
  std::string Type() {
    std::string type;
    if (Took("[")) {
      type = "[" + Type() + "]";
      Expect("]");
    } else {
      type = Word();
    }
    return Took("!") ? type + "!" : type;
  }
  SchemaField ReadField() {
    SchemaField field;
    field.name = Word();
    field.source = SourceOf(field.name);
    if (Took("(")) {
      while (!Took(")")) {
        std::string name = Word();
        Expect(":");
        field.arguments.push_back({std::move(name), Type()});
      }
    }
    Expect(":");
    field.type = Type();
    return field;
  }

  Lexer lexer_{kDefinitions};
  Token token_;
};

}  // namespace

const SchemaField* SchemaType::Find(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &SchemaField::name);
  return found == fields.end() ? nullptr : &*found;
}

Schema::Schema() {
  DefinitionReader reader;
  while (!reader.AtEnd()) {
    SchemaType type = reader.ReadDefinition();
    std::string name = type.name;
    types_.emplace(std::move(name), std::move(type));
  }
}

const Schema& Schema::Get() {
  static const Schema schema;
  return schema;
}

const SchemaType* Schema::Find(std::string_view type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second;
}

const SchemaType* Schema::Root(std::string_view operation) const {
  return operation == "query" ? Find("Query") : operation == "mutation" ? Find("Mutation") : nullptr;
}

std::vector<std::string> Schema::TypeNames() const {
  std::vector<std::string> names;
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

std::string_view WithoutRequired(std::string_view type) {
  if (IsRequired(type)) type.remove_suffix(1);
  return type;
}

std::string_view ItemType(std::string_view type) {
  type = WithoutRequired(type);
  return type.substr(1, type.size() - 2);
}

std::string_view NamedType(std::string_view type) {
  type = WithoutRequired(type);
  return IsList(type) ? NamedType(ItemType(type)) : type;
}

}  // namespace keelson::wire::mlflow::graphql
