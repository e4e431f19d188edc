// The commands that ask a server, against one that is scripted: what they ask, what they print, how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <sstream>

#include "app/client/client.h"
#include "app/commands.h"
#include "io/files.h"
#include "io/http.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class OnlineTest : public testing::Test {
 protected:
  struct Ran {
    int code = -1;
    std::string out;
    std::string err;
  };
  OnlineTest() {
    server_ = io::HttpServer::Start({}, [this](io::HttpRequest request, io::HttpRespond respond) {
                respond(Answer(request));
              }).value();
  }
  // "METHOD PATH?QUERY", without the API's prefix: the answers to give, the last one again and again.
  void Script(const std::string& call, int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[call].push_back({.status = status, .body = body});
  }
  void Script(const std::string& call, const Json& body) { Script(call, 200, body.dump()); }
  Ran Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", "http://127.0.0.1:" + std::to_string(server_->port())});
    std::ostringstream out, err;
    const int code = RunCommandLine(Commands(), arguments, {out, err});
    return {code, out.str(), err.str()};
  }
  // What was asked, in its order, with bodies.
  std::vector<std::string> Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::string Header(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return std::string(io::FindHeader(headers_, name));
  }

 private:
  io::HttpResponse Answer(const io::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    std::string path = request.path;
    if (path.starts_with(kApi)) path.erase(0, kApi.size());
    const std::string call = request.method + " " + path + (request.query.empty() ? "" : "?" + request.query);
    asked_.push_back(call + (request.body.empty() ? "" : " " + request.body));
    headers_ = request.headers;
    auto& answers = answers_[call];
    if (answers.empty()) {
      return {.status = 404,
              .body = R"({"error": {"code": "not_found", "message": "no such thing", "where": ")" + path + R"("}})"};
    }
    io::HttpResponse answer = answers.front();
    if (answers.size() > 1) answers.erase(answers.begin());
    return answer;
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<io::HttpResponse>> answers_;
  std::vector<std::string> asked_;
  io::HttpHeaders headers_;
  std::unique_ptr<io::HttpServer> server_;
};

// ---- what the server answers becomes an exit code and a sentence ----

TEST_F(OnlineTest, AnErrorOfTheServerIsSaidWithItsPlaceAndMapped) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"not_found", kExitNotFound},      {"failed_precondition", kExitRefused}, {"permission_denied", kExitRefused},
      {"unauthenticated", kExitRefused}, {"resource_exhausted", kExitFailed},   {"internal", kExitFailed},
      {"unavailable", kExitUnreachable}, {"of_a_newer_server", kExitRefused}};
  for (const auto& [code, exit_code] : cases) {
    Script("GET /projects/p" + code, 409,
           Json{{"error", {{"code", code}, {"message", "it is so"}, {"where", "there"}}}}.dump());
    const Ran ran = Run({"status", "p" + code});
    EXPECT_EQ(ran.code, exit_code) << code;
    EXPECT_EQ(ran.err, "keelson: it is so (there)\n");
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(OnlineTest, WhatIsNoAnswerOfOursIsSaidSo) {
  Script("GET /projects/a", 200, "<html>hello</html>");
  EXPECT_THAT(Run({"status", "a"}).err, HasSubstr("no Keelson server"));
  Script("GET /projects/b", 502, "bad gateway");
  EXPECT_THAT(Run({"status", "b"}).err, HasSubstr("502"));
  Script("GET /projects/c", 413, R"({"error": "the body is too large"})");
  EXPECT_THAT(Run({"status", "c"}).err, HasSubstr("the body is too large"));
}

TEST_F(OnlineTest, NobodyThereIsFiveAndSaysHowToStartOne) {
  std::ostringstream out, err;
  EXPECT_EQ(RunCommandLine(Commands(), {"get", "projects", "--server", "http://127.0.0.1:1"}, {out, err}),
            kExitUnreachable);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("keelson server"), HasSubstr("http://127.0.0.1:1")));
}

