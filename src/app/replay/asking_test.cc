#include "app/replay/asking.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace keelson::app {
namespace {

Instant Second(int second) {
  return InstantFromMicros(second * 1'000'000LL);
}

// An endpoint that answers what the test says; it remembers the bodies in the order in which they came.
class AskingTest : public testing::Test {
 protected:
  using Answer = std::function<void(const io::HttpRequest&, const io::HttpRespond&)>;

  void Serve(Answer answer) {
    auto server = io::HttpServer::Start(
        {}, [this, answer = std::move(answer)](const io::HttpRequest& request, io::HttpRespond respond) {
          {
            const std::lock_guard lock(mutex_);
            came_.push_back(request.body);
          }
          answer(request, respond);
        });
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = *std::move(server);
  }
  Asking::Options Options(int at_once) const {
    return {.target = {.port = server_->port()},
            .endpoint = "parcels",
            .at_once = at_once,
            .call =
                [](std::size_t row) {
                  return io::HttpCall{.method = "POST", .target = "/", .body = fmt::to_string(row), .retry_safe = true};
                },
            .retry_period = std::chrono::milliseconds(1)};
  }
  static LivedInstant Lived(int second, std::vector<std::size_t> rows) {
    LivedInstant lived;
    lived.at = Second(second);
    lived.end = static_cast<std::size_t>(second) * 10;
    lived.month = second < 5 ? "first" : "second";
    lived.rows = std::move(rows);
    return lived;
  }
  std::vector<std::string> came() {
    const std::lock_guard lock(mutex_);
    return came_;
  }

