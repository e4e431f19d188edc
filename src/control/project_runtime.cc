#include "control/project_runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/log.h"
#include "control/decisions.h"
#include "data/table_io.h"
#include "io/files.h"

namespace keelson::control {
namespace {

std::string_view Text(const Json& json, const char* name) {
  return json.contains(name) ? std::string_view(json.at(name).get_ref<const std::string&>()) : std::string_view{};
}

}  // namespace

ProjectRuntime::ProjectRuntime(Services services, ProjectState state, Rollout rollout)
    : services_(std::move(services)),
      state_(std::move(state)),
      rollout_(std::move(rollout)),
      folders_(services_.data_folder, state_.name) {}

Result<std::unique_ptr<ProjectRuntime>> ProjectRuntime::Open(Services services, ProjectState state, Rollout rollout) {
  auto runtime =
      std::unique_ptr<ProjectRuntime>(new ProjectRuntime(std::move(services), std::move(state), std::move(rollout)));
  // A server killed between the end of the pipeline and what the project makes of it.
  for (const auto& [id, pipeline] : runtime->services_.pipelines->pipelines()) {
    if (pipeline.project == runtime->state_.name && pipeline.state != PipelineState::kRunning)
      runtime->TakeMaterialized(pipeline);
  }
  if (!runtime->state_.revision.empty()) {
    KEELSON_RETURN_IF_ERROR(runtime->LoadRevision(runtime->state_.revision));
    KEELSON_RETURN_IF_ERROR(runtime->OpenMonitor());
    KEELSON_RETURN_IF_ERROR(runtime->OpenIntakes());
    KEELSON_RETURN_IF_ERROR(runtime->UseVersion());
  }
  return runtime;
}

Instant ProjectRuntime::now() const {
  return state_.replay ? state_.clock : services_.clock->WallNow();
}

const AppliedProject* ProjectRuntime::Applied(const std::string& revision) {
  if (!applied_.contains(revision) && !LoadRevision(revision)) return nullptr;
  return &applied_.at(revision);
}

Status ProjectRuntime::LoadRevision(const std::string& revision) {
  const std::string folder = folders_.Revision(revision);
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(folder + "/bundle.json"));
  KEELSON_ASSIGN_OR_RETURN(const project::Bundle bundle, project::Bundle::FromJson(text));
  KEELSON_ASSIGN_OR_RETURN(const std::string sources, io::ReadFile(folder + "/source_folder"));
  AppliedProject applied;
  KEELSON_ASSIGN_OR_RETURN(applied.spec, ProjectOf(bundle));
  applied.revision = revision;
  applied.revision_folder = folder + "/files";
  applied.source_folder = sources;
  KEELSON_ASSIGN_OR_RETURN(calendar_, Calendar::Open(applied.spec.time_zone));
  applied_.insert_or_assign(revision, std::move(applied));
  return {};
}

Status ProjectRuntime::Apply(const project::Bundle& bundle, const std::string& source_folder) {
  KEELSON_ASSIGN_OR_RETURN(const project::Project spec, ProjectOf(bundle));
  const std::string revision = bundle.Revision();
  const std::string folder = folders_.Revision(revision);
  if (!io::Exists(folder + "/bundle.json")) {
    for (const auto& [name, content] : bundle.files) {
      KEELSON_ASSIGN_OR_RETURN(const std::string path, io::SafeJoin(folder + "/files", name));
      KEELSON_RETURN_IF_ERROR(io::MakeFolders(path.substr(0, path.rfind('/'))));
      KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(path, content));
    }
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(folder + "/bundle.json", bundle.ToJson()));
  }
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(folder + "/source_folder", source_folder));
  KEELSON_RETURN_IF_ERROR(LoadRevision(revision));
  const bool changed = state_.revision != revision;
  state_.revision = revision;
  rollout_.project = state_.name;
  if (changed) Say("project", fmt::format("revision {} applied", revision.substr(0, 12)));
  KEELSON_RETURN_IF_ERROR(Save());
  if (!changed) return {};
  intakes_.clear();
  KEELSON_RETURN_IF_ERROR(OpenMonitor());
  KEELSON_RETURN_IF_ERROR(OpenIntakes());
  return UseVersion();
}

