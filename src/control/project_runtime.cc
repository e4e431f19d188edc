#include "control/project_runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "control/decisions.h"
#include "control/version_registration.h"
#include "io/files.h"
#include "tracking/model_folders.h"

namespace keelson::control {
namespace {

std::string_view Text(const Json& json, const char* name) {
  return json.contains(name) ? std::string_view(json.at(name).get_ref<const std::string&>()) : std::string_view{};
}

Error NoRows() {
  return {ErrorCode::kUnavailable, "the logs of pushed rows could not be opened; the server's log says why", ""};
}

}  // namespace

ProjectRuntime::ProjectRuntime(Services services, ProjectState state, Rollout rollout)
    : services_(std::move(services)),
      state_(std::move(state)),
      rollout_(std::move(rollout)),
      stored_state_(state_),
      stored_rollout_(rollout_),
      folders_(services_.data_folder, state_.name),
      payload_(state_.name, folders_, *services_.jobs, *services_.clock, services_.payload_period) {}

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
    KEELSON_RETURN_IF_ERROR(runtime->OpenRows());
    KEELSON_RETURN_IF_ERROR(runtime->UseVersion());
  }
  runtime->opening_ = false;
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
  KEELSON_RETURN_IF_ERROR(OpenMonitor());
  KEELSON_RETURN_IF_ERROR(OpenRows());
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

Status ProjectRuntime::OpenRows() {
  rows_.reset();  // before its logs are opened anew
  const Pipeline* pipeline = LastPrepared();
  ProjectRows::Options options{
      .project = applied_.at(state_.revision),
      .folders = folders_,
      .tables = pipeline == nullptr ? Json::object() : pipeline->Find("prepare")->output.at("tables"),
      .online_folder = state_.online_ready ? state_.online_file : ""};
  ProjectRows::World world{.label = [this](const monitoring::Label& label) { monitor_->AddLabel(label); },
                           .now =
                               [this](Instant accepted) {
                                 if (state_.replay) state_.clock = std::max(state_.clock, accepted);
                                 return now();
                               }};
  KEELSON_ASSIGN_OR_RETURN(rows_, ProjectRows::Open(std::move(options), std::move(world)));
  if (info_) info_->replay_clock_us = state_.replay ? ToMicros(state_.clock) : 0;
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
  KEELSON_RETURN_IF_ERROR(Placed(found));
  return ServedVersion{
      .version = version, .model_folder = found.source, .content_hash = found.content_hash, .weight = weight};
}

Status ProjectRuntime::Placed(const tracking::ModelVersion& version) const {
  if (services_.models == nullptr) return {};
  // In a replay every question of an instant is answered by what that instant's decisions were: it waits.
  return services_.models->Fetch(version.source, version.content_hash, opening_ || state_.replay);
}

Status ProjectRuntime::UseVersion() {
  Status used = PlaceVersion();
  unplaced_ = services_.models != nullptr && !used && used.error().code == ErrorCode::kUnavailable;
  if (used) placed_ = true;
  return unplaced_ ? Status{} : used;
}

// Brings endpoint, profile and baseline in line with the rollout.
Status ProjectRuntime::PlaceVersion() {
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
  const auto traffic = TrafficOf(rollout_, spec().serve->canary);
  if (services_.models != nullptr) {
    std::set<std::string> folders;
    for (const auto& [number, weight] : traffic) {
      KEELSON_ASSIGN_OR_RETURN(const auto version, services_.tracking->GetVersion(state_.name, number));
      folders.insert(version.source);
    }
    services_.models->Use(state_.name, folders);
  }
  std::vector<ServedVersion> wanted;
  for (const auto& [number, weight] : traffic) {
    KEELSON_ASSIGN_OR_RETURN(wanted.emplace_back(), Served(number, weight));
  }
  const bool serving = !wanted.empty();
  endpoint_->Want(std::move(wanted));
  if (!serving) return {};

  auto info = std::make_shared<EndpointInfo>();
  info->name = state_.name;
  info->online = rows_ ? rows_->online() : nullptr;
  info->replay_clock_us = state_.replay ? ToMicros(state_.clock) : 0;
  info_ = info;
  services_.registry->Put(info);

  return WatchVersion();
}

// The profile to compare with, and the first model to compare with, when they have changed.
Status ProjectRuntime::WatchVersion() {
  if (rollout_.champion && watched_ != rollout_.champion) {
    KEELSON_ASSIGN_OR_RETURN(const auto version, services_.tracking->GetVersion(state_.name, *rollout_.champion));
    data::Profile profile;  // of a model of another make: none, so that no column can drift
    if (const std::string path = version.source + "/profile.json"; io::Exists(path)) {
      KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path));
      KEELSON_ASSIGN_OR_RETURN(profile, data::Profile::FromJson(text));
    }
    monitor_->SetProfile(std::move(profile), rollout_.champion_since);
    watched_ = rollout_.champion;
  }
  if (!state_.frozen || baseline_ == state_.frozen) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto version, services_.tracking->GetVersion(state_.name, *state_.frozen));
  KEELSON_RETURN_IF_ERROR(Placed(version));
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

