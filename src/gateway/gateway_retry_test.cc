#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/gateway_testing.h"

// What becomes of a request when a replica dies, refuses or fails.
namespace keelson::gateway {
namespace {

using io::HttpCall;
using io::HttpRequest;
using io::HttpRespond;
using io::HttpResponse;
using io::testing::StartServer;
using std::chrono::milliseconds;

TEST_F(GatewayTest, OtherErrorsOfTheReplicaAreItsAnswer) {
  const auto replica = Replica("a", Say("wrong", 500));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}});
  Ask("r");
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_EQ(answers_.Of("r")->status, 500);
  EXPECT_EQ(gateway_->Stats("m").backends.at("1").errors, 1u);
}

TEST_F(GatewayTest, ASlowReplicaIsNotAskedTwice) {
  Keeper keeper;
  const auto replica = Replica("a", keeper.Handler());
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}, .timeout = milliseconds(30)});
  Ask("r");
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_EQ(answers_.Of("r").error().code, ErrorCode::kDeadlineExceeded);
  const std::lock_guard lock(keeper.mutex);
  EXPECT_EQ(keeper.kept.size(), 1u);
}

TEST_F(GatewayTest, AReplicaThatDiesInTheMiddleIsReplacedByAnother) {
  Keeper keeper;
  auto dying = Replica("a", keeper.Handler());
  const auto other = Replica("b", Say("other"));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a"), Address("b")}}}});
  for (int i = 0; i < 20; ++i) Ask("r" + std::to_string(i));
  ASSERT_TRUE(keeper.WaitFor(1));
  dying.reset();
  ASSERT_TRUE(answers_.WaitFor(20));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(answers_.BodyOf("r" + std::to_string(i)), ::testing::StartsWith("other"));
  EXPECT_EQ(gateway_->Stats("m").backends.at("1").errors, 0u);
}

TEST_F(GatewayTest, TheOnlyReplicaMayDieAndComeBack) {
  Keeper keeper;
  auto dying = Replica("a", keeper.Handler());
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}});
  Ask("r");
  ASSERT_TRUE(keeper.WaitFor(1));
  dying.reset();
  while (gateway_->Stats("m").held == 0 && answers_.count() == 0) std::this_thread::yield();
  const auto back = Replica("a", Say("back"));
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_EQ(answers_.BodyOf("r"), "back r x");
}

TEST_F(GatewayTest, ARequestThatBreaksReplicasIsGivenUp) {
  auto listener = io::ListenOn("127.0.0.1", 0, "");
  ASSERT_TRUE(listener.has_value());
  std::atomic<bool> stop{false};
  std::atomic<int> broken{0};
  std::thread breaker([&] {
    while (!stop) {
      pollfd entry{.fd = listener->get(), .events = POLLIN, .revents = 0};
      if (poll(&entry, 1, 20) <= 0) continue;
      io::UniqueFd client(accept(listener->get(), nullptr, nullptr));
      char byte = 0;
      if (client && recv(client.get(), &byte, 1, 0) == 1) ++broken;
    }
  });
  gateway_->Configure({.name = "m",
                       .backends = {{"1", 100, {"http://127.0.0.1:" + std::to_string(io::BoundPort(listener->get()))}}},
                       .retries = 2});
  Ask("r");
  EXPECT_TRUE(answers_.WaitFor(1));
  stop = true;
  breaker.join();
  EXPECT_EQ(answers_.Of("r").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(broken, 3);
  EXPECT_EQ(gateway_->Stats("m").backends.at("1").errors, 1u);
}

TEST_F(GatewayTest, AReplicaThatIsNotReadyIsPassedOverAndWaitedFor) {
  std::atomic<int> refused{0};
  const auto ending = Replica("a", Refuse(503, &refused));
  const auto other = Replica("b", Say("other"));
  EndpointConfig config{
      .name = "m", .backends = {{"1", 100, {Address("a"), Address("b")}}}, .hold_timeout = milliseconds(50)};
  gateway_->Configure(config);
  for (int i = 0; i < 10; ++i) Ask("r" + std::to_string(i));
  ASSERT_TRUE(answers_.WaitFor(10));
  for (int i = 0; i < 10; ++i) EXPECT_THAT(answers_.BodyOf("r" + std::to_string(i)), ::testing::StartsWith("other"));
  EXPECT_GT(refused, 0);
  config.backends[0].addresses.pop_back();
  gateway_->Configure(config);
  Ask("last");
  ASSERT_TRUE(answers_.WaitFor(11));
  ASSERT_TRUE(answers_.Of("last").has_value());
  EXPECT_EQ(answers_.Of("last")->status, 503);
  EXPECT_EQ(answers_.VersionOf("last"), "1");
  EXPECT_EQ(io::FindHeader(answers_.Of("last")->headers, kUntouchedHeader), "");
}

TEST_F(GatewayTest, AFullQueueSendsARequestToEachOtherReplicaOnceAndThenBack) {
  std::atomic<int> refused{0};
  std::vector<std::unique_ptr<io::HttpServer>> replicas;
  EndpointConfig config{.name = "m", .backends = {{"1", 100, {}}}, .retries = 9};
  for (const char* name : {"a", "b", "c"}) {
    replicas.push_back(Replica(name, Refuse(429, &refused)));
    config.backends[0].addresses.push_back(Address(name));
  }
  gateway_->Configure(config);
  Ask("r1");
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_EQ(answers_.Of("r1")->status, 429);
  EXPECT_EQ(io::FindHeader(answers_.Of("r1")->headers, "retry-after"), "1");
  EXPECT_EQ(answers_.VersionOf("r1"), "1");
  EXPECT_EQ(refused, 3);
  config.retries = 1;
  gateway_->Configure(config);
  Ask("r2");
  ASSERT_TRUE(answers_.WaitFor(2));
  EXPECT_EQ(answers_.Of("r2")->status, 429);
  EXPECT_EQ(refused, 5);
  const EndpointStats stats = gateway_->Stats("m");
  EXPECT_EQ(stats.backends.at("1").requests, 2u);
  EXPECT_EQ(stats.backends.at("1").errors, 0u);
  EXPECT_EQ(stats.held + stats.in_flight, 0);
  // One of them has room again.
  replicas[1].reset();
  replicas[1] = Replica("b", Say("room"));
  config.retries = 9;
  gateway_->Configure(config);
  for (int i = 0; i < 6; ++i) Ask("s" + std::to_string(i));
  ASSERT_TRUE(answers_.WaitFor(8));
  for (int i = 0; i < 6; ++i) EXPECT_THAT(answers_.BodyOf("s" + std::to_string(i)), ::testing::StartsWith("room"));
}

TEST_F(GatewayTest, ARefusalThatMayHaveComputedIsTheAnswer) {
  std::atomic<int> asked{0};
  for (const int status : {429, 503}) {
    const auto count = [&asked, status](const HttpRequest&, const HttpRespond& respond) {
      ++asked;
      respond({.status = status, .body = "after all"});
    };
    const std::string id = std::to_string(status);
    const auto one = Replica(id + "a", count);
    const auto two = Replica(id + "b", count);
    gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address(id + "a"), Address(id + "b")}}}});
    Ask(id);
    ASSERT_TRUE(answers_.WaitFor(status == 429 ? 1 : 2));
    EXPECT_EQ(answers_.Of(id)->status, status);
  }
  EXPECT_EQ(asked, 2);
}

