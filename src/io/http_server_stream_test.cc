#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/http.h"
#include "io/http_testing.h"

// Answers that an HTTP server sends piece by piece.
namespace keelson::io {
namespace {

using std::chrono::milliseconds;
using testing::Converse;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::StartServer;
using testing::TargetOf;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(HttpServerTest, AStreamThatThrowsCutsTheConnection) {
  const auto server = StartServer([](const HttpRequest&, const HttpRespond& respond) {
    HttpResponse response;
    response.stream = [first = true]() mutable {
      if (!std::exchange(first, false)) throw std::runtime_error("what is read is not what was stored");
      return std::string("a part of it");
    };
    respond(std::move(response));
  });
  const auto answer = HttpConnection::Create(TargetOf(*server))->Call({});
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, HasSubstr("in the middle of the answer"));
}

TEST(HttpServerTest, AStreamIsSentAsItComes) {
  const auto server = StartServer([](const HttpRequest&, const HttpRespond& respond) {
    HttpResponse response;
    response.stream = [i = 0]() mutable { return i < 3 ? "piece " + std::to_string(i++) + "\n" : std::string(); };
    respond(std::move(response));
  });
  std::vector<std::string> pieces;
  const auto connection = HttpConnection::Create(TargetOf(*server));
  for (int i = 0; i < 2; ++i) {
    const auto response = connection->Stream({}, [&](std::string_view piece) { pieces.emplace_back(piece); });
    ASSERT_TRUE(response.has_value()) << response.error().ToString();
    EXPECT_EQ(response->body, "");
  }
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  EXPECT_EQ(all, "piece 0\npiece 1\npiece 2\npiece 0\npiece 1\npiece 2\n");
  EXPECT_THAT(Converse(*server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\n"));
  EXPECT_THAT(Converse(*server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("transfer-encoding: chunked"));
}

TEST(HttpServerTest, AStreamKeepsItsPlaceInAPipeline) {
  const auto server = StartServer([](const HttpRequest& request, const HttpRespond& respond) {
    if (request.path != "/stream") return respond({.body = "plain"});
    HttpResponse response;
    response.stream = [i = 0]() mutable { return i++ < 1000 ? std::string(10'000, 's') : std::string(); };
    respond(std::move(response));
  });
  RawClient client(TargetOf(*server));
  client.Say("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(kGet));
  const std::string heard = client.HearUntil("plain");
  EXPECT_GT(heard.size(), 10'000'000u);
  EXPECT_THAT(heard.substr(heard.size() - 300), HasSubstr("0\r\n\r\nHTTP/1.1 200 "));
}

TEST(HttpServerTest, AClientThatGoesAwayEndsItsStream) {
  std::atomic<int> calls{0};
  struct Alive {
    explicit Alive(std::atomic<int>* counter) : count(counter) { ++*count; }
    ~Alive() { --*count; }
    std::atomic<int>* count;
  };
  std::atomic<int> alive{0};
  const auto server = StartServer([&](const HttpRequest&, const HttpRespond& respond) {
    HttpResponse response;
    response.stream = [&calls, guard = std::make_shared<Alive>(&alive)] {
      ++calls;
      std::this_thread::sleep_for(milliseconds(1));
      return std::string("data: x\n\n");
    };
    respond(std::move(response));
  });
  {
    RawClient client(TargetOf(*server));
    client.Say(kGet);
    client.HearUntil("data: x", 3);
    EXPECT_EQ(alive, 1);
  }
  while (alive != 0) std::this_thread::yield();
  EXPECT_GE(calls, 3);
}

}  // namespace
}  // namespace keelson::io
