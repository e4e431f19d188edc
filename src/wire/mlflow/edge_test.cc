#include "wire/mlflow/edge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/promotion.h"
#include "tracking/store.h"
#include "wire/mlflow/routes.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class MlflowEdge : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    edge_.reset();
    store_.reset();
    database_.reset();
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")));
    edge_ = std::make_unique<Edge>(*database_, clock_, folder_.File("artifacts"), 2);
  }

  struct Answer {
    int status = 0;
    Json json;
    std::string text;
  };
  Answer Ask(std::string method, const std::string& target, std::string body,
             const std::string& prefix = "/api/2.0/mlflow/") {
    io::HttpRequest request;
    request.method = std::move(method);
    const std::string whole = prefix + target;
    const std::size_t question = std::min(whole.find('?'), whole.size());
    request.path = whole.substr(0, question);
    if (question < whole.size()) request.query = whole.substr(question + 1);
    request.headers = {{"content-type", "application/json"}};
    request.body = std::move(body);
    EXPECT_TRUE(Edge::Takes(request.path));
    const auto response = edge_->Answer(request);
    return {response.status, Json::parse(response.body, nullptr, false), response.body};
  }
  Json Post(const std::string& path, const Json& body) {
    const Answer answer = Ask("POST", path, body.dump());
    EXPECT_EQ(answer.status, 200) << path << answer.text;
    return answer.json;
  }
  Json Get(const std::string& target) {
    const Answer answer = Ask("GET", target, "");
    EXPECT_EQ(answer.status, 200) << target << answer.text;
    return answer.json;
  }
  void Refused(const std::string& path, const Json& body, int status, const std::string& code,
               const std::string& message) {
    const Answer answer = Ask("POST", path, body.dump());
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.json.value("error_code", ""), code);
    EXPECT_THAT(answer.json.value("message", ""), HasSubstr(message));
  }
  std::string MakeRun(const Json& more = Json::object()) {
    Json body = {{"experiment_id", "0"}};
    body.update(more);
    return Post("runs/create", body)["run"]["info"]["run_id"];
  }
  std::vector<std::string> Search(const Json& body) {
    Json all = {{"experiment_ids", {"0"}}};
    if (!body.is_null()) all.update(body);
    std::vector<std::string> names;
    for (const auto& run : Post("runs/search", all).value("runs", Json::array()))
      names.push_back(run["info"]["run_name"]);
    return names;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<tracking::Store> store_;
  std::unique_ptr<Edge> edge_;
};

TEST_F(MlflowEdge, KeepsARunWholeOverARestart) {
  const std::string id =
      MakeRun({{"run_name", "first"}, {"start_time", "12"}, {"tags", {{{"key", "a"}, {"value", "b"}}}}});
  const Json batch = {{"run_id", id},
                      {"metrics",
                       {{{"key", "loss"}, {"value", 0.5}, {"timestamp", 7}, {"step", 1}},
                        {{"key", "loss"}, {"value", 0.25}, {"timestamp", 8}, {"step", 2}},
                        {{"key", "bad"}, {"value", "NaN"}, {"timestamp", 8}},
                        {{"key", "huge"}, {"value", "-Infinity"}, {"timestamp", 8}}}},
                      {"params", {{{"key", "depth"}, {"value", "6"}}}},
                      {"tags", {{{"key", "a"}, {"value", "c"}}}}};
  for (int repeated = 0; repeated < 2; ++repeated) Post("runs/log-batch", batch);
  Post("runs/update", {{"run_id", id}, {"status", "FINISHED"}, {"end_time", 99}});
  Open();
  const Json run = Get("runs/get?run_id=" + id)["run"];
  EXPECT_EQ(run["info"]["status"], "FINISHED");
  EXPECT_EQ(run["info"]["start_time"], 12);
  EXPECT_EQ(run["info"]["end_time"], 99);
  EXPECT_EQ(run["info"]["artifact_uri"], "mlflow-artifacts:/0/" + id + "/artifacts");
  EXPECT_EQ(run["data"]["params"], Json::parse(R"([{"key": "depth", "value": "6"}])"));
  std::map<std::string, Json> metrics;
  for (const auto& metric : run["data"]["metrics"]) metrics[metric["key"]] = metric["value"];
  EXPECT_EQ(metrics["loss"], 0.25);
  EXPECT_EQ(metrics["bad"], "NaN");
  EXPECT_EQ(metrics["huge"], -1.7976931348623157e308);
  EXPECT_EQ(Get("metrics/get-history?run_id=" + id + "&metric_key=loss")["metrics"].size(), 2u);
}

