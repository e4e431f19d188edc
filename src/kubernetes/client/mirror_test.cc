#include "kubernetes/client/mirror.h"

#include <gtest/gtest.h>

#include <atomic>

#include "kubernetes/client/api_server_testing.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::Client;
using testing::Event;
using testing::FakeApiServer;
using testing::Pod;
using testing::PodList;
using testing::Pods;
using testing::Says;
using testing::SaysNo;

constexpr milliseconds kLong{60'000};

FakeApiServer::Answer List(const std::vector<json>& items, const std::string& version) {
  return FakeApiServer::Always(Says(200, PodList(items, version)));
}

// Names and versions: "a:1 b:2".
std::string Told(const Mirror::Objects& objects) {
  std::string text;
  for (const auto& [name, object] : objects) {
    if (!text.empty()) text += ' ';
    text += name.second + ":" + ResourceVersionOf(*object);
  }
  return text;
}

// What the mirror shows once it shows `wanted`, or at the end of the patience.
std::string Await(const Mirror& mirror, const std::string& wanted) {
  const auto shown = mirror.Await([&](const auto& objects) { return Told(objects) == wanted; }, kLong);
  const auto now = mirror.Snapshot();
  return shown ? Told(*shown) : now ? Told(*now) : "nothing";
}

std::string FromOf(const io::HttpRequest& request) {
  return io::QueryValue(request.query, "resourceVersion").value_or("");
}

class MirrorTest : public ::testing::Test {
 protected:
  // The requests, once there are so many.
  static std::vector<io::HttpRequest> Requests(const FakeApiServer& server, std::size_t count) {
    for (int i = 0; i < 60'000 && server.requests().size() < count; ++i) std::this_thread::sleep_for(milliseconds(1));
    return server.requests();
  }
  FakeApiServer server_{{FakeApiServer::Always(SaysNo(503, "ServiceUnavailable"))}};
  Client client_{server_.address(), {.first_wait = milliseconds(2), .longest_wait = milliseconds(4)}};
};

TEST_F(MirrorTest, ListsAndFollows) {
  server_.Script({List({Pod("a", "1"), Pod("b", "2")}, "5"),
                  server_.Watch({Event("MODIFIED", Pod("a", "6")), Event("ADDED", Pod("c", "7")),
                                 Event("DELETED", Pod("b", "8")), "silence"})});
  std::atomic<int> changes{0};
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab", .on_change = [&] { ++changes; }});
  EXPECT_EQ(Await(mirror, "a:6 c:7"), "a:6 c:7");
  EXPECT_GE(changes, 2);
  EXPECT_FALSE(mirror.problem().has_value());
  EXPECT_FALSE(mirror.Snapshot()->begin()->second->at("metadata").contains("managedFields"));
  const auto requests = server_.requests();
  EXPECT_EQ(io::QueryValue(requests[1].query, "watch"), "true");
  EXPECT_EQ(io::QueryValue(requests[1].query, "allowWatchBookmarks"), "true");
  EXPECT_EQ(FromOf(requests[1]), "5");
}

TEST_F(MirrorTest, KeepsTheFieldsOfTheManagerThatItIsToldOf) {
  json pod = Pod("a", "1");
  pod["metadata"]["managedFields"] = {{{"manager", "us"}, {"x", 1}}, {{"manager", "others"}}, 7};
  server_.Script({List({pod}, "5"), server_.Watch({"silence"})});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab", .keep_fields_of = "us"});
  EXPECT_EQ(Await(mirror, "a:1"), "a:1");
  EXPECT_EQ(mirror.Snapshot()->begin()->second->at("metadata").at("managedFields"),
            json::array({json{{"manager", "us"}, {"x", 1}}}));
}

TEST_F(MirrorTest, GoesOnWhereABookmarkSays) {
  server_.Script({List({Pod("a", "1")}, "5"), server_.Watch({Event("BOOKMARK", Pod("", "40"))}),
                  server_.Watch({Event("MODIFIED", Pod("a", "41")), "silence"})});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab"});
  EXPECT_EQ(Await(mirror, "a:41"), "a:41");
  EXPECT_EQ(FromOf(server_.requests().at(2)), "40");
  EXPECT_EQ(mirror.counts().lists, 1);
}

TEST_F(MirrorTest, ListsAgainWhenItsVersionIsKnownNoMore) {
  const json gone = {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "too old"}};
  server_.Script(
      {List({Pod("a", "1"), Pod("b", "1")}, "5"), server_.Watch({Event("ERROR", gone)}), List({Pod("b", "9")}, "10"),
       FakeApiServer::Always(SaysNo(410, "Gone")), List({Pod("c", "20")}, "21"),
       FakeApiServer::Always(SaysNo(504, "Timeout", {{"causes", {{{"reason", "ResourceVersionTooLarge"}}}}})),
       List({Pod("d", "3")}, "4"), server_.Watch({"silence"})});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab"});
  EXPECT_EQ(Await(mirror, "d:3"), "d:3");
  EXPECT_EQ(mirror.counts().lists, 4);
}

TEST_F(MirrorTest, AWatchThatStopsSilentlyIsTakenUpAgain) {
  // Answers by what is asked, for on a busy machine the first watch may be silent before it has said anything.
  const auto first = server_.Watch({Event("MODIFIED", Pod("a", "6")), "silence"});
  const auto second = server_.Watch({Event("MODIFIED", Pod("a", "7")), "silence"});
  server_.Script({List({Pod("a", "1")}, "5"), [=](const io::HttpRequest& request) {
                    return FromOf(request) == "5" ? first(request) : second(request);
                  }});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab", .silence = milliseconds(300)});
  EXPECT_EQ(Await(mirror, "a:7"), "a:7");
  EXPECT_EQ(mirror.counts().lists, 1);
}

TEST_F(MirrorTest, KeepsItsStateWhileTheServerIsAwayAndSaysSo) {
  server_.Script({List({Pod("a", "1")}, "5"), server_.Watch({Event("MODIFIED", Pod("a", "6"))}),
                  FakeApiServer::Always(SaysNo(503, "ServiceUnavailable"))});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab"});
  EXPECT_EQ(Await(mirror, "a:6"), "a:6");
  Requests(server_, 5);
  ASSERT_TRUE(mirror.problem().has_value());
  EXPECT_EQ(mirror.problem()->code, ErrorCode::kUnavailable);
  EXPECT_EQ(Told(*mirror.Snapshot()), "a:6");
  server_.Script({server_.Watch({Event("MODIFIED", Pod("a", "8")), "silence"})});
  EXPECT_EQ(Await(mirror, "a:8"), "a:8");
  EXPECT_FALSE(mirror.problem().has_value());
  EXPECT_EQ(mirror.counts().lists, 1);
}

TEST_F(MirrorTest, ShowsNothingBeforeTheFirstList) {
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab"});
  Requests(server_, 7);
  EXPECT_FALSE(mirror.Snapshot().has_value());
  EXPECT_TRUE(mirror.Await([](const auto&) { return true; }, milliseconds(1)) == std::nullopt);
}

TEST_F(MirrorTest, WhatIsNoWatchIsAFaultAndNoState) {
  server_.Script({List({Pod("a", "1")}, "5"), server_.Watch({"hello\n", "silence"}),
                  server_.Watch({Event("MODIFIED", Pod("a", "6")), "silence"})});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab"});
  EXPECT_EQ(Await(mirror, "a:6"), "a:6");
  EXPECT_EQ(FromOf(server_.requests().at(2)), "5");
}

TEST_F(MirrorTest, ALaterListThatIsTheSameIsNoChange) {
  const json gone = {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}};
  server_.Script({List({Pod("a", "1")}, "5"), server_.Watch({Event("ERROR", gone)}), List({Pod("a", "1")}, "9"),
                  server_.Watch({"silence"})});
  std::atomic<int> changes{0};
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab", .on_change = [&] { ++changes; }});
  Requests(server_, 4);
  EXPECT_EQ(Await(mirror, "a:1"), "a:1");
  EXPECT_EQ(changes, 1);
}

