#include "wire/api/api.h"

#include "control/job_queues_testing.h"
#include "control/loop_testing.h"

namespace keelson::wire::api {
namespace {

using control::Json;

// Our own interface over a controller that is turned by hand: what a client gets for each route, and for each mistake.
class ApiTest : public control::LoopFixture {
 protected:
  struct Answer {
    int status = 0;
    Json body;
  };
  Answer Call(const std::string& method, const std::string& path, const std::string& body = "",
              io::HttpHeaders headers = {}) {
    std::optional<io::HttpResponse> response;
    const std::size_t query = path.find('?');
    const Match match = FindRoute(method, path.substr(0, query));
    EXPECT_NE(match.route, nullptr) << method << " " << path;
    if (match.route == nullptr) return {};
    Api api(*controller_, {.version = "1.2.3", .backup = [this](const std::string& folder) -> Status {
                             backup_folder_ = folder;
                             return {};
                           }});
    api.Handle(match,
               {.method = method,
                .path = path.substr(0, query),
                .query = query == std::string::npos ? "" : path.substr(query + 1),
                .headers = std::move(headers),
                .body = body,
                .request_id = "req-7",
                .peer = "unix"},
               [&](io::HttpResponse answer) { response = std::move(answer); });
    EXPECT_FALSE(response) << "nothing is answered before the control thread had its turn";
    Turn();
    EXPECT_TRUE(response) << "every request is answered";
    if (!response) return {};
    last_text_ = response->body;
    return {response->status, Json::parse(response->body, nullptr, false)};
  }
  Answer Post(const std::string& path, const Json& body) { return Call("POST", path, body.dump()); }
  std::string ErrorOf(const Answer& answer) {
    return std::to_string(answer.status) + " " + answer.body.at("error").at("code").get<std::string>() + " " +
           answer.body.at("error").at("where").get<std::string>();
  }
  Json BundleBody() {
    project::Bundle bundle;
    bundle.files[project::Bundle::kProjectFile] = ProjectFile();
    return {{"bundle", bundle.ToJson()}, {"source_folder", folder_.File("source")}};
  }

  static constexpr const char* kTrips = "/api/keelson/v1/projects/trips";
  std::string last_text_;
  std::string backup_folder_;
};

TEST_F(ApiTest, ApplyTellsWhatChangesAndADryRunChangesNothing) {
  Json body = BundleBody();
  body["dry_run"] = true;
  const Answer dry = Post("/api/keelson/v1/projects", body);
  EXPECT_EQ(dry.status, 200);
  EXPECT_FALSE(dry.body.at("changes").empty());
  EXPECT_EQ(Call("GET", kTrips).status, 404);
  const Answer applied = Post("/api/keelson/v1/projects", BundleBody());
  EXPECT_EQ(applied.body.at("changes"), dry.body.at("changes"));
  EXPECT_EQ(applied.body.at("project"), "trips");
  const Answer again = Post("/api/keelson/v1/projects", BundleBody());
  EXPECT_TRUE(again.body.at("changes").empty());
  EXPECT_EQ(again.body.at("revision"), applied.body.at("revision"));
  const Json list = Call("GET", "/api/keelson/v1/projects").body.at("projects");
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].at("name"), "trips");
  EXPECT_EQ(list[0].at("mode"), "live");
  EXPECT_EQ(list[0].at("champion"), nullptr);
}

