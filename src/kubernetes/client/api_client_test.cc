#include "kubernetes/client/api_client.h"

#include <gtest/gtest.h>

#include "kubernetes/client/api_server_testing.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Client;
using testing::FakeApiServer;
using testing::Pod;
using testing::PodList;
using testing::Pods;
using testing::Says;
using testing::SaysNo;

const auto kPod = FakeApiServer::Always(Says(200, Pod("a", "7")));

TEST(ApiClientTest, GetsWithItsCredential) {
  FakeApiServer server({kPod});
  const Client client(server.address());
  const auto pod = client->Get(Pods(), "lab", "a");
  ASSERT_TRUE(pod.has_value()) << pod.error().ToString();
  EXPECT_EQ(NameOf(*pod), "a");
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.path, "/api/v1/namespaces/lab/pods/a");
  EXPECT_EQ(io::FindHeader(request.headers, "authorization"), "Bearer s3cret");
}

TEST(ApiClientTest, AsksBehindThePathOfTheServersAddress) {
  FakeApiServer server({kPod});
  const Client client(server.address() + "/k8s/clusters/c-1/");
  ASSERT_TRUE(client->Get(Pods(), "lab", "a").has_value());
  EXPECT_EQ(server.requests().at(0).path, "/k8s/clusters/c-1/api/v1/namespaces/lab/pods/a");
}

TEST(ApiClientTest, AsksAgainWithWaitsThatDouble) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(500, "InternalError")),
                        FakeApiServer::Always(SaysNo(503, "ServiceUnavailable")),
                        FakeApiServer::Always(SaysNo(504, "Timeout")), kPod});
  Client client(server.address());
  ASSERT_TRUE(client->Get(Pods(), "lab", "a").has_value());
  ASSERT_EQ(client.waits.size(), 3U);
  for (std::size_t i = 0; i < client.waits.size(); ++i) {
    const milliseconds whole(200 << i);
    EXPECT_GE(client.waits[i], whole / 2) << i;
    EXPECT_LE(client.waits[i], whole) << i;
  }
}

TEST(ApiClientTest, NeverComesBackBeforeTheServerSaid) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(429, "TooManyRequests", {}, {{"retry-after", "3"}})),
                        FakeApiServer::Always(SaysNo(429, "TooManyRequests", {{"retryAfterSeconds", 5}})),
                        FakeApiServer::Always(SaysNo(429, "TooManyRequests", {}, {{"retry-after", "4000"}})), kPod});
  Client client(server.address());
  ASSERT_TRUE(client->Get(Pods(), "lab", "a").has_value());
  ASSERT_EQ(client.waits.size(), 3U);
  EXPECT_GE(client.waits[0], seconds(3));
  EXPECT_LT(client.waits[0], seconds(4));
  EXPECT_GE(client.waits[1], seconds(5));
  EXPECT_GE(client.waits[2], seconds(60));
  EXPECT_LT(client.waits[2], seconds(62));
}

TEST(ApiClientTest, GivesUpAndSaysAfterHowMany) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(503, "ServiceUnavailable"))});
  Client client(server.address());
  const auto pod = client->Get(Pods(), "lab", "a");
  ASSERT_FALSE(pod.has_value());
  EXPECT_EQ(pod.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(pod.error().message.starts_with("6 attempts failed")) << pod.error().message;
  EXPECT_EQ(server.requests().size(), 6U);
  EXPECT_FALSE(pod.error().ToString().contains("s3cret"));
}

TEST(ApiClientTest, WhatIsRefusedIsAskedOnce) {
  for (const auto& [status, code] : std::vector<std::pair<int, ErrorCode>>{
           {403, ErrorCode::kPermissionDenied}, {404, ErrorCode::kNotFound}, {422, ErrorCode::kInvalidArgument}}) {
    FakeApiServer server({FakeApiServer::Always(SaysNo(status, "x"))});
    Client client(server.address());
    EXPECT_EQ(client->Get(Pods(), "lab", "a").error().code, code);
    EXPECT_EQ(server.requests().size(), 1U) << status;
  }
}

TEST(ApiClientTest, ACreationThatMayHaveHappenedIsNotRepeated) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(429, "TooManyRequests")),
                        FakeApiServer::Always(SaysNo(500, "InternalError")), kPod});
  Client client(server.address());
  const auto made = client->Create(Pods(), Pod("a", ""));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server.requests().size(), 2U);  // 429 is not carried out: that one is
}

TEST(ApiClientTest, AConnectionThatNeverCameAboutIsTriedAgainForAll) {
  std::string address;
  {
    FakeApiServer gone({kPod});
    address = gone.address();
  }
  Client client(address);
  EXPECT_FALSE(client->Create(Pods(), Pod("a", "")).has_value());
  EXPECT_EQ(client.waits.size(), 5U);
}

