#include "io/http.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "io/http_testing.h"

namespace keelson::io {
namespace {

using std::chrono::milliseconds;
using testing::Echo;
using testing::ScriptedServer;
using testing::StartServer;
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

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

HttpCall Post(bool retry_safe = false) {
  return {.method = "POST", .body = "x", .retry_safe = retry_safe};
}

// Both clients promise the same about connections that break: each case is asked of either.
void ExpectRetryRules(
    const std::function<Result<HttpResponse>(const HttpTarget&, const std::vector<HttpCall>&)>& last_of) {
  {
    const ScriptedServer server({{kAnswer, ""}, {kAnswer}});
    const auto answer = last_of(server.target(), {Post(), {}});
    ASSERT_TRUE(answer.has_value()) << "a GET on a kept connection is asked again: " << answer.error().ToString();
    EXPECT_EQ(server.requests(), 3);
  }
  {
    const ScriptedServer server({{kAnswer, ""}, {kAnswer}});
    EXPECT_TRUE(last_of(server.target(), {Post(), Post(true)}).has_value());
  }
  {
    const ScriptedServer server({{kAnswer, ""}, {kAnswer}});
    const auto answer = last_of(server.target(), {Post(), Post()});
    ASSERT_FALSE(answer.has_value()) << "a POST may have had its effect";
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(IsConnectError(answer.error()));
    EXPECT_EQ(server.requests(), 2);
  }
  {
    const ScriptedServer server({{""}, {kAnswer}});
    EXPECT_FALSE(last_of(server.target(), {{}}).has_value()) << "a new connection that breaks is no stale one";
    EXPECT_EQ(server.requests(), 1);
  }
  {
    const ScriptedServer server({{kAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"}, {kAnswer}});
    const auto answer = last_of(server.target(), {{}, {}});
    ASSERT_FALSE(answer.has_value()) << "an answer that breaks off is not asked for again";
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  }
  {
    const ScriptedServer server({{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"}, {kAnswer}});
    EXPECT_TRUE(last_of(server.target(), {Post(), Post()}).has_value());
  }
}

TEST(HttpConnectionTest, AsksAgainOnlyWhatIsSafe) {
  ExpectRetryRules([](const HttpTarget& target, const std::vector<HttpCall>& calls) {
    const auto connection = HttpConnection::Create(target);
    Result<HttpResponse> answer = Fail(ErrorCode::kInternal, "not asked");
    for (const HttpCall& call : calls) answer = connection->Call(call);
    return answer;
  });
}

TEST(HttpClientTest, AsksAgainOnlyWhatIsSafe) {
  ExpectRetryRules([](const HttpTarget& target, const std::vector<HttpCall>& calls) {
    const auto client = HttpClient::Create(target);
    Result<HttpResponse> answer = Fail(ErrorCode::kInternal, "not asked");
    for (const HttpCall& call : calls) answer = client->Call(call);
    return answer;
  });
}

TEST(HttpConnectionTest, APipelineIsAnsweredInItsOrder) {
  const auto server = StartServer(Echo);
  const auto connection = HttpConnection::Create(TargetOf(*server));
  for (int round = 0; round < 3; ++round) {
    std::vector<HttpCall> calls;
    for (int i = 0; i < 40; ++i) {
      calls.push_back({.method = "POST",
                       .target = "/" + std::to_string(i),
                       .body = std::string(static_cast<std::size_t>(i) * 100, 'x')});
    }
    std::vector<std::chrono::microseconds> latencies;
    const auto answers = connection->Pipeline(calls, &latencies);
    ASSERT_TRUE(answers.has_value()) << answers.error().ToString();
    ASSERT_EQ(answers->size(), 40u);
    EXPECT_EQ(latencies.size(), 40u);
    for (int i = 0; i < 40; ++i) {
      EXPECT_EQ((*answers)[static_cast<std::size_t>(i)].body,
                "POST /" + std::to_string(i) + "? " + calls[static_cast<std::size_t>(i)].body);
    }
  }
  EXPECT_FALSE(connection->Pipeline(std::vector<HttpCall>(HttpConnection::kPipelineAtMost + 1)).has_value());
}

TEST(HttpConnectionTest, NoticesThatAnIdleConnectionWasClosed) {
  const auto server = StartServer(Echo, {.limits = {.idle = milliseconds(20)}});
  const auto connection = HttpConnection::Create(TargetOf(*server));
  const auto client = HttpClient::Create(TargetOf(*server));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(connection->Call(Post()).has_value());
    EXPECT_TRUE(client->Call(Post()).has_value());
    std::this_thread::sleep_for(milliseconds(60));  // longer than the server waits
  }
}

TEST(HttpClientTest, ErrorsSayWhetherAnythingWasReached) {
  const HttpTarget nobody = [] {
    const auto server = StartServer(Echo);
    return TargetOf(*server);
  }();
  for (const HttpTarget& target : {nobody, HttpTarget{.unix_socket = "/nonexistent/socket"}}) {
    const auto one = HttpClient::Create(target)->Call({});
    const auto two = HttpConnection::Create(target)->Call({});
    ASSERT_FALSE(one.has_value());
    ASSERT_FALSE(two.has_value());
    EXPECT_TRUE(IsConnectError(one.error())) << one.error().ToString();
    EXPECT_TRUE(IsConnectError(two.error())) << two.error().ToString();
  }
}

TEST(HttpClientTest, ATimeoutIsADeadline) {
  std::mutex mutex;
  std::vector<HttpRespond> kept;
  const auto server = StartServer([&](const HttpRequest&, HttpRespond respond) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
  });
  const auto client = HttpClient::Create(TargetOf(*server), 1);
  std::atomic<int> late{0};
  for (int i = 0; i < 3; ++i) {  // two of them wait for the only connection
    client->Send({.timeout = milliseconds(30)}, [&](const Result<HttpResponse>& result) {
      if (!result.has_value() && result.error().code == ErrorCode::kDeadlineExceeded) ++late;
    });
  }
  while (late < 3) std::this_thread::yield();
  const auto answer = HttpConnection::Create(TargetOf(*server))->Call({.timeout = milliseconds(30)});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(HttpClientTest, UsesNoMoreConnectionsThanAllowed) {
  std::mutex mutex;
  std::map<std::string, int> peers;
  const auto server = StartServer([&](const HttpRequest& request, const HttpRespond& respond) {
    const std::lock_guard lock(mutex);
    ++peers[request.peer];
    respond({});
  });
  std::atomic<int> answered{0};
  const auto client = HttpClient::Create(TargetOf(*server), 3);
  for (int i = 0; i < 200; ++i) {
    client->Send({}, [&](const Result<HttpResponse>& result) { answered += result.has_value(); });
  }
  while (answered < 200) std::this_thread::yield();
  const std::lock_guard lock(mutex);
  EXPECT_LE(peers.size(), 3u);
}

TEST(HttpClientTest, ItsEndEndsWhatIsUnderWay) {
  std::vector<HttpRespond> kept;
  const auto server = StartServer([&](const HttpRequest&, HttpRespond respond) { kept.push_back(std::move(respond)); });
  auto client = HttpClient::Create(TargetOf(*server), 1);
  int ended = 0;
  for (int i = 0; i < 3; ++i) {
    client->Send({}, [&](const Result<HttpResponse>& result) {
      EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
      ++ended;
    });
  }
  client.reset();
  EXPECT_EQ(ended, 3);
}

// A server that asks another from its own I/O threads, as the gateway does: everything of one request stays on one
// thread.
TEST(HttpClientTest, AskedFromAnIoThreadItStaysThere) {
  const auto inner = StartServer(Echo);
  const auto client = HttpClient::Create(TargetOf(*inner));
  std::atomic<int> elsewhere{0};
  auto outer = StartServer(
      [&](HttpRequest request, HttpRespond respond) {
        const auto thread = std::this_thread::get_id();
        client->Send({.method = "POST", .body = std::move(request.body)},
                     [&, thread, respond = std::move(respond)](Result<HttpResponse> result) {
                       elsewhere += std::this_thread::get_id() != thread;
                       respond(result.has_value() ? *std::move(result) : HttpResponse{.status = 502});
                     });
      },
      {.threads = 2});
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto connection = HttpConnection::Create(TargetOf(*outer));
      for (int i = 0; i < 200; ++i) {
        const auto response = connection->Call(Post());
        right += response.has_value() && response->body == "POST /? x";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
  EXPECT_EQ(elsewhere, 0);
  outer.reset();  // its I/O threads end before the client does
  EXPECT_TRUE(client->Call(Post()).has_value());
}

TEST(HttpClientTest, LargeBodiesGoBothWays) {
  const auto server = StartServer(Echo);
  const std::string body(30u << 20, 'b');
  const auto one = HttpClient::Create(TargetOf(*server))->Call({.method = "POST", .body = body});
  const auto two = HttpConnection::Create(TargetOf(*server))->Call({.method = "POST", .body = body});
  ASSERT_TRUE(one.has_value()) << one.error().ToString();
  ASSERT_TRUE(two.has_value()) << two.error().ToString();
  EXPECT_EQ(one->body.size(), body.size() + 8);
  EXPECT_EQ(two->body, one->body);
}

TEST(HttpClientTest, TooLargeABodyIsToldSoBeforeItIsSent) {
  const auto server = StartServer(Echo, {.limits = {.body_bytes = 1000}});
  for (int i = 0; i < 5; ++i) {
    const HttpCall call{.method = "POST", .body = std::string(5u << 20, 'b')};
    const auto one = HttpClient::Create(TargetOf(*server))->Call(call);
    const auto two = HttpConnection::Create(TargetOf(*server))->Call(call);
    ASSERT_TRUE(one.has_value()) << one.error().ToString();
    ASSERT_TRUE(two.has_value()) << two.error().ToString();
    EXPECT_EQ(one->status, 413);
    EXPECT_EQ(two->status, 413);
  }
}

TEST(HttpClientTest, WhatWouldBreakTheMessageIsNotSent) {
  const auto server = StartServer(Echo);
  const auto client = HttpClient::Create(TargetOf(*server));
  for (const HttpCall& call : {HttpCall{.method = "GE T"}, HttpCall{.target = "/a b"}, HttpCall{.target = ""},
                               HttpCall{.target = "/a\r\nx: y"}, HttpCall{.headers = {{"a b", "c"}}},
                               HttpCall{.headers = {{"a", "b\r\nc: d"}}}}) {
    const auto answer = client->Call(call);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  }
}

// ---- helpers

TEST(HttpHelpersTest, ReadsTargets) {
  EXPECT_EQ(ParseHttpTarget("http://127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(ParseHttpTarget("http://keelson/")->host, "keelson");
  EXPECT_EQ(ParseHttpTarget("http://keelson")->port, 80);
  EXPECT_EQ(ParseHttpTarget("http://[::1]:81")->host, "::1");
  EXPECT_FALSE(ParseHttpTarget("http://keelson")->tls);
  EXPECT_TRUE(ParseHttpTarget("https://keelson")->tls);
  EXPECT_EQ(ParseHttpTarget("https://keelson")->port, 443);
  EXPECT_EQ(ParseHttpTarget("https://[::1]:81/")->port, 81);
  EXPECT_EQ(ParseHttpTarget("unix:/run/a b")->unix_socket, "/run/a b");
  for (const char* url : {"", "127.0.0.1:80", "https:/a", "https://a:", "http://", "http://:80",
                          "http://a:", "http://a:0", "http://a:65536", "http://a:8o", "http://a/b", "http://u@a",
                          "http://[::1", "http://[::1]81", "unix:relative", "ftp://a"}) {
    const auto target = ParseHttpTarget(url);
    ASSERT_FALSE(target.has_value()) << url;
    EXPECT_EQ(target.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(target.error().where, url);
  }
}

TEST(HttpHelpersTest, EncodesAndDecodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentEncode("a b/\xc3\xa9~"), "a%20b%2F%C3%A9~");
  EXPECT_EQ(PercentDecode("%41%2b+%zz%4"), "A++%zz%4");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%41"), "A");
  EXPECT_EQ(QueryValue("a=1&b=x%20y+z&c&d=", "b"), "x y z");
  EXPECT_EQ(QueryValue("a=1&b=2&c&d=", "c"), "");
  EXPECT_EQ(QueryValue("a=1&b=2&c&d=", "d"), "");
  EXPECT_EQ(QueryValue("%61=1", "a"), "1");
  EXPECT_EQ(QueryValue("aa=1", "a"), std::nullopt);
  EXPECT_EQ(QueryValue("", "a"), std::nullopt);
  EXPECT_EQ(FindHeader({{"X-A", "1"}, {"x-a", "2"}}, "x-A"), "1");
  EXPECT_EQ(FindHeader({}, "x"), "");
}

}  // namespace
}  // namespace keelson::io
