#include "wire/mlflow/webhook_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "io/database_testing.h"
#include "io/http.h"
#include "io/temp_folder.h"
#include "tracking/registered_models.h"
#include "tracking/store.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::WebhookAction;
using tracking::WebhookEntity;

constexpr auto kPatience = std::chrono::seconds(60);

struct Received {
  std::string path;
  io::HttpHeaders headers;
  nlohmann::json body;
};

// What webhooks send to: answers each path as it is told, and keeps what came.
class Receiver {
 public:
  Receiver() {
    server_ = *io::HttpServer::Start({}, [this](io::HttpRequest request, const io::HttpRespond& respond) {
      io::HttpResponse response;
      {
        const std::lock_guard lock(mutex_);
        received_.push_back({request.path, request.headers, nlohmann::json::parse(request.body)});
        auto& answers = answers_[request.path];
        if (!answers.empty()) {
          response = answers.front();
          answers.erase(answers.begin());
        }
        if (silent_.contains(request.path)) {
          held_.push_back(respond);
          came_.notify_all();
          return;
        }
      }
      came_.notify_all();
      respond(response);
    });
  }

  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  void WillAnswer(const std::string& path, std::vector<io::HttpResponse> answers) {
    const std::lock_guard lock(mutex_);
    answers_[path] = std::move(answers);
  }
  void WillBeSilentAt(const std::string& path) {
    const std::lock_guard lock(mutex_);
    silent_.insert(path);
  }
  std::vector<Received> WaitFor(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, kPatience, [&] { return received_.size() >= count; }));
    return received_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Received> received_;
  std::map<std::string, std::vector<io::HttpResponse>> answers_;
  std::set<std::string> silent_;
  std::vector<io::HttpRespond> held_;
  std::unique_ptr<io::HttpServer> server_;  // last: its handler uses all above
};

class WebhookSenderTest : public testing::Test {
 protected:
  WebhookSenderTest() {
    options_.schemes = {"http"};
    options_.private_addresses = true;
    options_.workers = 4;
  }

  std::string Make(const std::string& path, const std::string& secret = "") {
    return webhooks_
        .Create({.name = "hook",
                 .url = receiver_.Url(path),
                 .events = {{WebhookEntity::kRegisteredModel, WebhookAction::kCreated}},
                 .description = std::nullopt,
                 .secret = secret})
        ->id;
  }
  void MakeModel(const std::string& name) { ASSERT_TRUE(models_.Create(name, {}, "").has_value()); }
  void Start() {
    sender_ = std::make_unique<WebhookSender>(webhooks_, clock_, options_);
    sender_->Start();
  }
  bool NothingIsLeft() {
    const auto until = clock_.MonotonicNow() + kPatience;
    while (clock_.MonotonicNow() < until) {
      if (Left() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::int64_t Left() {
    std::int64_t left = 0;
    EXPECT_TRUE(database_
                    ->Read([&](io::SqlSession& session) -> Status {
                      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT count(*) FROM webhook_delivery"));
                      left = io::AsInt(rows[0][0]);
                      return {};
                    })
                    .has_value());
    return left;
  }

  SystemClock clock_;
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
  std::unique_ptr<tracking::Store> store_ =
      std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")));
  tracking::RegisteredModels models_{*database_, clock_};
  tracking::Webhooks webhooks_{*database_, clock_, io::SecretBox::WithKeyOfItsOwn()};
  WebhookOptions options_;
  Receiver receiver_;
  std::unique_ptr<WebhookSender> sender_;
};

io::HttpResponse Status500() {
  io::HttpResponse response;
  response.status = 500;
  response.headers = {{"retry-after", "0"}};
  return response;
}

TEST_F(WebhookSenderTest, SendsWhatHappenedBeforeAndAfterItsStart) {
  Make("/signed", "secret");
  MakeModel("before");
  Start();
  MakeModel("after");
  const auto received = receiver_.WaitFor(2);
  std::set<std::string> names;
  for (const auto& each : received) {
    EXPECT_EQ(each.path, "/signed");
    EXPECT_TRUE(io::FindHeader(each.headers, "x-mlflow-signature").starts_with("v1,"));
    names.insert(each.body["data"]["name"]);
  }
  EXPECT_THAT(names, testing::ElementsAre("after", "before"));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(WebhookSenderTest, TriesAgainUnderTheSameIdUntilItIsTaken) {
  Make("/flaky");
  receiver_.WillAnswer("/flaky", {Status500(), Status500()});
  Start();
  MakeModel("m");
  const auto received = receiver_.WaitFor(3);
  std::set<std::string> ids;
  for (const auto& each : received) ids.emplace(io::FindHeader(each.headers, "x-mlflow-delivery-id"));
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(WebhookSenderTest, GivesUpWhatIsRefusedOrFailsTooOften) {
  io::HttpResponse gone;
  gone.status = 410;
  Make("/refuses");
  receiver_.WillAnswer("/refuses", {gone});
  options_.retries = 2;
  Make("/fails");
  receiver_.WillAnswer("/fails", {Status500(), Status500(), Status500(), Status500()});
  Start();
  MakeModel("m");
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_EQ(receiver_.WaitFor(4).size(), 4u);
}

// One whose other side takes the connection and says nothing does not keep the others waiting.
TEST_F(WebhookSenderTest, ASilentOneHoldsUpNoOther) {
  Make("/silent");
  receiver_.WillBeSilentAt("/silent");
  for (int i = 0; i < 8; ++i) MakeModel("early-" + std::to_string(i));
  Start();
  receiver_.WaitFor(2);  // half of the workers are with it
  Make("/quick");
  MakeModel("late");
  EXPECT_EQ(receiver_.WaitFor(3).back().path, "/quick");
}

// As when the server is stopped, or killed, in the middle of one.
TEST_F(WebhookSenderTest, WhatWasUnderWayIsSentByTheNextOne) {
  Make("/silent");
  receiver_.WillBeSilentAt("/silent");
  MakeModel("m");
  Start();
  receiver_.WaitFor(1);
  sender_.reset();  // waits for no answer
  EXPECT_EQ(Left(), 1);
  EXPECT_EQ(webhooks_.Due(10, 10)->at(0).attempts, 0);
  Start();
  const auto received = receiver_.WaitFor(2);
  EXPECT_EQ(io::FindHeader(received[0].headers, "x-mlflow-delivery-id"),
            io::FindHeader(received[1].headers, "x-mlflow-delivery-id"));
}

TEST_F(WebhookSenderTest, GoesToNoPrivateAddressUnlessAllowed) {
  options_.private_addresses = false;
  Make("/private");
  Start();
  MakeModel("m");
  EXPECT_TRUE(NothingIsLeft());
  const auto answer = sender_->Post({.url = receiver_.Url("/private"), .data = "{}"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(receiver_.WaitFor(0).empty());
}

TEST_F(WebhookSenderTest, TakesNoEndlessAnswer) {
  io::HttpResponse large;
  large.body.assign(3u << 20, 'x');
  receiver_.WillAnswer("/large", {large});
  Start();
  const auto answer = sender_->Post({.url = receiver_.Url("/large"), .data = "{}"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(sender_->Post({.url = receiver_.Url("/other"), .data = "{}"})->status, 200);
}

}  // namespace
}  // namespace keelson::wire::mlflow
