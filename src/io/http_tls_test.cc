// HTTP over TLS: our server with our two clients, and with an OpenSSL client that misbehaves.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <future>

#include "io/http.h"
#include "io/http_testing.h"
#include "io/tls.h"
#include "io/tls_testing.h"

namespace keelson::io {
namespace {

using std::chrono::milliseconds;
using testing::Echo;
using ::testing::HasSubstr;
using testing::RawClient;

// A blocking OpenSSL client that verifies nothing.
class OpensslClient {
 public:
  explicit OpensslClient(const HttpTarget& target, int max_version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())), fd_(StartConnect(target).value()) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, max_version);
    pollfd entry{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    EXPECT_EQ(poll(&entry, 1, 10'000), 1);
    fcntl(fd_.get(), F_SETFL, 0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_.get());
  }
  ~OpensslClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }
  bool Connect() { return SSL_connect(ssl_) == 1; }
  void Say(const std::string& text) { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }
  std::string HearAll() {
    std::string heard;
    char buffer[4'096];
    for (int count = 0; (count = SSL_read(ssl_, buffer, sizeof buffer)) > 0;)
      heard.append(buffer, static_cast<std::size_t>(count));
    return heard;
  }
  SSL* ssl() { return ssl_; }
  int fd() const { return fd_.get(); }

 private:
  SSL_CTX* context_;
  UniqueFd fd_;
  SSL* ssl_;
};

class HttpTlsTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpServer> Start(HttpHandler handler = Echo, HttpLimits limits = {}) {
    const auto files = authority_.Issue("box");
    auto tls = TlsServer::Open({.certificate = files.certificate, .key = files.key});
    EXPECT_TRUE(tls.has_value()) << tls.error().ToString();
    return testing::StartServer(std::move(handler), {.limits = limits, .tls = *tls});
  }
  HttpTarget Secure(const HttpServer& server) {
    HttpTarget target{.host = "localhost", .port = server.port(), .tls = true};
    target.tls_client = *TlsClient::Open({.ca = authority_.ca()});
    return target;
  }
  // The server answers a new client as if nothing had been.
  void ExpectAlive(const HttpServer& server) {
    const auto answer = HttpConnection::Create(Secure(server))->Call({.target = "/alive"});
    ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
    EXPECT_EQ(answer->body, "GET /alive? ");
  }
  // The bytes of a real client's first flight.
  static std::string ClientHello() {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL* const ssl = SSL_new(context);
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    std::string hello(bytes, static_cast<std::size_t>(size));
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return hello;
  }

  testing::TempFolder folder_;
  testing::TestAuthority authority_{folder_ / "", "authority"};
};

TEST_F(HttpTlsTest, BothClientsAskAgainAndAgain) {
  const auto server = Start();
  const auto pool = HttpClient::Create(Secure(*server), 4);
  const auto connection = HttpConnection::Create(Secure(*server));
  for (int i = 0; i < 20; ++i) {
    const HttpCall call{.method = "POST", .target = "/a?b", .body = std::to_string(i)};
    for (const auto& answer : {pool->Call(call), connection->Call(call)}) {
      ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
      EXPECT_EQ(answer->body, "POST /a?b " + std::to_string(i));
    }
  }
}

TEST_F(HttpTlsTest, LargeBodiesBothWays) {
  const auto server = Start();
  std::string body;
  for (int i = 0; body.size() < 20u << 20; ++i) body += std::to_string(i) + ' ';
  const HttpCall call{.method = "POST", .target = "/", .body = body};
  const auto pool = HttpClient::Create(Secure(*server));
  const auto connection = HttpConnection::Create(Secure(*server));
  for (const auto& answer : {pool->Call(call), connection->Call(call)}) {
    ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
    EXPECT_TRUE(answer->body == "POST /? " + body);
  }
}

TEST_F(HttpTlsTest, PipelinesKeepTheirOrder) {
  const auto server = Start();
  const auto connection = HttpConnection::Create(Secure(*server));
  for (int round = 0; round < 5; ++round) {
    std::vector<HttpCall> calls;
    for (int i = 0; i < 64; ++i) {
      calls.push_back({.method = "POST", .target = "/", .body = std::string(static_cast<std::size_t>(i) * 997, 'x')});
    }
    const auto answers = connection->Pipeline(calls);
    ASSERT_TRUE(answers.has_value()) << answers.error().ToString();
    for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ((*answers)[i].body, "POST /? " + calls[i].body);
  }
}

// More requests in one record than may be under way: the rest waits inside TLS, where no event announces it.
TEST_F(HttpTlsTest, MoreRequestsThanMayBeUnderWayAreAllAnswered) {
  std::mutex mutex;
  std::vector<HttpRespond> waiting;
  std::condition_variable full;
  const auto server = Start([&](HttpRequest, HttpRespond respond) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(respond));
    full.notify_one();
  });
  OpensslClient client(testing::TargetOf(*server));
  ASSERT_TRUE(client.Connect());
  constexpr std::size_t kRequests = 3'000;
  std::string all;
  for (std::size_t i = 1; i < kRequests; ++i) all += "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
  all += "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  auto heard = std::async(std::launch::async, [&] {
    client.Say(all);
    return client.HearAll();
  });
  for (std::size_t answered = 0; answered < kRequests;) {
    std::vector<HttpRespond> batch;
    {
      std::unique_lock lock(mutex);
      ASSERT_TRUE(full.wait_for(lock, std::chrono::seconds(20), [&] { return !waiting.empty(); })) << answered;
      batch.swap(waiting);
    }
    for (const auto& respond : batch) respond({.body = "ok"});
    answered += batch.size();
  }
  EXPECT_EQ(RawClient::Count(heard.get(), "HTTP/1.1 200"), static_cast<int>(kRequests));
  EXPECT_EQ(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN) << "close_notify came";
}

