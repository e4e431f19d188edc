#include "kubernetes/operator/project_status.h"

#include <gtest/gtest.h>

#include "kubernetes/operator/operator_testing.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests

json Project() {
  return {{"apiVersion", "keelson.dev/v1"},
          {"kind", "Project"},
          {"metadata",
           {{"name", "ships"}, {"namespace", "lab"}, {"uid", "u"}, {"generation", 4}, {"resourceVersion", "9"}}}};
}

const Told kStarting = {"Ready", "False", "Starting", "soon"};

TEST(ProjectStatus, AConditionKeepsTheTimeOfItsTransition) {
  const json first = StatusOf(Project(), std::string(64, 'a'), 3, {kStarting}, kNow);
  EXPECT_EQ(first, (json{{"observedGeneration", 4},
                         {"revision", "aaaaaaaaaaaa"},
                         {"champion", 3},
                         {"conditions",
                          {{{"type", "Ready"},
                            {"status", "False"},
                            {"reason", "Starting"},
                            {"message", "soon"},
                            {"observedGeneration", 4},
                            {"lastTransitionTime", "2026-11-30T12:00:00Z"}}}}}));
  const json seen = With(Project(), "/status", first);
  const Instant later = kNow + std::chrono::hours(1);
  EXPECT_EQ(StatusOf(seen, std::string(64, 'a'), 3, {kStarting}, later), first);
  const json other = StatusOf(seen, "", 3, {{"Ready", "False", "Stuck", "x"}}, later);
  EXPECT_EQ(other.at("conditions").at(0).at("lastTransitionTime"), "2026-11-30T12:00:00Z");
  const json ready = StatusOf(seen, "", 3, {{"Ready", "True", "Serving", "x"}}, later);
  EXPECT_EQ(ready.at("conditions").at(0).at("lastTransitionTime"), "2026-11-30T13:00:00Z");
}

TEST(ProjectStatus, WhatIsNotToldStaysAndAVersionThatIsGoneGoes) {
  const json seen = With(Project(), "/status", StatusOf(Project(), "a", 3, {kStarting}, kNow));
  const json status = StatusOf(seen, "a", std::nullopt, {{"Valid", "True", "Read", ""}}, kNow);
  EXPECT_EQ(status.at("conditions").size(), 2U);
  EXPECT_FALSE(status.contains("champion"));
  json patched = seen;
  patched.merge_patch(StatusPatch(seen, status));
  EXPECT_EQ(patched.at("status"), status);
  EXPECT_EQ(StatusPatch(seen, status).at("metadata").at("resourceVersion"), "9");
}

TEST(ProjectStatus, OnlyWhatIsNewIsAnEvent) {
  const json seen = With(Project(), "/status", StatusOf(Project(), "a", 3, {kStarting}, kNow));
  EXPECT_TRUE(NewIn(seen, {{"Ready", "False", "Starting", "another word"}}).empty());
  EXPECT_EQ(NewIn(seen, {{"Ready", "False", "Stuck", "x"}}).size(), 1U);
  EXPECT_EQ(NewIn(Project(), {kStarting}).size(), 1U);
}

TEST(ProjectStatus, AnEventFitsWhatTheApiServerTakes) {
  const json event = EventOn(Project(), "Warning", "Stuck", std::string(5'000, 'x'), "server-1", kNow);
  EXPECT_EQ(event.at("note").get<std::string>().size(), 1'000U);
  EXPECT_EQ(event.at("eventTime"), "2026-11-30T12:00:00.000000Z");
  EXPECT_EQ(event.at("regarding").at("uid"), "u");
  EXPECT_NE(event.at("metadata").at("name"),
            EventOn(Project(), "Warning", "Other", "x", "server-1", kNow).at("metadata").at("name"));
}

}  // namespace
}  // namespace keelson::kubernetes