TEST_F(MlflowEdge, RefusesInMlflowsWords) {
  const std::string id = MakeRun();
  const std::string invalid = "INVALID_PARAMETER_VALUE";
  Refused("runs/log-metric", {{"run_id", id}, {"key", "a"}}, 400, invalid,
          "Missing value for required parameter 'value'.");
  Refused("runs/log-metric", {{"run_id", id}, {"key", "a//b"}, {"value", 1}, {"timestamp", 1}}, 400, invalid,
          "This name would resolve to 'a/b'");
  Refused("runs/create", {{"experiment_id", 5}}, 400, invalid,
          "Invalid value 5 for parameter 'experiment_id' supplied:  Hint: Value was of type 'int'.");
  Refused("runs/create", {{"experiment_id", "77"}}, 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=77 exists");
  Refused("runs/set-tag", {{"run_id", "none"}, {"key", "a"}, {"value", "b"}}, 404, "RESOURCE_DOES_NOT_EXIST",
          "Run with id=none not found");
  Refused("experiments/create", {{"name", "Default"}}, 400, "RESOURCE_ALREADY_EXISTS", "already exists");
  Refused("runs/search", {{"experiment_ids", {"0"}}, {"max_results", 50001}}, 400, invalid, "max_results");
  Post("runs/log-parameter", {{"run_id", id}, {"key", "p"}, {"value", "1"}});
  Post("runs/log-parameter", {{"run_id", id}, {"key", "p"}, {"value", "1"}});
  Refused("runs/log-parameter", {{"run_id", id}, {"key", "p"}, {"value", "2"}}, 400, invalid,
          "Changing param values is not allowed. Param with key='p' was already logged with value='1'");
  Post("runs/delete", {{"run_id", id}});
  Refused("runs/log-parameter", {{"run_id", id}, {"key", "q"}, {"value", "2"}}, 400, invalid,
          "must be in the 'active' state. Current state is deleted.");
  EXPECT_EQ(Ask("GET", "no/such", "").status, 404);
  EXPECT_EQ(Ask("GET", "runs/create", "").status, 405);
  EXPECT_EQ(Ask("GET", "workspaces", "", "/api/3.0/mlflow/").json["error_code"], "NOT_IMPLEMENTED");
}

TEST_F(MlflowEdge, NeverLogsHalfABatch) {
  const std::string id = MakeRun();
  Post("runs/log-parameter", {{"run_id", id}, {"key", "p"}, {"value", "1"}});
  Refused("runs/log-batch",
          {{"run_id", id},
           {"metrics", {{{"key", "m"}, {"value", 1}, {"timestamp", 1}}}},
           {"params", {{{"key", "o"}, {"value", "1"}}, {{"key", "p"}, {"value", "2"}}}}},
          400, "INVALID_PARAMETER_VALUE",
          "Params were already logged='[{'key': 'p', 'old_value': '1', 'new_value': '2'}]'");
  const Json data = Get("runs/get?run_id=" + id)["run"]["data"];
  EXPECT_EQ(data["params"].size(), 1u);
  EXPECT_FALSE(data.contains("metrics"));
}

TEST_F(MlflowEdge, SearchesAndOrdersRuns) {
  for (int i = 0; i < 6; ++i) {
    const std::string id = MakeRun({{"run_name", std::to_string(i)}, {"start_time", i}});
    Json batch = {{"run_id", id}, {"params", {{{"key", "parity"}, {"value", i % 2 == 0 ? "Even" : "odd"}}}}};
    if (i != 5) batch["metrics"] = {{{"key", "m"}, {"value", i == 4 ? Json("NaN") : Json(10 - i)}, {"timestamp", 1}}};
    Post("runs/log-batch", batch);
  }
  EXPECT_THAT(Search({}), ElementsAre("5", "4", "3", "2", "1", "0"));
  EXPECT_THAT(Search({{"filter", "metrics.m > 8"}}), ElementsAre("1", "0"));
  EXPECT_THAT(Search({{"filter", "metrics.m != 8"}}), ElementsAre("4", "3", "1", "0"));
  EXPECT_THAT(Search({{"filter", "metrics.m = 0"}}), ElementsAre());
  EXPECT_THAT(Search({{"filter", "params.parity LIKE 'e%'"}}), ElementsAre());
  EXPECT_THAT(Search({{"filter", "params.parity ILIKE 'e%' AND start_time >= 2"}}), ElementsAre("4", "2"));
  EXPECT_THAT(Search({{"order_by", {"metrics.m"}}}), ElementsAre("3", "2", "1", "0", "4", "5"));
  EXPECT_THAT(Search({{"order_by", {"metrics.m DESC"}}}), ElementsAre("0", "1", "2", "3", "4", "5"));
  Refused("runs/search", {{"experiment_ids", {"0"}}, {"filter", "params.parity = '' OR 1=1"}}, 400,
          "INVALID_PARAMETER_VALUE", "Invalid clause(s) in filter string");
}

// Every order, cut into pages of every size, gives each row once, whatever is written at the front meanwhile.
TEST_F(MlflowEdge, PagesAreTheWholeSearchCutIntoPieces) {
  for (int i = 0; i < 9; ++i) {
    const std::string id = MakeRun({{"run_name", std::to_string(i)}, {"start_time", i / 3}});
    if (i % 4 != 0) {
      Post("runs/log-metric",
           {{"run_id", id}, {"key", "m"}, {"value", i % 3 == 0 ? Json("NaN") : Json(i % 2)}, {"timestamp", 1}});
    }
  }
  for (const char* order : {"metrics.m DESC", "metrics.m", "end_time", "run_name DESC", "tags.none", "start_time"}) {
    const auto whole = Search({{"order_by", {order}}});
    ASSERT_EQ(whole.size(), 9u) << order;
    for (int size = 1; size < 9; ++size) {
      std::vector<std::string> pieces;
      std::string token;
      do {
        const Json page =
            Post("runs/search",
                 {{"experiment_ids", {"0"}}, {"order_by", {order}}, {"max_results", size}, {"page_token", token}});
        for (const auto& run : page["runs"]) pieces.push_back(run["info"]["run_name"]);
        token = page.value("next_page_token", "");
      } while (!token.empty());
      EXPECT_EQ(pieces, whole) << order << " " << size;
    }
  }
  const Json first = Post("runs/search", {{"experiment_ids", {"0"}}, {"max_results", 4}});
  const std::string token = first["next_page_token"];
  MakeRun({{"run_name", "new"}, {"start_time", 1000}});
  const Json second = Post("runs/search", {{"experiment_ids", {"0"}}, {"max_results", 100}, {"page_token", token}});
  EXPECT_EQ(second["runs"].size(), 5u);
  Refused("runs/search", {{"experiment_ids", {"0"}}, {"order_by", {"run_id"}}, {"page_token", token}}, 400,
          "INVALID_PARAMETER_VALUE", "Invalid page token");
}

TEST_F(MlflowEdge, SamplesAHistoryEvenly) {
  const std::string id = MakeRun();
  Json metrics = Json::array();
  for (int i = 0; i < 100; ++i) metrics.push_back({{"key", "m"}, {"value", i}, {"timestamp", i}, {"step", i}});
  Post("runs/log-batch", {{"run_id", id}, {"metrics", metrics}});
  const auto steps = [&](int at_most) {
    std::vector<int> found;
    const Json answer =
        Get("metrics/get-history-bulk-interval?run_ids=" + id + "&metric_key=m&max_results=" + std::to_string(at_most));
    for (const auto& point : answer["metrics"]) found.push_back(point["step"]);
    return found;
  };
  EXPECT_THAT(steps(1), ElementsAre(99));
  EXPECT_THAT(steps(3), ElementsAre(0, 34, 99));
  EXPECT_EQ(steps(2500).size(), 100u);
}

TEST_F(MlflowEdge, SeesWhatKeelsonMadeAndShowsKeelsonWhatAClientMade) {
  const std::string folder = store_->ArtifactFolder("keelson-run") + "/model";
  ASSERT_TRUE(store_->CreateRun((*store_->EnsureExperiment("flights")).id, "keelson-run", "training", {}).has_value());
  ASSERT_TRUE(store_->LogBatch("keelson-run", {{"depth", "6"}}, {{"auc", 0.7, clock_.WallNow(), 0}}, {}).has_value());
  ASSERT_TRUE(io::MakeFolders(folder).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(folder + "/MLmodel", "flavors: {}").has_value());
  ASSERT_TRUE(store_->RegisterVersion("flights", "keelson-run", folder, {{"gate", "passed"}}).has_value());
  ASSERT_TRUE(store_->SetAlias("flights", "champion", 1, "keelson", "first").has_value());

  EXPECT_EQ(Get("runs/get?run_id=keelson-run")["run"]["data"]["metrics"][0]["value"], 0.7);
  const Json version = Get("registered-models/alias?name=flights&alias=champion")["model_version"];
  EXPECT_EQ(version["source"], "mlflow-artifacts:/keelson-run/model");
  EXPECT_EQ(version["tags"][0]["value"], "passed");
  EXPECT_EQ(Get("artifacts/list?run_id=keelson-run&path=model")["files"][0]["path"], "model/MLmodel");
  EXPECT_EQ(Ask("GET", "0", "", "/api/2.0/mlflow-artifacts/artifacts/keelson-run/model/MLmodel?x=").text,
            "flavors: {}");

  const std::string id = MakeRun({{"run_name", "by hand"}});
  Post("runs/log-metric", {{"run_id", id}, {"key", "auc"}, {"value", 0.8}, {"timestamp", 1}});
  EXPECT_EQ(store_->GetRun(id)->metrics.at("auc"), 0.8);
  EXPECT_EQ(
      Ask("PUT", "artifacts/0/" + id + "/artifacts/m/MLmodel", "flavors: {a}", "/api/2.0/mlflow-artifacts/").status,
      200);
  Post("model-versions/create",
       {{"name", "flights"}, {"source", "mlflow-artifacts:/0/" + id + "/artifacts/m"}, {"run_id", id}});
  const auto second = *store_->GetVersion("flights", 2);
  EXPECT_EQ(second.source, folder_.File("artifacts") + "/0/" + id + "/artifacts/m");
  EXPECT_EQ(second.content_hash, *io::HashTree(second.source));
  Post("registered-models/alias", {{"name", "flights"}, {"alias", "champion"}, {"version", "2"}});
  const auto history = *store_->AliasHistory("flights");
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[1].from, 1);
  EXPECT_EQ(history[1].to, 2);
  EXPECT_EQ(history[1].who, "mlflow");
}