TEST_F(MirrorTest, AServerThatForgetsAtOnceIsNotListedWithoutRest) {
  Client patient(server_.address(), {.first_wait = std::chrono::hours(1), .longest_wait = std::chrono::hours(1)});
  server_.Script({[](const io::HttpRequest& request) {
    if (io::QueryValue(request.query, "watch")) return SaysNo(410, "Gone");
    return Says(200, PodList({Pod("a", "1")}, "5"));
  }});
  const Mirror mirror(*patient, Pods(), {.in_namespace = "lab"});
  for (int i = 0; i < 60'000 && !mirror.problem(); ++i) std::this_thread::sleep_for(milliseconds(1));
  ASSERT_TRUE(mirror.problem().has_value());
  EXPECT_EQ(mirror.problem()->code, ErrorCode::kAborted);
  EXPECT_EQ(mirror.counts().lists, 2) << "again at once, and no more";
  EXPECT_EQ(Told(*mirror.Snapshot()), "a:1");
}

TEST_F(MirrorTest, AServerThatWantsADaysRestGetsAMinute) {
  Client client(
      server_.address(),
      {.first_wait = milliseconds(2), .longest_wait = milliseconds(4), .longest_retry_after = milliseconds(3)});
  server_.Script({List({Pod("a", "1")}, "5"),
                  FakeApiServer::Always(SaysNo(429, "TooManyRequests", {{"retryAfterSeconds", 86'000}})),
                  server_.Watch({Event("MODIFIED", Pod("a", "6")), "silence"})});
  const Mirror mirror(*client, Pods(), {.in_namespace = "lab"});
  EXPECT_EQ(Await(mirror, "a:6"), "a:6");
}

TEST_F(MirrorTest, ListsAgainAfterAWhileWhatNoEventHasTold) {
  server_.Script({List({Pod("a", "1"), Pod("lost", "2")}, "5"), server_.Watch({Event("BOOKMARK", Pod("", "40"))}),
                  List({Pod("a", "1")}, "41"), server_.Watch({"silence"})});
  const Mirror mirror(*client_, Pods(), {.in_namespace = "lab", .relist = milliseconds(0)});
  EXPECT_EQ(Await(mirror, "a:1"), "a:1");
  EXPECT_EQ(mirror.counts().lists, 2);
}

TEST_F(MirrorTest, EndsInTheMiddleOfASilentWatch) {
  server_.Script({List({Pod("a", "1")}, "5"), server_.Watch({"silence"})});
  auto mirror = std::make_unique<Mirror>(*client_, Pods(),
                                         MirrorOptions{.in_namespace = "lab", .silence = std::chrono::hours(1)});
  Requests(server_, 2);
  mirror.reset();  // a test that hangs here is what fails
}

TEST_F(MirrorTest, EndsInTheMiddleOfAWait) {
  server_.Script({FakeApiServer::Always(SaysNo(429, "TooManyRequests", {{"retryAfterSeconds", 60}}))});
  auto mirror = std::make_unique<Mirror>(*client_, Pods(), MirrorOptions{.in_namespace = "lab"});
  Requests(server_, 1);
  mirror.reset();
}

}  // namespace
}  // namespace keelson::kubernetes
