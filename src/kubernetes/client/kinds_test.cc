#include "kubernetes/client/kinds.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json Resource(const std::string& name, const std::string& kind, bool namespaced) {
  return {{"name", name}, {"kind", kind}, {"namespaced", namespaced}, {"verbs", {"get", "list"}}};
}

TEST(KindsTest, KnowsWhatAClusterOffersAndNothingElse) {
  Kinds kinds;
  ASSERT_TRUE(
      kinds
          .Add({{"kind", "APIResourceList"},
                {"groupVersion", "v1"},
                {"resources",
                 {Resource("pods", "Pod", true), Resource("pods/log", "Pod", true), Resource("nodes", "Node", false)}}})
          .has_value());
  ASSERT_TRUE(kinds
                  .Add({{"kind", "APIResourceList"},
                        {"groupVersion", "keda.sh/v1alpha1"},
                        {"resources", {Resource("scaledobjects", "ScaledObject", true)}}})
                  .has_value());
  EXPECT_EQ(kinds.size(), 3U);
  ASSERT_TRUE(kinds.Has("keda.sh/v1alpha1", "ScaledObject"));
  EXPECT_FALSE(kinds.Has("keda.sh/v1", "ScaledObject"));
  EXPECT_EQ(kinds.Find("v1", "Pod")->Path("lab", "a"), "/api/v1/namespaces/lab/pods/a");
  EXPECT_EQ(kinds.Find("v1", "Pod")->Path(), "/api/v1/pods");
  EXPECT_EQ(kinds.Find("v1", "Node")->Path("lab", "n"), "/api/v1/nodes/n");
  EXPECT_EQ(kinds.Find("keda.sh/v1alpha1", "ScaledObject")->Path("lab"),
            "/apis/keda.sh/v1alpha1/namespaces/lab/scaledobjects");
  EXPECT_EQ(kinds.Find("v1", "Pod")->verbs, (std::vector<std::string>{"get", "list"}));
}

TEST(KindsTest, KnowsTheSameOfAllGroupsTogether) {
  const json resource = {{"resource", "scaledobjects"},
                         {"responseKind", {{"group", ""}, {"version", ""}, {"kind", "ScaledObject"}}},
                         {"scope", "Namespaced"},
                         {"verbs", {"get", "list"}},
                         {"subresources", {{{"subresource", "status"}}}}};
  const json list = {
      {"kind", "APIGroupDiscoveryList"},
      {"items",
       {{{"metadata", {{"name", "keda.sh"}}}, {"versions", {{{"version", "v1alpha1"}, {"resources", {resource}}}}}},
        {{"metadata", {{"name", "metrics.k8s.io"}}},
         {"versions", {{{"version", "v1beta1"}, {"freshness", "Stale"}}}}}}}};
  Kinds kinds;
  ASSERT_TRUE(kinds.AddAll(list).has_value());
  EXPECT_EQ(*kinds.Find("keda.sh/v1alpha1", "ScaledObject"), (Kind{.group = "keda.sh",
                                                                   .version = "v1alpha1",
                                                                   .name = "ScaledObject",
                                                                   .resource = "scaledobjects",
                                                                   .namespaced = true,
                                                                   .verbs = {"get", "list"}}));
  EXPECT_EQ(kinds.unavailable, std::vector<std::string>{"metrics.k8s.io/v1beta1"});
  for (const json& odd : {json(), json{{"kind", "APIGroupList"}}, json{{"kind", "APIGroupDiscoveryList"}},
                          json{{"kind", "APIGroupDiscoveryList"}, {"items", {7}}}}) {
    EXPECT_FALSE(Kinds().AddAll(odd).has_value()) << odd;
  }
}

TEST(KindsTest, NoNameLeadsOutOfItsPath) {
  const Kind kind{.group = "", .version = "v1", .name = "Secret", .resource = "secrets"};
  EXPECT_EQ(kind.Path("a/../b", "c?d"), "/api/v1/namespaces/a%2F..%2Fb/secrets/c%3Fd");
}

TEST(KindsTest, RefusesWhatIsNoList) {
  Kinds kinds;
  for (const json& wrong :
       {json(), json::array(), json{{"kind", "Pod"}}, json{{"kind", "APIResourceList"}, {"groupVersion", 1}},
        json{{"kind", "APIResourceList"}, {"groupVersion", "v1"}, {"resources", "x"}},
        json{{"kind", "APIResourceList"}, {"groupVersion", "v1"}, {"resources", {{{"name", 1}, {"kind", "a"}}}}}})
    EXPECT_FALSE(kinds.Add(wrong).has_value()) << wrong.dump();
}

TEST(KindsTest, WhatDoesNotAnswerJustNowIsOfferedStill) {
  Kinds kinds;
  EXPECT_FALSE(kinds.Offers("metrics.k8s.io/v1beta1", "PodMetrics"));
  kinds.unavailable.emplace_back("metrics.k8s.io/v1beta1");
  EXPECT_TRUE(kinds.Offers("metrics.k8s.io/v1beta1", "PodMetrics"));
  EXPECT_FALSE(kinds.Has("metrics.k8s.io/v1beta1", "PodMetrics"));
  EXPECT_FALSE(kinds.Offers("keda.sh/v1alpha1", "ScaledObject"));
}

}  // namespace
}  // namespace keelson::kubernetes
