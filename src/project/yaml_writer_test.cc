#include "project/yaml_writer.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

namespace keelson::project {
namespace {

using Json = nlohmann::ordered_json;

// What another reader makes of the text: every scalar as text, with a mark for quoted ones.
Json ReadBack(const YAML::Node& node) {
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const auto& item : node) list.push_back(ReadBack(item));
    return list;
  }
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& member : node) object[member.first.Scalar()] = ReadBack(member.second);
    return object;
  }
  if (node.IsNull()) return nullptr;
  if (node.Tag() == "!") return node.Scalar();
  const Json parsed = Json::parse(node.Scalar(), nullptr, false);
  return parsed.is_discarded() ? Json(node.Scalar()) : parsed;
}

TEST(ToYaml, WritesBlocksWithShortListsInOneLine) {
  const Json value = {{"name", "flights"},
                      {"steps", {5, 25, 100}},
                      {"empty", Json::object()},
                      {"none", Json::array()},
                      {"nested", {{"window", "7d"}, {"when", ">= 0.65"}}},
                      {"list", {{{"a", 1}, {"b", {{"c", true}}}}, "x"}}};
  EXPECT_EQ(ToYaml(value),
            "name: flights\nsteps: [5, 25, 100]\nempty: {}\nnone: []\nnested:\n  window: 7d\n  when: \">= 0.65\"\n"
            "list:\n  - a: 1\n    b:\n      c: true\n  - x\n");
}

TEST(ToYaml, IsReadBackAsTheSameValue) {
  Json value = Json::object();
  int n = 0;
  for (const char* text :
       {"",     " ",   "true",        "No",   "null", "~",     "n",          "y",     "1",
        "1.5",  "-3",  "0x1F",        "1e3",  "7d",   "1e",    "2Gi",        "50ms",  "a: b",
        "a #b", "# a", "- a",         "[a]",  "{a}",  "*a",    "&a",         "!a",    "|",
        ">",    "%a",  "@a",          "`a",   "'a'",  "\"a\"", "a\nb",       "a\tb",  "a ",
        "a:",   "a,b", "caf\xc3\xa9", "\x01", "..",   "---",   "2013-01-01", "12:30", "arr_delay > 15",
        "a\\b", "<<",  "=",           "inf",  ".inf", ".5"}) {
    value["k" + std::to_string(n++)] = text;
    value[std::string("key ") + text] = Json::array({text, Json{{text, 1}}});
  }
  value["number"] = 0.1;
  value["deep"] = {{{"a", {{{"b", {1, {2, {3}}}}}}}}};
  const std::string text = ToYaml(value);
  EXPECT_EQ(ReadBack(YAML::Load(text)), value) << text;
}

TEST(ToYaml, WritesScalarsAtTheTop) {
  EXPECT_EQ(ToYaml(Json("x")), "x\n");
  EXPECT_EQ(ToYaml(Json::array()), "[]\n");
  EXPECT_EQ(ToYaml(Json(nullptr)), "null\n");
  EXPECT_EQ(ToYaml(Json("bad \xff utf")), "\"bad \xef\xbf\xbd utf\"\n");
}

}  // namespace
}  // namespace keelson::project