TEST_F(MlflowEdge, TakesNoVersionFromOutsideItsRun) {
  const std::string id = MakeRun();
  const std::string other = MakeRun();
  Post("registered-models/create", {{"name", "m"}});
  for (const std::string& source :
       {"mlflow-artifacts:/0/" + other + "/artifacts/m", std::string("/etc"), std::string("file:///etc"),
        std::string("runs:/" + other + "/m"), "mlflow-artifacts:/0/" + id + "/artifacts/../../" + other,
        "mlflow-artifacts:/0/" + id + "/artifacts/%2e%2e/x", std::string("models:/m-123")}) {
    Refused("model-versions/create", {{"name", "m"}, {"source", source}, {"run_id", id}}, 400,
            "INVALID_PARAMETER_VALUE", "Invalid model version source");
  }
}

TEST_F(MlflowEdge, TakesAVersionOfARunThatIsElsewhere) {
  Post("registered-models/create", {{"name", "m"}});
  const Json version =
      Post("model-versions/create", {{"name", "m"}, {"source", "runs:/elsewhere/model"}, {"run_id", "elsewhere"}});
  EXPECT_EQ(version["model_version"]["source"], "runs:/elsewhere/model");
  EXPECT_EQ(version["model_version"]["run_id"], "elsewhere");
  EXPECT_EQ(Get("model-versions/get-download-uri?name=m&version=1")["artifact_uri"], "runs:/elsewhere/model");
}

