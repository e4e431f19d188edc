#include <gtest/gtest.h>

#include "control/types.h"

namespace keelson::control {
namespace {

const Instant kThen = InstantFromMicros(1'364'817'600'123'456);

Job FullJob() {
  Job job;
  job.id = "j000042";
  job.project = "flights";
  job.kind = "train";
  job.pipeline = "flights-p0003";
  job.step = "train";
  job.request_id = "r-1";
  job.user = "ada";
  job.state = JobState::kStopped;
  job.spec = {{"a", {1, 2.5, "x"}}};
  job.output = {{"model", "m"}};
  job.error = "said \"no\"\n";
  job.refused_by_check = true;
  job.workload_class = scheduling::WorkloadClass::kBestEffort;
  job.queue = "nightly";
  job.flavor = "spot";
  job.priority = -3;
  job.resources = {.cpu_milli = 1'500, .memory_bytes = std::int64_t{5} << 30};
  job.group = "g";
  job.group_parallel = 4;
  job.attempts = 7;
  job.token_hash = "abc";
  job.progress = "round 3";
  job.fraction = 0.1;
  job.waiting = "for memory";
  job.created = kThen;
  job.started = kThen + Duration(1);
  job.ended = kThen + Duration(2);
  return job;
}

Pipeline FullPipeline() {
  Pipeline pipeline;
  pipeline.id = "flights-p0003";
  pipeline.project = "flights";
  pipeline.revision = "abc";
  pipeline.cause = "drift: temp";
  pipeline.request_id = "r-1";
  pipeline.user = "ada";
  pipeline.as_of = kThen;
  pipeline.files_until = kThen - Duration(1);
  pipeline.row_sequences = {{"flights", UINT64_MAX}, {"weather", 0}};
  pipeline.reuse_parameters = R"({"eta": "0.1"})";
  pipeline.state = PipelineState::kRefused;
  pipeline.error = "no";
  Step step;
  step.name = "search";
  step.kind = "search";
  step.depends = {"features", "prepare"};
  step.state = StepState::kSkipped;
  step.input_key = "key";
  step.output = {{"parameters", {{"eta", "0.1"}}}};
  step.error = "why";
  step.jobs = {"j1", "j2"};
  step.search = {{"running", {{"0", "j1"}}}};
  pipeline.steps = {step, Step{}};
  pipeline.steps[1].name = "train";
  pipeline.version = 4;
  pipeline.created = kThen;
  pipeline.ended = kThen + Duration(1);
  pipeline.effect_at = kThen + Duration(2);
  pipeline.effect_done = true;
  return pipeline;
}

Rollout FullRollout() {
  return {.project = "flights",
          .champion = 3,
          .challenger = 4,
          .previous = 2,
          .champion_since = kThen,
          .step = 1,
          .step_since = kThen + Duration(1),
          .base_requests = 10,
          .base_errors = 2};
}

ProjectState FullState() {
  ProjectState state;
  state.name = "flights";
  state.revision = "abc";
  state.replay = true;
  state.clock = kThen;
  state.replay_from = kThen - Duration(1);
  state.online_ready = true;
  state.online_file = "file";
  state.online_sequences = {{"flights", 12}};
  state.next_evaluation = kThen + Duration(1);
  state.trigger.breaches_in_a_row = 2;
  state.trigger.last_retraining = kThen - Duration(1);
  state.trigger.alarmed = true;
  state.frozen = 1;
  state.best_parameters = "{}";
  state.search_key = "0a1b";
  state.pipelines_made = 5;
  state.alarms_by_month = {{"2013-04", 1}};
  state.retrainings_by_month = {{"2013-05", 2}};
  state.promotions_by_month = {{"2013-06", 3}};
  state.drift_by_day = {{"2013-04-01", {{"temp", 0.25}, {"score", 0.5}}}, {"2013-04-02", {}}};
  return state;
}

// That every field is written and read is seen by writing again what was read: the full values above differ from the
// defaults in every field.
template <typename T>
void ExpectRoundTrip(const T& value, Result<T> (*read)(const std::string&)) {
  const std::string text = ToJson(value).dump();
  const auto back = read(text);
  ASSERT_TRUE(back) << back.error().ToString();
  EXPECT_EQ(ToJson(*back).dump(), text);
}

TEST(TypesJsonTest, FullAndEmptyValuesComeBack) {
  ExpectRoundTrip(FullJob(), JobFromJson);
  ExpectRoundTrip(Job{}, JobFromJson);
  ExpectRoundTrip(FullPipeline(), PipelineFromJson);
  ExpectRoundTrip(Pipeline{}, PipelineFromJson);
  ExpectRoundTrip(FullRollout(), RolloutFromJson);
  ExpectRoundTrip(Rollout{}, RolloutFromJson);
  ExpectRoundTrip(FullState(), ProjectStateFromJson);
  ExpectRoundTrip(ProjectState{}, ProjectStateFromJson);
}

TEST(TypesJsonTest, EveryFieldOfTheFullValuesIsWritten) {
  const auto differs = [](const Json& full, const Json& empty) {
    for (const auto& [name, value] : full.items()) EXPECT_NE(value, empty.at(name)) << name;
  };
  differs(ToJson(FullJob()), ToJson(Job{}));
  differs(ToJson(FullPipeline()), ToJson(Pipeline{}));
  Pipeline with_empty_step;
  with_empty_step.steps.resize(1);
  differs(ToJson(FullPipeline()).at("steps").at(0), ToJson(with_empty_step).at("steps").at(0));
  differs(ToJson(FullRollout()), ToJson(Rollout{}));
  differs(ToJson(FullState()), ToJson(ProjectState{}));
}

TEST(TypesJsonTest, ValuesAreWhatTheyWere) {
  const Job job = JobFromJson(ToJson(FullJob()).dump()).value();
  EXPECT_EQ(job.state, JobState::kStopped);
  EXPECT_EQ(job.workload_class, scheduling::WorkloadClass::kBestEffort);
  EXPECT_EQ(job.fraction, 0.1);
  EXPECT_EQ(job.Workload(), "j000042-a7");
  const Pipeline pipeline = PipelineFromJson(ToJson(FullPipeline()).dump()).value();
  EXPECT_EQ(pipeline.row_sequences.at("flights"), UINT64_MAX);
  ASSERT_NE(pipeline.Find("train"), nullptr);
  EXPECT_EQ(pipeline.Find("search")->jobs, (std::vector<std::string>{"j1", "j2"}));
  EXPECT_EQ(pipeline.Find("nothing"), nullptr);
  EXPECT_FALSE(RolloutFromJson(ToJson(Rollout{}).dump())->champion);
}

// A stored document without one of its fields, or with one of another kind, is damage; it crashes nothing.
template <typename T>
void ExpectDamageIsTold(const Json& json, Result<T> (*read)(const std::string&)) {
  const auto expect_data_loss = [&](const std::string& text) {
    const auto back = read(text);
    ASSERT_FALSE(back) << text;
    EXPECT_EQ(back.error().code, ErrorCode::kDataLoss) << text;
  };
  const std::string text = json.dump();
  for (const char* bad : {"", "null", "[]", "{}", "7"}) expect_data_loss(bad);
  expect_data_loss(text.substr(0, text.size() / 2));
  for (const auto& [name, value] : json.items()) {
    Json damaged = json;
    damaged.erase(name);
    expect_data_loss(damaged.dump());
    if (name == "spec" || name == "output") continue;  // anything may stand there
    damaged[name] = Json{{"un", "expected"}};
    if (value.is_object()) damaged[name] = 7;
    expect_data_loss(damaged.dump());
  }
}

TEST(TypesJsonTest, DamageIsDataLoss) {
  ExpectDamageIsTold(ToJson(FullJob()), JobFromJson);
  ExpectDamageIsTold(ToJson(FullPipeline()), PipelineFromJson);
  ExpectDamageIsTold(ToJson(FullRollout()), RolloutFromJson);
  ExpectDamageIsTold(ToJson(FullState()), ProjectStateFromJson);
}

TEST(TypesJsonTest, AnUnknownStateIsDamage) {
  Json job = ToJson(FullJob());
  job["state"] = "thinking";
  EXPECT_EQ(JobFromJson(job.dump()).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace keelson::control
