#include "base/utf8.h"

#include <gtest/gtest.h>

namespace keelson {
namespace {

TEST(Utf8Test, EachLengthAtBothOfItsEnds) {
  const auto encoded = [](std::uint32_t code) {
    std::string out = "x";
    AppendUtf8(code, out);
    return out;
  };
  EXPECT_EQ(encoded(0), std::string("x\0", 2));
  EXPECT_EQ(encoded(0x7F), "x\x7F");
  EXPECT_EQ(encoded(0x80), "x\xC2\x80");
  EXPECT_EQ(encoded(0x7FF), "x\xDF\xBF");
  EXPECT_EQ(encoded(0x800), "x\xE0\xA0\x80");
  EXPECT_EQ(encoded(0xFFFF), "x\xEF\xBF\xBF");
  EXPECT_EQ(encoded(0x10000), "x\xF0\x90\x80\x80");
  EXPECT_EQ(encoded(0x10FFFF), "x\xF4\x8F\xBF\xBF");
}

}  // namespace
}  // namespace keelson