TEST_F(OnlineTest, TheTokenGoesAlongAndNeverInTheClearThroughANetwork) {
  Script("GET /projects", {{"projects", Json::array()}});
  EXPECT_EQ(Run({"get", "projects", "--token", "secret"}).code, 0);
  EXPECT_EQ(Header("authorization"), "Bearer secret");
  std::ostringstream out, err;
  EXPECT_EQ(RunCommandLine(Commands(), {"get", "projects", "--token", "secret", "--server", "http://192.0.2.1:1"},
                           {out, err}),
            kExitRefused);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("unencrypted"), Not(HasSubstr("secret"))));
}

// ---- one command after the other ----

TEST_F(OnlineTest, NamesAreEncodedIntoThePath) {
  Run({"status", "a/b ?ü"});
  EXPECT_THAT(Asked(), ElementsAre("GET /projects/a%2Fb%20%3F%C3%BC"));
}

TEST_F(OnlineTest, PromoteRollbackAndDelete) {
  Script("POST /projects/p/promote", Json::object());
  EXPECT_EQ(Run({"promote", "p", "4"}).out, "version 4 is the champion of p\n");
  Script("POST /projects/p/rollback", {{"champion", 3}});
  EXPECT_EQ(Run({"rollback", "p"}).out, "champion of p: version 3\n");
  const Ran refused = Run({"delete", "p"});
  EXPECT_EQ(refused.code, kExitRefused);
  EXPECT_THAT(refused.err, HasSubstr("--yes"));
  Script("DELETE /projects/p", Json::object());
  EXPECT_EQ(Run({"delete", "p", "--yes"}).out, "deleted p\n");
  EXPECT_THAT(Asked(), ElementsAre(R"(POST /projects/p/promote {"version":4})", "POST /projects/p/rollback {}",
                                   "DELETE /projects/p"));
  EXPECT_EQ(Run({"promote", "p", "four"}).code, kExitUsage);
}

TEST_F(OnlineTest, PredictMakesARequestOfARow) {
  Script("POST /v2/models/p/infer", {{"outputs", {{{"data", {0.5}}}}}});
  const Ran ran = Run({"predict", "p", "--data", R"({"carrier": "UA", "distance": 7, "late": true, "temp": null})"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("outputs").at(0).at("data").at(0), 0.5);
  const Json sent = Json::parse(Asked().back().substr(std::string("POST /v2/models/p/infer ").size()));
  std::map<std::string, std::string> types;
  for (const Json& input : sent.at("inputs")) {
    EXPECT_EQ(input.at("shape"), Json::array({1}));
    types[input.at("name")] = input.at("datatype");
  }
  EXPECT_EQ(types, (std::map<std::string, std::string>{
                       {"carrier", "BYTES"}, {"distance", "INT64"}, {"late", "BOOL"}, {"temp", "FP64"}}));
}

TEST_F(OnlineTest, PredictSendsAFileAsItIsAndTellsARefusal) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  ASSERT_TRUE(io::WriteFileAtomically(folder.File("request.json"), R"({"inputs": [ ]})"));
  Script("POST /v2/models/p/infer", 400, R"({"error": "an input is missing"})");
  const Ran ran = Run({"predict", "p", "--file", folder.File("request.json")});
  EXPECT_EQ(ran.code, kExitRefused);
  EXPECT_EQ(ran.err, "keelson: an input is missing (p)\n");
  EXPECT_EQ(Asked().back(), R"(POST /v2/models/p/infer {"inputs": [ ]})");
  EXPECT_EQ(Run({"predict", "p", "--file", folder.File("none.json")}).code, kExitNotFound);
  for (const char* data : {"", "[1]", "{", "7"})
    EXPECT_EQ(Run({"predict", "p", "--data", data}).code, kExitFailed) << data;
  EXPECT_EQ(Asked().size(), 1u) << "what is no row is not sent";
  Script("POST /v2/models/q/infer", 404, R"({"error": "no such model"})");
  EXPECT_EQ(Run({"predict", "q", "--data", "{}"}).code, kExitNotFound);
}