const Pipeline* ProjectRuntime::LastPrepared() const {
  const Pipeline* last = nullptr;
  for (const auto& [id, pipeline] : services_.pipelines->pipelines()) {
    if (pipeline.project != state_.name) continue;
    const Step* prepare = pipeline.Find("prepare");
    if (prepare != nullptr && prepare->output.contains("tables")) last = &pipeline;
  }
  return last;
}

Status ProjectRuntime::OpenIntakes() {
  const Pipeline* pipeline = LastPrepared();
  if (pipeline == nullptr) return {};
  const Json& tables = pipeline->Find("prepare")->output.at("tables");
  const AppliedProject& project = applied_.at(state_.revision);
  label_.reset();
  KEELSON_RETURN_IF_ERROR(OpenOnline());
  for (const auto& source : project.spec.sources) {
    if (source.time.empty() || !tables.contains(source.name)) continue;
    RowIntake::Options options;
    options.source = source.name;
    options.log_path = folders_.Rows(source.name);
    options.quarantine_folder = folders_.Quarantine(source.name);
    options.key_column = source.key;
    for (const Json& column : tables.at(source.name).at("schema")) {
      options.schema.push_back(
          {column.at("name"), data::ParseColumnType(column.at("type").get<std::string>()).value()});
    }
    const auto suite = std::ranges::find(project.spec.expectations, source.name, &project::ExpectationsSpec::table);
    if (suite != project.spec.expectations.end()) {
      KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(project.revision_folder + "/" + suite->suite_path));
      KEELSON_ASSIGN_OR_RETURN(auto parsed, data::ExpectationSuite::Parse(text, suite->suite_path));
      options.suite = std::make_shared<const data::ExpectationSuite>(std::move(parsed));
    }
    if (project.spec.train && project.spec.monitor.performance &&
        project.spec.monitor.performance->labels == source.name) {
      KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(project.spec.train->label));
      KEELSON_ASSIGN_OR_RETURN(label_, expression.Bind(options.schema));
    }
    KEELSON_ASSIGN_OR_RETURN(intakes_[source.name], RowIntake::Open(options, [&](const RowLog::Batch& batch) {
                               if (state_.replay) state_.clock = std::max(state_.clock, batch.clock);
                               return TakeRows(source.name, batch.rows, batch.clock);
                             }));
  }
  if (info_) info_->replay_clock_us = state_.replay ? ToMicros(state_.clock) : 0;
  return {};
}

Status ProjectRuntime::OpenOnline() {
  online_.reset();
  const AppliedProject& project = applied_.at(state_.revision);
  if (!state_.online_ready || project.spec.features.views.empty()) return {};
  const Pipeline* pipeline = LastPrepared();
  const features::Definitions definitions = DefinitionsOf(project.spec, [&](const std::string& table) {
    data::Schema schema;
    for (const Json& column : pipeline->Find("prepare")->output.at("tables").at(table).at("schema")) {
      schema.push_back({column.at("name"), data::ParseColumnType(column.at("type").get<std::string>()).value()});
    }
    return schema;
  });
  KEELSON_ASSIGN_OR_RETURN(online_, features::OnlineFeatures::Create(definitions));
  for (const auto& source : definitions.sources) {
    const std::string file = state_.online_file + "/" + source.name + ".table";
    if (!io::Exists(file)) continue;
    KEELSON_ASSIGN_OR_RETURN(const data::Table table, data::ReadTableFile(file));
    KEELSON_RETURN_IF_ERROR(online_->Load(source.name, table));
  }
  return {};
}

