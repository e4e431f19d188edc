#include <gmock/gmock.h>

#include <thread>

#include "base/random.h"
#include "io/grpc_testing.h"
#include "io/temp_folder.h"
#include "io/tls_testing.h"

namespace keelson::io {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::Frame;
using testing::GrpcReply;
using testing::GrpcTestClient;
using ::testing::HasSubstr;

// Says every message again, as it comes; ends when the client has ended, or when the server does.
class Echo final : public GrpcHandler {
 public:
  explicit Echo(std::shared_ptr<GrpcCall> call) : call_(std::move(call)) {}
  void OnMessage(std::string_view message) override { call_->Write(std::string(message)); }
  void OnHalfClose() override { call_->Finish({}); }
  void OnDrain() override { call_->Finish({GrpcCode::kUnavailable, "over"}); }

 private:
  const std::shared_ptr<GrpcCall> call_;
};

// Methods: /t/Echo, /t/Stream, /t/Fail, /t/Later (answered by another thread when `later` is called), /t/Throw.
class GrpcServerTest : public ::testing::Test {
 protected:
  ~GrpcServerTest() override {
    server_.reset();
    for (auto& thread : threads_) thread.join();
  }

  HttpTarget Start(GrpcLimits limits = {}, std::shared_ptr<const TlsServer> tls = nullptr) {
    GrpcServerOptions options;
    options.limits = limits;
    options.tls = std::move(tls);
    options.threads = 2;
    auto server = GrpcServer::Start(options, [this](const std::shared_ptr<GrpcCall>& call) { return Accept(call); });
    EXPECT_TRUE(server.has_value());
    server_ = *std::move(server);
    return {.port = server_->port()};
  }

  std::unique_ptr<GrpcHandler> Accept(const std::shared_ptr<GrpcCall>& call) {
    const std::string& method = call->request().method;
    if (method == "/t/Stream") return std::make_unique<Echo>(call);
    if (method == "/t/Refused") {
      call->Finish({GrpcCode::kUnauthenticated, "who are you?"});
      return nullptr;
    }
    return method.starts_with("/t/") && method != "/t/Unknown"
               ? MakeUnaryHandler(call, [this](const auto& asked, std::string_view message) { Answer(asked, message); })
               : nullptr;
  }

  void Answer(const std::shared_ptr<GrpcCall>& call, std::string_view message) {
    ++asked_;
    const std::string& method = call->request().method;
    if (method == "/t/Fail") return call->Finish({GrpcCode::kNotFound, "caf\xc3\xa9 100%", {{"x-why", "none"}}});
    if (method == "/t/Throw") throw std::runtime_error("thrown");
    if (method == "/t/Later") {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(call);
      return;
    }
    call->AddMetadata("x-said", std::string(FindHeader(call->request().metadata, "x-say")));
    call->Write(std::string(message) + call->request().client_certificate);
    call->Finish({GrpcCode::kOk, "", {{"x-rest", "nothing"}}});
  }

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  void AnswerWaiting() {
    std::vector<std::shared_ptr<GrpcCall>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(waiting_);
    }
    threads_.emplace_back([calls] {
      for (const auto& call : calls) {
        call->AddMetadata("x-said", "elsewhere");
        call->Answer("later");
      }
    });
  }

  std::atomic<int> asked_{0};
  std::mutex mutex_;
  std::vector<std::shared_ptr<GrpcCall>> waiting_;
  std::vector<std::thread> threads_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(GrpcServerTest, AnswersCallsOneByOneAndAllAtOnce) {
  GrpcTestClient client(Start());
  const GrpcReply reply = client.Call("/t/Echo", "hello", {{"x-say", "this"}, {"x-request-id", "mine-1"}});
  EXPECT_EQ(reply.status(), 0) << reply.message();
  EXPECT_THAT(reply.messages(), ElementsAre("hello"));
  EXPECT_EQ(reply.headers.at("x-said"), "this");
  EXPECT_EQ(reply.headers.at("x-rest"), "nothing");
  EXPECT_EQ(reply.headers.at("x-request-id"), "mine-1");
  EXPECT_EQ(reply.headers.at("content-type"), "application/grpc");
  EXPECT_THAT(client.Call("/t/Echo", "").messages(), ElementsAre(""));

  std::vector<std::int32_t> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(client.Begin("/t/Echo", Frame(std::to_string(i))));
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(client.Wait(streams[static_cast<std::size_t>(i)]).messages(), ElementsAre(std::to_string(i)));
  }
}