// A body that comes in two pieces, or breaks off behind the first.
class TwoPieces final : public io::HttpUpload {
 public:
  explicit TwoPieces(bool breaks_off) : breaks_off_(breaks_off) {}
  Result<std::string_view> Read() override {
    ++reads_;
    if (reads_ == 1) return "first, ";
    if (breaks_off_) return Fail(ErrorCode::kUnavailable, "the client went away in the middle of the body");
    return reads_ == 2 ? "second" : "";
  }

 private:
  const bool breaks_off_;
  int reads_ = 0;
};

io::HttpRequest Head(const std::string& method, const std::string& path) {
  io::HttpRequest request;
  request.method = method;
  request.path = path;
  return request;
}

TEST_F(MlflowEdge, StoresWhatItReadsPieceByPiece) {
  const std::string run = MakeRun();
  const std::string file = "0/" + run + "/artifacts/a.txt";
  const auto send = [&](const std::string& method, const std::string& path, const std::string& query, bool breaks_off,
                        const std::string& length) {
    io::HttpRequest request = Head(method, path);
    request.query = query;
    if (!length.empty()) request.headers = {{"content-length", length}};
    EXPECT_TRUE(Edge::IsUpload(request)) << path;
    request.upload = std::make_shared<TwoPieces>(breaks_off);
    return edge_->Answer(request).status;
  };
  const std::string place = "/api/2.0/mlflow-artifacts/artifacts/" + file;
  const auto stored = [&] { return io::ReadFile(folder_.File("artifacts") + "/" + file).value_or("none"); };
  EXPECT_EQ(send("PUT", place, "", true, ""), 503);
  EXPECT_EQ(stored(), "none");
  EXPECT_EQ(send("PUT", place, "", false, "13"), 200);
  EXPECT_EQ(stored(), "first, second");
  EXPECT_EQ(send("PUT", place, "", true, "13"), 503);
  EXPECT_EQ(stored(), "first, second");
  EXPECT_EQ(send("POST", "/ajax-api/2.0/mlflow/upload-artifact", "run_uuid=" + run + "&path=b.txt", false, ""), 200);
  EXPECT_EQ(Ask("GET", file.substr(0, file.size() - 5) + "b.txt", "", "/api/2.0/mlflow-artifacts/artifacts/").text,
            "first, second");
  EXPECT_FALSE(Edge::IsUpload(Head("GET", place)));
  EXPECT_FALSE(Edge::IsUpload(Head("POST", "/api/2.0/mlflow/runs/log-batch")));
  EXPECT_FALSE(Edge::IsUpload(Head("PUT", "/api/2.0/elsewhere")));
}