TEST_F(OnlineTest, LogsOfAJobAndOfAnAttempt) {
  Script("GET /jobs/j1", Json::object());
  Script("GET /jobs/j1/log?follow=0", 200, "line one\nline two\n");
  Script("GET /jobs/j1/log?follow=1&attempt=2", 200, "the second\n");
  EXPECT_EQ(Run({"logs", "j1"}).out, "line one\nline two\n");
  EXPECT_EQ(Run({"logs", "-f", "j1", "--attempt", "2"}).out, "the second\n");
  const Ran missing = Run({"logs", "j2"});
  EXPECT_EQ(missing.code, kExitNotFound);
  EXPECT_THAT(missing.err, HasSubstr("/jobs/j2"));
}

TEST_F(OnlineTest, GetListsAsATableAndForPrograms) {
  Script(
      "GET /projects/p/versions",
      {{"versions", {{{"version", 2}, {"aliases", {"champion", "live"}}, {"gate", "passed"}, {"created", nullptr}}}}});
  const Ran table = Run({"get", "versions", "--project", "p"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("champion, live"), HasSubstr("passed"), HasSubstr("-")));
  EXPECT_EQ(Json::parse(Run({"get", "versions", "--project", "p", "-o", "json"}).out).at(0).at("version"), 2);
  EXPECT_THAT(Run({"get", "versions", "--project", "p", "-o", "yaml"}).out, HasSubstr("version: 2"));
  const Ran none = Run({"get", "versions"});
  EXPECT_EQ(none.code, kExitFailed);
  EXPECT_THAT(none.err, HasSubstr("--project"));
  EXPECT_EQ(Run({"get", "weather"}).code, kExitUsage);
}

TEST_F(OnlineTest, StatusShowsWhatThereIs) {
  Json project = {{"name", "p"},
                  {"mode", "live"},
                  {"clock", "2024-01-01T00:00:00Z"},
                  {"revision", "0123456789abcdef"},
                  {"champion", nullptr},
                  {"challenger", nullptr},
                  {"endpoint", nullptr},
                  {"pipeline", nullptr},
                  {"months", Json::array()}};
  Script("GET /projects/p", project);
  EXPECT_EQ(Run({"status", "p"}).out,
            "project p (live), clock 2024-01-01T00:00:00Z, revision 0123456789ab\nchampion version -, challenger -\n");
  project["name"] = "q";
  project["champion"] = 3;
  project["endpoint"] = {{"versions", {{{"version", 3}, {"weight", 100}, {"requests", 12}, {"p99_ms", 1.25}}}}};
  project["pipeline"] = {{"id", "q-p0001"},
                         {"state", "failed"},
                         {"cause", "asked"},
                         {"steps", {{{"name", "train"}, {"state", "failed"}, {"error", "no memory"}}}}};
  project["months"] = {{{"month", "2024-01"}, {"asked", 7}, {"auc_live", 0.71234}}};
  Script("GET /projects/q", project);
  EXPECT_THAT(Run({"status", "q"}).out,
              AllOf(HasSubstr("champion version 3"), HasSubstr("1.25"), HasSubstr("pipeline q-p0001: failed (asked)"),
                    HasSubstr("no memory"), HasSubstr("2024-01"), HasSubstr("0.7123")));
  EXPECT_EQ(Json::parse(Run({"status", "q", "-o", "json"}).out).at("champion"), 3);
}

TEST_F(OnlineTest, DescribeSetsInWhatLiesDeeper) {
  Script("GET /jobs/j1", {{"id", "j1"},
                          {"spec", {{"train", {{"rounds", 5}}}}},
                          {"steps", {{{"name", "a"}}, {{"name", "b"}}}},
                          {"none", Json::object()}});
  EXPECT_EQ(Run({"describe", "job", "j1"}).out,
            "id: j1\nnone: {}\nspec:\n  train:\n    rounds: 5\nsteps:\n  -\n    name: a\n  -\n    name: b\n");
}

