#include "kubernetes/objects/server_rights.h"

#include <gtest/gtest.h>

#include <set>

#include "kubernetes/objects/objects_testing.h"

namespace keelson::kubernetes {
namespace {

TEST(ServerRights, NameEveryThingAndReachNoSecretAndNobodysRights) {
  for (const Json& role : ServerRights(TestSettings())) {
    for (const Json& rule : role.value("rules", Json::array())) {
      for (const char* words : {"apiGroups", "resources", "verbs"}) {
        for (const Json& word : rule.at(words)) EXPECT_NE(word, "*") << rule;
      }
      for (const Json& resource : rule.at("resources")) {
        static const std::set<std::string> never = {"secrets",      "pods/exec",    "roles",
                                                    "clusterroles", "rolebindings", "clusterrolebindings"};
        EXPECT_FALSE(never.contains(resource.get<std::string>())) << rule;
      }
      for (const Json& verb : rule.at("verbs")) {
        EXPECT_NE(verb, "deletecollection");
        EXPECT_NE(verb, "escalate");
        EXPECT_NE(verb, "bind");
      }
    }
  }
}

TEST(ServerRights, AreTheServersAndTheLeaseIsReachedInItsNamespaceAlone) {
  Settings settings = TestSettings();
  settings.server_namespace = "ml";
  const auto objects = ServerRights(settings);
  ASSERT_EQ(objects.size(), 4U);
  for (const char* binding : {"ClusterRoleBinding", "RoleBinding"}) {
    EXPECT_EQ(Only(objects, binding).at("subjects"),
              Json::array({{{"kind", "ServiceAccount"}, {"name", "keelson-server"}, {"namespace", "ml"}}}));
    EXPECT_EQ(Only(objects, binding).at("roleRef").at("kind").get<std::string>() + "Binding", binding);
  }
  EXPECT_EQ(Only(objects, "Role").at("metadata").at("namespace"), "ml");
  EXPECT_FALSE(Only(objects, "ClusterRole").dump().contains("leases"));
}

}  // namespace
}  // namespace keelson::kubernetes