// The words and limits of the call by which MLflow's page brings a file.
TEST_F(MlflowEdge, RefusesFilesOfThePageAsMlflowDoes) {
  const std::string run = MakeRun();
  const std::string invalid = "INVALID_PARAMETER_VALUE";
  const std::string target = "upload-artifact?run_uuid=" + run + "&path=";
  Refused("upload-artifact", Json(), 400, invalid, "Request must specify run_uuid.");
  Refused("upload-artifact?run_uuid=" + run, Json(), 400, invalid, "Request must specify path.");
  Refused(target, Json(), 400, invalid, "Request must specify path.");
  Refused(target + "..%2Fa.txt", Json(), 400, invalid, "Invalid path");
  EXPECT_THAT(Ask("POST", target + "a.txt", "").text, HasSubstr("Request must specify data."));
  io::HttpRequest large = Head("POST", "/ajax-api/2.0/mlflow/upload-artifact");
  large.query = "run_uuid=" + run + "&path=a.txt";
  large.headers = {{"content-length", std::to_string((10 << 20) + 1)}};
  large.upload = std::make_shared<TwoPieces>(false);
  EXPECT_THAT(edge_->Answer(large).body, HasSubstr("Artifact size is too large. Max size is 10MB."));
}

// A client finds the versions of a logged model in a tag, whose text others compare to the byte.
TEST_F(MlflowEdge, NotesRegistrationsAsMlflowWritesThem) {
  const Json model = Post("logged-models", {{"experiment_id", "0"}})["model"]["info"];
  const std::string id = model["model_id"];
  Post("registered-models/create", {{"name", "m"}});
  const auto noted = [&] {
    const Json logged = Get("logged-models/" + id);
    for (const auto& tag : logged["model"]["info"]["tags"]) {
      if (tag["key"] == "mlflow.modelVersions") return tag["value"].get<std::string>();
    }
    return std::string();
  };
  const Json version = {{"name", "m"}, {"source", model["artifact_uri"]}, {"model_id", id}};
  Post("model-versions/create", version);
  EXPECT_EQ(noted(), R"([{"name": "m", "version": 1}])");
  Post("model-versions/create", version);
  EXPECT_EQ(noted(), R"([{"name": "m", "version": 1}, {"name": "m", "version": 2}])");
}

