#include "kubernetes/objects/metadata.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "kubernetes/objects/objects_testing.h"

namespace keelson::kubernetes {
namespace {

TEST(ObjectName, IsWhatItIsMadeOfWhenThatIsAName) {
  EXPECT_EQ(ObjectName({"flight-delays", "train", "0123abcd"}), "flight-delays-train-0123abcd");
  EXPECT_EQ(ObjectName({std::string(kMaximumName, 'x')}), std::string(kMaximumName, 'x'));
}

TEST(ObjectName, IsAlwaysAnRfc1035LabelAndDifferentForDifferentParts) {
  const std::vector<std::vector<std::string>> parts = {
      {"7days", "v1"},
      {"k-7days", "v1"},
      {"a", "ingest:flights"},
      {"a", "ingest-flights"},
      {"a", "ingest:Flights"},
      {"a", "ingest:_"},
      {"a", "ingest:__"},
      {std::string(63, 'a'), "ingest:one"},
      {std::string(63, 'a'), "ingest:two"},
      {std::string(kMaximumName - 1, 'a'), "b"},
      {"\xC3\xA9"},
      {""},
  };
  const std::regex label("[a-z]([-a-z0-9]*[a-z0-9])?");
  std::set<std::string> seen;
  for (const auto& one : parts) {
    const std::string name = ObjectName(one);
    EXPECT_TRUE(std::regex_match(name, label)) << name;
    EXPECT_LE(name.size(), kMaximumName) << name;
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(ObjectName(one), name);
  }
}

TEST(Labels, SayWhoseAnObjectIsAndOfWhichRevision) {
  const TestOwner made = MakeOwner("");
  const Json object = NewObject(made.owner(), "v1", "ConfigMap", "x", component::kPipeline);
  EXPECT_EQ(object.at("metadata").at("namespace"), "ships");
  EXPECT_EQ(object.at("metadata").at("labels"), (Json{{"app.kubernetes.io/name", "keelson"},
                                                      {"app.kubernetes.io/instance", "ships"},
                                                      {"app.kubernetes.io/component", "pipeline"},
                                                      {"app.kubernetes.io/managed-by", "keelson"},
                                                      {"app.kubernetes.io/version", "1.2"},
                                                      {"keelson.dev/project", "ships"},
                                                      {"keelson.dev/revision", "aaaaaaaaaaaa"}}));
}

}  // namespace
}  // namespace keelson::kubernetes