// Rows that were accepted, now or before a restart: the online features and the labels take them in. Both drop what
// they know already.
Status ProjectRuntime::TakeRows(const std::string& source, const data::Table& rows, Instant known) {
  if (online_ && online_->Uses(source)) {
    KEELSON_RETURN_IF_ERROR(online_->Load(source, rows));
    online_->Advance(now());
  }
  const auto& performance = spec().monitor.performance;
  if (!label_ || !performance || performance->labels != source) return {};
  const project::Source* described = SourceOfTable(spec(), source);
  const data::Column* key = rows.Find(described->key);
  KEELSON_ASSIGN_OR_RETURN(const data::Column labels, label_->Evaluate(rows));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    if (labels.is_null(row) || key == nullptr || key->is_null(row)) continue;
    const std::string id = key->type == data::ColumnType::kString ? key->strings[row] : fmt::to_string(key->ints[row]);
    monitor_->AddLabel({.request_id = id, .known = known, .value = labels.Number(row)});
  }
  return {};
}

Status ProjectRuntime::OpenMonitor() {
  KEELSON_ASSIGN_OR_RETURN(monitor_, MonitorLoop::Create(folders_.Payload(), MonitorOptionsOf(spec())));
  watched_.reset();
  baseline_.reset();
  return {};
}

Result<ServedVersion> ProjectRuntime::Served(int version, int weight) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, services_.tracking->GetVersion(state_.name, version));
  return ServedVersion{
      .version = version, .model_folder = found.source, .content_hash = found.content_hash, .weight = weight};
}

// Brings endpoint, profile and baseline in line with the rollout.
Status ProjectRuntime::UseVersion() {
  if (!spec().serve) return {};
  EndpointController::Options options{.endpoint = state_.name,
                                      .payload_folder = folders_.Payload(),
                                      .lock_file = services_.data_folder + "/lock",
                                      .serve = *spec().serve};
  if (endpoint_ == nullptr) {
    endpoint_ = std::make_unique<EndpointController>(options, *services_.substrate, *services_.gateway,
                                                     *services_.clock, services_.probe);
  } else {
    endpoint_->SetOptions(options);
  }
  std::vector<ServedVersion> wanted;
  for (const auto& [number, weight] : TrafficOf(rollout_, spec().serve->canary)) {
    KEELSON_ASSIGN_OR_RETURN(wanted.emplace_back(), Served(number, weight));
  }
  const bool serving = !wanted.empty();
  endpoint_->Want(std::move(wanted));
  if (!serving) return {};

  auto info = std::make_shared<EndpointInfo>();
  info->name = state_.name;
  info->online = online_;
  info->replay_clock_us = state_.replay ? ToMicros(state_.clock) : 0;
  info_ = info;
  services_.registry->Put(info);

  return WatchVersion();
}

// The profile to compare with, and the first model to compare with, when they have changed.
Status ProjectRuntime::WatchVersion() {
  if (rollout_.champion && watched_ != rollout_.champion) {
    KEELSON_ASSIGN_OR_RETURN(const auto version, services_.tracking->GetVersion(state_.name, *rollout_.champion));
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(version.source + "/profile.json"));
    KEELSON_ASSIGN_OR_RETURN(auto profile, data::Profile::FromJson(text));
    monitor_->SetProfile(std::move(profile), rollout_.champion_since);
    watched_ = rollout_.champion;
  }
  if (!state_.frozen || baseline_ == state_.frozen) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto version, services_.tracking->GetVersion(state_.name, *state_.frozen));
  KEELSON_ASSIGN_OR_RETURN(const auto model, serving::LoadedModel::Load({.name = state_.name, .path = version.source}));
  baseline_ = state_.frozen;
  if (model->encoder() == nullptr) return {};  // a model of another make: its numbers cannot be found in what was asked
  MonitorLoop::Baseline baseline;
  for (const auto& input : model->encoder()->inputs()) baseline.columns.push_back(input.name);
  baseline.score = [model](const std::vector<data::Value>& inputs) -> std::optional<double> {
    std::vector<float> numbers(model->features());
    if (!model->encoder()->EncodeRow(inputs, numbers)) return std::nullopt;
    return static_cast<double>(model->Predict(numbers, 1).back());
  };
  monitor_->SetBaseline(std::move(baseline));
  return {};
}

