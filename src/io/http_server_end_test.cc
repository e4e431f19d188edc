#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "io/http.h"
#include "io/http_testing.h"

// How an HTTP server ends, and where it may begin.
namespace keelson::io {
namespace {

using testing::Echo;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::StartServer;
using testing::TargetOf;
using testing::TempFolder;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

// A drain with one request under way and one that is sent after its beginning. False when the latter's connection was
// closed as quiet before: on a busy machine the client may take longer to say it than the server waits.
bool DrainHearsWhatIsStillSent() {
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<HttpRespond> kept;
  auto server = StartServer([&](const HttpRequest& request, HttpRespond respond) {
    if (request.path == "/quick") return respond({.body = "quick"});
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
    arrived.notify_one();
  });
  RawClient slow(TargetOf(*server));
  RawClient late(TargetOf(*server));
  slow.Say(kGet);
  late.Say("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
  late.HearUntil("quick");
  {
    std::unique_lock lock(mutex);
    arrived.wait(lock, [&] { return kept.size() == 1; });
  }
  const std::jthread drain([&] { server->Drain(std::chrono::seconds(10)); });
  while (StartConnect(TargetOf(*server)).has_value() &&
         HttpConnection::Create(TargetOf(*server))->Call({.target = "/quick"}).has_value()) {
    std::this_thread::yield();
  }
  std::string heard;
  do {  // until the thread of this connection has heard of the end too
    late.Say("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
    heard = late.HearUntil("quick");
    EXPECT_TRUE(heard.empty() || heard.ends_with("quick")) << heard;
  } while (!heard.empty() && heard.find("connection: close\r\n") == std::string::npos);
  EXPECT_EQ(late.HearAll(), "");
  kept[0]({.body = "at last"});
  EXPECT_THAT(slow.HearAll(), EndsWith("at last"));
  return !heard.empty();
}

TEST(HttpServerTest, DrainAnswersWhatIsUnderWayAndWhatIsStillSent) {
  int rounds = 0;
  while (rounds < 50 && !DrainHearsWhatIsStillSent()) ++rounds;
  EXPECT_LT(rounds, 50);
}

TEST(HttpServerTest, DrainLosesNoRequestUnderLoad) {
  for (int round = 0; round < 10; ++round) {
    auto server = StartServer(Echo, {.threads = 2});
    const HttpTarget target = TargetOf(*server);
    std::atomic<int> answered{0};
    std::atomic<int> broken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const auto connection = HttpConnection::Create(target);
        for (;;) {
          const auto response = connection->Call({.method = "POST", .body = "x"});  // not retried
          if (response.has_value()) {
            ++answered;
          } else {
            if (!IsConnectError(response.error())) ++broken;
            return;
          }
        }
      });
    }
    while (answered < 200) std::this_thread::yield();
    server->Drain(std::chrono::seconds(10));
    server.reset();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(broken, 0);
  }
}

TEST(HttpServerTest, AnswersAfterTheServerIsGoneAreHarmless) {
  std::vector<HttpRespond> kept;
  std::atomic<bool> arrived{false};
  auto server = StartServer([&](const HttpRequest&, HttpRespond respond) {
    kept.push_back(std::move(respond));
    arrived = true;
  });
  RawClient client(TargetOf(*server));
  client.Say(kGet);
  while (!arrived) std::this_thread::yield();
  server.reset();
  EXPECT_EQ(client.HearAll(), "");
  kept[0]({.body = "too late"});
}

// ---- addresses

TEST(HttpServerTest, APortInUseIsNamed) {
  const auto server = StartServer(Echo);
  const auto second = HttpServer::Start({.port = server->port()}, Echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(second.error().where, "127.0.0.1:" + std::to_string(server->port()));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
}

TEST(HttpServerTest, AUnixSocketIsReplacedOnlyWhenDead) {
  const TempFolder folder;
  const std::string path = folder / "socket";
  const HttpTarget target{.unix_socket = path};
  { const auto dead = ListenOn("", 0, path); }
  ASSERT_TRUE(std::filesystem::exists(path));
  auto server = StartServer(Echo, {.unix_socket = path});
  EXPECT_TRUE(HttpConnection::Create(target)->Call({}).has_value());
  EXPECT_FALSE(HttpServer::Start({.unix_socket = path}, Echo).has_value()) << "it is alive";
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "precious";
  EXPECT_FALSE(HttpServer::Start({.unix_socket = path}, Echo).has_value());
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace keelson::io
