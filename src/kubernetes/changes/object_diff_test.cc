#include "kubernetes/changes/object_diff.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json Object(const json& spec) {
  return {{"kind", "Deployment"}, {"metadata", {{"name", "x"}, {"labels", {{"a/b", "1"}}}}}, {"spec", spec}};
}

TEST(DiffObjects, TellsEachChangeWithItsPath) {
  const json before = Object({{"replicas", 1}, {"paused", true}, {"args", {"a", "b"}}});
  json after = Object({{"replicas", 2}, {"args", {"a", "c", "d"}}, {"more", {{"x", 1}}}});
  after["metadata"]["labels"]["a/b"] = "2";
  EXPECT_EQ(DiffObjects(before, after),
            (std::vector<std::string>{"~ /metadata/labels/a~1b: 1 -> 2", "~ /spec/args/1: b -> c", "+ /spec/args/-: d",
                                      "- /spec/paused: true", "~ /spec/replicas: 1 -> 2", "+ /spec/more: {\"x\":1}"}));
}

TEST(DiffObjects, SeveralItemsThatGoAreEachToldAsTheyWere) {
  EXPECT_EQ(DiffObjects(Object({{"args", {"a", "b", "c"}}}), Object({{"args", {"a"}}})),
            (std::vector<std::string>{"- /spec/args/2: c", "- /spec/args/1: b"}));
}

TEST(DiffObjects, DoesNotLookAtWhatTheServerWrites) {
  json before = Object({{"replicas", 1}});
  json after = before;
  before["metadata"]["resourceVersion"] = "1";
  before["metadata"]["managedFields"] = json::array({1});
  after["metadata"]["generation"] = 5;
  after["status"] = {{"readyReplicas", 1}};
  EXPECT_TRUE(DiffObjects(before, after).empty());
}

TEST(DiffObjects, LongValuesAreCut) {
  const auto lines = DiffObjects(Object({{"a", "x"}}), Object({{"a", std::string(500, 'y') + "\n"}}));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LT(lines[0].size(), 130u);
  // Never in the middle of a letter: 99 bytes and one of two.
  EXPECT_EQ(DiffObjects(Object({{"a", ""}}), Object({{"a", std::string(99, 'y') + "\u00e4" + std::string(9, 'y')}})),
            std::vector<std::string>{"~ /spec/a:  -> " + std::string(99, 'y') + "..."});
}

}  // namespace
}  // namespace keelson::kubernetes
