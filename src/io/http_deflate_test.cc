#include "io/http_deflate.h"

#include <gtest/gtest.h>

#include "io/http_inflate.h"

namespace keelson::io {
namespace {

TEST(HttpDeflate, ChoosesWhatTheClientLikesBest) {
  EXPECT_EQ(ChooseEncoding("gzip"), "gzip");
  EXPECT_EQ(ChooseEncoding("deflate"), "deflate");
  EXPECT_EQ(ChooseEncoding("gzip, deflate, br, zstd"), "gzip");
  EXPECT_EQ(ChooseEncoding("GZIP;q=0.5, deflate;q=0.8"), "deflate");
  EXPECT_EQ(ChooseEncoding("br, *"), "gzip");
  EXPECT_EQ(ChooseEncoding("*;q=0.1, gzip;q=0"), "");
  for (const char* none : {"", "identity", "br", "gzip;q=0", "gzip;q=2", "gzip;level=3", ";;,,", "gzi"}) {
    EXPECT_EQ(ChooseEncoding(none), "") << none;
  }
}

TEST(HttpDeflate, InflatesToWhatItWas) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i * 7919 % 1013) + ",";
  for (const char* encoding : {"gzip", "deflate"}) {
    const auto back = Inflate(encoding, Deflate(encoding, text), text.size());
    ASSERT_TRUE(back.has_value()) << encoding;
    EXPECT_EQ(*back, text);
    EXPECT_EQ(*Inflate(encoding, Deflate(encoding, ""), 10), "");
  }
}

TEST(HttpDeflate, CompressesAnswersThatAreWorthIt) {
  HttpResponse response;
  response.body = std::string(100'000, 'a');
  HttpResponse untouched = response;
  CompressAnswer("", &untouched);
  CompressAnswer("br", &untouched);
  EXPECT_EQ(untouched.body, response.body);
  CompressAnswer("gzip", &response);
  EXPECT_LT(response.body.size(), 1'000u);
  EXPECT_EQ(FindHeader(response.headers, "content-encoding"), "gzip");
  EXPECT_EQ(*Inflate("gzip", response.body, 100'000), untouched.body);

  HttpResponse small;
  small.body = std::string(100, 'a');
  CompressAnswer("gzip", &small);
  EXPECT_EQ(small.body.size(), 100u);
  EXPECT_TRUE(small.headers.empty());
}

}  // namespace
}  // namespace keelson::io
