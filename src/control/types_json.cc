#include <array>

#include "control/types.h"

namespace keelson::control {
namespace {

constexpr std::array<std::string_view, 5> kJobStates = {"pending", "running", "succeeded", "failed", "stopped"};
constexpr std::array<std::string_view, 5> kStepStates = {"pending", "running", "succeeded", "failed", "skipped"};
constexpr std::array<std::string_view, 4> kPipelineStates = {"running", "succeeded", "failed", "refused"};

template <typename Enum, std::size_t N>
Enum EnumOf(const std::array<std::string_view, N>& names, const std::string& name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  throw std::out_of_range("unknown state " + name);
}

Json InstantJson(const std::optional<Instant>& instant) {
  return instant ? Json(ToMicros(*instant)) : Json(nullptr);
}

std::optional<Instant> OptionalInstant(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(InstantFromMicros(json.get<std::int64_t>()));
}

template <typename T>
Json OptionalJson(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T>
std::optional<T> Optional(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<T>());
}

Json StepJson(const Step& step) {
  return {{"name", step.name},           {"kind", step.kind},
          {"depends", step.depends},     {"state", StepStateName(step.state)},
          {"input_key", step.input_key}, {"output", step.output},
          {"error", step.error},         {"jobs", step.jobs},
          {"search", step.search}};
}

Step StepFrom(const Json& json) {
  Step step;
  step.name = json.at("name");
  step.kind = json.at("kind");
  step.depends = json.at("depends").get<std::vector<std::string>>();
  step.state = EnumOf<StepState>(kStepStates, json.at("state"));
  step.input_key = json.at("input_key");
  step.output = json.at("output");
  step.error = json.at("error");
  step.jobs = json.at("jobs").get<std::vector<std::string>>();
  step.search = json.at("search");
  return step;
}

// Runs `read` on the parsed text; every way in which it can fail means that the store is damaged.
template <typename T, typename Read>
Result<T> FromText(const std::string& text, const char* what, Read read) {
  try {
    return read(Json::parse(text));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kDataLoss, std::string("a stored ") + what + " does not read back: " + error.what());
  }
}

}  // namespace

std::string_view JobStateName(JobState state) {
  return kJobStates[static_cast<std::size_t>(state)];
}
std::string_view StepStateName(StepState state) {
  return kStepStates[static_cast<std::size_t>(state)];
}
std::string_view PipelineStateName(PipelineState state) {
  return kPipelineStates[static_cast<std::size_t>(state)];
}

Step* Pipeline::Find(std::string_view step) {
  for (Step& candidate : steps) {
    if (candidate.name == step) return &candidate;
  }
  return nullptr;
}

const Step* Pipeline::Find(std::string_view step) const {
  return const_cast<Pipeline*>(this)->Find(step);
}

Json ToJson(const Job& job) {
  return {{"id", job.id},
          {"project", job.project},
          {"kind", job.kind},
          {"pipeline", job.pipeline},
          {"step", job.step},
          {"state", JobStateName(job.state)},
          {"spec", job.spec},
          {"output", job.output},
          {"error", job.error},
          {"refused_by_check", job.refused_by_check},
          {"class", static_cast<int>(job.workload_class)},
          {"queue", job.queue},
          {"priority", job.priority},
          {"cpu_milli", job.resources.cpu_milli},
          {"memory_bytes", job.resources.memory_bytes},
          {"group", job.group},
          {"group_parallel", job.group_parallel},
          {"attempts", job.attempts},
          {"token_hash", job.token_hash},
          {"progress", job.progress},
          {"fraction", job.fraction},
          {"waiting", job.waiting},
          {"created", ToMicros(job.created)},
          {"started", InstantJson(job.started)},
          {"ended", InstantJson(job.ended)}};
}

Result<Job> JobFromJson(const std::string& text) {
  return FromText<Job>(text, "job", [](const Json& json) {
    Job job;
    job.id = json.at("id");
    job.project = json.at("project");
    job.kind = json.at("kind");
    job.pipeline = json.at("pipeline");
    job.step = json.at("step");
    job.state = EnumOf<JobState>(kJobStates, json.at("state"));
    job.spec = json.at("spec");
    job.output = json.at("output");
    job.error = json.at("error");
    job.refused_by_check = json.at("refused_by_check");
    job.workload_class = static_cast<scheduling::WorkloadClass>(json.at("class").get<int>());
    job.queue = json.at("queue");
    job.priority = json.at("priority");
    job.resources.cpu_milli = json.at("cpu_milli");
    job.resources.memory_bytes = json.at("memory_bytes");
    job.group = json.at("group");
    job.group_parallel = json.at("group_parallel");
    job.attempts = json.at("attempts");
    job.token_hash = json.at("token_hash");
    job.progress = json.at("progress");
    job.fraction = json.at("fraction");
    job.waiting = json.at("waiting");
    job.created = InstantFromMicros(json.at("created").get<std::int64_t>());
    job.started = OptionalInstant(json.at("started"));
    job.ended = OptionalInstant(json.at("ended"));
    return job;
  });
}

Json ToJson(const Pipeline& pipeline) {
  Json steps = Json::array();
  for (const Step& step : pipeline.steps) steps.push_back(StepJson(step));
  return {{"id", pipeline.id},
          {"project", pipeline.project},
          {"revision", pipeline.revision},
          {"cause", pipeline.cause},
          {"as_of", ToMicros(pipeline.as_of)},
          {"row_sequences", pipeline.row_sequences},
          {"reuse_parameters", OptionalJson(pipeline.reuse_parameters)},
          {"state", PipelineStateName(pipeline.state)},
          {"error", pipeline.error},
          {"steps", std::move(steps)},
          {"version", OptionalJson(pipeline.version)},
          {"created", ToMicros(pipeline.created)},
          {"ended", InstantJson(pipeline.ended)},
          {"effect_at", InstantJson(pipeline.effect_at)},
          {"effect_done", pipeline.effect_done}};
}

