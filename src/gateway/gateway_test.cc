#include "gateway/gateway.h"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "gateway/gateway_testing.h"

namespace keelson::gateway {
namespace {

using io::HttpRequest;
using io::HttpRespond;
using std::chrono::milliseconds;

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

}  // namespace
}  // namespace keelson::gateway
