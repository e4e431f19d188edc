#include "project/schema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/strings.h"
#include "project/scalars.h"
#include "project/yaml_node.h"

namespace keelson::project {
namespace {

namespace fs = std::filesystem;

const std::string kTestdata = std::string(KEELSON_SOURCE_DIR) + "/src/project/testdata/";

std::string Load(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The file as JSON, as any reader of YAML's core schema gives it.
Json ToJson(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      if (LooksLikeBool(node)) return node.text == "true";
      if (!LooksLikeNumber(node)) return node.text;
      if (const auto whole = ParseInt(node.text)) return *whole;
      return *ParseDouble(node.text);
    case YamlNode::Kind::kSequence: {
      Json list = Json::array();
      for (const auto& item : node.items) list.push_back(ToJson(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      Json object = Json::object();
      for (const auto& [key, value] : node.members) object[key.text] = ToJson(value);
      return object;
    }
  }
  return nullptr;
}

bool IsValid(const Json& schema, const Json& value);

bool HasType(const std::string& type, const Json& value) {
  if (type == "integer")
    return value.is_number_integer() || (value.is_number() && std::trunc(value.get<double>()) == value);
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

bool MembersAreValid(const Json& schema, const Json& object) {
  static const Json anything = Json::object();
  const Json& properties = schema.contains("properties") ? schema["properties"] : anything;
  for (const auto& [name, value] : object.items()) {
    if (schema.contains("propertyNames") && !IsValid(schema["propertyNames"], name)) return false;
    if (properties.contains(name)) {
      if (!IsValid(properties[name], value)) return false;
    } else if (schema.contains("additionalProperties")) {
      const Json& other = schema["additionalProperties"];
      if (other.is_boolean() ? !other.get<bool>() : !IsValid(other, value)) return false;
    }
  }
  for (const Json& name : schema.value("required", Json::array())) {
    if (!object.contains(name.get<std::string>())) return false;
  }
  return object.size() >= schema.value("minProperties", 0u) && object.size() <= schema.value("maxProperties", 1000u);
}

// The part of JSON Schema that ours uses; an unknown keyword fails the test, so that none is believed to be checked.
bool IsValid(const Json& schema, const Json& value) {
  const auto matches = [&](const Json& other) { return IsValid(other, value); };
  for (const auto& [keyword, rule] : schema.items()) {
    bool good = true;
    if (keyword == "type") {
      good = rule.is_string()
                 ? HasType(rule, value)
                 : std::any_of(rule.begin(), rule.end(), [&](const Json& type) { return HasType(type, value); });
    } else if (keyword == "enum") {
      good = std::find(rule.begin(), rule.end(), value) != rule.end();
    } else if (keyword == "const") {
      good = rule == value;
    } else if (keyword == "pattern") {
      good = !value.is_string() || std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()));
    } else if (keyword == "minLength") {
      good = !value.is_string() || value.get<std::string>().size() >= rule;
    } else if (keyword == "minimum") {
      good = !value.is_number() || value.get<double>() >= rule.get<double>();
    } else if (keyword == "exclusiveMinimum") {
      good = !value.is_number() || value.get<double>() > rule.get<double>();
    } else if (keyword == "maximum") {
      good = !value.is_number() || value.get<double>() <= rule.get<double>();
    } else if (keyword == "items") {
      good = !value.is_array() ||
             std::all_of(value.begin(), value.end(), [&](const Json& item) { return IsValid(rule, item); });
    } else if (keyword == "minItems") {
      good = !value.is_array() || value.size() >= rule;
    } else if (keyword == "maxItems") {
      good = !value.is_array() || value.size() <= rule;
    } else if (keyword == "uniqueItems") {
      for (std::size_t i = 1; value.is_array() && i < value.size(); ++i) {
        good = good && std::find(value.begin(), value.begin() + static_cast<long>(i), value[i]) ==
                           value.begin() + static_cast<long>(i);
      }
    } else if (keyword == "anyOf") {
      good = std::any_of(rule.begin(), rule.end(), matches);
    } else if (keyword == "oneOf") {
      good = std::count_if(rule.begin(), rule.end(), matches) == 1;
    } else if (keyword == "not") {
      good = !IsValid(rule, value);
    } else if (keyword == "properties" || keyword == "required" || keyword == "additionalProperties" ||
               keyword == "propertyNames" || keyword == "minProperties" || keyword == "maxProperties") {
      good = !value.is_object() || MembersAreValid(schema, value);
    } else if (!keyword.starts_with('$') && keyword != "title" && keyword != "description" && keyword != "default") {
      ADD_FAILURE() << "the test knows no keyword " << keyword;
    }
    if (!good) return false;
  }
  return true;
}

TEST(JsonSchema, TakesEveryGoodFile) {
  const Json schema = Json::parse(JsonSchema());
  for (const auto& entry : fs::directory_iterator(kTestdata + "good")) {
    EXPECT_TRUE(IsValid(schema, ToJson(ReadYaml(Load(entry.path()), "x").value()))) << entry.path();
  }
}

TEST(JsonSchema, RefusesWhatIsWrongInItself) {
  const Json schema = Json::parse(JsonSchema());
  for (const char* name : {"head", "missing", "unknown_fields", "wrong_types", "wrong_values", "comparisons", "names",
                           "paths", "lable", "two_trainers", "list", "scalar"}) {
    EXPECT_FALSE(IsValid(schema, ToJson(ReadYaml(Load(kTestdata + "bad/" + name + ".yaml"), "x").value()))) << name;
  }
}

// Each of these alone in an otherwise good file, so that no mistake hides behind another.
TEST(JsonSchema, RefusesEachMistakeAlone) {
  const Json schema = Json::parse(JsonSchema());
  const Json good = ToJson(ReadYaml(Load(kTestdata + "good/everything.yaml"), "x").value());
  ASSERT_TRUE(IsValid(schema, good));
  const std::vector<std::pair<std::string, Json>> changes = {{"/apiVersion", "keelson.dev/v2"},
                                                             {"/metadata/name", "Upper"},
                                                             {"/metadata/colour", "blue"},
                                                             {"/sources/trips/path", "../a.csv"},
                                                             {"/sources/trips/path", "/a.csv"},
                                                             {"/sources/trips/types/total", "float"},
                                                             {"/sources/2nd", {{"path", "a.csv"}}},
                                                             {"/features/entities/zone", Json::array()},
                                                             {"/features/views/zone_history/ttl", 14},
                                                             {"/train/trainer/xgboost/wombat", 1},
                                                             {"/train/trainer/xgboost/eta", 2},
                                                             {"/train/trainer/command", {{"run", {"x"}}}},
                                                             {"/train/search/space/eta/int", {1, 2}},
                                                             {"/train/resources/memory", "2GiB"},
                                                             {"/train/priority", "high"},
                                                             {"/promote/require/auc", 0.7},
                                                             {"/promote/require/ruc", ">= 0.7"},
                                                             {"/serve/replicas/max", 0},
                                                             {"/serve/canary/steps", {5, 5, 100}},
                                                             {"/serve/canary/guard/error_rate", 2},
                                                             {"/monitor/on_breach", "panic"},
                                                             {"/retention/keep", "champion"}};
  for (const auto& [pointer, value] : changes) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_FALSE(IsValid(schema, bad)) << pointer << " " << value;
  }
}

TEST(JsonSchema, TellsDescriptionsAndDefaults) {
  const Json schema = Json::parse(JsonSchema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const Json& canary = schema["properties"]["serve"]["properties"]["canary"]["properties"];
  EXPECT_EQ(canary["interval"]["default"], "6h");
  EXPECT_EQ(canary["steps"]["default"], (Json{5, 25, 100}));
  EXPECT_FALSE(canary["interval"]["description"].get<std::string>().empty());
  EXPECT_EQ(schema["required"], (Json{"apiVersion", "kind", "metadata"}));
}

TEST(ProjectFileManual, InDocsIsCurrent) {
  EXPECT_EQ(Load(std::string(KEELSON_SOURCE_DIR) + "/docs/project-file.md"), ProjectFileManual())
      << "write it anew: build/release/keelson schema --markdown > docs/project-file.md";
}

}  // namespace
}  // namespace keelson::project
