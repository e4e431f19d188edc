#include "project/yaml_node.h"

#include <gtest/gtest.h>

#include "project/parse.h"
#include "project/render.h"

namespace keelson::project {
namespace {

std::string ProblemsOf(const std::string& text, const YamlLimits& limits = {}) {
  const auto node = ReadYaml(text, "f", limits);
  return node.has_value() ? "" : ToString(node.error());
}

TEST(ReadYaml, KnowsWhereThingsStand) {
  const auto root = ReadYaml("a: 1\nb:\n  - x\n  - 'y'\n", "f");
  ASSERT_TRUE(root.has_value());
  const auto& b = root->members.at(1).value;
  EXPECT_EQ(b.named_at, (Position{2, 1}));
  EXPECT_EQ(b.items.at(1).position, (Position{4, 5}));
  EXPECT_TRUE(b.items.at(1).quoted);
  EXPECT_FALSE(b.items.at(0).quoted);
}

TEST(ReadYaml, CopiesAliasesWithinItsLimits) {
  const auto root = ReadYaml("a: &x {k: [1, 2]}\nb: *x\n", "f");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->members.at(1).value.members.at(0).value.items.size(), 2u);
  EXPECT_EQ(root->members.at(1).value.named_at, (Position{2, 1}));
  EXPECT_EQ(ProblemsOf("a: &x [[[[1]]]]\nb: [[[*x]]]\n", {.bytes = 100, .depth = 7, .nodes = 100}),
            "f:2:7: maps and lists are nested too deeply, expected at most 7 levels\n");
}

TEST(ReadYaml, StopsAtItsLimits) {
  EXPECT_EQ(ProblemsOf(std::string(100'000'000, 'a')),
            "f:1:1: the file has 100000000 bytes, expected at most 1048576\n");
  std::string many = "[";
  for (int i = 0; i < 200'000; ++i) many += "a,";
  EXPECT_NE(ProblemsOf(many + "]").find("too many values"), std::string::npos);
  for (const char* opening : {"[", "{a: ", "- ", "? ", "&a ", "!!x ", "\"", "|\n", "{[", "a: {"}) {
    std::string text;
    while (text.size() < 200'000) text += opening;
    EXPECT_NE(ProblemsOf(text), "") << opening;
  }
}

TEST(ReadYaml, ManyMistakesStayFew) {
  std::string text = "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\n";
  for (int i = 0; i < 10'000; ++i) text += "field" + std::to_string(i) + ": 1\n";
  const auto parsed = ParseProject(text, "f");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().size(), 201u);
  EXPECT_EQ(parsed.error().back().what, "there are more mistakes than these");
}

TEST(ReadYaml, EveryPieceOfAGoodFileIsReadOrRefused) {
  const std::string good =
      "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\nsources:\n  a: {path: a.csv, time: t}\n"
      "train: {label: \"y > 1\", trainer: {xgboost: {eta: 0.1}}}\n";
  for (std::size_t length = 0; length <= good.size(); ++length) {
    const auto parsed = ParseProject(good.substr(0, length), "f");
    EXPECT_TRUE(parsed.has_value() || !parsed.error().empty());
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\0', '\n', '\t', ':', '{', ']', '"', '&', '*', '\x80', '-', '#'}) {
      std::string changed = good;
      changed[at] = byte;
      const auto parsed = ParseProject(changed, "f");
      EXPECT_TRUE(!parsed.has_value() || !Render(parsed->project).empty());
    }
  }
}

}  // namespace
}  // namespace keelson::project