  std::mutex mutex_;
  std::vector<std::string> came_;
  std::unique_ptr<io::HttpServer> server_;
};

TEST_F(AskingTest, AsksEverythingAndCountsByMonth) {
  Serve([](const auto&, const auto& respond) { respond({}); });
  ReplayTally before;
  before.asked = 7;
  before.months["first"].asked = 7;
  before.refused_batches = 1;
  before.refusals = {"zero"};
  Asking asking(Options(8), before);
  std::size_t row = 0;
  for (int second = 1; second <= 9; ++second) {
    LivedInstant lived = Lived(second, {});
    for (int i = 0; i < second; ++i) lived.rows.push_back(row++);
    if (second == 3) {
      lived.refused_batches = 6;
      lived.refused_rows = 60;
      lived.refusals = {"one", "two", "three", "four", "five", "six"};
    }
    asking.Add(std::move(lived));
  }
  ASSERT_TRUE(asking.WaitFor(0));
  EXPECT_EQ(asking.UnderWay(), 0u);
  EXPECT_FALSE(asking.Unanswered());
  const ReplayTally tally = asking.Tally();
  EXPECT_EQ(tally.position, 90u);
  EXPECT_EQ(tally.asked, 52u);
  EXPECT_EQ(tally.months.at("first").asked, 17u);
  EXPECT_EQ(tally.months.at("first").latencies_us.size(), 10u);
  EXPECT_EQ(tally.months.at("second").asked, 35u);
  EXPECT_EQ(tally.months.at("second").failed, 0u);
  EXPECT_EQ(tally.refused_batches, 7u);
  EXPECT_EQ(tally.refused_rows, 60u);
  EXPECT_EQ(tally.refusals, (std::vector<std::string>{"zero", "one", "two", "three", "four"}));
  const auto came = this->came();
  EXPECT_EQ(came.size(), 45u);
  EXPECT_EQ(std::set(came.begin(), came.end()).size(), 45u) << "each once";
}

TEST_F(AskingTest, InstantsCountInTheirOrderAndOnlyWhenAllBeforeThemAreAnswered) {
  io::HttpRespond held;
  std::atomic<bool> is_held = false;
  std::mutex mutex;
  Serve([&](const io::HttpRequest& request, const io::HttpRespond& respond) {
    if (request.body != "0") return respond({});
    const std::lock_guard lock(mutex);
    held = respond;
    is_held = true;
  });
  Asking asking(Options(2), {});
  asking.Add(Lived(1, {}));  // asks nothing, and is over at once
  EXPECT_EQ(asking.Tally().position, 10u);
  asking.Add(Lived(2, {0}));
  for (int second = 3; second < 6; ++second) asking.Add(Lived(second, {static_cast<std::size_t>(second)}));
  asking.Add(Lived(6, {}));
  while (!is_held || came().size() < 4) std::this_thread::yield();  // the other thread has asked the later ones
  EXPECT_EQ(asking.Unanswered(), Second(2));
  EXPECT_EQ(asking.UnderWay(), 5u);
  EXPECT_EQ(asking.Tally().position, 10u);
  EXPECT_EQ(asking.Tally().asked, 0u);
  {
    const std::lock_guard lock(mutex);
    held({});
  }
  ASSERT_TRUE(asking.WaitFor(0));
  EXPECT_EQ(asking.Tally().position, 60u);
  EXPECT_EQ(asking.Tally().asked, 4u);
}

TEST_F(AskingTest, WhatGetsNoAnswerIsAskedAgainWithTheSameId) {
  std::atomic<int> calls = 0;
  Serve([&](const auto&, const io::HttpRespond& respond) {
    const int call = calls++;
    if (call == 1) return;  // no answer: the server makes a 500 of it
    io::HttpResponse response;
    if (call == 2 || call == 4) response.status = 503;
    if (call == 5) response.status = 429;
    respond(response);
  });
  Asking asking(Options(3), {});
  asking.Add(Lived(1, {0, 1, 2}));
  ASSERT_TRUE(asking.WaitFor(0));
  const ReplayTally tally = asking.Tally();
  EXPECT_EQ(tally.months.at("first").asked, 3u);
  EXPECT_EQ(tally.months.at("first").failed, 0u);
  EXPECT_EQ(tally.months.at("first").latencies_us.size(), 3u);
  const auto came = this->came();
  EXPECT_EQ(std::set(came.begin(), came.end()), (std::set<std::string>{"0", "1", "2"}));
  EXPECT_EQ(came.size(), 7u);
}

TEST_F(AskingTest, WhatIsNeverAnsweredIsGivenUpAndCounted) {
  Serve([](const io::HttpRequest& request, const io::HttpRespond& respond) {
    io::HttpResponse response;
    if (request.body == "1") response.status = 500;
    respond(response);
  });
  auto options = Options(4);
  options.give_up_after = std::chrono::milliseconds(20);
  Asking asking(std::move(options), {});
  asking.Add(Lived(1, {0, 1, 2}));
  ASSERT_TRUE(asking.WaitFor(0));
  const MonthOfAsking month = asking.Tally().months.at("first");
  EXPECT_EQ(month.asked, 3u);
  EXPECT_EQ(month.failed, 1u);
  EXPECT_EQ(month.latencies_us.size(), 2u);
}

TEST_F(AskingTest, ARefusalStopsItAndIsTold) {
  Serve([](const io::HttpRequest& request, const io::HttpRespond& respond) {
    io::HttpResponse response;
    if (request.body == "1") {
      response.status = 400;
      response.body = "no such input";
    }
    respond(response);
  });
  Asking asking(Options(1), {});
  asking.Add(Lived(1, {0}));
  asking.Add(Lived(2, {1}));
  asking.Add(Lived(3, {2}));
  const Status status = asking.WaitFor(0);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(status.error().where, "parcels");
  EXPECT_NE(status.error().message.find("no such input"), std::string::npos);
  EXPECT_EQ(asking.Tally().position, 10u) << "what was before it counts";
}

TEST_F(AskingTest, EndsWhileAQuestionIsRetried) {
  std::atomic<bool> asked = false;
  Serve([&](const auto&, const io::HttpRespond& respond) {
    asked = true;
    io::HttpResponse response;
    response.status = 500;
    respond(response);
  });
  {
    Asking asking(Options(2), {});
    asking.Add(Lived(1, {0, 1, 2}));
    while (!asked) std::this_thread::yield();
  }
  SUCCEED() << "the destructor came back";
}

}  // namespace
}  // namespace keelson::app