std::optional<ChampionInfo> ProjectRuntime::Champion() {
  if (!rollout_.champion) return std::nullopt;
  const auto version = services_.tracking->GetVersion(state_.name, *rollout_.champion);
  if (!version) return std::nullopt;
  return ChampionInfo{.version = version->version, .model_folder = version->source};
}

Result<std::string> ProjectRuntime::Run(std::optional<Instant> as_of, const std::string& cause) {
  if (const Pipeline* running = services_.pipelines->Running(state_.name)) {
    return Fail(ErrorCode::kFailedPrecondition, "a pipeline of this project is running; wait for it or stop it",
                running->id);
  }
  if (rollout_.challenger) {
    return Fail(ErrorCode::kFailedPrecondition,
                "a version is being rolled out; wait for it, or promote or roll it back",
                fmt::format("version {}", *rollout_.challenger));
  }
  if (as_of) {
    if (state_.replay && *as_of < state_.clock) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format(
              "the project's clock stands at {} and does not go back; delete the project to replay it from the start",
              FormatInstant(state_.clock)),
          "as_of");
    }
    state_.replay = true;
    state_.clock = *as_of;
  }
  KEELSON_RETURN_IF_ERROR(StartPipeline(cause, now()));
  return services_.pipelines->Running(state_.name)->id;
}

Status ProjectRuntime::StartPipeline(const std::string& cause, Instant as_of) {
  Pipeline pipeline;
  pipeline.id = fmt::format("{}-p{:04}", state_.name, ++state_.pipelines_made);
  pipeline.project = state_.name;
  pipeline.revision = state_.revision;
  pipeline.cause = cause;
  pipeline.as_of = as_of;
  for (const auto& [source, intake] : intakes_) pipeline.row_sequences[source] = intake->sequence();
  pipeline.reuse_parameters = state_.best_parameters;
  const bool search = spec().train && spec().train->search && !state_.best_parameters;
  pipeline.steps = PlanPipelineSteps(spec(), search, !state_.online_ready);
  Say("pipeline", fmt::format("{} started: {}", pipeline.id, cause));
  return services_.pipelines->Start(std::move(pipeline), Pending());
}

// "" or why the version stays out of service.
std::string ProjectRuntime::GateRefusal(const Pipeline& pipeline) const {
  const Step* evaluate = pipeline.Find("evaluate");
  if (evaluate == nullptr || !evaluate->output.is_object()) return "it was not evaluated";
  return control::GateRefusal(spec().promote, evaluate->output.at("candidate"), evaluate->output.at("champion"));
}

