#include "kubernetes/objects/platform.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/pod.h"

namespace keelson::kubernetes {
namespace {

Settings Elsewhere() {
  Settings settings = TestSettings();
  settings.server_namespace = "ml";
  return settings;
}

TEST(Platform, ReplicasAndWorkersFindTheServerUnderItsAddress) {
  const auto objects = Platform(Elsewhere());
  const Json service = Only(objects, "Service", "keelson");
  EXPECT_EQ(ServerUrl(Elsewhere()), "http://keelson.ml.svc:7070");
  EXPECT_EQ(service.at("metadata").at("namespace"), "ml");
  EXPECT_EQ(service.at("spec").at("ports").at(0).at("port"), kServerPort);
  const Json server = Only(objects, "Deployment").at("spec").at("template");
  EXPECT_EQ(service.at("spec").at("selector"), server.at("metadata").at("labels"));
  const Json arguments = server.at("spec").at("containers").at(0).at("args");
  EXPECT_EQ(arguments.back(), "keelson.ml.svc");  // the name by which it is asked
}

TEST(Platform, TheServerIsOneAndTheFormerEndsBeforeTheNextBegins) {
  const Json spec = Only(Platform(Elsewhere()), "Deployment", "keelson-server").at("spec");
  EXPECT_EQ(spec.at("replicas"), 1);
  EXPECT_EQ(spec.at("strategy").at("type"), "Recreate");
  EXPECT_EQ(spec.at("template").at("spec").at("priorityClassName"), "keelson-system");
}

TEST(Platform, ItsTokenAndPasswordAreReferences) {
  const Json pod = Only(Platform(Elsewhere()), "Deployment").at("spec").at("template").at("spec");
  EXPECT_EQ(
      pod.at("containers").at(0).at("env"),
      Json::array({{{"name", "KEELSON_DATABASE"},
                    {"valueFrom",
                     {{"secretKeyRef", {{"name", "keelson-server"}, {"key", "database"}, {"optional", true}}}}}}}));
  EXPECT_EQ(pod.at("volumes").back().at("secret").at("secretName"), "keelson-server");
  EXPECT_EQ(pod.at("serviceAccountName"), "keelson-server");
  EXPECT_EQ(pod.at("securityContext").at("runAsNonRoot"), true);
}

TEST(Platform, ItsNamespaceTakesRestrictedPodsAlone) {
  const Json labels = Only(Platform(Elsewhere()), "Namespace", "ml").at("metadata").at("labels");
  EXPECT_EQ(labels.at("pod-security.kubernetes.io/enforce"), "restricted");
}

}  // namespace
}  // namespace keelson::kubernetes