TEST_F(GrpcServerTest, CarriesLargeMessagesBothWays) {
  GrpcTestClient client(Start());
  std::string large(20u << 20, 'a');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
  const GrpcReply reply = client.Call("/t/Echo", large);
  ASSERT_EQ(reply.status(), 0) << reply.message();
  EXPECT_TRUE(reply.messages().at(0) == large);
}

TEST_F(GrpcServerTest, TellsErrorsByStatusAndMessage) {
  GrpcTestClient client(Start());
  const GrpcReply failed = client.Call("/t/Fail", "x");
  EXPECT_EQ(failed.status(), 5);
  EXPECT_EQ(failed.headers.at("x-why"), "none");
  EXPECT_EQ(failed.message(), "caf%C3%A9 100%25");
  EXPECT_EQ(client.Call("/t/Unknown", "x").status(), 12);
  EXPECT_EQ(client.Call("/t/Refused", "x").status(), 16);
  EXPECT_EQ(client.Call("/t/Throw", "x").status(), 13);
  EXPECT_EQ(client.Wait(client.Begin("/t/Echo", "")).status(), 13);                       // no message
  EXPECT_EQ(client.Wait(client.Begin("/t/Echo", Frame("a").substr(0, 5))).status(), 13);  // half a one
  EXPECT_EQ(client.Wait(client.Begin("/t/Echo", "\3\1\1\1\1x")).status(), 13);            // no framing
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"grpc-encoding", "snappy"}}).status(), 12);
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"grpc-timeout", "soon"}}).status(), 13);
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"content-type", "text/plain"}}).headers.at(":status"), "415");
  EXPECT_EQ(client.Call("/t/Echo", "x", {{":method", "PUT"}}).headers.at(":status"), "405");
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"x-long", std::string(40'000, 'h')}}).status(), 8);
  EXPECT_EQ(client.Call("/t/Echo", "x").status(), 0);  // the connection is as good as before
}