TEST(ApiClientTest, ARefusedCredentialIsRenewedOnce) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(401, "Unauthorized")), kPod});
  Client client(server.address());
  EXPECT_TRUE(client->Get(Pods(), "lab", "a").has_value());
  server.Script({FakeApiServer::Always(SaysNo(401, "Unauthorized"))});
  EXPECT_EQ(client->Get(Pods(), "lab", "a").error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(ApiClientTest, TellsUntilWhenTheServerWantsRest) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(429, "TooManyRequests", {}, {{"Retry-After", "40"}})), kPod});
  Client client(server.address(), {.attempts = 1, .longest_retry_after = seconds(30)});
  const auto before = client.clock.MonotonicNow();
  EXPECT_LE(client->quiet_until(), before);
  EXPECT_FALSE(client->Get(Pods(), "lab", "a").has_value());
  const auto until = client->quiet_until();
  EXPECT_GE(until, before + seconds(30));
  EXPECT_LE(until, client.clock.MonotonicNow() + seconds(30));
  EXPECT_TRUE(client->Get(Pods(), "lab", "a").has_value());
  EXPECT_EQ(client->quiet_until(), until);
}

TEST(ApiClientTest, WhatMayNotBeSentIsNotSent) {
  FakeApiServer server({kPod});
  bool may = false;
  Client client(server.address(), {.may_send = [&] { return may; }});
  const auto refused = client->Get(Pods(), "lab", "a");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kAborted);
  EXPECT_TRUE(server.requests().empty());
  may = true;
  EXPECT_TRUE(client->Get(Pods(), "lab", "a").has_value());
}

TEST(ApiClientTest, ListsPageByPage) {
  FakeApiServer server({FakeApiServer::Always(Says(200, PodList({Pod("a", "1"), Pod("b", "2")}, "9", "more"))),
                        FakeApiServer::Always(Says(200, PodList({Pod("c", "3")}, "9")))});
  Client client(server.address());
  const auto list = client->List(Pods(), "lab", {.label_selector = "app=x", .page = 2});
  ASSERT_TRUE(list.has_value()) << list.error().ToString();
  EXPECT_EQ(list->items.size(), 3U);
  EXPECT_EQ(list->resource_version, "9");
  EXPECT_EQ(list->items[2]["kind"], "Pod");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(io::QueryValue(requests[0].query, "limit"), "2");
  EXPECT_EQ(io::QueryValue(requests[0].query, "labelSelector"), "app=x");
  EXPECT_EQ(io::QueryValue(requests[1].query, "continue"), "more");
}

TEST(ApiClientTest, PagesThatAreGoneMakeItBeginAnew) {
  FakeApiServer server({FakeApiServer::Always(Says(200, PodList({Pod("a", "1")}, "9", "more"))),
                        FakeApiServer::Always(SaysNo(410, "Expired")),
                        FakeApiServer::Always(Says(200, PodList({Pod("b", "2")}, "12")))});
  Client client(server.address());
  const auto list = client->List(Pods(), "lab");
  ASSERT_TRUE(list.has_value()) << list.error().ToString();
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(NameOf(list->items[0]), "b");
  EXPECT_EQ(list->resource_version, "12");
}

