#include "io/http.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "io/http_testing.h"

namespace keelson::io {
namespace {

using testing::Converse;
using testing::Echo;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::StartServer;
using ::testing::StartsWith;
using testing::TargetOf;
using testing::TempFolder;

TEST(HttpTest, AnswersOnATcpPort) {
  const auto server = StartServer(Echo);
  const auto connection = HttpConnection::Create(TargetOf(*server));
  for (int i = 0; i < 3; ++i) {
    const auto response = connection->Call(
        {.method = "POST", .target = "/a%20b?x=1", .headers = {{"X-Request-Id", "r-1"}}, .body = "hello"});
    ASSERT_TRUE(response.has_value()) << response.error().ToString();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->content_type, "text/plain");
    EXPECT_EQ(response->body, "POST /a%20b?x=1 hello");
    EXPECT_EQ(FindHeader(response->headers, "x-request-id"), "r-1");
  }
}

TEST(HttpTest, AnswersOnAUnixSocketWhosePathIsLong) {
  const TempFolder folder;
  const std::string path = (folder / std::string(100, 'd')) + "/socket";
  std::filesystem::create_directory(std::filesystem::path(path).parent_path());
  const auto server = StartServer(Echo, {.unix_socket = path});
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  const auto response = HttpConnection::Create({.unix_socket = path})->Call({});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->body, "GET /? ");
}

TEST(HttpTest, TheAsynchronousClientAsksFromAnyThread) {
  const auto server = StartServer(Echo);
  const auto client = HttpClient::Create(TargetOf(*server), 4);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string body = std::to_string(t * 1000 + i);
        const auto response = client->Call({.method = "POST", .body = body});
        if (response.has_value() && response->body == "POST /? " + body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

}  // namespace
}  // namespace keelson::io