TEST_F(GatewayTest, NoRequestIsLostWhileReplicasComeAndGo) {
  const auto front = StartServer(
      [this](HttpRequest request, HttpRespond respond) {
        const std::string id = request.request_id;
        gateway_->Forward({.endpoint = "m",
                           .request_id = id,
                           .call = {.method = "POST", .target = "/", .body = std::move(request.body)}},
                          [respond = std::move(respond)](Result<HttpResponse> result) {
                            respond(result.has_value()
                                        ? *std::move(result)
                                        : HttpResponse{.status = 599, .body = result.error().ToString()});
                          });
      },
      {.threads = 2});
  gateway_->Configure({.name = "m", .backends = {{"1", 0, {}}}});
  std::atomic<bool> stop{false};
  std::atomic<int> asked{0};
  std::vector<std::string> failures;
  std::mutex failures_mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const auto connection = io::HttpConnection::Create(io::testing::TargetOf(*front));
      for (int i = 0; !stop; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const HttpCall call{.method = "POST", .headers = {{"x-request-id", id}}, .body = "x"};
        const auto response = connection->Call(call);
        ++asked;
        if (response.has_value() && response->status == 200 && response->body.ends_with(" " + id + " x")) continue;
        const std::lock_guard lock(failures_mutex);
        failures.push_back(id + ": " + (response.has_value() ? response->body : response.error().ToString()));
      }
    });
  }
  std::vector<std::pair<std::string, std::unique_ptr<io::HttpServer>>> replicas;
  for (int round = 0; round < 40; ++round) {
    const int before = asked;
    const std::string name = "replica" + std::to_string(round);
    replicas.emplace_back(name, Replica(name, Say(name)));
    std::vector<std::string> addresses;
    for (const auto& [known, server] : replicas) addresses.push_back(Address(known));
    const int share = round % 3 * 25;
    gateway_->Configure({.name = "m", .backends = {{"1", 100 - share, addresses}, {"2", share, {Address(name)}}}});
    while (asked < before + 40) std::this_thread::yield();
    if (replicas.size() < 3) continue;
    if (round % 2 == 0) replicas.front().second->Drain(std::chrono::seconds(1));  // else killed
    replicas.erase(replicas.begin());
    if (round % 8 == 7) {
      gateway_->Configure({.name = "m", .backends = {{"1", 0, {}}}});
      replicas.clear();
    }
  }
  const auto last = Replica("last", Say("last"));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("last")}}}});
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(failures.empty()) << failures.size() << " of " << asked << ", the first: " << failures[0];
  EXPECT_GE(asked, 1600);
}

}  // namespace
}  // namespace keelson::gateway
