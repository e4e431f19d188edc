#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/controller.h"
#include "data/profile.h"
#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "serving/payload_log.h"
#include "substrate/fake_substrate.h"

// For the tests of control's whole loop: a controller that the test turns by hand, over virtual time, a substrate where
// nothing runs, and a gateway that says what the test told it to.
namespace keelson::control {

// Remembers what it was told, answers what it was given. Used on one thread.
class ScriptedGateway final : public gateway::Gateway {
 public:
  void Configure(const gateway::EndpointConfig& config) override {
    configs_[config.name] = config;
    ++configured_;
  }
  void Remove(const std::string& endpoint) override { configs_.erase(endpoint); }
  bool Has(const std::string& endpoint) const override { return configs_.contains(endpoint); }
  std::vector<std::string> Versions(const std::string&) const override { return {}; }
  void Forward(gateway::GatewayRequest, std::function<void(Result<io::HttpResponse>)> done) override {
    done(Fail(ErrorCode::kUnsupported, "nothing is forwarded here"));
  }
  gateway::EndpointStats Stats(const std::string& endpoint) const override {
    const auto found = stats_.find(endpoint);
    return found == stats_.end() ? gateway::EndpointStats{} : found->second;
  }

  gateway::EndpointStats& stats(const std::string& endpoint) { return stats_[endpoint]; }
  gateway::BackendStats& backend(const std::string& endpoint, int version) {
    return stats_[endpoint].backends[std::to_string(version)];
  }
  // "1:90:2 2:10:1": version, weight and ready replicas, in order; "" when the endpoint is not there.
  std::string Split(const std::string& endpoint) const {
    std::string text;
    const auto found = configs_.find(endpoint);
    if (found == configs_.end()) return text;
    for (const auto& backend : found->second.backends) {
      text += (text.empty() ? "" : " ") + backend.version + ":" + std::to_string(backend.weight) + ":" +
              std::to_string(backend.addresses.size());
    }
    return text;
  }
  int configured() const { return configured_; }

 private:
  std::map<std::string, gateway::EndpointConfig> configs_;
  std::map<std::string, gateway::EndpointStats> stats_;
  int configured_ = 0;
};

// A project "trips" that is trained, served and watched. Its workers are played by the test: what each kind of step
// would answer is in OutputOf.
class LoopFixture : public testing::Test {
 protected:
  static constexpr const char* kName = "trips";

  LoopFixture() {
    Write("source/trips.csv", "trip_id,started_at,a,tip,paid_at\n");
    OpenDatabase();
    Restart();
  }

  // ---- the server ----
  // Of this test's database; one that wraps it can be put in front by overriding this.
  virtual io::Database& database() { return *database_; }
  virtual gateway::Gateway& gateway() { return scripted_; }
  void OpenDatabase() { database_ = io::OpenTestDatabase(folder_.File("keelson.db")).value(); }
  // A new server over the same data folder and the same running workloads.
  void Restart() {
    controller_.reset();
    tracking_.reset();
    registry_ = std::make_unique<EndpointRegistry>();
    auto tracking = tracking::Store::Open(database(), clock_, folder_.File("artifacts"));
    ASSERT_TRUE(tracking) << tracking.error().ToString();
    tracking_ = *std::move(tracking);
    Controller::Options options{.data_folder = folder_.path(),
                                .server_address = "unix:/server.sock",
                                .queues = queues_,
                                .payload_period = payload_period_};
    Controller::Parts parts{.database = &database(),
                            .tracking = tracking_.get(),
                            .substrate = &substrate_,
                            .gateway = &gateway(),
                            .registry = registry_.get(),
                            .clock = &clock_,
                            .probe = [this](const std::string& address) { return !deaf_.contains(address); }};
    if (real_probe_) parts.probe = ProbeReady;
    auto controller = Controller::Create(std::move(options), parts);
    ASSERT_TRUE(controller) << controller.error().ToString();
    controller_ = *std::move(controller);
    controller_->Turn();
  }
  void Turn(int times = 1) {
    for (int i = 0; i < times; ++i) controller_->Turn();
  }
  // Turns, each after a step of time.
  void TurnFor(Duration time, Duration step) {
    for (Duration passed{}; passed < time; passed += step) {
      clock_.Advance(step);
      Turn();
    }
  }

