#include "project/render.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "project/expand.h"
#include "project/parse.h"

namespace keelson::project {
namespace {

const std::string kTestdata = std::string(KEELSON_SOURCE_DIR) + "/src/project/testdata/";

std::string Load(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Project Good(const std::string& name) {
  return ParseProject(Load(kTestdata + "good/" + name), name).value().project;
}

TEST(Render, IsStable) {
  EXPECT_EQ(Render(Good("architecture.yaml")), Load(kTestdata + "architecture.rendered.yaml"));
}

TEST(Render, WhatItSaysOfTheProjectIsAProjectFileThatMeansTheSame) {
  for (const char* name : {"architecture.yaml", "small.yaml", "everything.yaml", "command.yaml"}) {
    const std::string rendered = Render(Good(name));
    const auto again = ParseProject(rendered.substr(0, rendered.find("---\n")), "rendered.yaml");
    ASSERT_TRUE(again.has_value()) << name << "\n" << ToString(again.error());
    EXPECT_EQ(Render(again->project), rendered) << name;
  }
}

TEST(ExpandSteps, EveryNeedComesEarlier) {
  for (const char* name : {"architecture.yaml", "small.yaml", "everything.yaml", "command.yaml"}) {
    std::set<std::string> seen;
    for (const PipelineStep& step : ExpandSteps(Good(name))) {
      for (const std::string& need : step.needs)
        EXPECT_TRUE(seen.contains(need)) << name << ": " << step.name << " needs " << need;
      EXPECT_TRUE(seen.insert(step.name).second) << step.name << " comes twice";
    }
  }
}

TEST(ExpandSteps, NothingIsLearnedFromATableBeforeItsSuiteHolds) {
  std::map<std::string, PipelineStep> steps;
  for (const auto& step : ExpandSteps(Good("architecture.yaml"))) steps[step.name] = step;
  EXPECT_EQ(steps.at("prepare").needs, (std::vector<std::string>{"ingest:flights", "ingest:weather"}));
  EXPECT_EQ(steps.at("validate:flights").needs, std::vector<std::string>{"prepare"});
  EXPECT_EQ(steps.at("features").needs, (std::vector<std::string>{"prepare", "validate:flights"}));
  EXPECT_EQ(steps.at("materialize").needs, steps.at("features").needs);
  EXPECT_EQ(steps.at("materialize").when, "first run");
  EXPECT_EQ(steps.at("train").needs, std::vector<std::string>{"search"});
  EXPECT_EQ(steps.at("search").when, "first training");
}

TEST(ExpandSteps, ARetrainingHasNeitherSearchNorMaterialize) {
  std::map<std::string, PipelineStep> steps;
  for (const auto& step : ExpandSteps(Good("architecture.yaml"), {.search = false, .online = false}))
    steps[step.name] = step;
  EXPECT_FALSE(steps.contains("search"));
  EXPECT_FALSE(steps.contains("materialize"));
  EXPECT_EQ(steps.at("train").needs, std::vector<std::string>{"features"});
}

TEST(ExpandSteps, AProjectOfSourcesAloneOnlyIngestsAndPrepares) {
  const auto parsed = ParseProject(
      "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\nsources: {a: {path: a.csv}}\n", "p.yaml");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(ExpandSteps(parsed->project),
            (std::vector<PipelineStep>{{"ingest:a", "ingest", {}, ""}, {"prepare", "prepare", {"ingest:a"}, ""}}));
  EXPECT_EQ(Expand(parsed->project).size(), 2u);
}

TEST(FeatureNames, AreThoseOfTheViewsInUse) {
  EXPECT_EQ(FeatureNames(Good("architecture.yaml")), std::vector<std::string>{"route_history__delay_mean_7d"});
  EXPECT_EQ(FeatureNames(Good("everything.yaml")),
            (std::vector<std::string>{"zone_history__tips_1d", "zone_history__trips_6h"}));
}

TEST(InputColumns, AreAllThatIsKnownWhenAskedUnlessTheFileSaysWhich) {
  const std::vector<std::string> columns = {"id", "sched_dep_at", "origin", "arr_delay", "landed_at", "distance"};
  Project project = Good("architecture.yaml");
  EXPECT_EQ(InputColumns(project, columns), (std::vector<std::string>{"id", "origin", "distance"}));
  project.sources[0].key = "id";
  EXPECT_EQ(InputColumns(project, columns), (std::vector<std::string>{"origin", "distance"}));
  project.train->label = "distance > 100";
  EXPECT_EQ(InputColumns(project, columns), (std::vector<std::string>{"origin"}));
  project.train->inputs = {"distance", "carrier"};
  EXPECT_EQ(InputColumns(project, columns), project.train->inputs);
}

}  // namespace
}  // namespace keelson::project
