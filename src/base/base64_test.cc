#include "base/base64.h"

#include <gtest/gtest.h>

namespace keelson {
namespace {

TEST(Base64, IsThatOfTheStandard) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(Base64Encode(bytes), text);
    EXPECT_EQ(Base64Decode(text), bytes);
  }
  EXPECT_EQ(Base64Decode("Zm8"), "fo");
  EXPECT_EQ(Base64Decode("__79"), "\xff\xfe\xfd");
  for (const std::string bad : {"Z", "Zg=a", "Zm9 ", "Zm9v?", "Zm9vY"}) EXPECT_EQ(Base64Decode(bad), std::nullopt);
}

TEST(Base64, ReadsBackEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t length = 0; length <= all.size(); ++length) {
    EXPECT_EQ(Base64Decode(Base64Encode(all.substr(0, length))), all.substr(0, length));
  }
}

}  // namespace
}  // namespace keelson