Result<std::string> ProjectRuntime::Run(std::optional<Instant> as_of, const std::string& cause,
                                        const std::string& request_id, const std::string& user) {
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
    // The files speak for the time that is passed over; from here on what is pushed.
    if (!state_.replay || *as_of > state_.clock) state_.replay_from = *as_of;
    state_.replay = true;
    state_.clock = *as_of;
  }
  KEELSON_RETURN_IF_ERROR(StartPipeline(cause, now(), request_id, user));
  return services_.pipelines->Running(state_.name)->id;
}

Status ProjectRuntime::StartPipeline(const std::string& cause, Instant as_of, const std::string& request_id,
                                     const std::string& user) {
  Pipeline pipeline;
  pipeline.id = fmt::format("{}-p{:04}", state_.name, ++state_.pipelines_made);
  pipeline.project = state_.name;
  pipeline.revision = state_.revision;
  pipeline.cause = cause;
  pipeline.request_id = request_id;
  pipeline.user = user;
  pipeline.as_of = as_of;
  if (state_.replay) pipeline.files_until = state_.replay_from;
  if (rows_) pipeline.row_sequences = rows_->sequences();
  // Only another search, or another trainer to search for, is searched again.
  const auto wanted = SearchKey(spec());
  if (state_.search_key.value_or(wanted.value_or("")) != wanted) state_.best_parameters.reset();
  state_.search_key = wanted;
  if (wanted) pipeline.reuse_parameters = state_.best_parameters;
  pipeline.steps = StepsOf(spec(), {.search = !state_.best_parameters, .online = !state_.online_ready});
  Say("pipeline", fmt::format("{} started: {}", pipeline.id, cause));
  return Stored(services_.pipelines->Start(std::move(pipeline), Pending()));
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
  KEELSON_ASSIGN_OR_RETURN(pipeline.version, RegisterVersion(*services_.tracking, services_.models, pipeline,
                                                             GateRefusal(pipeline).empty()));
  if (const Step* search = pipeline.Find("search"); search != nullptr && !state_.best_parameters) {
    state_.best_parameters = search->output.at("parameters").dump();
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
  // A restart while the pipeline ran has opened the rows already, but without the online features.
  if (status && prepare != nullptr && prepare->output.contains("tables") &&
      (materialized || !rows_ || rows_->empty())) {
    status = OpenRows();
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

Result<PushedRows> ProjectRuntime::ReadRows(const std::string& source, std::string_view body) const {
  if (!rows_) return std::unexpected(NoRows());
  return rows_->Read(source, body);
}

Result<RowsAnswer> ProjectRuntime::AcceptRows(const std::string& source, const PushedRows& rows) {
  if (!rows_) return std::unexpected(NoRows());
  const std::uint64_t refused_before = rows_->refused_batches();
  KEELSON_ASSIGN_OR_RETURN(RowsAnswer answer, rows_->Accept(source, rows, now()));
  if (answer.refusal &&
      refused_before % 100 == 0) {  // a broken feed refuses every batch; the first of a hundred is news
    Say("rows",
        fmt::format("a batch for {} was refused by its expectations: {}", source, Text(*answer.refusal, "summary")));
    KEELSON_RETURN_IF_ERROR(Save());
  }
  return answer;
}

Status ProjectRuntime::SyncRows() {
  return rows_ ? rows_->Sync() : Status{};
}

Result<project::Bundle> ProjectRuntime::StoredBundle() const {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(folders_.Revision(state_.revision) + "/bundle.json"));
  return project::Bundle::FromJson(text);
}

Result<std::vector<monitoring::MonthReport>> ProjectRuntime::Months() {
  KEELSON_RETURN_IF_ERROR(monitor_->Consume());
  return monitor_->Months();
}

Status ProjectRuntime::Reconcile(const std::vector<substrate::WorkloadStatus>& workloads) {
  if (unplaced_) KEELSON_RETURN_IF_ERROR(UseVersion());
  // What runs since before a restart is not ended because what it serves is not known yet.
  if (endpoint_ && (placed_ || !unplaced_)) KEELSON_RETURN_IF_ERROR(endpoint_->Reconcile(workloads));
  KEELSON_RETURN_IF_ERROR(payload_.Reconcile());
  if (state_.replay || state_.revision.empty()) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto ignored, AdvanceClock(services_.clock->WallNow()));
  static_cast<void>(ignored);
  return {};
}

Status ProjectRuntime::Close(const std::vector<substrate::WorkloadStatus>& workloads) {
  services_.registry->Remove(state_.name);
  if (services_.models != nullptr) services_.models->Use(state_.name, {});
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
  return Stored(services_.store->Commit(Pending()));
}

// What could not be stored did not happen: it is decided again at the next look. Time alone does not go back.
Status ProjectRuntime::Stored(Status committed) {
  if (committed) {
    stored_state_ = state_;
    stored_rollout_ = rollout_;
    return committed;
  }
  const Instant clock = state_.clock;
  state_ = stored_state_;
  state_.clock = std::max(state_.clock, clock);
  rollout_ = stored_rollout_;
  return committed;
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