Status ProjectRuntime::CompletePipeline(Pipeline& pipeline) {
  const Step* train = pipeline.Find("train");
  if (train == nullptr) return {};
  const Step* evaluate = pipeline.Find("evaluate");
  const Json& output = train->output;
  const std::string run = Sha256::Hex(pipeline.id + output.at("model_hash").get<std::string>()).substr(0, 32);
  auto& tracking = *services_.tracking;
  KEELSON_ASSIGN_OR_RETURN(const auto experiment, tracking.EnsureExperiment(state_.name));
  KEELSON_RETURN_IF_ERROR(tracking.CreateRun(experiment.id, run, pipeline.id, {{"keelson.pipeline", pipeline.id}}));
  std::map<std::string, std::string> params;
  for (const auto& [name, value] : output.at("parameters").items()) {
    params[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  std::vector<tracking::Metric> metrics;
  for (const auto& [name, value] : evaluate->output.at("candidate").items()) {
    if (value.is_number()) metrics.push_back({name, value, pipeline.as_of, 0});
  }
  KEELSON_RETURN_IF_ERROR(tracking.LogBatch(run, params, metrics, {}));
  const std::string artifacts = tracking.ArtifactFolder(run);
  if (!io::Exists(artifacts + "/model")) {
    KEELSON_RETURN_IF_ERROR(io::MakeFolders(artifacts));
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(artifacts + "/model.new"));
    KEELSON_RETURN_IF_ERROR(io::CopyTree(output.at("model"), artifacts + "/model.new"));
    KEELSON_RETURN_IF_ERROR(io::Rename(artifacts + "/model.new", artifacts + "/model"));
  }
  KEELSON_RETURN_IF_ERROR(tracking.EndRun(run, tracking::RunStatus::kFinished));
  const std::string refusal = GateRefusal(pipeline);
  KEELSON_ASSIGN_OR_RETURN(const auto version,
                           tracking.RegisterVersion(state_.name, run, artifacts + "/model",
                                                    {{"keelson.pipeline", pipeline.id},
                                                     {"keelson.revision", pipeline.revision},
                                                     {"keelson.gate", refusal.empty() ? "passed" : "failed"}}));
  const std::string node = fmt::format("version:{}/{}", state_.name, version.version);
  std::vector<tracking::LineageEdge> edges = {{"run:" + run, node, "registered"},
                                              {"revision:" + pipeline.revision, "run:" + run, "defined"},
                                              {node, "endpoint:" + state_.name, "served by"}};
  const std::string frame = "frame:" + pipeline.Find("features")->output.at("hash").get<std::string>();
  edges.push_back({frame, "run:" + run, "trained on"});
  for (const auto& [name, table] : pipeline.Find("prepare")->output.at("tables").items()) {
    edges.push_back({"table:" + table.at("hash").get<std::string>(), frame, name});
  }
  for (const auto& step : pipeline.steps) {
    if (step.kind != "ingest") continue;
    for (const auto& [name, table] : pipeline.Find("prepare")->output.at("tables").items()) {
      edges.push_back({"snapshot:" + step.output.at("hash").get<std::string>(),
                       "table:" + table.at("hash").get<std::string>(), step.name});
    }
  }
  KEELSON_RETURN_IF_ERROR(tracking.AddLineage(edges));
  pipeline.version = version.version;
  if (!state_.best_parameters) {
    state_.best_parameters = output.at("parameters").dump();
    KEELSON_RETURN_IF_ERROR(Save());
  }
  if (state_.replay) {
    // The first model is there when the replay begins; a retraining takes its declared time on the project's clock.
    pipeline.effect_at = pipeline.as_of + (rollout_.champion ? spec().train->declared_duration : Duration{});
  } else {
    pipeline.effect_at = services_.clock->WallNow();
  }
  return {};
}

bool ProjectRuntime::TakeMaterialized(const Pipeline& pipeline) {
  const Step* materialize = pipeline.Find("materialize");
  if (state_.online_ready || materialize == nullptr || !materialize->output.contains("path")) return false;
  state_.online_ready = true;
  state_.online_file = materialize->output.at("path");
  state_.online_sequences = pipeline.row_sequences;
  return true;
}

void ProjectRuntime::PipelineEnded(const Pipeline& pipeline) {
  Status status;
  const bool materialized = TakeMaterialized(pipeline);
  if (materialized) status = Save();
  const Step* prepare = pipeline.Find("prepare");
  // A restart while the pipeline ran has opened the intakes already, but without the online features.
  if (status && prepare != nullptr && prepare->output.contains("tables") && (materialized || intakes_.empty())) {
    intakes_.clear();
    status = OpenIntakes();
  }
  if (status) status = UseVersion();
  if (!status) LogError("after a pipeline", {{"pipeline", pipeline.id}, {"error", status.error().ToString()}});
  switch (pipeline.state) {
    case PipelineState::kSucceeded:
      Say("pipeline", pipeline.version ? fmt::format("{} made version {}", pipeline.id, *pipeline.version)
                                       : fmt::format("{} succeeded", pipeline.id));
      break;
    case PipelineState::kRefused:
      Say("check", fmt::format("{} was stopped by a check: {}", pipeline.id, pipeline.error));
      break;
    default:
      Say("pipeline", fmt::format("{} failed: {}", pipeline.id, pipeline.error));
      break;
  }
  if (const auto saved = Save(); !saved) LogError("cannot store the project", {{"error", saved.error().ToString()}});
}

Result<RowIntake*> ProjectRuntime::IntakeOf(const std::string& source) const {
  const auto intake = intakes_.find(source);
  if (intake != intakes_.end()) return intake->second.get();
  if (SourceOfTable(spec(), source) == nullptr)
    return Fail(ErrorCode::kNotFound, fmt::format("the project has no source \"{}\"", source));
  return Fail(ErrorCode::kFailedPrecondition,
              "rows can be pushed once the pipeline has prepared the table (`keelson run`), to a source with a `time`",
              source);
}

Result<PushedRows> ProjectRuntime::ReadRows(const std::string& source, std::string_view body) const {
  KEELSON_ASSIGN_OR_RETURN(const RowIntake* intake, IntakeOf(source));
  return intake->Read(body);
}

Result<RowsAnswer> ProjectRuntime::AcceptRows(const std::string& source, const PushedRows& rows) {
  KEELSON_ASSIGN_OR_RETURN(RowIntake* const intake, IntakeOf(source));
  const std::uint64_t refused_before = intake->refused_batches();
  KEELSON_ASSIGN_OR_RETURN(RowsAnswer answer, intake->Accept(rows, now()));
  if (answer.refusal) {
    if (refused_before % 100 == 0) {  // a broken feed refuses every batch; the first of each hundred is news
      Say("rows",
          fmt::format("a batch for {} was refused by its expectations: {}", source, Text(*answer.refusal, "summary")));
      KEELSON_RETURN_IF_ERROR(Save());
    }
    return answer;
  }
  KEELSON_RETURN_IF_ERROR(TakeRows(source, answer.accepted, now()));
  return answer;
}

Status ProjectRuntime::SyncRows() {
  for (auto& [source, intake] : intakes_) KEELSON_RETURN_IF_ERROR(intake->Sync());
  return {};
}

Result<project::Bundle> ProjectRuntime::StoredBundle() const {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(folders_.Revision(state_.revision) + "/bundle.json"));
  return project::Bundle::FromJson(text);
}

