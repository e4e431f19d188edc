#include "kubernetes/objects/routes.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/project_objects.h"

namespace keelson::kubernetes {
namespace {

Settings Routed(std::optional<int> canary = {}, int percent = 0) {
  Settings settings = TestSettings();
  settings.model_version = 3;
  settings.canary_version = canary;
  settings.canary_percent = percent;
  settings.gateway = "infra/public";
  settings.addons = {Addon::kGatewayApi};
  return settings;
}

TestOwner Serving(const Settings& settings) {
  return MakeOwner("train: {label: late, trainer: {xgboost: {}}}\nserve: {}\n", settings);
}

std::vector<Json> Objects(const Settings& settings) {
  const TestOwner made = Serving(settings);
  return ProjectObjects(made.project, std::string(64, 'a'), settings).value();
}

Json Rule(const Settings& settings) {
  return Only(Objects(settings), "HTTPRoute", "ships").at("spec").at("rules").at(0);
}

TEST(Routes, AllRequestsForTheModelGoToTheVersionThatServes) {
  const Json rule = Rule(Routed());
  EXPECT_EQ(rule.at("backendRefs"), Json::array({{{"name", "ships-v3"}, {"port", 8080}, {"weight", 100}}}));
  std::vector<std::string> paths;
  for (const Json& match : rule.at("matches")) paths.push_back(match.at("path").at("value"));
  EXPECT_EQ(paths, (std::vector<std::string>{"/v2/models/ships", "/v1/models/ships", "/v1/models/ships:predict",
                                             "/v1/models/ships:explain"}));
  EXPECT_EQ(Only(Objects(Routed()), "HTTPRoute").at("spec").at("parentRefs"),
            Json::array({{{"namespace", "infra"}, {"name", "public"}}}));
}

TEST(Routes, ACanaryHasItsShareAndAnEndpointOfItsOwn) {
  const Json backends = Rule(Routed(4, 20)).at("backendRefs");
  EXPECT_EQ(backends, Json::array({{{"name", "ships-v3"}, {"port", 8080}, {"weight", 80}},
                                   {{"name", "ships-v4"}, {"port", 8080}, {"weight", 20}}}));
  const auto objects = Objects(Routed(4, 20));
  for (const char* name : {"ships-v3", "ships-v4"}) {
    EXPECT_FALSE(Only(objects, "Deployment", name).is_null()) << name;
    EXPECT_FALSE(Only(objects, "Service", name).is_null()) << name;
  }
  EXPECT_EQ(Only(objects, "Deployment", "ships-v4")
                .at("spec")
                .at("template")
                .at("metadata")
                .at("labels")
                .at("keelson.dev/model-version"),
            "4");
}

TEST(Routes, ReplicasAnswerToTheHostThatTheGatewayAsksThemBy) {
  EXPECT_EQ(Rule(Routed()).at("filters"),
            Json::array({{{"type", "URLRewrite"}, {"urlRewrite", {{"hostname", "ships.ships.svc"}}}}}));
  const auto objects = Objects(Routed());
  const Json arguments =
      Only(objects, "Deployment").at("spec").at("template").at("spec").at("containers").at(0).at("args");
  EXPECT_EQ(arguments.back(), "ships.ships.svc");
  const Json ingress = Only(objects, "NetworkPolicy", "to-replicas").at("spec").at("ingress");
  ASSERT_EQ(ingress.size(), 3u);
  EXPECT_EQ(ingress.at(2).at("from").at(0).at("namespaceSelector").at("matchLabels").at("kubernetes.io/metadata.name"),
            "infra");
}

TEST(Routes, AreNothingWithoutTheGatewayApiOrAGateway) {
  Settings without = Routed();
  without.addons.clear();
  EXPECT_TRUE(Only(Objects(without), "HTTPRoute").is_null());
  Settings nameless = Routed();
  nameless.gateway.clear();
  EXPECT_TRUE(Only(Objects(nameless), "HTTPRoute").is_null());
  EXPECT_EQ(Only(Objects(nameless), "NetworkPolicy", "to-replicas").at("spec").at("ingress").size(), 2u);
}

TEST(Routes, ACanaryThatNobodyCanDivideForIsAMistake) {
  const TestOwner made = Serving(Routed());
  for (const auto& [settings, where] :
       std::vector<std::pair<Settings, std::string>>{{[] {
                                                        Settings s = Routed(4, 20);
                                                        s.gateway.clear();
                                                        return s;
                                                      }(),
                                                      "settings.canary_version"},
                                                     {[] {
                                                        Settings s = Routed(4, 20);
                                                        s.addons.clear();
                                                        return s;
                                                      }(),
                                                      "settings.canary_version"},
                                                     {Routed(3, 20), "settings.canary_version"},
                                                     {Routed(0, 20), "settings.canary_version"},
                                                     {Routed(4, 101), "settings.canary_percent"},
                                                     {[] {
                                                        Settings s = Routed();
                                                        s.gateway = "public";
                                                        return s;
                                                      }(),
                                                      "settings.gateway"}}) {
    const auto objects = ProjectObjects(made.project, "a", settings);
    ASSERT_FALSE(objects.has_value()) << where;
    EXPECT_EQ(objects.error().where, where);
  }
}

}  // namespace
}  // namespace keelson::kubernetes