TEST_F(MlflowEdge, WhatAVersionWasMadeOfStaysAsItIs) {
  const std::string run = MakeRun();
  const std::string root = "/api/2.0/mlflow-artifacts/artifacts/0/" + run + "/artifacts";
  const auto put = [&](const std::string& path) { return Ask("PUT", path, "x", root).status; };
  const auto remove = [&](const std::string& path) { return Ask("DELETE", path, "", root).status; };
  EXPECT_EQ(put("/m/MLmodel"), 200);
  EXPECT_EQ(put("/m/MLmodel"), 200);
  Post("registered-models/create", {{"name", "m"}});
  const Json version = {{"name", "m"}, {"source", "mlflow-artifacts:/0/" + run + "/artifacts/m"}, {"run_id", run}};
  Post("model-versions/create", version);
  for (const char* path : {"/m", "/m/MLmodel", "/m/more/weights"}) {
    EXPECT_EQ(put(path), 403) << path;
    EXPECT_EQ(remove(path), 403) << path;
  }
  EXPECT_EQ(remove(""), 403) << "a folder around it";
  const Answer refused = Ask("POST", "upload-artifact?run_uuid=" + run + "&path=m/MLmodel", "x");
  EXPECT_EQ(refused.json["error_code"], "PERMISSION_DENIED");
  EXPECT_THAT(refused.text, HasSubstr("Model version m/1"));
  const std::string uri = "model-versions/get-download-uri?name=m&version=1";
  EXPECT_EQ(Get(uri)["artifact_uri"], version["source"]);
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("artifacts/0/" + run + "/artifacts/m/MLmodel"), "changed"));
  EXPECT_EQ(Ask("GET", uri, "").json["error_code"], "DATA_LOSS") << "files that were changed behind the server";
  EXPECT_EQ(put("/m2/MLmodel"), 200) << "that only begins so";
  EXPECT_EQ(put("/other"), 200);
  EXPECT_EQ(remove("/m2"), 200);
  EXPECT_EQ(Ask("DELETE", "model-versions/delete", R"({"name": "m", "version": "1"})").status, 200);
  EXPECT_EQ(put("/m/MLmodel"), 200);
}