Result<Pipeline> PipelineFromJson(const std::string& text) {
  return FromText<Pipeline>(text, "pipeline", [](const Json& json) {
    Pipeline pipeline;
    pipeline.id = json.at("id");
    pipeline.project = json.at("project");
    pipeline.revision = json.at("revision");
    pipeline.cause = json.at("cause");
    pipeline.as_of = InstantFromMicros(json.at("as_of").get<std::int64_t>());
    pipeline.row_sequences = json.at("row_sequences").get<std::map<std::string, std::uint64_t>>();
    pipeline.reuse_parameters = Optional<std::string>(json.at("reuse_parameters"));
    pipeline.state = EnumOf<PipelineState>(kPipelineStates, json.at("state"));
    pipeline.error = json.at("error");
    for (const Json& step : json.at("steps")) pipeline.steps.push_back(StepFrom(step));
    pipeline.version = Optional<int>(json.at("version"));
    pipeline.created = InstantFromMicros(json.at("created").get<std::int64_t>());
    pipeline.ended = OptionalInstant(json.at("ended"));
    pipeline.effect_at = OptionalInstant(json.at("effect_at"));
    pipeline.effect_done = json.at("effect_done");
    return pipeline;
  });
}

Json ToJson(const Rollout& rollout) {
  return {{"project", rollout.project},
          {"champion", OptionalJson(rollout.champion)},
          {"challenger", OptionalJson(rollout.challenger)},
          {"previous", OptionalJson(rollout.previous)},
          {"champion_since", ToMicros(rollout.champion_since)},
          {"step", rollout.step},
          {"step_since", ToMicros(rollout.step_since)},
          {"base_requests", rollout.base_requests},
          {"base_errors", rollout.base_errors}};
}

Result<Rollout> RolloutFromJson(const std::string& text) {
  return FromText<Rollout>(text, "rollout", [](const Json& json) {
    Rollout rollout;
    rollout.project = json.at("project");
    rollout.champion = Optional<int>(json.at("champion"));
    rollout.challenger = Optional<int>(json.at("challenger"));
    rollout.previous = Optional<int>(json.at("previous"));
    rollout.champion_since = InstantFromMicros(json.at("champion_since").get<std::int64_t>());
    rollout.step = json.at("step");
    rollout.step_since = InstantFromMicros(json.at("step_since").get<std::int64_t>());
    rollout.base_requests = json.at("base_requests");
    rollout.base_errors = json.at("base_errors");
    return rollout;
  });
}

Json ToJson(const ProjectState& state) {
  return {{"name", state.name},
          {"revision", state.revision},
          {"bundle", state.bundle},
          {"replay", state.replay},
          {"clock", ToMicros(state.clock)},
          {"online_ready", state.online_ready},
          {"online_file", state.online_file},
          {"online_sequences", state.online_sequences},
          {"next_evaluation", InstantJson(state.next_evaluation)},
          {"trigger",
           {{"breaches_in_a_row", state.trigger.breaches_in_a_row},
            {"last_retraining", InstantJson(state.trigger.last_retraining)},
            {"alarmed", state.trigger.alarmed}}},
          {"frozen", OptionalJson(state.frozen)},
          {"best_parameters", OptionalJson(state.best_parameters)},
          {"pipelines_made", state.pipelines_made},
          {"alarms_by_month", state.alarms_by_month},
          {"retrainings_by_month", state.retrainings_by_month},
          {"promotions_by_month", state.promotions_by_month},
          {"drift_by_day", state.drift_by_day}};
}

Result<ProjectState> ProjectStateFromJson(const std::string& text) {
  return FromText<ProjectState>(text, "project", [](const Json& json) {
    ProjectState state;
    state.name = json.at("name");
    state.revision = json.at("revision");
    state.bundle = json.at("bundle");
    state.replay = json.at("replay");
    state.clock = InstantFromMicros(json.at("clock").get<std::int64_t>());
    state.online_ready = json.at("online_ready");
    state.online_file = json.at("online_file");
    state.online_sequences = json.at("online_sequences").get<std::map<std::string, std::uint64_t>>();
    state.next_evaluation = OptionalInstant(json.at("next_evaluation"));
    const Json& trigger = json.at("trigger");
    state.trigger.breaches_in_a_row = trigger.at("breaches_in_a_row");
    state.trigger.last_retraining = OptionalInstant(trigger.at("last_retraining"));
    state.trigger.alarmed = trigger.at("alarmed");
    state.frozen = Optional<int>(json.at("frozen"));
    state.best_parameters = Optional<std::string>(json.at("best_parameters"));
    state.pipelines_made = json.at("pipelines_made");
    state.alarms_by_month = json.at("alarms_by_month").get<std::map<std::string, std::uint64_t>>();
    state.retrainings_by_month = json.at("retrainings_by_month").get<std::map<std::string, std::uint64_t>>();
    state.promotions_by_month = json.at("promotions_by_month").get<std::map<std::string, std::uint64_t>>();
    state.drift_by_day =
        json.at("drift_by_day").get<std::map<std::string, std::vector<std::pair<std::string, double>>>>();
    return state;
  });
}

}  // namespace keelson::control
