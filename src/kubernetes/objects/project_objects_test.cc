#include "kubernetes/objects/project_objects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "io/files.h"
#include "kubernetes/objects/objects_testing.h"
#include "project/yaml_writer.h"

namespace keelson::kubernetes {
namespace {

const std::string kTop = KEELSON_SOURCE_DIR;
const std::set<Addon> kEveryAddon = {Addon::kKeda, Addon::kMetricsServer, Addon::kPrometheusOperator};

std::vector<Json> Objects(const project::Project& project, const std::set<Addon>& addons) {
  Settings settings = TestSettings();
  settings.addons = addons;
  auto objects = ProjectObjects(project, std::string(64, 'a'), settings);
  EXPECT_TRUE(objects.has_value()) << objects.error().ToString();
  return objects ? *std::move(objects) : std::vector<Json>{};
}

project::Project Load(const std::string& path) {
  const auto parsed = project::ParseProject(io::ReadFile(kTop + "/" + path).value(), path);
  EXPECT_TRUE(parsed.has_value()) << path;
  return parsed->project;
}

const std::vector<std::string> kProjects = {"examples/flights/keelson.yaml",
                                            "examples/rain/keelson.yaml",
                                            "src/project/testdata/good/architecture.yaml",
                                            "src/project/testdata/good/command.yaml",
                                            "src/project/testdata/good/everything.yaml",
                                            "src/project/testdata/good/small.yaml"};

// Calls `look` with every object that every project of the tree is, in clusters with and without addons.
void ForEachObject(const std::function<void(const Json&)>& look) {
  for (const auto& path : kProjects) {
    for (const auto& addons : {std::set<Addon>{}, std::set{Addon::kMetricsServer}, kEveryAddon}) {
      for (const Json& object : Objects(Load(path), addons)) {
        SCOPED_TRACE(path + ": " + object.at("kind").get<std::string>() + " " +
                     object.at("metadata").at("name").get<std::string>());
        look(object);
      }
    }
  }
}

// The specification of the pods of a Job or Deployment; null of anything else.
Json PodsOf(const Json& object) {
  const Json::json_pointer template_of("/spec/template/spec");
  return object.contains(template_of) ? object.at(template_of) : Json(nullptr);
}

// What a project is in a cluster with everything, for a reader. Written anew by KEELSON_WRITE_GOLDEN=1.
TEST(ProjectObjects, TheRainExampleIsWhatTheGoldenFileSays) {
  const std::string path = kTop + "/src/kubernetes/objects/testdata/rain.yaml";
  const std::string text = project::ToYamlDocuments(Objects(Load("examples/rain/keelson.yaml"), kEveryAddon));
  if (std::getenv("KEELSON_WRITE_GOLDEN") != nullptr) {
    ASSERT_TRUE(io::WriteFileAtomically(path, text).has_value());
  }
  EXPECT_EQ(text, io::ReadFile(path).value());
}

TEST(ProjectObjects, AreTheSameEachTime) {
  for (const auto& path : kProjects) EXPECT_EQ(Objects(Load(path), kEveryAddon), Objects(Load(path), kEveryAddon));
}

TEST(ProjectObjects, NoTwoAreOne) {
  for (const auto& path : kProjects) {
    std::set<std::string> seen;
    for (const Json& object : Objects(Load(path), kEveryAddon)) {
      const std::string name =
          object.at("kind").get<std::string>() + "/" + object.at("metadata").at("name").get<std::string>();
      EXPECT_TRUE(seen.insert(name).second) << path << ": " << name;
    }
  }
}

TEST(ProjectObjects, EveryOneSaysWhoseItIs) {
  ForEachObject([](const Json& object) {
    const Json& labels = object.at("metadata").at("labels");
    EXPECT_EQ(labels.at("app.kubernetes.io/managed-by"), "keelson");
    EXPECT_EQ(labels.at("app.kubernetes.io/version"), "1.2");
    EXPECT_EQ(labels.at("keelson.dev/project"), labels.at("app.kubernetes.io/instance"));
    EXPECT_EQ(labels.at("keelson.dev/revision"), "aaaaaaaaaaaa");
    const bool of_the_cluster = object.at("kind") == "Namespace";
    EXPECT_EQ(object.at("metadata").contains("namespace"), !of_the_cluster);
  });
}

TEST(ProjectObjects, PodsAreWhatPodSecurityRestrictedAsksFor) {
  int pods = 0;
  ForEachObject([&](const Json& object) {
    const Json pod = PodsOf(object);
    if (pod.is_null()) return;
    ++pods;
    EXPECT_EQ(pod.at("securityContext").at("runAsNonRoot"), true);
    EXPECT_EQ(pod.at("securityContext").at("seccompProfile").at("type"), "RuntimeDefault");
    EXPECT_EQ(pod.at("automountServiceAccountToken"), false);
    EXPECT_FALSE(pod.contains("hostNetwork"));
    for (const char* group : {"initContainers", "containers"}) {
      for (const Json& container : pod.value(group, Json::array())) {
        const Json& security = container.at("securityContext");
        EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
        EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
        EXPECT_EQ(security.at("capabilities").at("drop"), Json::array({"ALL"}));
        EXPECT_EQ(container.at("resources").at("requests").at("memory"),
                  container.at("resources").at("limits").at("memory"));
        EXPECT_FALSE(container.at("resources").at("limits").contains("cpu"));
      }
    }
  });
  EXPECT_GT(pods, 20);
}

TEST(ProjectObjects, EveryMountHasItsVolumeAndEveryVolumeIsMounted) {
  ForEachObject([](const Json& object) {
    const Json pod = PodsOf(object);
    if (pod.is_null()) return;
    std::set<std::string> volumes, mounts;
    for (const Json& volume : pod.at("volumes")) volumes.insert(volume.at("name"));
    for (const char* group : {"initContainers", "containers"}) {
      for (const Json& container : pod.value(group, Json::array())) {
        for (const Json& mount : container.at("volumeMounts")) mounts.insert(mount.at("name"));
      }
    }
    EXPECT_EQ(volumes, mounts);
  });
}

TEST(ProjectObjects, HoldNoSecretButOnlyTheNamesOfSecrets) {
  ForEachObject([](const Json& object) {
    EXPECT_NE(object.at("kind"), "Secret");
    const Json pod = PodsOf(object);
    if (pod.is_null()) return;
    for (const char* group : {"initContainers", "containers"}) {
      for (const Json& container : pod.value(group, Json::array())) {
        for (const Json& variable : container.value("env", Json::array())) {
          const bool secret = variable.at("name").get<std::string>().ends_with("TOKEN");
          EXPECT_EQ(variable.contains("valueFrom"), secret) << variable;
        }
      }
    }
  });
}

TEST(ProjectObjects, AProjectWithoutServiceHasNoEndpoint) {
  const TestOwner made = MakeOwner("");
  const auto objects = Objects(made.project, kEveryAddon);
  EXPECT_EQ(Only(objects, "Deployment"), nullptr);
  EXPECT_EQ(Only(objects, "NetworkPolicy", "to-replicas"), nullptr);
  EXPECT_NE(Only(objects, "NetworkPolicy", "deny-all"), nullptr);
  EXPECT_EQ(std::ranges::count(objects, "Job", [](const Json& object) { return object.at("kind"); }), 2);
}

TEST(ProjectObjects, WrongSettingsAreAnError) {
  Settings settings = TestSettings();
  settings.image = "";
  const auto objects = ProjectObjects(MakeOwner("").project, "a", settings);
  ASSERT_FALSE(objects.has_value());
  EXPECT_EQ(objects.error().where, "settings.image");
}

}  // namespace
}  // namespace keelson::kubernetes
