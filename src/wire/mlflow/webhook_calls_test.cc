#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/store.h"
#include "wire/mlflow/edge.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class WebhookCalls : public testing::Test {
 protected:
  void SetUp() override {
    options_.private_addresses = true;
    Open();
  }
  void Open() { edge_ = std::make_unique<Edge>(*database_, clock_, artifacts_, 2, std::nullopt, options_); }

  struct Answer {
    int status = 0;
    Json json;
  };
  Answer Ask(std::string method, const std::string& target, const Json& body = Json::object()) {
    io::HttpRequest request;
    request.method = std::move(method);
    const std::string path = "/api/2.0/mlflow/" + target;
    const std::size_t question = std::min(path.find('?'), path.size());
    request.path = path.substr(0, question);
    if (question < path.size()) request.query = path.substr(question + 1);
    request.headers = {{"content-type", "application/json"}};
    if (request.method != "GET") request.body = body.dump();
    const auto response = edge_->Answer(request);
    EXPECT_THAT(response.body, testing::Not(HasSubstr("hush")));  // the secret of all these tests
    return {response.status, Json::parse(response.body, nullptr, false)};
  }
  Json Make(const Json& more = Json::object()) {
    Json body = {{"name", "chat"},
                 {"url", "https://hooks.example/x"},
                 {"events", {{{"entity", "MODEL_VERSION"}, {"action", "CREATED"}}}}};
    body.update(more);
    const Answer answer = Ask("POST", "webhooks", body);
    EXPECT_EQ(answer.status, 200) << answer.json;
    return answer.json["webhook"];
  }
  void Refused(const Answer& answer, int status, const std::string& message) {
    EXPECT_EQ(answer.status, status) << answer.json;
    EXPECT_EQ(answer.json.value("error_code", ""),
              status == 404 ? "RESOURCE_DOES_NOT_EXIST" : "INVALID_PARAMETER_VALUE");
    EXPECT_THAT(answer.json.value("message", ""), HasSubstr(message));
  }

  const SystemClock clock_;
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
  std::unique_ptr<tracking::Store> store_ =
      std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")));
  std::shared_ptr<tracking::ArtifactStore> artifacts_ = tracking::OpenFolderArtifacts(folder_.File("artifacts"));
  WebhookOptions options_;
  std::unique_ptr<Edge> edge_;
};

TEST_F(WebhookCalls, MakeReadChangeAndDelete) {
  const Json made = Make({{"description", "tells"}, {"secret", "hush"}});
  const std::string id = made["webhook_id"];
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(made["status"], "ACTIVE");
  EXPECT_EQ(made["events"], Json::parse(R"([{"entity": "MODEL_VERSION", "action": "CREATED"}])"));
  EXPECT_EQ(made["creation_timestamp"], made["last_updated_timestamp"]);
  EXPECT_EQ(Ask("GET", "webhooks/" + id).json["webhook"], made);

  const auto changed = Ask("PATCH", "webhooks/" + id,
                           {{"name", "other"},
                            {"status", "DISABLED"},
                            {"description", ""},
                            {"events",
                             {{{"entity", "PROMPT_ALIAS"}, {"action", "DELETED"}},
                              {{"entity", 4}, {"action", 1}},
                              {{"entity", "PROMPT_ALIAS"}, {"action", "DELETED"}}}}});
  ASSERT_EQ(changed.status, 200) << changed.json;
  EXPECT_EQ(changed.json["webhook"]["name"], "other");
  EXPECT_EQ(changed.json["webhook"]["url"], made["url"]);
  EXPECT_EQ(changed.json["webhook"]["status"], "DISABLED");
  EXPECT_FALSE(changed.json["webhook"].contains("description"));
  EXPECT_EQ(changed.json["webhook"]["events"], Json::parse(R"([{"entity": "PROMPT_ALIAS", "action": "DELETED"},
                            {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}])"));

  EXPECT_EQ(Ask("DELETE", "webhooks/" + id).json, Json::object());
  for (const char* method : {"GET", "PATCH", "DELETE"}) {
    Refused(Ask(method, "webhooks/" + id), 404, "Webhook with ID " + id + " not found.");
  }
  Refused(Ask("POST", "webhooks/" + id + "/test"), 404, "not found");
}

TEST_F(WebhookCalls, ListInPagesTheNewestFirst) {
  for (int i = 0; i < 5; ++i) Make({{"name", "hook" + std::to_string(i)}});
  std::vector<std::string> names;
  std::string token;
  do {
    const auto page = Ask("GET", "webhooks?max_results=2" + (token.empty() ? "" : "&page_token=" + token));
    ASSERT_EQ(page.status, 200) << page.json;
    for (const auto& each : page.json["webhooks"]) names.push_back(each["name"]);
    token = page.json.value("next_page_token", "");
  } while (!token.empty());
  EXPECT_THAT(names, testing::ElementsAre("hook4", "hook3", "hook2", "hook1", "hook0"));
  EXPECT_EQ(Ask("GET", "webhooks").json["webhooks"].size(), 5u);
  EXPECT_EQ(Ask("GET", "webhooks?max_results=0").json["webhooks"].size(), 5u);
  for (const char* size : {"-1", "1001"}) {
    Refused(Ask("GET", std::string("webhooks?max_results=") + size), 400, "max_results must be between 1 and 1000.");
  }
}

