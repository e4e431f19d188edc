#include "kubernetes/objects/settings.h"

#include <gtest/gtest.h>

#include <functional>

namespace keelson::kubernetes {
namespace {

project::Project Named(const std::string& name) {
  project::Project project;
  project.name = name;
  return project;
}

TEST(Settings, TheWorkspaceIsCalledLikeTheProjectUnlessItIsNamed) {
  const auto settings = CheckSettings(Named("ships"), {.version = "1", .image = "keelson:1"});
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->workspace, "ships");
  EXPECT_EQ(CheckSettings(Named("default"), {.version = "1", .image = "k:1", .workspace = "ships"})->workspace,
            "ships");
}

TEST(Settings, WhatIsWrongIsToldWithItsPath) {
  struct Case {
    std::string project;
    std::function<void(Settings&)> spoil;
    std::string where;
    std::string says;
  };
  const std::string long_name(64, 'a');
  const std::vector<Case> cases = {
      {"default", [](Settings&) {}, "metadata.name", "name another by --namespace"},
      {"kube-system", [](Settings&) {}, "metadata.name", "the cluster's own"},
      {"keelson-system", [](Settings&) {}, "metadata.name", "the cluster's own"},
      {"monitoring", [](Settings&) {}, "metadata.name", "the cluster's own"},
      {"ships", [](Settings& s) { s.workspace = "kube-public"; }, "settings.workspace", "the cluster's own"},
      {"ships", [](Settings& s) { s.workspace = "Ships"; }, "settings.workspace", "no name of a namespace"},
      {"ships", [](Settings& s) { s.workspace = "-ships"; }, "settings.workspace", "no name of a namespace"},
      {"ships", [&](Settings& s) { s.workspace = long_name; }, "settings.workspace", "at most 63"},
      {"ships", [](Settings& s) { s.server_namespace = ""; }, "settings.server_namespace", "no name of a namespace"},
      {"ships", [](Settings& s) { s.monitoring_namespace = "a.b"; }, "settings.monitoring_namespace", "no name"},
      {"ships", [](Settings& s) { s.image = ""; }, "settings.image", "no image"},
      {"ships", [](Settings& s) { s.image = "keelson: 1"; }, "settings.image", "no image"},
      {"ships", [](Settings& s) { s.model_version = 0; }, "settings.model_version", "they count from 1"},
  };
  for (const Case& one : cases) {
    Settings settings = {.version = "1", .image = "keelson:1"};
    one.spoil(settings);
    const auto checked = CheckSettings(Named(one.project), settings);
    ASSERT_FALSE(checked.has_value()) << one.where;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(checked.error().where, one.where) << checked.error().message;
    EXPECT_NE(checked.error().message.find(one.says), std::string::npos) << checked.error().message;
  }
}

TEST(Settings, AddonsAreKnownByTheirKinds) {
  EXPECT_EQ(AddonsOf([](std::string_view, std::string_view) { return false; }), std::set<Addon>{});
  EXPECT_EQ(AddonsOf([](std::string_view, std::string_view kind) { return kind == "ScaledObject"; }),
            std::set<Addon>{Addon::kKeda});
  EXPECT_EQ(AddonsOf([](std::string_view, std::string_view) { return true; }).size(), 5U);
}

}  // namespace
}  // namespace keelson::kubernetes
