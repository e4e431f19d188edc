#include "app/output.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace keelson::app {
namespace {

TEST(Output, PadsColumnsByCharactersAndLeavesNoTrailingSpace) {
  const TextTable table = {{"name", "state"}, {{"caf\xc3\xa9", "ready"}, {"a", ""}, {"longer-name", "x"}}};
  EXPECT_EQ(FormatTable(table), "NAME         STATE\ncaf\xc3\xa9         ready\na\nlonger-name  x\n");
  EXPECT_EQ(FormatTable({}), "");
}

TEST(Output, FormatsTheSameResultThreeWays) {
  const nlohmann::ordered_json value = {{"name", "flights"}, {"versions", {1, 2}}};
  const TextTable table = {{"name"}, {{"flights"}}};
  EXPECT_EQ(FormatOutput(OutputFormat::kTable, value, table), "NAME\nflights\n");
  EXPECT_EQ(nlohmann::ordered_json::parse(FormatOutput(OutputFormat::kJson, value, table)), value);
  EXPECT_EQ(FormatOutput(OutputFormat::kYaml, value, table), "name: flights\nversions: [1, 2]\n");
}

TEST(Output, TheOptionTakesThreeNames) {
  OutputFormat format = OutputFormat::kTable;
  CLI::App app;
  AddOutputOption(app, &format);
  app.parse("-o yaml", false);
  EXPECT_EQ(format, OutputFormat::kYaml);
  app.parse("--output json", false);
  EXPECT_EQ(format, OutputFormat::kJson);
  EXPECT_THROW(app.parse("-o xml", false), CLI::ValidationError);
}

}  // namespace
}  // namespace keelson::app
