#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <condition_variable>
#include <set>
#include <thread>

#include "base/hash.h"
#include "gateway/endpoint.h"
#include "io/http_testing.h"

namespace keelson::gateway {
namespace {

using io::HttpCall;
using io::HttpRequest;
using io::HttpRespond;
using io::HttpResponse;
using io::testing::StartServer;
using io::testing::TempFolder;
using std::chrono::milliseconds;

// What was answered, by request id; waits for it.
class Answers {
 public:
  std::function<void(Result<HttpResponse>)> For(const std::string& id) {
    return [this, id](Result<HttpResponse> result) {
      const std::lock_guard lock(mutex_);
      ++count_;
      answers_.insert_or_assign(id, std::move(result));
      changed_.notify_all();
    };
  }
  bool WaitFor(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return count_ >= count; });
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  Result<HttpResponse> Of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(id);
    return found == answers_.end() ? Fail(ErrorCode::kInternal, "no answer") : found->second;
  }
  std::string BodyOf(const std::string& id) const {
    const auto result = Of(id);
    return result.has_value() ? result->body : result.error().ToString();
  }
  std::string VersionOf(const std::string& id) const {
    const auto result = Of(id);
    return result.has_value() ? std::string(io::FindHeader(result->headers, "x-keelson-version"))
                              : result.error().ToString();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Result<HttpResponse>> answers_;
  int count_ = 0;
};

io::HttpHandler Say(const std::string& text, int status = 200, const io::HttpHeaders& headers = {}) {
  return [text, status, headers](const HttpRequest& request, const HttpRespond& respond) {
    respond({.status = status,
             .content_type = "text/plain",
             .headers = headers,
             .body = text + " " + request.request_id + " " + request.body});
  };
}

// A replica that refuses without having done anything, and counts how often.
io::HttpHandler Refuse(int status, std::atomic<int>* refused) {
  return [status, refused](const HttpRequest&, const HttpRespond& respond) {
    ++*refused;
    respond(
        {.status = status, .headers = {{std::string(kUntouchedHeader), "1"}, {"retry-after", "1"}}, .body = "refused"});
  };
}

// Keeps requests until told to answer.
struct Keeper {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<HttpRespond> kept;

  io::HttpHandler Handler() {
    return [this](const HttpRequest&, HttpRespond respond) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(respond));
      changed.notify_all();
    };
  }
  bool WaitFor(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return kept.size() >= count; });
  }
  void AnswerAll() {
    std::vector<HttpRespond> all;
    {
      const std::lock_guard lock(mutex);
      all.swap(kept);
    }
    for (const HttpRespond& respond : all) respond({.body = "kept"});
  }
};

class GatewayTest : public ::testing::Test {
 protected:
  std::string Address(const std::string& name) const { return "unix:" + (folder_ / name); }
  std::unique_ptr<io::HttpServer> Replica(const std::string& name, io::HttpHandler handler) const {
    return StartServer(std::move(handler), {.unix_socket = folder_ / name});
  }
  void Ask(const std::string& id, const std::string& endpoint = "m") {
    Ask({.endpoint = endpoint, .request_id = id, .call = {}});
  }
  void Ask(GatewayRequest request) {
    request.call = {.method = "POST", .target = "/v2/models/m/infer", .body = "x"};
    const std::string id = request.request_id;
    gateway_->Forward(std::move(request), answers_.For(id));
  }

  TempFolder folder_;
  Answers answers_;
  std::unique_ptr<Gateway> gateway_ = Gateway::Create();
};

TEST_F(GatewayTest, ForwardsAndNamesTheVersion) {
  const auto replica = Replica("a", Say("hello"));
  gateway_->Configure({.name = "m", .backends = {{"7", 100, {Address("a")}}}});
  EXPECT_TRUE(gateway_->Has("m"));
  Ask("r1");
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_EQ(answers_.BodyOf("r1"), "hello r1 x");
  EXPECT_EQ(answers_.VersionOf("r1"), "7");
  const EndpointStats stats = gateway_->Stats("m");
  EXPECT_EQ(stats.backends.at("7").requests, 1u);
  EXPECT_EQ(stats.backends.at("7").errors, 0u);
  EXPECT_EQ(stats.backends.at("7").recent_latencies_us.size(), 1u);
  EXPECT_TRUE(stats.idle_for.has_value());
}

TEST_F(GatewayTest, AnUnknownEndpointIsNotFound) {
  EXPECT_FALSE(gateway_->Has("m"));
  Ask("r1");
  ASSERT_EQ(answers_.count(), 1);
  EXPECT_EQ(answers_.Of("r1").error().code, ErrorCode::kNotFound);
}