  // ---- the project ----
  // The project file; a test changes the members before it applies.
  std::string train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 5}}}";
  std::string promote_ = "{require: {auc: \">= 0.6\"}, not_worse_than: champion}";
  std::string serve_ =
      "{replicas: {min: 1, max: 3, target: {concurrency: 2}}, canary: {steps: [10, 100], interval: 1h, "
      "guard: {error_rate: 5%}}}";
  std::string monitor_;
  std::string source_ = "{path: trips.csv, time: started_at, key: trip_id, known: {tip: paid_at}}";
  std::string more_;  // further lines, at the outermost level
  std::string ProjectFile() const {
    std::string text = std::string("apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: ") + kName + "}\n";
    text += "sources:\n  trips: " + source_ + "\n";
    if (!train_.empty()) text += "train: " + train_ + "\npromote: " + promote_ + "\n";
    if (!serve_.empty()) text += "serve: " + serve_ + "\n";
    if (!monitor_.empty()) text += "monitor: " + monitor_ + "\n";
    return text + more_;
  }
  std::map<std::string, std::string> files_;  // what the project file names
  Status TryApply() {
    project::Bundle bundle;
    bundle.files = files_;
    bundle.files[project::Bundle::kProjectFile] = ProjectFile();
    return controller_->Apply(bundle.ToJson(), folder_.File("source"));
  }
  void Apply() {
    const Status applied = TryApply();
    ASSERT_TRUE(applied) << applied.error().ToString();
  }
  ProjectRuntime& Project() { return *controller_->Find(kName); }
  std::string Run(std::optional<Instant> as_of = std::nullopt) {
    const auto started = Project().Run(as_of, "asked by the test");
    EXPECT_TRUE(started) << started.error().ToString();
    return started.value_or("");
  }

  // ---- the workers ----
  // A model folder as training makes it: an encoder for the input "a", a profile of it and of the score.
  std::string MakeModel() {
    const std::string folder = folder_.File("models/" + std::to_string(++models_));
    Write("models/" + std::to_string(models_) + "/MLmodel",
          "# number " + std::to_string(models_) +
              "\nflavors:\n  xgboost:\n    data: model.json\n    model_class: xgboost.core.Booster\n");
    Write("models/" + std::to_string(models_) + "/model.json",
          io::ReadFile(KEELSON_SOURCE_DIR "/src/serving/testdata/logistic.json").value());
    std::string inputs;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      inputs += std::string(inputs.empty() ? "" : ",") + R"({"name":")" + name + R"(","type":"double"})";
    }
    Write("models/" + std::to_string(models_) + "/keelson.json",
          R"({"inputs":[)" + inputs + R"(],"output":"probability"})");
    data::Profile profile;
    profile.rows = 400;
    for (const char* name : {"a", "score"}) {
      profile.columns.push_back({.name = name,
                                 .type = data::ColumnType::kDouble,
                                 .edges = {0.25, 0.5, 0.75},
                                 .categories = {},
                                 .counts = {100, 100, 100, 100, 0}});
    }
    Write("models/" + std::to_string(models_) + "/profile.json", profile.ToJson());
    return folder;
  }
  double candidate_auc_ = 0.7;
  std::optional<double> champion_auc_;  // nothing: as good as the candidate, when there is a champion
  virtual Json OutputOf(const Job& job) {
    if (job.kind == "ingest") return {{"path", folder_.File("source/trips.csv")}, {"hash", "snapshot-hash"}};
    if (job.kind == "prepare") {
      const Json schema = Json::parse(
          R"([{"name": "trip_id", "type": "string"}, {"name": "started_at", "type": "timestamp"},
              {"name": "a", "type": "double"}, {"name": "tip", "type": "double"},
              {"name": "paid_at", "type": "timestamp"}])");
      return {{"tables",
               {{"trips", {{"path", folder_.File("source/trips.csv")}, {"hash", "table-hash"}, {"schema", schema}}}}}};
    }
    if (job.kind == "features") return {{"path", folder_.File("source")}, {"hash", "frame-hash-" + job.pipeline}};
    if (job.kind == "trial") return {{"metrics", {{"logloss", 0.5}}}, {"rounds", job.spec.at("rounds")}};
    if (job.kind == "train") {
      const std::string model = MakeModel();
      return {{"model", model},
              {"model_hash", io::HashTree(model).value()},
              {"parameters", {{"eta", "0.1"}}},
              {"metrics", Json::object()}};
    }
    if (job.kind == "evaluate") {
      const bool beside = !job.spec.at("champion_model").get<std::string>().empty();
      return {{"candidate", {{"auc", candidate_auc_}}},
              {"champion", beside ? Json{{"auc", champion_auc_.value_or(candidate_auc_)}} : Json(nullptr)},
              {"rows", 100}};
    }
    return {{"success", true}};
  }
  std::string TokenOf(const Job& job) const {
    std::string token;
    for (const auto& spec : substrate_.started()) {
      if (spec.name == job.Workload()) token = spec.environment.at("KEELSON_TOKEN");
    }
    return token;
  }
  std::vector<std::string> RunningJobs() const {
    std::vector<std::string> running;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      if (job.state == JobState::kRunning) running.push_back(id);
    }
    return running;
  }
  Status FinishJob(const std::string& id) {
    const Job job = *controller_->jobs().Find(id);
    const Status done = controller_->jobs().Finish(id, TokenOf(job), OutputOf(job));
    if (done) substrate_.Succeed(job.Workload());
    return done;
  }
  // Turns and ends what runs, until nothing does; or until a job of `stop_at` runs. The steps that ran, in order.
  std::string Play(const std::string& stop_at = "") {
    std::string ran;
    for (int turn = 0; turn < 200; ++turn) {
      Turn();
      const auto running = RunningJobs();
      if (running.empty() && !controller_->jobs().busy() && controller_->pipelines().Running(kName) == nullptr) break;
      if (running.empty()) continue;
      const std::string step = controller_->jobs().Find(running.front())->step;
      if (step == stop_at) break;
      const Status done = FinishJob(running.front());
      EXPECT_TRUE(done) << done.error().ToString();
      ran += step + " ";
    }
    return ran;
  }
  // The first version, made and in service.
  void Serve() {
    Apply();
    Run();
    Play();
    Turn(6);
    ASSERT_EQ(Project().rollout().champion, 1);
    ASSERT_FALSE(Project().rollout().challenger);
  }

  // ---- what is seen ----
  std::vector<std::string> Replicas(int version) const {
    std::vector<std::string> names;
    for (const auto& spec : substrate_.started()) {
      if (spec.kind == "replica" && spec.labels.at("version") == std::to_string(version) &&
          substrate_.IsRunning(spec.name)) {
        names.push_back(spec.name);
      }
    }
    return names;
  }
  std::optional<int> Alias(const std::string& alias) {
    const auto version = tracking_->GetByAlias(kName, alias).value();
    return version ? std::optional(version->version) : std::nullopt;
  }
  // How many events there are whose message contains `text`.
  int Said(const std::string& text) {
    const auto events = controller_->store().Events(kName, 0, 1'000).value();
    return static_cast<int>(std::ranges::count_if(
        events, [&](const Event& event) { return event.message.find(text) != std::string::npos; }));
  }
  std::string AllSaid() {
    std::string all;
    const auto events = controller_->store().Events(kName, 0, 1'000).value();
    for (const auto& event : events) all += event.message + "\n";
    return all;
  }
  void Write(const std::string& name, const std::string& content) {
    const std::string path = folder_.File(name);
    ASSERT_TRUE(io::MakeFolders(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(io::WriteFileAtomically(path, content));
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  ManualClock clock_{ParseInstant("2026-03-01T00:00:00Z").value()};
  substrate::FakeSubstrate substrate_{{.cpu_milli = 4'000, .memory_bytes = std::int64_t{8} << 30}, folder_.path()};
  ScriptedGateway scripted_;
  std::optional<scheduling::Queues> queues_;
  Duration payload_period_{};
  bool real_probe_ = false;
  std::set<std::string> deaf_;  // addresses of replicas that do not become ready
  int models_ = 0;
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<tracking::Store> tracking_;
  std::unique_ptr<EndpointRegistry> registry_;
  std::unique_ptr<Controller> controller_;
};

}  // namespace keelson::control