TEST_F(HttpTlsTest, StreamsComeInTheirPiecesAndEndWithTheClient) {
  std::atomic<int> pieces{0};
  std::promise<void> gone;
  auto told = std::make_shared<std::shared_ptr<int>>(nullptr);
  const auto server = Start([&](HttpRequest request, HttpRespond respond) {
    if (request.path == "/endless") {
      auto alive = std::shared_ptr<int>(new int, [&](int* value) {
        delete value;
        gone.set_value();
      });
      respond({.stream = [alive] { return std::string("piece\n"); }});
      return;
    }
    respond({.stream = [&pieces] { return ++pieces > 100 ? std::string() : std::string(1'000, 'p'); }});
  });
  std::size_t heard = 0;
  const auto count = [&](std::string_view piece) { heard += piece.size(); };
  const auto answer = HttpConnection::Create(Secure(*server))->Stream({.target = "/"}, count);
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(heard, 100'000u);
  {
    OpensslClient client(testing::TargetOf(*server));
    ASSERT_TRUE(client.Connect());
    client.Say("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n");
    char buffer[100];
    EXPECT_GT(SSL_read(client.ssl(), buffer, sizeof buffer), 0);
    SSL_shutdown(client.ssl());
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(HttpTlsTest, ASlowClientIsServedByteByByte) {
  const auto server = Start();
  OpensslClient client(testing::TargetOf(*server));
  ASSERT_TRUE(client.Connect());
  for (const char c :
       std::string("POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"))
    client.Say(std::string(1, c));
  EXPECT_THAT(client.HearAll(), HasSubstr("POST /slow? abc"));
}

TEST_F(HttpTlsTest, AnAnswerThatIsReadSlowlyComesWhole) {
  const auto server = Start([](HttpRequest, HttpRespond respond) { respond({.body = std::string(8u << 20, 'x')}); });
  OpensslClient client(testing::TargetOf(*server));
  const int small = 128 << 10;  // less than one segment of loopback stalls for a timer each time
  setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ASSERT_TRUE(client.Connect());
  client.Say("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  EXPECT_GT(client.HearAll().size(), 8u << 20);
}

TEST_F(HttpTlsTest, OldVersionsAreRefusedAndTheOneBeforeTheNewestIsNot) {
  const auto server = Start();
  EXPECT_FALSE(OpensslClient(testing::TargetOf(*server), TLS1_1_VERSION).Connect());
  OpensslClient client(testing::TargetOf(*server), TLS1_2_VERSION);
  ASSERT_TRUE(client.Connect());
  client.Say("GET /two HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  EXPECT_THAT(client.HearAll(), HasSubstr("GET /two?"));
}

TEST_F(HttpTlsTest, RenegotiationIsRefused) {
  const auto server = Start();
  OpensslClient client(testing::TargetOf(*server), TLS1_2_VERSION);
  ASSERT_TRUE(client.Connect());
  SSL_renegotiate(client.ssl());
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
  ExpectAlive(*server);
}

TEST_F(HttpTlsTest, NewKeysAreTakenInTheMiddle) {
  const auto server = Start();
  OpensslClient client(testing::TargetOf(*server));
  ASSERT_TRUE(client.Connect());
  client.Say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\nconnection: close\r\n\r\nabc");
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  client.Say("def");
  EXPECT_THAT(client.HearAll(), HasSubstr("abcdef"));
}

TEST_F(HttpTlsTest, OnlyAProtocolThatWeSpeakIsAgreedOn) {
  const auto server = Start();
  OpensslClient other(testing::TargetOf(*server));
  SSL_set_alpn_protos(other.ssl(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  EXPECT_FALSE(other.Connect());
  OpensslClient both(testing::TargetOf(*server));
  SSL_set_alpn_protos(both.ssl(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
  EXPECT_TRUE(both.Connect());
}

TEST_F(HttpTlsTest, EachSideSaysWhenTheOtherSpeaksPlainHttp) {
  const auto secure = Start();
  const std::string heard = testing::Converse(*secure, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  EXPECT_THAT(heard, HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(heard, HasSubstr("https://"));
  const std::size_t body = heard.find("\r\n\r\n") + 4;
  EXPECT_THAT(heard, HasSubstr("content-length: " + std::to_string(heard.size() - body)));

  const auto plain = testing::StartServer(Echo);
  const auto pool = HttpClient::Create(Secure(*plain))->Call({});
  const auto connection = HttpConnection::Create(Secure(*plain))->Call({});
  for (const auto& answer : {pool, connection}) {
    ASSERT_FALSE(answer.has_value());
    EXPECT_THAT(answer.error().message, HasSubstr("ask with http://"));
    EXPECT_TRUE(IsConnectError(answer.error()));
  }
}

TEST_F(HttpTlsTest, ClientsRefuseAServerThatTheyDoNotKnow) {
  const auto server = Start();
  testing::TestAuthority stranger(folder_ / "", "stranger");
  HttpTarget unknown = Secure(*server);
  unknown.tls_client = *TlsClient::Open({.ca = stranger.ca()});
  HttpTarget misnamed = Secure(*server);
  misnamed.host = "127.0.0.1";
  const auto other = authority_.Issue("box", {.alternatives = "DNS:other.example"});
  const auto tls = TlsServer::Open({.certificate = other.certificate, .key = other.key});
  const auto wrong = testing::StartServer(Echo, {.tls = *tls});
  misnamed.port = wrong->port();
  for (const auto& target : {unknown, misnamed}) {
    for (const auto& answer :
         {HttpClient::Create(target)->Call({}), HttpConnection::Create(target)->Call({.method = "POST"})}) {
      ASSERT_FALSE(answer.has_value());
      EXPECT_EQ(answer.error().code, ErrorCode::kUnauthenticated) << answer.error().ToString();
      EXPECT_THAT(answer.error().where, HasSubstr("https://"));
    }
  }
}

// An answer that ends with its connection is whole only when TLS has ended too.
TEST_F(HttpTlsTest, AnAnswerThatWasCutOffIsNoAnswer) {
  const auto files = authority_.Issue("box");
  const auto tls = *TlsServer::Open({.certificate = files.certificate, .key = files.key});
  for (const bool says_end : {true, false}) {
    const UniqueFd listener = ListenOn("127.0.0.1", 0, "").value();
    std::thread cutter([&] {
      pollfd entry{.fd = listener.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&entry, 1, 10'000), 1);
      const UniqueFd fd(accept(listener.get(), nullptr, nullptr));
      const auto stream = tls->Accept(fd.get());
      ASSERT_EQ(stream->Handshake(), TlsStream::Step::kDone);
      char buffer[1'000];
      ASSERT_GT(stream->Read(buffer, sizeof buffer), 0);
      std::string half = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf";
      iovec piece{half.data(), half.size()};
      stream->Write({&piece, 1});
      if (says_end) stream->Close();
      shutdown(fd.get(), SHUT_WR);
      while (recv(fd.get(), buffer, sizeof buffer, 0) > 0) {
      }
    });
    HttpTarget target{.host = "localhost", .port = BoundPort(listener.get()), .tls = true};
    target.tls_client = *TlsClient::Open({.ca = authority_.ca()});
    const auto answer = HttpConnection::Create(target)->Call({.method = "POST"});
    EXPECT_EQ(answer.has_value(), says_end);
    if (!answer.has_value()) {
      EXPECT_THAT(answer.error().message, HasSubstr("without the end of TLS"));
    }
    cutter.join();
  }
}

TEST_F(HttpTlsTest, AHandshakeThatDoesNotGoOnIsEnded) {
  const auto server = Start(Echo, {.handshake = milliseconds(100)});
  RawClient silent(testing::TargetOf(*server));
  EXPECT_EQ(silent.HearAll(), "");
  RawClient half(testing::TargetOf(*server));
  const std::string hello = ClientHello();
  half.Say(hello.substr(0, hello.size() / 2));
  EXPECT_EQ(half.HearAll(), "");
  RawClient without_end(testing::TargetOf(*server));
  without_end.Say(hello);
  EXPECT_NE(without_end.HearAll(), "");
  ExpectAlive(*server);
}

TEST_F(HttpTlsTest, HandshakesCutOffAnywhereHarmNobody) {
  const auto server = Start();
  const std::string hello = ClientHello();
  for (std::size_t size = 0; size < hello.size(); size += 5) {
    RawClient client(testing::TargetOf(*server));
    client.Say(hello.substr(0, size));
    client.EndWriting();
    client.HearAll();
  }
  ExpectAlive(*server);
}

TEST_F(HttpTlsTest, RandomBytesHarmNobody) {
  const auto server = Start();
  const auto seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::string hello = ClientHello();
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    if (round % 3 == 0) {  // noise
      for (auto left = random.Below(2'000); left > 0; --left) bytes += static_cast<char>(random.Below(256));
    } else {  // a real beginning, changed at some places
      bytes = hello;
      for (auto left = random.Below(8) + 1; left > 0; --left)
        bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    RawClient client(testing::TargetOf(*server));
    client.Say(bytes);
    client.EndWriting();
    client.HearAll();
  }
  ExpectAlive(*server);
}

// Behind a good handshake: records that were tampered with reach no handler.
TEST_F(HttpTlsTest, RandomRecordsReachNoHandler) {
  std::atomic<int> reached{0};
  const auto server = Start([&](HttpRequest request, HttpRespond respond) {
    if (request.path != "/alive") ++reached;
    Echo(std::move(request), std::move(respond));
  });
  const auto seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    OpensslClient client(testing::TargetOf(*server), round % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
    ASSERT_TRUE(client.Connect());
    const auto size = random.Below(300) + 1;
    std::string record = "\x17\x03\x03";
    record += static_cast<char>(size >> 8);
    record += static_cast<char>(size & 255);
    for (std::uint64_t i = 0; i < size; ++i) record += static_cast<char>(random.Below(256));
    send(client.fd(), record.data(), record.size(), MSG_NOSIGNAL);
    client.Say("GET /forged HTTP/1.1\r\nhost: x\r\n\r\n");
    EXPECT_EQ(client.HearAll(), "");
  }
  EXPECT_EQ(reached, 0);
  ExpectAlive(*server);
}

TEST_F(HttpTlsTest, DrainingAnswersWhatIsUnderWayAndDoesNotWaitForHandshakes) {
  std::promise<HttpRespond> asked;
  const auto server = Start([&](HttpRequest, HttpRespond respond) { asked.set_value(std::move(respond)); });
  const auto pool = HttpClient::Create(Secure(*server));
  std::promise<Result<HttpResponse>> answer;
  pool->Send({.target = "/"}, [&](Result<HttpResponse> result) { answer.set_value(std::move(result)); });
  const HttpRespond respond = asked.get_future().get();
  RawClient silent(testing::TargetOf(*server));
  auto drained = std::async(std::launch::async, [&] { server->Drain(std::chrono::seconds(60)); });
  EXPECT_EQ(silent.HearAll(), "");
  respond({.body = "late"});
  const auto result = answer.get_future().get();
  ASSERT_TRUE(result.has_value()) << result.error().ToString();
  EXPECT_EQ(result->body, "late");
  EXPECT_EQ(drained.wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

}  // namespace
}  // namespace keelson::io
