#include "project/parse.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace keelson::project {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

const std::string kTestdata = std::string(KEELSON_SOURCE_DIR) + "/src/project/testdata/";

std::string Load(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ProblemsOf(std::string_view text) {
  const auto parsed = ParseProject(text, "keelson.yaml");
  return parsed ? "" : ToString(parsed.error());
}

TEST(ParseProject, ReadsTheExampleOfTheArchitecturePage) {
  const auto parsed = ParseProject(Load(kTestdata + "good/architecture.yaml"), "keelson.yaml");
  ASSERT_TRUE(parsed.has_value()) << ToString(parsed.error());
  const Project& project = parsed->project;
  EXPECT_EQ(project.name, "flight-delays");
  EXPECT_EQ(project.time_zone, "UTC");
  ASSERT_EQ(project.sources.size(), 2u);
  EXPECT_EQ(project.sources[0].name, "flights");
  EXPECT_EQ(project.sources[0].known.at("arr_delay"), "landed_at");
  EXPECT_EQ(project.tables[0].sql_path, "prepare/flights.sql");
  EXPECT_EQ(project.expectations[0].suite_path, "expectations/flights.json");
  ASSERT_EQ(project.features.views.size(), 1u);
  const features::View& view = project.features.views[0];
  EXPECT_EQ(project.features.entities[0].keys, (std::vector<std::string>{"origin", "dest"}));
  EXPECT_EQ(view.ttl, Duration(hours(720)));
  EXPECT_EQ(view.aggregates[0].fn, features::AggregateFunction::kMean);
  EXPECT_EQ(view.aggregates[0].window, Duration(hours(168)));
  const TrainSpec& train = *project.train;
  EXPECT_EQ(train.table, "flights");
  EXPECT_EQ(train.views, std::vector<std::string>{"route_history"});
  EXPECT_EQ(train.split_train, Duration(hours(24 * 90)));
  EXPECT_EQ(train.split_test, Duration(hours(24 * 14)));
  EXPECT_EQ(std::get<XgboostSpec>(train.trainer).parameters.at("max_depth"), "6");
  EXPECT_EQ(train.search->parallel, 4);
  EXPECT_EQ(train.search->pruner, "asha");
  EXPECT_EQ(train.resources.memory_bytes, 2ull << 30);
  EXPECT_EQ(train.queue, "research");
  EXPECT_EQ(project.promote.require[0].metric, "auc");
  EXPECT_EQ(project.promote.require[0].op, ">=");
  EXPECT_EQ(project.promote.require[0].value, 0.65);
  EXPECT_EQ(project.promote.not_worse_than, "champion");
  EXPECT_EQ(project.serve->max_replicas, 4);
  EXPECT_EQ(project.serve->canary.steps, (std::vector<int>{5, 25, 100}));
  EXPECT_EQ(project.serve->canary.guard_p99, Duration(std::chrono::milliseconds(50)));
  EXPECT_EQ(project.monitor.drift->threshold, 0.2);
  EXPECT_EQ(project.monitor.performance->label_key, "request_id");  // the source has no key
  EXPECT_EQ(project.monitor.on_breach, "retrain");
  EXPECT_EQ(project.retention.artifacts, Duration(hours(720)));
  EXPECT_EQ(parsed->positions.at("train.label"), (Position{17, 10}));
}

TEST(ParseProject, ReadsEveryGoodFile) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kTestdata + "good")) {
    ++files;
    EXPECT_EQ(ProblemsOf(Load(entry.path())), "") << entry.path();
  }
  EXPECT_GE(files, 3);
}

// Each testdata/bad/NAME.yaml stands beside NAME.expected: every mistake in it, a line each.
TEST(ParseProject, TellsEveryMistakeOfTheBadFiles) {
  int mistakes = 0;
  for (const auto& entry : fs::directory_iterator(kTestdata + "bad")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string got = ProblemsOf(Load(entry.path()));
    fs::path expected_path = entry.path();
    expected_path.replace_extension(".expected");
    EXPECT_EQ(got, Load(expected_path)) << entry.path();
    mistakes += static_cast<int>(std::count(got.begin(), got.end(), '\n'));
  }
  EXPECT_GE(mistakes, 60);
}

}  // namespace
}  // namespace keelson::project
