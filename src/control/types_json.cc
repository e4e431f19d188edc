#include <array>
#include <functional>
#include <tuple>
#include <type_traits>

#include "control/types.h"
#include "scheduling/cost.h"

namespace keelson::control {
namespace {

constexpr std::array<std::string_view, 5> kJobStates = {"pending", "running", "succeeded", "failed", "stopped"};
constexpr std::array<std::string_view, 5> kStepStates = {"pending", "running", "succeeded", "failed", "skipped"};
constexpr std::array<std::string_view, 4> kPipelineStates = {"running", "succeeded", "failed", "refused"};

constexpr const auto& NamesOf(JobState) {
  return kJobStates;
}
constexpr const auto& NamesOf(StepState) {
  return kStepStates;
}
constexpr const auto& NamesOf(PipelineState) {
  return kPipelineStates;
}

// One field of a stored type: its name in JSON, and where it is: a member, or a function from the value to one. Writing
// and reading walk the same table, so neither can forget a field.
template <typename Place>
struct Field {
  const char* name;
  Place place;
};
template <typename Place>
Field(const char*, Place) -> Field<Place>;

constexpr auto FieldsOf(const Job*) {
  return std::tuple{Field{"id", &Job::id},
                    Field{"project", &Job::project},
                    Field{"kind", &Job::kind},
                    Field{"pipeline", &Job::pipeline},
                    Field{"step", &Job::step},
                    Field{"request_id", &Job::request_id},
                    Field{"user", &Job::user},
                    Field{"state", &Job::state},
                    Field{"spec", &Job::spec},
                    Field{"output", &Job::output},
                    Field{"error", &Job::error},
                    Field{"refused_by_check", &Job::refused_by_check},
                    Field{"class", &Job::workload_class},
                    Field{"queue", &Job::queue},
                    Field{"flavor", &Job::flavor},
                    Field{"priority", &Job::priority},
                    Field{"cpu_milli", [](auto& job) -> auto& { return job.resources.cpu_milli; }},
                    Field{"memory_bytes", [](auto& job) -> auto& { return job.resources.memory_bytes; }},
                    Field{"group", &Job::group},
                    Field{"group_parallel", &Job::group_parallel},
                    Field{"attempts", &Job::attempts},
                    Field{"token_hash", &Job::token_hash},
                    Field{"progress", &Job::progress},
                    Field{"fraction", &Job::fraction},
                    Field{"waiting", &Job::waiting},
                    Field{"created", &Job::created},
                    Field{"started", &Job::started},
                    Field{"ended", &Job::ended}};
}

constexpr auto FieldsOf(const Step*) {
  return std::tuple{
      Field{"name", &Step::name},   Field{"kind", &Step::kind},           Field{"depends", &Step::depends},
      Field{"state", &Step::state}, Field{"input_key", &Step::input_key}, Field{"output", &Step::output},
      Field{"error", &Step::error}, Field{"jobs", &Step::jobs},           Field{"search", &Step::search}};
}

constexpr auto FieldsOf(const Pipeline*) {
  return std::tuple{Field{"id", &Pipeline::id},
                    Field{"project", &Pipeline::project},
                    Field{"revision", &Pipeline::revision},
                    Field{"cause", &Pipeline::cause},
                    Field{"request_id", &Pipeline::request_id},
                    Field{"user", &Pipeline::user},
                    Field{"as_of", &Pipeline::as_of},
                    Field{"files_until", &Pipeline::files_until},
                    Field{"row_sequences", &Pipeline::row_sequences},
                    Field{"reuse_parameters", &Pipeline::reuse_parameters},
                    Field{"state", &Pipeline::state},
                    Field{"error", &Pipeline::error},
                    Field{"steps", &Pipeline::steps},
                    Field{"version", &Pipeline::version},
                    Field{"created", &Pipeline::created},
                    Field{"ended", &Pipeline::ended},
                    Field{"effect_at", &Pipeline::effect_at},
                    Field{"effect_done", &Pipeline::effect_done}};
}

constexpr auto FieldsOf(const Rollout*) {
  return std::tuple{Field{"project", &Rollout::project},
                    Field{"champion", &Rollout::champion},
                    Field{"challenger", &Rollout::challenger},
                    Field{"previous", &Rollout::previous},
                    Field{"champion_since", &Rollout::champion_since},
                    Field{"step", &Rollout::step},
                    Field{"step_since", &Rollout::step_since},
                    Field{"base_requests", &Rollout::base_requests},
                    Field{"base_errors", &Rollout::base_errors}};
}

constexpr auto FieldsOf(const monitoring::TriggerState*) {
  return std::tuple{Field{"breaches_in_a_row", &monitoring::TriggerState::breaches_in_a_row},
                    Field{"last_retraining", &monitoring::TriggerState::last_retraining},
                    Field{"alarmed", &monitoring::TriggerState::alarmed}};
}

constexpr auto FieldsOf(const ProjectState*) {
  return std::tuple{Field{"name", &ProjectState::name},
                    Field{"revision", &ProjectState::revision},
                    Field{"replay", &ProjectState::replay},
                    Field{"clock", &ProjectState::clock},
                    Field{"replay_from", &ProjectState::replay_from},
                    Field{"online_ready", &ProjectState::online_ready},
                    Field{"online_file", &ProjectState::online_file},
                    Field{"online_sequences", &ProjectState::online_sequences},
                    Field{"next_evaluation", &ProjectState::next_evaluation},
                    Field{"trigger", &ProjectState::trigger},
                    Field{"frozen", &ProjectState::frozen},
                    Field{"best_parameters", &ProjectState::best_parameters},
                    Field{"search_key", &ProjectState::search_key},
                    Field{"pipelines_made", &ProjectState::pipelines_made},
                    Field{"alarms_by_month", &ProjectState::alarms_by_month},
                    Field{"retrainings_by_month", &ProjectState::retrainings_by_month},
                    Field{"promotions_by_month", &ProjectState::promotions_by_month},
                    Field{"drift_by_day", &ProjectState::drift_by_day}};
}

constexpr auto FieldsOf(const scheduling::Use*) {
  return std::tuple{Field{"cpu_us", &scheduling::Use::cpu},
                    Field{"peak_memory_bytes", &scheduling::Use::peak_memory_bytes}};
}

constexpr auto FieldsOf(const scheduling::Allocation*) {
  using scheduling::Allocation;
  return std::tuple{Field{"workload", &Allocation::workload},
                    Field{"project", &Allocation::project},
                    Field{"user", &Allocation::user},
                    Field{"queue", &Allocation::queue},
                    Field{"job", &Allocation::job},
                    Field{"step", &Allocation::step},
                    Field{"endpoint", &Allocation::endpoint},
                    Field{"class", &Allocation::workload_class},
                    Field{"cpu_milli", [](auto& allocation) -> auto& { return allocation.held.cpu_milli; }},
                    Field{"memory_bytes", [](auto& allocation) -> auto& { return allocation.held.memory_bytes; }},
                    Field{"from", &Allocation::from},
                    Field{"until", &Allocation::until},
                    Field{"used", &Allocation::used}};
}

template <typename T>
concept Named = requires(T value) { NamesOf(value); };
template <typename T>
concept Fielded = requires(const T* value) { FieldsOf(value); };

template <typename T>
struct Codec {  // what the JSON library knows
  static Json Write(const T& value) { return value; }
  static T Read(const Json& json) { return json.get<T>(); }
};

template <>
struct Codec<Instant> {  // microseconds
  static Json Write(Instant value) { return ToMicros(value); }
  static Instant Read(const Json& json) { return InstantFromMicros(json.get<std::int64_t>()); }
};

template <>
struct Codec<Duration> {  // microseconds
  static Json Write(Duration value) { return value.count(); }
  static Duration Read(const Json& json) { return Duration(json.get<std::int64_t>()); }
};

template <typename T>
struct Codec<std::optional<T>> {
  static Json Write(const std::optional<T>& value) { return value ? Codec<T>::Write(*value) : Json(nullptr); }
  static std::optional<T> Read(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(Codec<T>::Read(json));
  }
};

template <Named T>
struct Codec<T> {
  static Json Write(T value) { return NamesOf(value)[static_cast<std::size_t>(value)]; }
  static T Read(const Json& json) {
    const auto& names = NamesOf(T{});
    const std::string name = json.get<std::string>();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return static_cast<T>(i);
    }
    throw std::out_of_range("unknown state " + name);
  }
};

template <>
struct Codec<scheduling::WorkloadClass> {
  static Json Write(scheduling::WorkloadClass value) { return static_cast<int>(value); }
  static scheduling::WorkloadClass Read(const Json& json) {
    return static_cast<scheduling::WorkloadClass>(json.get<int>());
  }
};

template <Fielded T>
struct Codec<T> {
  static Json Write(const T& value) {
    Json json = Json::object();
    const auto write = [&](const auto& field) {
      const auto& member = std::invoke(field.place, value);
      json[field.name] = Codec<std::remove_cvref_t<decltype(member)>>::Write(member);
    };
    std::apply([&](const auto&... fields) { (write(fields), ...); }, FieldsOf(&value));
    return json;
  }
  static T Read(const Json& json) {
    T value;
    const auto read = [&](const auto& field) {
      auto& member = std::invoke(field.place, value);
      member = Codec<std::remove_cvref_t<decltype(member)>>::Read(json.at(field.name));
    };
    std::apply([&](const auto&... fields) { (read(fields), ...); }, FieldsOf(&value));
    return value;
  }
};

template <Fielded T>
struct Codec<std::vector<T>> {
  static Json Write(const std::vector<T>& values) {
    Json json = Json::array();
    for (const T& value : values) json.push_back(Codec<T>::Write(value));
    return json;
  }
  static std::vector<T> Read(const Json& json) {
    std::vector<T> values;
    for (const Json& item : json) values.push_back(Codec<T>::Read(item));
    return values;
  }
};

// Every way in which reading can fail means that the store is damaged.
template <typename T>
Result<T> FromText(const std::string& text, const char* what) {
  try {
    return Codec<T>::Read(Json::parse(text));
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
  return Codec<Job>::Write(job);
}
Json ToJson(const Pipeline& pipeline) {
  return Codec<Pipeline>::Write(pipeline);
}
Json ToJson(const Rollout& rollout) {
  return Codec<Rollout>::Write(rollout);
}
Json ToJson(const ProjectState& state) {
  return Codec<ProjectState>::Write(state);
}
Json ToJson(const scheduling::Allocation& allocation) {
  return Codec<scheduling::Allocation>::Write(allocation);
}

Result<Job> JobFromJson(const std::string& text) {
  return FromText<Job>(text, "job");
}
Result<Pipeline> PipelineFromJson(const std::string& text) {
  return FromText<Pipeline>(text, "pipeline");
}
Result<Rollout> RolloutFromJson(const std::string& text) {
  return FromText<Rollout>(text, "rollout");
}
Result<ProjectState> ProjectStateFromJson(const std::string& text) {
  return FromText<ProjectState>(text, "project");
}
Result<scheduling::Allocation> AllocationFromJson(const std::string& text) {
  return FromText<scheduling::Allocation>(text, "allocation");
}

}  // namespace keelson::control
