#include "kubernetes/operator/project_object.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/project_definition.h"
#include "kubernetes/operator/operator_testing.h"
#include "project/render.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests

TEST(ProjectObject, SaysWhatTheFileSaid) {
  const TestOwner made = MakeOwner("train: {label: late, trainer: {xgboost: {}}}\nserve: {}\n");
  project::Project project = made.project;
  project.time_zone = "Europe/Berlin";
  Settings settings = made.settings;
  settings.canary_version = 2;
  settings.canary_percent = 20;
  settings.gateway = "infra/public";
  const json object = ProjectResource({project, std::string(64, 'a'), settings});
  const auto read = ReadProject(With(object, "/status", {{"champion", 1}}));
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(project::ProjectJson(read->project), project::ProjectJson(project));
  EXPECT_EQ(read->revision, "aaaaaaaaaaaa");
  EXPECT_EQ(read->model_version, 1);
  EXPECT_EQ(read->image, "registry.example/keelson:1.2");
  EXPECT_EQ(read->canary_version, 2);
  EXPECT_EQ(read->canary_percent, 20);
  EXPECT_EQ(read->gateway, "infra/public");
}

json Bare() {
  return {{"apiVersion", "keelson.dev/v1"},
          {"kind", "Project"},
          {"metadata", {{"name", "ships"}, {"namespace", "lab"}, {"uid", "u"}, {"generation", 3}}},
          {"sources", {{"rows", {{"path", "rows.csv"}, {"time", "at"}}}}}};
}

TEST(ProjectObject, OneThatSomebodyWroteByHandHasARevisionOfItsOwn) {
  const auto one = ReadProject(Bare());
  ASSERT_TRUE(one.has_value()) << one.error().ToString();
  EXPECT_EQ(one->revision.size(), 64U);
  EXPECT_EQ(one->model_version, std::nullopt);
  EXPECT_EQ(one->image, std::nullopt);
  EXPECT_EQ(ReadProject(With(Bare(), "/metadata/generation", 4))->revision, one->revision);
  EXPECT_NE(ReadProject(With(Bare(), "/sources/rows/path", "more.csv"))->revision, one->revision);
}

TEST(ProjectObject, AMistakeIsOneSentence) {
  const auto unknown = ReadProject(With(Bare(), "/sorces", json::object()));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(unknown.error().message.contains("sorces")) << unknown.error().message;
  for (const char* version : {"zero", "0", "-1", "99999999999"}) {
    const auto wrong = ReadProject(With(Bare(), "/metadata/annotations", {{kModelVersionAnnotation, version}}));
    ASSERT_FALSE(wrong.has_value()) << version;
    EXPECT_TRUE(wrong.error().message.contains(version)) << wrong.error().message;
  }
  const auto share = ReadProject(With(Bare(), "/metadata/annotations", {{kCanaryPercentAnnotation, "101"}}));
  ASSERT_FALSE(share.has_value());
  EXPECT_EQ(share.error().message,
            "the annotation keelson.dev/canary-percent says \"101\", which is no share of the requests in percent");
}

}  // namespace
}  // namespace keelson::kubernetes