TEST_F(GrpcServerTest, RefusesMessagesOverTheLimitAndStaysUsable) {
  GrpcLimits limits;
  limits.message_bytes = 100'000;
  GrpcTestClient client(Start(limits));
  const GrpcReply reply = client.Call("/t/Echo", std::string(5u << 20, 'x'));
  EXPECT_EQ(reply.status(), 8);
  EXPECT_THAT(reply.message(), HasSubstr("Received message larger than max (5242880 vs. 100000)"));
  EXPECT_EQ(client.Call("/t/Echo", std::string(100'000, 'x')).status(), 0);
  std::string bomb;
  AppendGrpcMessage(std::string(1'000'000, 'b'), "gzip", &bomb);
  EXPECT_EQ(client.Wait(client.Begin("/t/Echo", bomb, {{"grpc-encoding", "gzip"}})).status(), 8);
  EXPECT_EQ(asked_, 1);
}

TEST_F(GrpcServerTest, CompressesAsItWasAsked) {
  GrpcTestClient client(Start());
  const std::string text(50'000, 't');
  for (const std::string encoding : {"gzip", "deflate"}) {
    std::string framed;
    AppendGrpcMessage(text, encoding, &framed);
    const GrpcReply reply = client.Wait(client.Begin(
        "/t/Echo", framed, {{"grpc-encoding", encoding}, {"grpc-accept-encoding", "identity," + encoding}}));
    ASSERT_EQ(reply.status(), 0) << reply.message();
    EXPECT_EQ(reply.headers.at("grpc-encoding"), encoding);
    EXPECT_LT(reply.bytes.size(), 5'000U);
    EXPECT_THAT(reply.messages(), ElementsAre(text));
    const GrpcReply plain = client.Wait(
        client.Begin("/t/Echo", framed, {{"grpc-encoding", encoding}, {"grpc-accept-encoding", "identity"}}));
    EXPECT_EQ(plain.bytes.size(), text.size() + 5);
  }
}

TEST_F(GrpcServerTest, StreamsBothWays) {
  GrpcTestClient client(Start());
  const std::int32_t stream = client.Begin("/t/Stream", Frame("one"), {}, /*more=*/true);
  ASSERT_TRUE(client.Until([&] { return client.reply(stream).messages().size() == 1; }));
  client.Send(stream, Frame("two") + Frame("three").substr(0, 6), true);
  ASSERT_TRUE(client.Until([&] { return client.reply(stream).messages().size() == 2; }));
  client.Send(stream, Frame("three").substr(6), false);
  const GrpcReply reply = client.Wait(stream);
  EXPECT_EQ(reply.status(), 0);
  EXPECT_THAT(reply.messages(), ElementsAre("one", "two", "three"));
}

TEST_F(GrpcServerTest, EndsACallAtItsDeadlineAndComputesNoneThatIsOver) {
  GrpcTestClient client(Start());
  const GrpcReply late = client.Call("/t/Later", "x", {{"grpc-timeout", "300m"}});
  EXPECT_EQ(late.status(), 4);
  EXPECT_EQ(late.message(), "Deadline Exceeded");
  EXPECT_EQ(waiting(), 1U);
  AnswerWaiting();  // nobody waits for it any more
  const int before = asked_;
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"grpc-timeout", "1n"}}).status(), 4);
  EXPECT_EQ(asked_, before);
  EXPECT_EQ(client.Call("/t/Echo", "x", {{"grpc-timeout", "1H"}}).status(), 0);
}

TEST_F(GrpcServerTest, AnswersFromOtherThreadsAndSurvivesClientsThatLeave) {
  const HttpTarget target = Start();
  {
    GrpcTestClient gone(target);
    const std::int32_t cancelled = gone.Begin("/t/Later", Frame("x"));
    ASSERT_TRUE(gone.Until([&] { return waiting() == 1; }));
    gone.Cancel(cancelled);
    gone.Begin("/t/Later", Frame("x"));
    ASSERT_TRUE(gone.Until([&] { return waiting() == 2; }));
  }
  AnswerWaiting();
  GrpcTestClient client(target);
  const std::int32_t stream = client.Begin("/t/Later", Frame("x"));
  ASSERT_TRUE(client.Until([&] { return waiting() == 1; }));
  AnswerWaiting();
  const GrpcReply reply = client.Wait(stream);
  EXPECT_THAT(reply.messages(), ElementsAre("later"));
  EXPECT_EQ(reply.headers.at("x-said"), "elsewhere");
}

TEST_F(GrpcServerTest, DrainsWithGoawayAndLosesNoCall) {
  GrpcTestClient client(Start());
  EXPECT_EQ(client.Call("/t/Echo", "x").status(), 0);
  const std::int32_t later = client.Begin("/t/Later", Frame("x"));
  const std::int32_t streaming = client.Begin("/t/Stream", Frame("x"), {}, true);
  ASSERT_TRUE(client.Until([&] { return waiting() == 1 && !client.reply(streaming).bytes.empty(); }));
  std::thread drain([&] { server_->Drain(milliseconds(10'000)); });
  ASSERT_TRUE(client.Until([&] { return client.goaways() > 0; }));
  EXPECT_EQ(client.Wait(streaming).status(), 14);
  AnswerWaiting();
  EXPECT_THAT(client.Wait(later).messages(), ElementsAre("later"));
  EXPECT_TRUE(client.Until([&] { return client.ended(); }));
  drain.join();
  EXPECT_FALSE(StartConnect({.port = server_->port()}).has_value() &&
               GrpcTestClient({.port = server_->port()}).Call("/t/Echo", "x").status() == 0);
}

TEST_F(GrpcServerTest, PingsWhoIsSilentAndClosesWhoDoesNotAnswer) {
  GrpcLimits limits;
  limits.keepalive = milliseconds(50);
  limits.unanswered = milliseconds(2'000);
  limits.idle = milliseconds(1'000);
  const HttpTarget target = Start(limits);
  GrpcTestClient client(target);
  const std::int32_t stream = client.Begin("/t/Stream", Frame("x"), {}, true);
  EXPECT_TRUE(client.Until([&] { return client.pings() >= 2; }));  // it answers, and goes on living
  client.Ping();
  EXPECT_TRUE(client.Until([&] { return client.pongs() == 1; }));
  client.Send(stream, "", false);
  EXPECT_EQ(client.Wait(stream).status(), 0);
  EXPECT_TRUE(client.Until([&] { return client.goaways() > 0 && client.ended(); }));  // idle

  GrpcTestClient dead(target);
  const std::int32_t last = dead.Begin("/t/Stream", Frame("x"), {}, true);
  ASSERT_TRUE(dead.Until([&] { return !dead.reply(last).bytes.empty(); }));
  EXPECT_TRUE(dead.IsClosed());  // it reads nothing and so answers no ping
}

TEST_F(GrpcServerTest, EndsWhatComesTooSlowly) {
  GrpcLimits limits;
  limits.slow = milliseconds(60);
  GrpcTestClient client(Start(limits));
  const std::int32_t half = client.Begin("/t/Echo", Frame("xyz").substr(0, 6), {}, true);
  const std::int32_t nothing = client.Begin("/t/Echo", "", {}, true);
  EXPECT_EQ(client.Wait(half).status(), 4);
  EXPECT_EQ(client.Wait(nothing).status(), 4);
  limits.slow = GrpcLimits().slow;
  limits.handshake = milliseconds(60);
  auto silent = StartConnect(Start(limits));
  ASSERT_TRUE(silent.has_value());
  pollfd waiting{silent->get(), POLLIN, 0};
  char bytes[4'096];
  ssize_t count = 1;
  while (count > 0 && poll(&waiting, 1, 10'000) > 0) count = recv(silent->get(), bytes, sizeof bytes, 0);
  EXPECT_EQ(count, 0);  // closed
}

TEST_F(GrpcServerTest, TellsWhoeverSpeaksHttp1) {
  auto fd = StartConnect(Start());
  ASSERT_TRUE(fd.has_value());
  pollfd writable{fd->get(), POLLOUT, 0};
  ASSERT_GT(poll(&writable, 1, 10'000), 0);
  const std::string_view request = "GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
  ASSERT_EQ(send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  pollfd readable{fd->get(), POLLIN, 0};
  std::string answer;
  char bytes[4'096];
  while (poll(&readable, 1, 10'000) > 0) {
    const ssize_t count = recv(fd->get(), bytes, sizeof bytes, 0);
    if (count <= 0) break;
    answer.append(bytes, static_cast<std::size_t>(count));
  }
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400 Bad Request"));
  EXPECT_THAT(answer, HasSubstr("this port speaks gRPC"));
}

TEST_F(GrpcServerTest, SurvivesBytesAtRandom) {
  const HttpTarget target = Start();
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    GrpcTestClient client(target);
    client.Begin("/t/Echo", Frame(std::string(50, 'x')), {}, true);
    std::string bytes;
    for (std::uint64_t i = random.Below(200); i > 0; --i) {
      bytes.push_back(static_cast<char>(random.Below(random.Below(2) == 0 ? 10 : 256)));
    }
    client.SendRaw(bytes);
    client.Turn(0);
  }
  EXPECT_EQ(GrpcTestClient(target).Call("/t/Echo", "x").status(), 0);
}

TEST_F(GrpcServerTest, SpeaksTlsAndMutualTls) {
  const auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  testing::TestAuthority authority(folder->path(), "authority");
  const auto server = authority.Issue("server");
  const auto person = authority.Issue("person", {.name = "ada"});
  auto tls = TlsServer::Open({.certificate = server.certificate, .key = server.key, .client_ca = authority.ca()});
  ASSERT_TRUE(tls.has_value()) << tls.error().ToString();
  HttpTarget target = Start({}, *tls);
  target.host = "127.0.0.1";
  target.tls = true;
  target.tls_client = *TlsClient::Open({.ca = authority.ca()});
  EXPECT_THAT(GrpcTestClient(target).Call("/t/Echo", "x").messages(), ElementsAre("x"));
  target.tls_client = *TlsClient::Open({authority.ca(), person.certificate, person.key});
  GrpcTestClient known(target);
  EXPECT_THAT(known.Call("/t/Echo", "x").messages().at(0), HasSubstr("ada"));
  const std::string large(3u << 20, 'l');
  EXPECT_TRUE(known.Call("/t/Echo", large).messages().at(0).starts_with(large));
}

}  // namespace
}  // namespace keelson::io