TEST(ApiClientTest, AppliesUnderItsNameAndNeverByForce) {
  FakeApiServer server({kPod});
  Client client(server.address());
  ASSERT_TRUE(client->Apply(Pods(), Pod("a", ""), true).has_value());
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(io::FindHeader(request.headers, "content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(io::QueryValue(request.query, "fieldManager"), "keelson");
  EXPECT_EQ(io::QueryValue(request.query, "force"), "false");
  EXPECT_EQ(io::QueryValue(request.query, "dryRun"), "All");
  EXPECT_EQ(client->Apply(Pods(), {{"metadata", json::object()}}).error().code, ErrorCode::kInvalidArgument);
}

TEST(ApiClientTest, AConflictNamesWhoManagesTheField) {
  FakeApiServer server({FakeApiServer::Always(
      SaysNo(409, "Conflict", {{"causes", {{{"reason", "FieldManagerConflict"}, {"message", "hpa"}}}}}))});
  Client client(server.address());
  EXPECT_EQ(client->Apply(Pods(), Pod("a", "")).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(ApiClientTest, DeletesWhatIsThereAndNoOther) {
  FakeApiServer server({FakeApiServer::Always(SaysNo(404, "NotFound"))});
  Client client(server.address());
  EXPECT_TRUE(client->Delete(Pods(), "lab", "a", "uid-1").has_value());
  const json body = json::parse(server.requests().at(0).body);
  EXPECT_EQ(body["propagationPolicy"], "Background");
  EXPECT_EQ(body["preconditions"]["uid"], "uid-1");
  server.Script({FakeApiServer::Always(SaysNo(409, "Conflict"))});
  EXPECT_EQ(client->Delete(Pods(), "lab", "a", "uid-1").error().code, ErrorCode::kAborted);
}

TEST(ApiClientTest, PatchesAsAskedAndRepeatsOnlyWhatMayBe) {
  for (const auto& [how, type, requests] : std::vector<std::tuple<PatchKind, std::string, std::size_t>>{
           {PatchKind::kMerge, "merge-patch", 2},
           {PatchKind::kJson, "json-patch", 1},
           {PatchKind::kStrategic, "strategic-merge-patch", 1}}) {
    FakeApiServer server({FakeApiServer::Always(SaysNo(500, "InternalError")), kPod});
    Client client(server.address());
    EXPECT_EQ(client->Patch(Pods(), "lab", "a", how, {{"a", 1}}, "status").has_value(), requests == 2) << type;
    ASSERT_EQ(server.requests().size(), requests) << type;
    const auto request = server.requests().back();
    EXPECT_EQ(request.path, "/api/v1/namespaces/lab/pods/a/status");
    EXPECT_EQ(io::FindHeader(request.headers, "content-type"), "application/" + type + "+json");
    EXPECT_EQ(request.body, R"({"a":1})");
  }
}

TEST(ApiClientTest, ReadsALog) {
  FakeApiServer server({FakeApiServer::Always({.body = "line\n"})});
  Client client(server.address());
  EXPECT_EQ(client->Log("lab", "a", {.container = "c", .previous = true, .tail = 5}).value_or(""), "line\n");
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.path, "/api/v1/namespaces/lab/pods/a/log");
  EXPECT_EQ(io::QueryValue(request.query, "tailLines"), "5");
  EXPECT_EQ(io::QueryValue(request.query, "previous"), "true");
}

TEST(ApiClientTest, DiscoversDespiteAServerThatIsDown) {
  const json core = {{"kind", "APIResourceList"},
                     {"groupVersion", "v1"},
                     {"resources", {{{"name", "pods"}, {"kind", "Pod"}, {"namespaced", true}}}}};
  const json groups = {
      {"kind", "APIGroupList"},
      {"groups", {{{"name", "metrics.k8s.io"}, {"versions", {{{"groupVersion", "metrics.k8s.io/v1"}}}}}}}};
  FakeApiServer server({FakeApiServer::Always(Says(200, {{"kind", "APIVersions"}, {"versions", {"v1"}}})),
                        FakeApiServer::Always(Says(200, core)), FakeApiServer::Always(Says(200, groups)),
                        FakeApiServer::Always(SaysNo(503, "ServiceUnavailable"))});
  Client client(server.address(), {.attempts = 2});
  const auto kinds = client->Discover();
  ASSERT_TRUE(kinds.has_value()) << kinds.error().ToString();
  EXPECT_TRUE(kinds->Has("v1", "Pod"));
  EXPECT_EQ(kinds->unavailable, std::vector<std::string>{"metrics.k8s.io/v1"});
}

TEST(ApiClientTest, DiscoversAllGroupsByTwoQuestions) {
  const auto list = [](const std::string& group, const std::string& resource, const std::string& kind) {
    return json{
        {"kind", "APIGroupDiscoveryList"},
        {"items",
         {{{"metadata", {{"name", group}}},
           {"versions",
            {{{"version", "v1"}, {"resources", {{{"resource", resource}, {"responseKind", {{"kind", kind}}}}}}}}}}}}};
  };
  FakeApiServer server({FakeApiServer::Always(Says(200, list("", "pods", "Pod"))),
                        FakeApiServer::Always(Says(200, list("apps", "deployments", "Deployment")))});
  Client client(server.address());
  const auto kinds = client->Discover();
  ASSERT_TRUE(kinds.has_value()) << kinds.error().ToString();
  EXPECT_TRUE(kinds->Has("v1", "Pod"));
  EXPECT_TRUE(kinds->Has("apps/v1", "Deployment"));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_TRUE(io::FindHeader(requests[1].headers, "accept").starts_with("application/json;g=apidiscovery.k8s.io;v=v2"));
}

TEST(ApiClientTest, WhatIsNoApiServerIsSaid) {
  FakeApiServer server({FakeApiServer::Always({.body = "<html>welcome</html>"})});
  Client client(server.address());
  for (const auto& error :
       {client->Get(Pods(), "lab", "a").error(), client->List(Pods(), "lab").error(), client->Discover().error()})
    EXPECT_TRUE(error.message.contains("no API server")) << error.ToString();
}

TEST(ApiClientTest, NoNameLeadsElsewhere) {
  FakeApiServer server({kPod});
  Client client(server.address());
  EXPECT_EQ(client->Get(Pods(), "..", "a").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(client->Get(Pods(), "lab", "..").error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(server.requests().empty());
}

TEST(ApiClientTest, KeepsToItsRate) {
  FakeApiServer server({kPod});
  std::vector<milliseconds> waits;
  ManualClock clock;
  Access access;
  access.server = server.address();
  auto client = ApiClient::Create(
      access, {.clock = &clock, .requests_per_second = 10, .burst = 2, .wait = [&](milliseconds time) {
                 waits.push_back(time);
               }});
  ASSERT_TRUE(client.has_value());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*client)->Get(Pods(), "lab", "a").has_value());
  EXPECT_EQ(waits, (std::vector<milliseconds>{milliseconds(100), milliseconds(200)}));
}

}  // namespace
}  // namespace keelson::kubernetes
