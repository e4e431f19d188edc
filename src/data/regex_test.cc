#include "data/regex.h"

#include <gtest/gtest.h>

namespace keelson::data {
namespace {

TEST(RegexTest, SearchesAnywhereInTheText) {
  const auto regex = Regex::Compile("b+c$");
  ASSERT_TRUE(regex.has_value());
  EXPECT_TRUE(*regex->Search("abbc"));
  EXPECT_FALSE(*regex->Search("abcd"));
  EXPECT_TRUE(*Regex::Compile("")->Search(""));
  EXPECT_TRUE(*Regex::Compile("^.é$")->Search("éé"));  // characters, not bytes
}

TEST(RegexTest, ABadPatternIsRefusedWithItsPlace) {
  const auto bad = Regex::Compile("a(b");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(bad.error().message.find("at character 3"), std::string::npos) << bad.error().message;
  EXPECT_FALSE(Regex::Compile(std::string(100'000, 'a')).has_value());
  EXPECT_FALSE(Regex::Compile("\\C").has_value());
  EXPECT_FALSE(Regex::Compile("\xff").has_value());
}

TEST(RegexTest, AnExplodingMatchIsStopped) {
  const auto found = Regex::Compile("^(a+)+$")->Search(std::string(60, 'a') + "b");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace keelson::data