TEST_F(MlflowEdge, PromotesWhatTheRulesAllow) {
  const std::string run = MakeRun();
  Post("registered-models/create", {{"name", "m"}});
  Post("model-versions/create",
       {{"name", "m"}, {"source", "mlflow-artifacts:/0/" + run + "/artifacts/m"}, {"run_id", run}});
  using tracking::PromotionTarget;
  tracking::Promotions promotions(*database_, clock_);
  ASSERT_TRUE(promotions.SetRules(
      "m", {{.target = {PromotionTarget::Kind::kAlias, "champion"}, .metrics = {{"auc", 0.7, {}}}},
            {.target = {PromotionTarget::Kind::kStage, "Production"}, .tags = {{"reviewed", "yes"}}}}));
  const Json alias = {{"name", "m"}, {"alias", "champion"}, {"version", "1"}};
  const Json stage = {{"name", "m"}, {"version", "1"}, {"stage", "production"}};
  Refused("registered-models/alias", alias, 403, "PERMISSION_DENIED", "its run has no metric auc");
  Refused("model-versions/transition-stage", stage, 403, "PERMISSION_DENIED", "it has no tag reviewed");
  Post("runs/log-metric", {{"run_id", run}, {"key", "auc"}, {"value", 0.7}, {"timestamp", 1}});
  Post("model-versions/set-tag", {{"name", "m"}, {"version", "1"}, {"key", "reviewed"}, {"value", "yes"}});
  Post("registered-models/alias", alias);
  EXPECT_EQ(Post("model-versions/transition-stage", stage)["model_version"]["current_stage"], "Production");
}

TEST_F(MlflowEdge, GivesAVersionsNumberOnceAndFollowsARename) {
  Post("registered-models/create", {{"name", "m"}});
  for (int i = 0; i < 2; ++i) Post("model-versions/create", {{"name", "m"}, {"source", "s3://b/m"}});
  Post("registered-models/alias", {{"name", "m"}, {"alias", "a"}, {"version", "2"}});
  EXPECT_EQ(Ask("DELETE", "model-versions/delete", R"({"name": "m", "version": "2"})").status, 200);
  EXPECT_EQ(Ask("GET", "model-versions/get?name=m&version=2", "").status, 404);
  EXPECT_EQ(Ask("GET", "registered-models/alias?name=m&alias=a", "").status, 400);
  EXPECT_EQ(Post("model-versions/create", {{"name", "m"}, {"source", "s3://b/m"}})["model_version"]["version"], "3");
  Post("registered-models/rename", {{"name", "m"}, {"new_name", "n"}});
  EXPECT_EQ(Get("model-versions/get?name=n&version=3")["model_version"]["name"], "n");
  EXPECT_EQ(Get("model-versions/search?filter=name%3D%27n%27")["model_versions"].size(), 2u);
  EXPECT_EQ(Get("registered-models/search?max_results=0"), Json::object());
  EXPECT_EQ(Ask("POST", "logged-models/search", R"({"experiment_ids": ["0"], "filter": "status LIKE 'R%'"})").status,
            200);
}

TEST_F(MlflowEdge, AnswersThePagesGraphql) {
  const std::string id = MakeRun({{"run_name", "first"}});
  Post("runs/log-metric", {{"run_id", id}, {"key", "bad"}, {"value", "NaN"}, {"timestamp", 1}});
  Post("registered-models/create", {{"name", "m"}});
  Post("model-versions/create", {{"name", "m"}, {"source", "s3://b/m"}, {"run_id", id}});
  const auto ask = [&](const Json& body) {
    const Answer answer = Ask("POST", "graphql", body.dump(), "/mlflow/");
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.json;
  };
  const std::string query = R"(query GetRun($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { run {
      info { runName startTime endTime } experiment { name } modelVersions { version } data { metrics { key value } } } } })";
  const Json asked = {{"operationName", "GetRun"}, {"query", query}, {"variables", {{"data", {{"runId", id}}}}}};
  EXPECT_EQ(ask(asked), Json::parse(R"({"data": {"mlflowGetRun": {"run": {
      "info": {"runName": "first", "startTime": "0", "endTime": "0"}, "experiment": {"name": "Default"},
      "modelVersions": [{"version": "1"}], "data": {"metrics": [{"key": "bad", "value": null}]}}}}, "errors": null})"));
  const Json missing = ask({{"query", R"({ mlflowGetRun(input: {runId: "no"}) { run { info { runId } } } })"}});
  EXPECT_EQ(missing["data"], Json({{"mlflowGetRun", nullptr}}));
  EXPECT_THAT(missing["errors"][0].get<std::string>(), HasSubstr("Run with id=no not found"));
  const Json many =
      ask({{"query", R"({ mlflowSearchRuns(input: {experimentIds: ["0"], maxResults: 0}) { nextPageToken } })"}});
  EXPECT_THAT(many["errors"][0].get<std::string>(), HasSubstr("max_results"));
  for (const std::string body : {"", "{}", "[]", R"({"query": "{"})", R"({"query": "{ a }", "variables": [1]})"}) {
    const Answer answer = Ask("POST", "graphql", body, "/mlflow/");
    EXPECT_EQ(answer.status, 400) << body << answer.text;
    EXPECT_EQ(answer.json.value("error_code", ""), "INVALID_PARAMETER_VALUE");
  }
  EXPECT_EQ(Ask("POST", "graphql", asked.dump(), "/").status, 200);
  EXPECT_EQ(Ask("DELETE", "graphql", "", "/mlflow/").status, 405);
}