TEST_F(ApiTest, AProjectInServiceIsShownWhole) {
  monitor_ = "{drift: {threshold: 0.2}}";
  Serve();
  scripted_.stats(kName).held = 3;
  scripted_.backend(kName, 1) = {
      .requests = 10, .errors = 2, .in_flight = 1, .recent_latencies_us = {1'000, 3'000, 2'000}};
  const Json view = Call("GET", kTrips).body;
  EXPECT_EQ(view.at("champion"), 1);
  EXPECT_EQ(view.at("canary"), nullptr);
  EXPECT_EQ(view.at("drift").at("threshold"), 0.2);
  const Json& endpoint = view.at("endpoint");
  EXPECT_EQ(endpoint.at("held"), 3);
  ASSERT_EQ(endpoint.at("versions").size(), 1u);
  const Json& version = endpoint.at("versions")[0];
  EXPECT_EQ(version.at("weight"), 100);
  EXPECT_EQ(version.at("requests"), 10);
  EXPECT_EQ(version.at("errors"), 2);
  EXPECT_EQ(version.at("p50_ms"), 2.0);
  EXPECT_EQ(version.at("replicas")[0].at("state"), "ready");
  EXPECT_EQ(version.at("replicas")[0].at("limits"), "none: nothing runs");
  EXPECT_EQ(view.at("pipeline").at("state"), "succeeded");
  EXPECT_EQ(view.at("versions")[0].at("aliases"), Json({"champion"}));
  EXPECT_EQ(view.at("versions")[0].at("metrics").at("auc"), 0.7);
  EXPECT_EQ(view.at("versions")[0].at("gate"), "passed");
  EXPECT_TRUE(view.at("jobs").empty());
  EXPECT_EQ(view.at("events").back().at("message"), "version 1 is the champion");
  EXPECT_EQ(Call("GET", std::string(kTrips) + "/versions").body.at("versions"), view.at("versions"));
  const Json lineage = Call("GET", std::string(kTrips) + "/lineage?node=version:trips/1").body;
  EXPECT_EQ(lineage.at("edges").size(), 6u);
  EXPECT_EQ(Call("GET", std::string(kTrips) + "/summary").body.at("refused_batches"), 0);
  const Json events = Call("GET", std::string(kTrips) + "/events?after=2").body.at("events");
  EXPECT_EQ(events.at(0).at("sequence"), 3);
}

TEST_F(ApiTest, AReplaysClockMovesInOrderAndOverNoDecisionThatIsDueBeforeTheAnswers) {
  Apply();
  Run(ParseInstant("2013-04-01T00:00:00Z").value());
  Play();
  const std::string clock = std::string(kTrips) + "/clock";
  const Json early = {{"to", "2013-04-01T00:10:00Z"}, {"after", "2013-04-01T00:05:00Z"}};
  EXPECT_EQ(Post(clock, early).body.at("waiting_for"), "an earlier instant");
  // The first version goes into service at the replay's first instant.
  const Json ahead = {{"to", "2013-04-01T00:10:00Z"}, {"unanswered", "2013-03-31T23:00:00Z"}};
  const Json answer = Post(clock, ahead).body;
  EXPECT_EQ(answer.at("reached"), false);
  EXPECT_EQ(answer.at("waiting_for"), "answers to what was asked before 2013-04-01T00:00:00Z");
  const std::string rows = std::string(kTrips) + "/sources/trips/rows";
  const Json push = {
      {"clock", "2013-04-01T00:10:00Z"}, {"unanswered", "2013-03-31T23:00:00Z"}, {"rows", Json::array()}};
  EXPECT_EQ(Post(rows, push).body.at("reached"), false);
  EXPECT_EQ(Project().rollout().challenger, std::nullopt);
  Post(clock, {{"to", "2013-04-01T00:10:00Z"}, {"unanswered", "2013-04-01T00:00:00Z"}});
  EXPECT_EQ(Project().rollout().challenger, 1);
  EXPECT_EQ(ErrorOf(Post(clock, {{"to", "2013-04-01T00:10:00Z"}, {"unanswered", "soon"}})),
            "400 invalid_argument unanswered");
  EXPECT_EQ(ErrorOf(Post(clock, {{"to", "2013-04-01T00:10:00Z"}, {"after", 5}})), "400 invalid_argument after");
}

TEST_F(ApiTest, ARunCarriesTheRequestIdThroughPipelineAndJobs) {
  Apply();
  const Answer started = Post(std::string(kTrips) + "/runs", {{"cause", "by the test"}});
  ASSERT_EQ(started.status, 200) << last_text_;
  const std::string id = started.body.at("pipeline");
  Turn();
  const Json pipeline = Call("GET", "/api/keelson/v1/pipelines/" + id).body;
  EXPECT_EQ(pipeline.at("request_id"), "req-7");
  EXPECT_EQ(pipeline.at("cause"), "by the test");
  const std::string job = pipeline.at("steps").at(0).at("jobs").at(0);
  const Json view = Call("GET", "/api/keelson/v1/jobs/" + job).body;
  EXPECT_EQ(view.at("request_id"), "req-7");
  EXPECT_EQ(view.at("state"), "running");
  EXPECT_EQ(last_text_.find(TokenOf(*controller_->jobs().Find(job))), std::string::npos);
  substrate_.AppendLog(job + "-a1", "line one\n");
  EXPECT_EQ(Call("GET", "/api/keelson/v1/jobs/" + job + "/log").status, 200);
  EXPECT_EQ(last_text_, "line one\n");
  EXPECT_EQ(ErrorOf(Post(std::string(kTrips) + "/runs", Json::object())), "409 failed_precondition " + id);
  EXPECT_EQ(Post("/api/keelson/v1/pipelines/" + id + "/stop", Json::object()).status, 200);
  EXPECT_EQ(Call("GET", "/api/keelson/v1/pipelines/" + id).body.at("state"), "failed");
}

TEST_F(ApiTest, QueuesShowWhatRunsAndWaitsAndWhyAndASubmitterIsToldOfAUsedQuota) {
  queues_ = control::TestQueues();
  Restart();
  train_ = "{label: tip > 0, inputs: [a], queue: small, resources: {cpu: 1}, trainer: {xgboost: {rounds: 5}}}";
  Apply();
  EXPECT_FALSE(Post(std::string(kTrips) + "/runs", Json::object()).body.contains("notice"));
  Turn();
  control::Job other = *controller_->jobs().Find("j000001");
  other.state = control::JobState::kPending;
  ASSERT_TRUE(controller_->jobs().Submit(other));
  Turn();
  const Json answer = Call("GET", "/api/keelson/v1/queues").body;
  EXPECT_EQ(answer.at("machine").at("cpu"), 4.0);
  EXPECT_EQ(answer.at("machine").at("cpu_used"), 1.0);
  const Json small = answer.at("queues").at(1);
  EXPECT_EQ(small.at("name"), "small");
  EXPECT_EQ(small.at("running"), 1);
  EXPECT_EQ(small.at("waiting"), 1);
  EXPECT_EQ(small.at("quotas").at(0),
            (Json{{"flavor", "default"}, {"resource", "cpu"}, {"nominal", 1.0}, {"used", 1.0}, {"available", 0.0}}));
  ASSERT_EQ(answer.at("jobs").size(), 2U);
  EXPECT_EQ(answer.at("jobs").at(0).at("state"), "running");
  EXPECT_EQ(answer.at("jobs").at(1).at("state"), "pending");
  const std::string waits = answer.at("jobs").at(1).at("id");
  const Json why = Call("GET", "/api/keelson/v1/jobs/" + waits + "/why").body;
  EXPECT_NE(why.at("why").get<std::string>().find("waits for quota"), std::string::npos) << why;
  EXPECT_EQ(why.at("why"), answer.at("jobs").at(1).at("why"));
  const Json runs = Call("GET", "/api/keelson/v1/jobs/j000001/why").body;
  EXPECT_EQ(runs.at("why").get<std::string>().substr(0, 10), "runs since") << runs;
  EXPECT_EQ(Call("GET", "/api/keelson/v1/jobs/j9/why").status, 404);
  Json second = BundleBody();
  project::Bundle bundle = project::Bundle::FromJson(second.at("bundle").get<std::string>()).value();
  std::string& file = bundle.files[project::Bundle::kProjectFile];
  file.replace(file.find("name: trips"), 11, "name: buses");
  second["bundle"] = bundle.ToJson();
  ASSERT_EQ(Post("/api/keelson/v1/projects", second).status, 200) << last_text_;
  const Json begun = Post("/api/keelson/v1/projects/buses/runs", Json::object()).body;
  EXPECT_NE(begun.at("notice").get<std::string>().find("queue 'small' uses 1 core"), std::string::npos) << begun;
  file.replace(file.find("queue: small"), 12, "queue: smell");
  second["bundle"] = bundle.ToJson();
  EXPECT_EQ(ErrorOf(Post("/api/keelson/v1/projects", second)), "404 not_found train.queue");
}

TEST_F(ApiTest, CostIsCountedToProjectUserJobAndQueue) {
  Apply();
  ASSERT_EQ(Post(std::string(kTrips) + "/runs", {{"user", "ada"}}).status, 200);
  Turn(2);
  const std::string job = RunningJobs().at(0);
  clock_.Advance(std::chrono::hours(2));
  const Json cost = Call("GET", "/api/keelson/v1/cost").body;
  EXPECT_EQ(cost.at("currency"), "USD");
  EXPECT_EQ(cost.at("by"), "project");
  ASSERT_FALSE(cost.at("lines").empty());
  EXPECT_EQ(cost.at("lines")[0].at("name"), "trips");
  EXPECT_GT(cost.at("total").get<double>(), 0);
  EXPECT_GE(cost.at("machine_total").get<double>(), cost.at("total").get<double>());
  EXPECT_EQ(cost.at("budgets"), Json::array());
  EXPECT_EQ(Call("GET", "/api/keelson/v1/cost?by=user").body.at("lines")[0].at("name"), "ada");
  EXPECT_EQ(Call("GET", "/api/keelson/v1/cost?by=queue").body.at("lines")[0].at("name"), "default");
  EXPECT_NE(last_text_.find("core_hours"), std::string::npos);
  const Json jobs = Call("GET", "/api/keelson/v1/cost?by=job").body.at("lines");
  EXPECT_TRUE(std::ranges::any_of(jobs, [&](const Json& line) { return line.at("name") == job; }));
  EXPECT_TRUE(Call("GET", "/api/keelson/v1/cost?to=2001-01-01").body.at("lines").empty());
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/cost?by=moon")), "400 invalid_argument by");
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/cost?from=x")), "400 invalid_argument from");
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/cost?from=2030-01-02&to=2030-01-01")), "400 invalid_argument from");

  const Json advice = Call("GET", "/api/keelson/v1/advice").body;
  EXPECT_EQ(advice.at("currency"), "USD");
  EXPECT_TRUE(advice.at("advice").is_array());
  EXPECT_EQ(advice.at("calibration").at("run_times"), 0);
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/advice?to=never")), "400 invalid_argument to");
}

TEST_F(ApiTest, AWorkerNeedsTheTokenOfItsAttempt) {
  Apply();
  Run();
  Turn(2);
  const std::string job = RunningJobs().at(0);
  const std::string token = TokenOf(*controller_->jobs().Find(job));
  const std::string attempt = "/internal/v1/attempts/" + job;
  const std::string progress = R"({"line": "half", "fraction": 0.5})";
  EXPECT_EQ(ErrorOf(Call("POST", attempt + "/progress", progress)), "403 permission_denied " + job);
  EXPECT_EQ(Call("POST", attempt + "/progress", progress, {{"Authorization", "Bearer guess"}}).status, 403);
  EXPECT_EQ(Call("POST", attempt + "/progress", progress, {{"Authorization", token}}).status, 403);
  const io::HttpHeaders mine = {{"Authorization", "Bearer " + token}};
  EXPECT_EQ(Call("POST", attempt + "/progress", progress, mine).status, 200);
  EXPECT_EQ(controller_->jobs().Find(job)->progress, "half");
  for (const char* bad : {"", "[]", R"({"line": 7})", R"({"fraction": "all"})", R"({"line": "x", "retry": 1})"}) {
    EXPECT_EQ(Call("POST", attempt + "/progress", bad, mine).status, 400) << bad;
  }
  EXPECT_EQ(Call("POST", "/internal/v1/attempts/j999/result", "{}", mine).status, 404);
  EXPECT_EQ(Call("POST", attempt + "/result", R"({"error": "no such file", "retry": false})", mine).status, 200);
  EXPECT_EQ(controller_->jobs().Find(job)->state, control::JobState::kFailed);
}

TEST_F(ApiTest, EveryMistakeHasItsStatusItsCodeAndItsPlace) {
  Apply();
  const std::string trips = kTrips;
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/projects/none")), "404 not_found none");
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/pipelines/none")), "404 not_found none");
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/jobs/none")), "404 not_found none");
  EXPECT_EQ(ErrorOf(Call("GET", "/api/keelson/v1/jobs/none/log")), "404 not_found none");
  EXPECT_EQ(ErrorOf(Call("DELETE", "/api/keelson/v1/projects/none")), "404 not_found none");
  EXPECT_EQ(ErrorOf(Post("/api/keelson/v1/pipelines/none/stop", {})), "404 not_found none");
  EXPECT_EQ(ErrorOf(Call("POST", "/api/keelson/v1/projects", "{")), "400 invalid_argument body");
  EXPECT_EQ(ErrorOf(Post("/api/keelson/v1/projects", {{"bundle", 7}})), "400 invalid_argument bundle");
  EXPECT_EQ(ErrorOf(Call("POST", trips + "/runs", "[]")), "400 invalid_argument body");
  EXPECT_EQ(ErrorOf(Post(trips + "/runs", {{"as_off", "2013-04-01"}})), "400 invalid_argument as_off");
  EXPECT_EQ(ErrorOf(Post(trips + "/runs", {{"as_of", 7}})), "400 invalid_argument as_of");
  EXPECT_EQ(ErrorOf(Post(trips + "/runs", {{"user", "a\nb"}})), "400 invalid_argument user");
  EXPECT_EQ(ErrorOf(Post(trips + "/runs", {{"user", std::string(201, 'x')}})), "400 invalid_argument user");
  EXPECT_EQ(ErrorOf(Post(trips + "/clock", {{"to", "2013-04-01T00:00:00Z"}})), "409 failed_precondition trips");
  EXPECT_EQ(ErrorOf(Post(trips + "/promote", {{"version", "1"}})), "400 invalid_argument version");
  EXPECT_EQ(Post(trips + "/promote", {{"version", 0}}).status, 404);
  EXPECT_EQ(Post(trips + "/promote", {{"version", 1e30}}).status, 400);
  EXPECT_EQ(Post(trips + "/promote", {{"version", 1}}).status, 404);
  EXPECT_EQ(ErrorOf(Post(trips + "/promote", {{"version", 1}, {"canary", "yes"}})), "400 invalid_argument canary");
  EXPECT_EQ(ErrorOf(Post(trips + "/rollback", {})), "409 failed_precondition trips");
  EXPECT_EQ(ErrorOf(Call("GET", trips + "/events?after=x")), "400 invalid_argument after");
  EXPECT_EQ(Post(trips + "/sources/none/rows", {{"rows", Json::array()}}).status, 404);
  EXPECT_EQ(Post(trips + "/sources/trips/rows", {{"rows", Json::array()}}).status, 409);
  EXPECT_EQ(Call("POST", trips + "/sources/trips/rows", "\xff\xfe").status, 400);
  more_ = "surprise: yes\n";
  EXPECT_EQ(Post("/api/keelson/v1/projects", BundleBody()).status, 409);
  EXPECT_NE(last_text_.find("surprise"), std::string::npos) << "the mistakes of the file are told";
}

TEST_F(ApiTest, ABrokenProjectSaysSo) {
  ASSERT_TRUE(controller_->store().Commit({.put = {{"project", "broken", "broken", "{"}}, .remove = {}, .events = {}}));
  Restart();
  const Answer answer = Call("GET", "/api/keelson/v1/projects/broken");
  EXPECT_EQ(ErrorOf(answer), "500 data_loss broken");
  EXPECT_NE(answer.body.at("error").at("message").get<std::string>().find("could not be loaded"), std::string::npos);
}

TEST_F(ApiTest, AnErrorsLogLineHasTheRequestIdAndNoToken) {
  ASSERT_TRUE(controller_->store().Commit({.put = {{"project", "broken", "broken", "{"}}, .remove = {}, .events = {}}));
  Restart();
  testing::internal::CaptureStderr();
  Call("GET", "/api/keelson/v1/projects/broken", "", {{"Authorization", "Bearer very-secret-token"}});
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find(R"("request_id":"req-7")"), std::string::npos) << log;
  EXPECT_EQ(log.find("very-secret-token"), std::string::npos);
  EXPECT_EQ(last_text_.find("very-secret-token"), std::string::npos);
}

}  // namespace
}  // namespace keelson::wire::api
