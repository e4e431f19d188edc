#include "project/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "project/quantity.h"

namespace keelson::project {
namespace {

using testing::HasSubstr;

TEST(QuantityTest, IsAsKubernetesReadsIt) {
  const auto thousandths = [](std::string_view text) { return ParseQuantity(text, Unit::kThousandths); };
  EXPECT_EQ(thousandths("20"), 20'000);
  EXPECT_EQ(thousandths("+1.5"), 1'500);
  EXPECT_EQ(thousandths("500m"), 500);
  EXPECT_EQ(thousandths("1u"), 1) << "rounded up";
  EXPECT_EQ(thousandths(".5"), 500);
  EXPECT_EQ(thousandths("1e3"), 1'000'000);
  EXPECT_EQ(thousandths("1E"), std::nullopt) << "10^21 thousandths";
  EXPECT_EQ(ParseQuantity("256Gi", Unit::kWhole), std::int64_t{256} << 30);
  EXPECT_EQ(ParseQuantity("1.5k", Unit::kWhole), 1'500);
  EXPECT_EQ(ParseQuantity("0.0001", Unit::kWhole), 1);
  EXPECT_EQ(ParseQuantity("0Ei", Unit::kWhole), 0);
  for (const char* none :
       {"", ".", "m", "-1", "1 ", "1Kib", "1e", "1e+", "1ee3", "1.2.3", "9999999999999999999", "64Pi"}) {
    EXPECT_EQ(ParseQuantity(none, Unit::kWhole), std::nullopt) << none;
  }
}

TEST(FieldsTest, WhatIsWrongOrNotTakenIsSaidWithItsLine) {
  const auto node = ReadYaml("name: x\ncount: 7\nshare: 1.5\nsize: 2Gi\ncolour: red\n", "f.yaml").value();
  Findings findings{"f.yaml", {}};
  Fields fields(node, "top", findings);
  EXPECT_EQ(fields.Text("name"), "x");
  EXPECT_EQ(fields.Whole("count", 0, 9), 7);
  EXPECT_EQ(fields.Number("share", 0, 2), 1.5);
  EXPECT_EQ(fields.Number("count", 0, 6), std::nullopt);
  EXPECT_EQ(fields.Number("none", 0, 6), std::nullopt);
  EXPECT_EQ(fields.Quantity("size", Unit::kWhole), std::int64_t{2} << 30);
  EXPECT_EQ(fields.Choice("colour", {"green", "blue"}), "green");
  fields.Number("must", 0, 1, true);
  fields.Done();
  const std::string said = findings.ToStatus().error().message;
  EXPECT_THAT(said, HasSubstr("f.yaml:2:1: top.count is \"7\", expected a number from 0 to 6"));
  EXPECT_THAT(said, HasSubstr("f.yaml:5:1: top.colour is \"red\", expected one of green, blue"));
  EXPECT_THAT(said, HasSubstr("top.must is missing"));
  EXPECT_THAT(said, testing::Not(HasSubstr("unknown field")));
}

TEST(FieldsTest, SeveralDocumentsKeepTheirLines) {
  const auto documents = ReadDocuments("a: 1\n---\n---\nb: 2\nc: 3\n", "f.yaml");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ(documents->at(1).members.at(1).value.position.line, 5);
  const auto broken = ReadDocuments("a: 1\n---\nb: [\n", "f.yaml");
  ASSERT_FALSE(broken);
  EXPECT_GE(broken.error().front().line, 3);
}

}  // namespace
}  // namespace keelson::project