TEST_F(MlflowEdge, ShowsMlflowsPageWhereItIsGiven) {
  EXPECT_EQ(Ask("GET", "", "", "/mlflow/").status, 404);
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("index.html"), "<p>page</p>").has_value());
  edge_ = std::make_unique<Edge>(*database_, clock_, tracking::OpenFolderArtifacts(folder_.File("artifacts")), 2,
                                 *UiFiles::Open(folder_.path()));
  EXPECT_EQ(Ask("GET", "", "", "/mlflow/").status, 200);
  EXPECT_EQ(Ask("GET", "", "", "/mlflow").status, 308);
  EXPECT_EQ(Ask("GET", "static-files/index.html", "", "/mlflow/").status, 200);
  EXPECT_EQ(Ask("GET", "static-files/no.js", "", "/mlflow/").status, 404);
  EXPECT_EQ(Ask("POST", "", "", "/mlflow/").status, 404);
  EXPECT_EQ(Ask("GET", "ui-telemetry", "", "/mlflow/ajax-api/3.0/mlflow/").json["disable_ui_telemetry"], true);
}

TEST(MlflowRoutes, FindsThePlainBeforeTheParticular) {
  EXPECT_EQ(FindRoute("GET", "/2.0/mlflow/runs/get").route->call, Call::kGetRun);
  EXPECT_EQ(FindRoute("POST", "/2.0/mlflow/logged-models/search").route->call, Call::kSearchLoggedModels);
  const Match match = FindRoute("DELETE", "/2.0/mlflow/logged-models/m-1/tags/a%2Fb");
  EXPECT_EQ(match.route->call, Call::kDeleteLoggedModelTag);
  EXPECT_THAT(match.parts, ElementsAre("m-1", "a/b"));
  EXPECT_THAT(FindRoute("GET", "/2.0/mlflow-artifacts/artifacts/a/b%20c").parts, ElementsAre("a/b c"));
  EXPECT_EQ(FindRoute("GET", "/2.0/mlflow/no").route, nullptr);
  EXPECT_EQ(OurPath("/mlflow/ajax-api/2.0/mlflow/runs/get"), "/2.0/mlflow/runs/get");
  EXPECT_EQ(OurPath("/api/2.0/mlflowers"), "");
  EXPECT_EQ(OurPath("/api/keelson/v1/projects"), "");
  EXPECT_EQ(OurPath("/mlflow"), "/");
  EXPECT_EQ(OurPath("//api/2.0/mlflow/runs/get"), "/2.0/mlflow/runs/get");
  EXPECT_EQ(OurPath("///model-versions/get-artifact"), "/model-versions/get-artifact");
  EXPECT_EQ(OurPath("//"), "");
}

TEST(MlflowRoutes, TheTableInTheManualIsCurrent) {
  const std::string manual = *io::ReadFile(KEELSON_SOURCE_DIR "/docs/compatibility.md");
  EXPECT_TRUE(manual.contains(RoutesManual())) << "docs/compatibility.md must hold this:\n" << RoutesManual();
}

}  // namespace
}  // namespace keelson::wire::mlflow