TEST_F(GatewayTest, TheRequestIdAloneDecidesTheVersion) {
  const auto one = Replica("a", Say("1"));
  const auto two = Replica("b", Say("2"));
  const int kRequests = 2000;
  std::set<std::string> smaller_share;
  int asked = 0;
  for (const int share : {5, 5, 25}) {
    gateway_->Configure({.name = "m", .backends = {{"1", 100 - share, {Address("a")}}, {"2", share, {Address("b")}}}});
    for (int i = 0; i < kRequests; ++i) Ask("flight-" + std::to_string(i));
    ASSERT_TRUE(answers_.WaitFor(asked += kRequests));
    std::set<std::string> second;
    for (int i = 0; i < kRequests; ++i) {
      const std::string id = "flight-" + std::to_string(i);
      const auto place = static_cast<int>(((StableHash("m\n" + id) >> 32) * 100) >> 32);
      EXPECT_EQ(answers_.VersionOf(id), place < 100 - share ? "1" : "2");
      if (answers_.VersionOf(id) == "2") second.insert(id);
    }
    EXPECT_NEAR(static_cast<double>(second.size()), kRequests * share / 100.0, kRequests * 0.03);
    for (const std::string& id : smaller_share)
      EXPECT_TRUE(second.contains(id)) << "a share that grows keeps its requests: " << id;
    smaller_share = second;
  }
}

TEST(PlaceOfTest, SharesFollowTheWeightsAndARequestKeepsItsPlace) {
  EXPECT_EQ(PlaceOf(7, {}), std::nullopt);
  EXPECT_EQ(PlaceOf(7, std::array{0, -3}), std::nullopt);
  EXPECT_EQ(PlaceOf(0, std::array{0, 1}), 1u);
  std::array<int, 2> counts{};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t hash = RouteHash("m", std::to_string(i));
    const auto place = PlaceOf(hash, std::array{95, 5});
    ASSERT_TRUE(place);
    ++counts[*place];
    if (*place == 0) continue;
    EXPECT_EQ(PlaceOf(hash, std::array{75, 25}), 1u) << "a larger share holds the smaller one";
  }
  EXPECT_NEAR(counts[1], 500, 100);
}

TEST_F(GatewayTest, HoldsWhileNothingIsReadyAndReleasesAtTheFirstReplica) {
  gateway_->Configure({.name = "m", .backends = {{"1", 0, {}}}});
  for (int i = 0; i < 50; ++i) Ask("r" + std::to_string(i));
  EXPECT_EQ(answers_.count(), 0);
  EXPECT_EQ(gateway_->Stats("m").held, 50);
  EXPECT_FALSE(gateway_->Stats("m").idle_for.has_value());
  const auto replica = Replica("a", Say("late"));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}});
  ASSERT_TRUE(answers_.WaitFor(50));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(answers_.VersionOf("r" + std::to_string(i)), "1");
  EXPECT_EQ(gateway_->Stats("m").held, 0);
}

TEST_F(GatewayTest, AVersionWithoutAReplicaHoldsItsShare) {
  const auto one = Replica("a", Say("1"));
  gateway_->Configure({.name = "m", .backends = {{"1", 50, {Address("a")}}, {"2", 50, {}}}});
  for (int i = 0; i < 100; ++i) Ask("r" + std::to_string(i));
  const int held = gateway_->Stats("m").held;
  EXPECT_GT(held, 20);
  ASSERT_TRUE(answers_.WaitFor(100 - held));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}, {"2", 0, {}}}});  // rolled back
  ASSERT_TRUE(answers_.WaitFor(100));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(answers_.VersionOf("r" + std::to_string(i)), "1");
}

