#include "base/json_depth.h"

#include <gtest/gtest.h>

#include <string>

namespace keelson {
namespace {

TEST(JsonDepthTest, CountsBracketsThatAreNotInText) {
  EXPECT_EQ(JsonDepth("7"), 0u);
  EXPECT_EQ(JsonDepth(R"({"a": [1, {"b": []}], "c": [[]]})"), 4u);
  EXPECT_EQ(JsonDepth(R"(["[[[", "\\", "\\\"[[[[", {}])"), 2u);
  EXPECT_EQ(JsonDepth("]]]["), 1u);
  EXPECT_EQ(JsonDepth("[\"a\\"), 1u);
  EXPECT_EQ(JsonDepth(std::string(1'000'000, '[')), 1'000'000u);
}

}  // namespace
}  // namespace keelson