std::uint64_t ProjectRuntime::refused_batches() const {
  std::uint64_t sum = 0;
  for (const auto& [source, intake] : intakes_) sum += intake->refused_batches();
  return sum;
}

Result<std::vector<monitoring::MonthReport>> ProjectRuntime::Months() {
  if (!monitor_) return std::vector<monitoring::MonthReport>{};
  KEELSON_RETURN_IF_ERROR(monitor_->Consume());
  return monitor_->Months();
}

Status ProjectRuntime::Reconcile(const std::vector<substrate::WorkloadStatus>& workloads) {
  if (endpoint_) KEELSON_RETURN_IF_ERROR(endpoint_->Reconcile(workloads));
  if (state_.replay || state_.revision.empty()) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto ignored, AdvanceClock(services_.clock->WallNow()));
  static_cast<void>(ignored);
  return {};
}

Status ProjectRuntime::Close(const std::vector<substrate::WorkloadStatus>& workloads) {
  services_.registry->Remove(state_.name);
  if (endpoint_) return endpoint_->Close(workloads);
  return {};
}

DocumentStore::Batch ProjectRuntime::Pending() {
  DocumentStore::Batch batch;
  batch.put.push_back({"project", state_.name, state_.name, ToJson(state_).dump()});
  batch.put.push_back({"rollout", state_.name, state_.name, ToJson(rollout_).dump()});
  batch.events = std::move(events_);
  events_.clear();
  return batch;
}

Status ProjectRuntime::Save() {
  return services_.store->Commit(Pending());
}

void ProjectRuntime::Say(const std::string& kind, const std::string& message) {
  LogInfo(message, {{"project", state_.name}, {"kind", kind}, {"clock", FormatInstant(now())}});
  events_.push_back({.sequence = 0,
                     .project = state_.name,
                     .kind = kind,
                     .message = message,
                     .wall = services_.clock->WallNow(),
                     .clock = now()});
}

}  // namespace keelson::control