TEST_F(GatewayTest, HoldingHasALimitAndAnEnd) {
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {}}}, .hold_limit = 2, .hold_timeout = milliseconds(30)});
  for (const char* id : {"a", "b", "c"}) Ask(id);
  ASSERT_EQ(answers_.count(), 1);
  EXPECT_EQ(answers_.Of("c").error().code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(answers_.WaitFor(3));
  EXPECT_EQ(answers_.Of("a").error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(answers_.Of("b").error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(gateway_->Stats("m").backends.at("1").errors, 3u);
}

TEST_F(GatewayTest, RemovingAnEndpointEndsWhatItHolds) {
  gateway_->Configure({.name = "m", .backends = {{"1", 0, {}}}});
  Ask("a");
  gateway_->Remove("m");
  ASSERT_EQ(answers_.count(), 1);
  EXPECT_EQ(answers_.Of("a").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(gateway_->Has("m"));
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

TEST_F(GatewayTest, ARequestMayNameItsVersion) {
  const auto one = Replica("a", Say("one"));
  const auto two = Replica("b", Say("two"));
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}, {"2", 0, {Address("b")}}, {"3", 0, {}}}});
  EXPECT_EQ(gateway_->Versions("m"), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_TRUE(gateway_->Versions("none").empty());
  for (int i = 0; i < 20; ++i) Ask({.endpoint = "m", .request_id = std::to_string(i), .call = {}, .version = "2"});
  ASSERT_TRUE(answers_.WaitFor(20));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(answers_.VersionOf(std::to_string(i)), "2");
  Ask({.endpoint = "m", .request_id = "unknown", .call = {}, .version = "4"});
  ASSERT_TRUE(answers_.WaitFor(21));
  EXPECT_EQ(answers_.Of("unknown").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(answers_.Of("unknown").error().message, "Model with name m has no version 4; it has: 1, 2, 3");
  Ask({.endpoint = "m", .request_id = "third", .call = {}, .version = "3"});
  EXPECT_EQ(gateway_->Stats("m").backends.at("3").held, 1);
  EXPECT_EQ(gateway_->Stats("m").backends.at("1").held, 0);
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}});  // it never came up
  ASSERT_TRUE(answers_.WaitFor(22));
  EXPECT_EQ(answers_.Of("third").error().code, ErrorCode::kNotFound);
}

TEST_F(GatewayTest, ADeadlineEndsHoldingAndIsToldToTheReplica) {
  std::string told;
  const auto replica = Replica("a", [&told](const HttpRequest& request, const HttpRespond& respond) {
    told = io::FindHeader(request.headers, kTimeoutHeader);
    respond({.body = "x"});
  });
  const auto now = std::chrono::steady_clock::now();
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}, {"2", 0, {}}}});
  Ask({.endpoint = "m", .request_id = "a", .call = {}, .deadline = now + std::chrono::hours(1)});
  ASSERT_TRUE(answers_.WaitFor(1));
  EXPECT_GT(std::stoll(told), 0);
  EXPECT_LE(std::stoll(told), 3'600'000'000);
  Ask("b");
  ASSERT_TRUE(answers_.WaitFor(2));
  EXPECT_EQ(told, "");
  Ask({.endpoint = "m", .request_id = "late", .call = {}, .deadline = now});
  ASSERT_TRUE(answers_.WaitFor(3));
  EXPECT_EQ(answers_.Of("late").error().code, ErrorCode::kDeadlineExceeded);
  Ask({.endpoint = "m",
       .request_id = "held",
       .call = {},
       .version = "2",
       .deadline = std::chrono::steady_clock::now() + milliseconds(30)});
  ASSERT_TRUE(answers_.WaitFor(4));  // long before holding would end
  EXPECT_EQ(answers_.Of("held").error().code, ErrorCode::kDeadlineExceeded);
}

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

TEST_F(GatewayTest, TheLeastBusyReplicaIsChosen) {
  Keeper a;
  Keeper b;
  const auto first = Replica("a", a.Handler());
  const auto second = Replica("b", b.Handler());
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a"), Address("b")}}}});
  for (int i = 0; i < 10; ++i) Ask("r" + std::to_string(i));
  ASSERT_TRUE(a.WaitFor(5));
  ASSERT_TRUE(b.WaitFor(5));
  EXPECT_EQ(gateway_->Stats("m").in_flight, 10);
  a.AnswerAll();
  ASSERT_TRUE(answers_.WaitFor(5));
  for (int i = 10; i < 15; ++i) Ask("r" + std::to_string(i));
  ASSERT_TRUE(a.WaitFor(5));
  a.AnswerAll();
  b.AnswerAll();
  EXPECT_TRUE(answers_.WaitFor(15));
}

TEST_F(GatewayTest, TheEndOfTheGatewayEndsEveryRequest) {
  Keeper keeper;
  const auto replica = Replica("a", keeper.Handler());
  gateway_->Configure({.name = "m", .backends = {{"1", 100, {Address("a")}}}});
  gateway_->Configure({.name = "n", .backends = {{"1", 100, {}}}});
  Ask("under way");
  Ask("held", "n");
  ASSERT_TRUE(keeper.WaitFor(1));
  gateway_.reset();
  ASSERT_EQ(answers_.count(), 2);
  EXPECT_EQ(answers_.Of("under way").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answers_.Of("held").error().code, ErrorCode::kUnavailable);
}

// Replicas come and go (drained, killed, scaled to zero) under load from eight threads and from a server's own I/O
// threads.
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