TEST_F(OnlineTest, RunStartsAndFollowsToTheEnd) {
  Script("POST /projects/p/runs", {{"pipeline", "p-p0001"}});
  EXPECT_EQ(Run({"run", "p"}).out, "p-p0001\n");
  EXPECT_EQ(Run({"run", "p", "--as-of", "2024-02-10"}).out, "p-p0001\n");
  EXPECT_THAT(Asked(), ElementsAre("POST /projects/p/runs {}", R"(POST /projects/p/runs {"as_of":"2024-02-10"})"));

  const auto step = [](const char* state, const char* error) {
    return Json{{"name", "train"},       {"state", state}, {"fraction", 0.5},
                {"progress", "round 1"}, {"error", error}, {"seconds", 2.5}};
  };
  const auto pipeline = [&](const char* state, const Json& steps) {
    return Json{{"id", "p-p0001"}, {"state", state}, {"steps", steps}, {"error", "gate: too bad"}, {"version", 7}};
  };
  Script("GET /pipelines/p-p0001", pipeline("running", Json::array({step("running", "")})));
  Script("GET /pipelines/p-p0001", pipeline("succeeded", Json::array({step("succeeded", "")})));
  const Ran good = Run({"run", "p", "--follow"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.err, AllOf(HasSubstr("round 1"), HasSubstr("2.5 s")));

  for (const auto& [state, code] : {std::pair("failed", kExitFailed), std::pair("refused", kExitRefused)}) {
    const std::string name = std::string("p-") + state;
    Script("POST /projects/" + name + "/runs", {{"pipeline", name}});
    Script("GET /pipelines/" + name, pipeline(state, Json::array({step("failed", "no memory")})));
    const Ran bad = Run({"run", name, "--follow"});
    EXPECT_EQ(bad.code, code) << state;
    EXPECT_THAT(bad.out + bad.err, HasSubstr("gate: too bad"));
  }
}

TEST_F(OnlineTest, ApplySaysWhatChangesBeforeItDoes) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string file = folder.File("keelson.yaml");
  ASSERT_TRUE(io::WriteFileAtomically(
      file, "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\nsources: {s: {path: s.csv}}\n"));
  Script("POST /projects", {{"project", "p"}, {"revision", "0123456789abcdef"}, {"changes", {"+ sources.s: ..."}}});
  const Ran dry = Run({"apply", "-f", file, "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_EQ(dry.out, "project p, revision 0123456789ab:\n  + sources.s: ...\n");
  ASSERT_EQ(Asked().size(), 1u);
  EXPECT_THAT(Asked()[0], AllOf(HasSubstr(R"("dry_run":true)"), HasSubstr(folder.path())));
  EXPECT_THAT(Run({"apply", "-f", file}).out, HasSubstr("applied\n"));
  ASSERT_EQ(Asked().size(), 3u);
  EXPECT_THAT(Asked()[2], HasSubstr(R"("dry_run":false)"));
  ASSERT_TRUE(io::WriteFileAtomically(file, "kind: Project\nsuorces: {}\n"));
  const Ran wrong = Run({"apply", "-f", file});
  EXPECT_EQ(wrong.code, kExitRefused);
  EXPECT_THAT(wrong.err + wrong.out, HasSubstr("did you mean"));
  EXPECT_EQ(Asked().size(), 3u) << "a file with mistakes is not sent";
}

TEST_F(OnlineTest, AVersionIsRolledOutByStepsUnlessItIsTheFirst) {
  Script("POST /projects/p/promote", {{"champion", 3}});
  EXPECT_EQ(Run({"promote", "p", "4", "--canary"}).out, "version 4 is rolled out in p\n");
  EXPECT_THAT(Asked(), ElementsAre(R"(POST /projects/p/promote {"canary":true,"version":4})"));
  Script("POST /projects/first/promote", {{"champion", 1}});
  EXPECT_EQ(Run({"promote", "first", "1", "--canary"}).out, "version 1 is the champion of first\n");
}

TEST_F(OnlineTest, BackupNamesAWholePath) {
  Script("POST /backup", {{"path", "/backups/monday"}});
  EXPECT_EQ(Run({"backup", "/backups/./monday/"}).out, "backed up to /backups/monday\n");
  EXPECT_THAT(Asked(), ElementsAre(R"(POST /backup {"folder":"/backups/monday"})"));
  Run({"backup", "relative"});
  EXPECT_THAT(Asked().back(), AllOf(StartsWith(R"(POST /backup {"folder":"/)"), HasSubstr("/relative")));
}

}  // namespace
}  // namespace keelson::app
