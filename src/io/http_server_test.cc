#include <gmock/gmock.h>
#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "io/http.h"
#include "io/http_testing.h"

namespace keelson::io {
namespace {

using std::chrono::milliseconds;
using testing::Converse;
using testing::Echo;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::StartServer;
using ::testing::StartsWith;
using testing::TargetOf;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

std::string Post(std::string_view headers, std::string_view body) {
  return "POST /a HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

TEST(HttpServerTest, RefusalsAreJsonAndEndTheConnection) {
  const auto server = StartServer(Echo, {.limits = {.body_bytes = 1000}});
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, int>>{
           {"GET /\r\n\r\n", 400},
           {"GET / HTTP/1.1\nHost: a\n\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'a'), 413},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'a'), 413},
           {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n", 431},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
           {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505}}) {
    const std::string heard = Converse(*server, bytes + std::string(kGet));
    EXPECT_THAT(heard, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    EXPECT_THAT(heard, HasSubstr("content-type: application/json\r\n"));
    EXPECT_THAT(heard, HasSubstr("connection: close\r\n"));
    EXPECT_THAT(heard, HasSubstr("x-request-id: "));
    EXPECT_THAT(heard, HasSubstr("{\"error\": \""));
    EXPECT_EQ(RawClient::Count(heard, "x-request-id: "), 1) << "what follows is not read as a request: " << heard;
  }
}

TEST(HttpServerTest, SurvivesAStreamCutAtOrWrongInAnyByte) {
  const auto server = StartServer(Echo);
  const std::string stream = Post("Expect: 100-continue\r\n", "body") + std::string(kGet);
  for (std::size_t at = 0; at < stream.size(); ++at) {
    const std::string cut = Converse(*server, stream.substr(0, at));
    EXPECT_TRUE(cut.empty() || cut.starts_with("HTTP/1.1 ")) << at;
    EXPECT_LE(RawClient::Count(cut, "HTTP/1.1 200"), 1) << at;
    std::string wrong = stream;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x1f);
    const std::string heard = Converse(*server, wrong);
    EXPECT_TRUE(heard.empty() || heard.starts_with("HTTP/1.1 ")) << at;
  }
  EXPECT_EQ(RawClient::Count(Converse(*server, stream), "HTTP/1.1 200"), 2);
}

TEST(HttpServerTest, ABodyMayComeByteByByte) {
  const auto server = StartServer(Echo);
  RawClient client(TargetOf(*server));
  for (const char c : Post("", "slow but whole")) client.Say({&c, 1});
  EXPECT_THAT(client.HearUntil("whole"), EndsWith("POST /a? slow but whole"));
}

TEST(HttpServerTest, AnswersComeInTheOrderOfTheRequests) {
  std::mutex mutex;
  std::condition_variable all_here;
  std::vector<std::pair<std::string, HttpRespond>> waiting;
  const auto server = StartServer([&](HttpRequest request, HttpRespond respond) {
    const std::lock_guard lock(mutex);
    waiting.emplace_back(std::move(request.body), std::move(respond));
    all_here.notify_one();
  });
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += Post("", "<" + std::to_string(i) + ">");
  RawClient client(TargetOf(*server));
  client.Say(bytes);
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(all_here.wait_for(lock, std::chrono::seconds(10), [&] { return waiting.size() == 20; }));
    std::reverse(waiting.begin(), waiting.end());
    for (auto& [body, respond] : waiting) respond({.body = body});
    waiting.clear();
  }
  const std::string heard = client.HearUntil("<19>");
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = heard.find("<" + std::to_string(i) + ">", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST(HttpServerTest, ManyPipelinedRequestsAreAllAnswered) {
  const auto server = StartServer(Echo);
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += kGet;
  EXPECT_EQ(RawClient::Count(Converse(*server, bytes), "HTTP/1.1 200"), 1000);
}

TEST(HttpServerTest, AForgottenOrThrowingHandlerAnswers500) {
  const auto server = StartServer([](const HttpRequest& request, const HttpRespond& respond) {
    if (request.body == "throw") throw std::runtime_error("thrown");
    if (request.body == "twice") {
      respond({.body = "first"});
      respond({.body = "second"});
    }
  });
  EXPECT_THAT(Converse(*server, Post("", "forget")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Converse(*server, Post("", "throw")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Converse(*server, Post("", "twice")), EndsWith("\r\n\r\nfirst"));
}

TEST(HttpServerTest, ARequestDroppedOnAnotherThreadAnswers500) {
  std::vector<std::thread> threads;
  const auto server = StartServer(
      [&](const HttpRequest&, HttpRespond respond) { threads.emplace_back([respond = std::move(respond)] {}); });
  EXPECT_THAT(Converse(*server, kGet), StartsWith("HTTP/1.1 500 "));
  for (std::thread& thread : threads) thread.join();
}

TEST(HttpServerTest, HeadAndBodilessAnswersHaveNoBody) {
  const auto server = StartServer([](const HttpRequest& request, const HttpRespond& respond) {
    respond({.status = request.path == "/204" ? 204 : request.path == "/304" ? 304 : 200, .body = "body"});
  });
  const std::string head = Converse(*server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("content-length: 4\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  for (const std::string path : {"/204", "/304"}) {
    const std::string heard = Converse(*server, "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(heard, EndsWith("\r\n\r\n"));
    EXPECT_THAT(heard, Not(HasSubstr("content-length")));
  }
}

TEST(HttpServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  const auto server = StartServer(Echo, {.limits = {.body_bytes = 100}});
  RawClient client(TargetOf(*server));
  client.Say("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.HearUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Say("body");
  EXPECT_THAT(client.HearUntil("body"), StartsWith("HTTP/1.1 200 "));
  client.Say("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 400\r\n\r\n");
  EXPECT_THAT(client.HearAll(), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServerTest, OldClientsAreUnderstood) {
  const auto server = StartServer(Echo);
  EXPECT_THAT(Converse(*server, "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n"), HasSubstr("connection: close\r\n"));
  const std::string kept = Converse(*server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(RawClient::Count(kept, "HTTP/1.1 200"), 2);
  EXPECT_EQ(RawClient::Count(kept, "connection: keep-alive"), 1);
}

TEST(HttpServerTest, ConnectionCloseIsObeyed) {
  const auto server = StartServer(Echo);
  RawClient client(TargetOf(*server));
  client.Say("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n" + std::string(kGet));
  EXPECT_EQ(RawClient::Count(client.HearAll(), "HTTP/1.1 "), 1);
}

TEST(HttpServerTest, RequestIdsAreKeptWhenSaneAndElseMade) {
  const auto server = StartServer([](const HttpRequest& request, const HttpRespond& respond) {
    respond({.body = "<" + request.request_id + ">"});
  });
  const auto ask = [&](const std::string& id) {
    const auto response = HttpConnection::Create(TargetOf(*server))->Call({.headers = {{"x-request-id", id}}});
    EXPECT_EQ("<" + std::string(FindHeader(response->headers, "x-request-id")) + ">", response->body);
    return std::string(FindHeader(response->headers, "x-request-id"));
  };
  EXPECT_EQ(ask("UA:1-2._x"), "UA:1-2._x");
  EXPECT_EQ(ask(std::string(128, 'a')), std::string(128, 'a'));
  for (const std::string& wild : {std::string(129, 'a'), std::string("a b"), std::string("a\"b"), std::string()}) {
    EXPECT_EQ(ask(wild).size(), 32u) << wild;
  }
  EXPECT_NE(ask(""), ask(""));
}

TEST(HttpServerTest, AHandlerCannotBreakTheMessage) {
  const auto server = StartServer([](const HttpRequest&, const HttpRespond& respond) {
    respond({.headers = {{"x-good", "1"},
                         {"x-bad", "1\r\nx-injected: 1"},
                         {"x bad", "1"},
                         {"Content-Length", "999"},
                         {"Date", "never"},
                         {"x-request-id", "other"}},
             .body = "body"});
  });
  const std::string heard = Converse(*server, kGet);
  EXPECT_THAT(heard, HasSubstr("\r\nx-good: 1\r\n"));
  for (const char* absent : {"x-injected", "x-bad", "x bad", "999", "never", "other"})
    EXPECT_THAT(heard, Not(HasSubstr(absent)));
}

// ---- compressed bodies

std::string Deflate(std::string_view text, int window_bits) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST(HttpServerTest, CompressedBodiesAreDecodedWithinTheLimit) {
  const auto server = StartServer(Echo, {.limits = {.body_bytes = 100'000}});
  const auto connection = HttpConnection::Create(TargetOf(*server));
  const auto ask = [&](const std::string& encoding, const std::string& body) {
    const auto response =
        connection->Call({.method = "POST", .headers = {{"content-encoding", encoding}}, .body = body});
    EXPECT_TRUE(response.has_value()) << response.error().ToString();
    return response.has_value() ? *response : HttpResponse{.status = 0};
  };
  const std::string text(50'000, 'k');
  EXPECT_EQ(ask("gzip", Deflate(text, 31)).body, "POST /? " + text);
  EXPECT_EQ(ask("X-GZip", Deflate(text, 31)).body, "POST /? " + text);
  EXPECT_EQ(ask("deflate", Deflate(text, 15)).body, "POST /? " + text);
  EXPECT_EQ(ask("deflate", Deflate(text, -15)).body, "POST /? " + text);
  EXPECT_EQ(ask("identity", text).body, "POST /? " + text);
  EXPECT_EQ(ask("gzip", Deflate(std::string(100'000, 'k'), 31)).status, 200);
  const std::string bomb = Deflate(std::string(50'000'000, '\0'), 31);
  ASSERT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(ask("gzip", bomb).status, 413);
  EXPECT_EQ(ask("br", text).status, 415);
  EXPECT_EQ(ask("gzip, gzip", text).status, 415);
  EXPECT_EQ(ask("gzip", "not compressed").status, 400);
  EXPECT_EQ(ask("gzip", Deflate(text, 31) + "more").status, 400);
  const std::string good = Deflate("a small text of some words, words, words", 31);
  for (std::size_t length = 1; length < good.size(); ++length)
    EXPECT_EQ(ask("gzip", good.substr(0, length)).status, 400) << length;
}

// ---- time

TEST(HttpServerTest, ASlowRequestIsToldSo) {
  const auto server = StartServer(Echo, {.limits = {.slow = milliseconds(40)}});
  for (const std::string start :
       {"GET / HT", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"}) {
    RawClient client(TargetOf(*server));
    client.Say(start);
    EXPECT_THAT(client.HearAll(), StartsWith("HTTP/1.1 408 ")) << start;
  }
}

TEST(HttpServerTest, ATrickleOfBytesDoesNotBuyTime) {
  const auto server = StartServer(Echo, {.limits = {.slow = milliseconds(40)}});
  for (const std::string start :
       {"G", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"}) {
    RawClient client(TargetOf(*server));
    client.Say(start);
    const auto began = std::chrono::steady_clock::now();
    std::atomic<bool> over{false};
    std::thread trickle([&] {
      while (!over) {
        client.Say("a");
        std::this_thread::sleep_for(milliseconds(2));
      }
    });
    const std::string heard = client.HearUntil("}");
    over = true;
    trickle.join();
    EXPECT_THAT(heard, StartsWith("HTTP/1.1 408 ")) << start;
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(39));
  }
}

TEST(HttpServerTest, AnIdleConnectionIsClosedQuietly) {
  const auto server = StartServer(Echo, {.limits = {.idle = milliseconds(30)}});
  RawClient client(TargetOf(*server));
  client.Say(kGet);
  EXPECT_THAT(client.HearAll(), EndsWith("GET /a? "));
}

TEST(HttpServerTest, AClientThatDoesNotReadIsGivenUp) {
  const auto server = StartServer(
      [&](const HttpRequest&, const HttpRespond& respond) { respond({.body = std::string(40u << 20, 'a')}); },
      {.limits = {.slow = milliseconds(50)}});
  std::size_t heard = 0;
  for (const int silent_ms : {200, 2'000, 10'000}) {  // the client's own behaviour: it does not read
    RawClient client(TargetOf(*server));
    client.Say("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(silent_ms));
    heard = client.HearAll().size();
    if (heard < 40u << 20) break;  // else the server may not have had the processor for so long
  }
  EXPECT_LT(heard, 40u << 20);
}

TEST(HttpServerTest, ALargeAnswerArrivesWholeAndTheNextAfterIt) {
  const auto server = StartServer([](const HttpRequest& request, const HttpRespond& respond) {
    respond({.body = request.path == "/a" ? std::string(20u << 20, 'a') : "small"});
  });
  const auto heard = Converse(*server, std::string(kGet) + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_GT(heard.size(), 20u << 20);
  EXPECT_THAT(heard.substr(heard.size() - 10), EndsWith("small"));
}

// ---- many connections

TEST(HttpServerTest, IdleConnectionsCostLittleAndHinderNobody) {
  constexpr std::size_t kConnections = 2000;
#if defined(__clang__)
  constexpr long kKibEach = 32;  // our builds by clang are the sanitized ones: with the sanitizer's own shadow
#else
  constexpr long kKibEach = 4;
#endif
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_cur, 2 * kConnections + 100);
  const auto resident_kb = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word == "VmRSS:") {
        long kb = 0;
        status >> kb;
        return kb;
      }
    }
    return 0L;
  };
  const auto server = StartServer(Echo);
  const long before = resident_kb();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < kConnections; ++i) clients.push_back(std::make_unique<RawClient>(TargetOf(*server)));
  for (const auto& client : clients) client->Say(kGet);
  for (const auto& client : clients) ASSERT_THAT(client->HearUntil("GET /a? "), StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(resident_kb() - before, kKibEach * static_cast<long>(kConnections)) << "KiB";
  const auto response = HttpConnection::Create(TargetOf(*server))->Call({});
  ASSERT_TRUE(response.has_value());
  for (const auto& client : clients) client->Say(kGet);
  for (const auto& client : clients) ASSERT_THAT(client->HearUntil("GET /a? "), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerTest, OverTheLimitConnectionsAreClosed) {
  const auto server = StartServer(Echo, {.limits = {.connections = 2}});
  RawClient one(TargetOf(*server));
  RawClient two(TargetOf(*server));
  one.Say(kGet);
  two.Say(kGet);
  one.HearUntil("GET /a? ");
  two.HearUntil("GET /a? ");
  EXPECT_EQ(Converse(*server, kGet), "");
  one.EndWriting();
  EXPECT_EQ(one.HearAll(), "");
  EXPECT_THAT(Converse(*server, kGet), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace keelson::io
