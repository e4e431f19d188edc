#include "kubernetes/operator/coverage.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json Object(const json& spec) {
  return {{"kind", "Deployment"}, {"metadata", {{"name", "x"}, {"labels", {{"a", "1"}}}}}, {"spec", spec}};
}

json Applied(json object, const json& fields, const std::string& manager = "keelson") {
  object["metadata"]["managedFields"] = {
      {{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", {{"f:spec", fields}}}}};
  return object;
}

TEST(Coverage, WhatOthersAndTheServerAddDoesNotMatter) {
  json live = Object(
      {{"replicas", 2},
       {"progressDeadlineSeconds", 600},
       {"containers",
        {{{"name", "main"}, {"image", "i"}, {"imagePullPolicy", "Always"}}, {{"name", "sidecar"}, {"image", "j"}}}}});
  live["metadata"]["labels"]["theirs"] = "2";
  live["status"] = {{"replicas", 2}};
  const json wanted = Object({{"replicas", 2}, {"containers", {{{"name", "main"}, {"image", "i"}}}}});
  const json fields = {{"f:replicas", json::object()},
                       {"f:containers", {{R"(k:{"name":"main"})", {{"f:image", json::object()}}}}}};
  EXPECT_TRUE(IsAsWanted(Applied(live, fields), wanted));
}

TEST(Coverage, AListThatIsNotSharedIsOnePersons) {
  const json wanted = Object({{"ingress", {{{"ports", {{{"port", 8080}}}}}}}});
  json live = wanted;
  const json fields = {{"f:ingress", json::object()}};
  EXPECT_TRUE(IsAsWanted(Applied(live, fields), wanted));
  // Somebody lets everybody in, by hand, whereby the list is his: what we apply next tells that.
  live["spec"]["ingress"].push_back(json::object());
  EXPECT_FALSE(IsAsWanted(Applied(live, json::object()), wanted));
  EXPECT_FALSE(IsAsWanted(live, wanted));
  // In an item of a shared list it is no other.
  const json inner = Object({{"containers", {{{"name", "main"}, {"rules", {{{"a", 1}}}}}}}});
  json more = inner;
  more["spec"]["containers"][0]["rules"].push_back({{"a", 2}});
  EXPECT_FALSE(
      IsAsWanted(Applied(more, {{"f:containers", {{R"(k:{"name":"main"})", {{"f:rules", json::object()}}}}}}), inner));
}

TEST(Coverage, EveryWantedFieldIsLookedAt) {
  const json live = Object({{"replicas", 2}, {"args", {"a", "b"}}, {"ports", {{{"port", 1}}}}});
  EXPECT_TRUE(IsAsWanted(live, live));
  EXPECT_FALSE(IsAsWanted(live, Object({{"replicas", 3}})));
  EXPECT_FALSE(IsAsWanted(live, Object({{"more", 1}})));
  EXPECT_FALSE(IsAsWanted(live, Object({{"args", {"a"}}})));
  EXPECT_FALSE(IsAsWanted(live, Object({{"args", {"b", "a"}}})));
  EXPECT_FALSE(IsAsWanted(live, Object({{"ports", {{{"port", 1}}, {{"port", 2}}}}})));
  EXPECT_FALSE(IsAsWanted(live, Object({{"args", "a"}})));
  json relabelled = live;
  relabelled["metadata"]["labels"]["a"] = "2";
  EXPECT_FALSE(IsAsWanted(live, relabelled));
}

TEST(Coverage, QuantitiesAreTheSameHoweverWritten) {
  EXPECT_TRUE(IsAsWanted(Object({{"cpu", "1"}, {"memory", "1Gi"}}), Object({{"cpu", "1000m"}, {"memory", "1024Mi"}})));
  EXPECT_FALSE(IsAsWanted(Object({{"cpu", "1"}}), Object({{"cpu", "2"}})));
}

TEST(Coverage, NothingIsWhatAnEmptyValueSays) {
  EXPECT_TRUE(IsAsWanted(Object(json::object()),
                         Object({{"a", false}, {"b", 0}, {"c", ""}, {"d", json::array()}, {"e", json::object()}})));
  EXPECT_FALSE(IsAsWanted(Object({{"a", true}}), Object({{"a", false}})));
  EXPECT_FALSE(IsAsWanted(Object({{"d", {1}}}), Object({{"d", json::array()}})));
}

TEST(Coverage, AFieldThatWasAppliedAndIsWantedNoMoreHasToGo) {
  const json wanted = Object({{"replicas", 2}, {"env", {{{"name", "A"}, {"value", "1"}}}}, {"sets", {"x"}}});
  const json fields = {{"f:replicas", json::object()},
                       {"f:env", {{R"(k:{"name":"A"})", {{".", json::object()}, {"f:value", json::object()}}}}},
                       {"f:sets", {{R"(v:"x")", json::object()}}}};
  EXPECT_TRUE(IsAsWanted(Applied(wanted, fields), wanted));
  for (const json& more : {json{{"f:paused", json::object()}}, json{{"f:env", {{R"(k:{"name":"B"})", json::object()}}}},
                           json{{"f:env", {{R"(k:{"name":"A"})", {{"f:more", json::object()}}}}}},
                           json{{"f:sets", {{R"(v:"y")", json::object()}}}}}) {
    EXPECT_FALSE(IsAsWanted(Applied(wanted, more), wanted)) << more;
    EXPECT_TRUE(IsAsWanted(Applied(wanted, more, "somebody"), wanted)) << more;
  }
}

TEST(Coverage, AKeyThatTheServerHasFilledInIsNoOtherItem) {
  const json wanted = Object({{"ports", {{{"containerPort", 8080}, {"name", "rest"}}}}});
  const json fields = {{"f:ports", {{R"(k:{"containerPort":8080,"protocol":"TCP"})", {{"f:name", json::object()}}}}}};
  EXPECT_TRUE(IsAsWanted(Applied(wanted, fields), wanted));
  const json other = {{"f:ports", {{R"(k:{"containerPort":8081,"protocol":"TCP"})", json::object()}}}};
  EXPECT_FALSE(IsAsWanted(Applied(wanted, other), wanted));
}

TEST(Coverage, AnOddListOfManagersIsNoReasonToFail) {
  json live = Object({{"replicas", 1}});
  live["metadata"]["managedFields"] = {{{"manager", "keelson"}, {"operation", "Apply"}},
                                       {{"manager", "keelson"}, {"operation", "Apply"}, {"fieldsV1", "odd"}}};
  EXPECT_TRUE(IsAsWanted(live, Object({{"replicas", 1}})));
}

}  // namespace
}  // namespace keelson::kubernetes