TEST_F(WebhookCalls, RefuseInMlflowsWords) {
  const Json good = {{"name", "a"}, {"url", "https://h/"}, {"events", {{{"entity", "PROMPT_TAG"}, {"action", "SET"}}}}};
  struct Case {
    Json change;
    const char* message;
  };
  for (const Case& each : {
           Case{{{"name", ""}}, "Missing value for required parameter 'name'"},
           Case{{{"url", nullptr}}, "Missing value for required parameter 'url'"},
           Case{{{"name", "-a"}}, "Webhook name '-a' is invalid. It must start and end with a letter or digit"},
           Case{{{"name", "a b"}}, "Webhook name 'a b' is invalid"},
           Case{{{"name", std::string(64, 'a')}}, "be less than 63 characters long"},
           Case{{{"url", "http://h"}}, "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."},
           Case{{{"url", "   "}}, "Webhook URL cannot be empty or just whitespace: '   '"},
           Case{{{"events", Json::array()}}, "Webhook events must be a non-empty list of WebhookEvent objects: []."},
           Case{{{"events", "x"}}, "Invalid value"},
           Case{{{"events", {{{"entity", "PROMPT_TAG"}, {"action", "CREATED"}}}}},
                "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']"},
           Case{{{"events", {{{"action", "SET"}}}}}, "needs an entity"},
           Case{{{"events", {{{"entity", "PROMPT_TAG"}}}}}, "needs an action"},
           Case{{{"status", true}}, "Invalid value true for parameter 'status'"},
       }) {
    Json body = good;
    body.update(each.change);
    Refused(Ask("POST", "webhooks", body), 400, each.message);
  }
  const std::string id = Make()["webhook_id"];
  Refused(Ask("PATCH", "webhooks/" + id, {{"name", "a/b"}}), 400, "Webhook name 'a/b' is invalid");
  Refused(Ask("PATCH", "webhooks/" + id, {{"url", "ftp://h"}}), 400, "Invalid webhook URL scheme: 'ftp'");
  Refused(Ask("PATCH", "webhooks/none", {{"url", "ftp://h"}}), 404, "Webhook with ID none not found.");
}

TEST_F(WebhookCalls, AreNotLedIntoThisNetwork) {
  options_.private_addresses = false;
  Open();
  const Json body = {{"name", "a"},
                     {"url", "https://127.0.0.1/x"},
                     {"events", {{{"entity", "MODEL_VERSION"}, {"action", "CREATED"}}}}};
  Refused(Ask("POST", "webhooks", body), 400,
          "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to 127.0.0.1.");
}

TEST_F(WebhookCalls, TryAWebhookOut) {
  options_.schemes = {"http"};
  Open();
  std::string came;
  const auto server = *io::HttpServer::Start({}, [&](io::HttpRequest request, const io::HttpRespond& respond) {
    came = std::move(request.body);
    io::HttpResponse response;
    response.status = request.path == "/x" ? 200 : 404;
    response.body = "seen";
    respond(response);
  });
  const std::string address = "http://127.0.0.1:" + std::to_string(server->port());
  const std::string id = Make({{"url", address + "/x"}, {"secret", "hush"}})["webhook_id"];
  EXPECT_EQ(Ask("POST", "webhooks/" + id + "/test").json,
            Json::parse(R"({"result": {"success": true, "response_status": 200, "response_body": "seen"}})"));
  EXPECT_EQ(Json::parse(came)["data"]["run_id"], "abcd1234abcd5678");
  EXPECT_EQ(Ask("POST", "webhooks/" + id + "/test", {{"event", {{"entity", "PROMPT_ALIAS"}, {"action", "CREATED"}}}})
                .json["result"]["success"],
            true);
  EXPECT_EQ(Json::parse(came)["data"],
            Json::parse(R"({"name": "example_prompt", "alias": "example_alias", "version": "1"})"));
  ASSERT_EQ(Ask("PATCH", "webhooks/" + id, {{"url", address + "/y"}}).status, 200);
  EXPECT_EQ(Ask("POST", "webhooks/" + id + "/test").json["result"],
            Json::parse(R"({"success": false, "response_status": 404, "response_body": "seen"})"));
  options_.private_addresses = false;
  Open();
  EXPECT_THAT(Ask("POST", "webhooks/" + id + "/test").json["result"].value("error_message", ""),
              HasSubstr("Failed to test webhook: Webhook URL must not resolve to a non-public IP address"));
}

}  // namespace
}  // namespace keelson::wire::mlflow
