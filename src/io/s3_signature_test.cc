#include "io/s3_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/hash.h"
#include "base/strings.h"

namespace keelson::io {
namespace {

Instant At(const char* text) {
  return *ParseInstant(text);
}

S3Scope ScopeOf(bool suite) {
  if (suite) {
    return {.host = "example.amazonaws.com",
            .region = "us-east-1",
            .credentials = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
            .now = At("2015-08-30T12:36:00Z"),
            .service = "service"};
  }
  return {.host = "examplebucket.s3.amazonaws.com",
          .region = "us-east-1",
          .credentials = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
          .now = At("2013-05-24T00:00:00Z")};
}

TEST(S3SignatureTest, IsWhatAwsPublishesForEachRequestOfTheFile) {
  std::ifstream file(std::string(KEELSON_SOURCE_DIR) + "/src/io/testdata/s3_signatures.txt");
  ASSERT_TRUE(file.is_open());
  int cases = 0;
  std::string name;
  std::string body;
  bool suite = false;
  S3Request request;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::string kind = line.substr(0, line.find(' '));
    const std::string rest = line.substr(kind.size() + 1);
    if (kind == "suite" || kind == "s3") {
      suite = kind == "suite";
      const auto words = Split(rest, ' ');
      ASSERT_EQ(words.size(), 3u) << line;
      name = words[0];
      request = {.method = std::string(words[1]), .path = std::string(words[2])};
      body.clear();
    } else if (kind == "query") {
      request.query.emplace_back(rest.substr(0, rest.find('=')), rest.substr(rest.find('=') + 1));
    } else if (kind == "header") {
      request.headers.emplace_back(rest.substr(0, rest.find(':')), rest.substr(rest.find(':') + 1));
    } else if (kind == "body") {
      body = rest;
    } else {
      ASSERT_EQ(kind, "signature") << line;
      const std::string hash = Sha256::Hex(body);
      request.headers.emplace_back("X-Amz-Date", suite ? "20150830T123600Z" : "20130524T000000Z");
      if (!suite) request.headers.emplace_back("x-amz-content-sha256", hash);
      EXPECT_TRUE(S3Authorization(request, ScopeOf(suite), hash).ends_with("Signature=" + rest)) << name;
      ++cases;
    }
  }
  EXPECT_EQ(cases, 24);
}

TEST(S3SignatureTest, TheHeaderNamesKeyScopeAndSignedHeaders) {
  S3Request request{.method = "GET", .path = "/test.txt", .headers = {{"range", "bytes=0-9"}}};
  SignS3Request(request, ScopeOf(false), Sha256::Hex(""));
  EXPECT_EQ(FindHeader(request.headers, "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(FindHeader(request.headers, "x-amz-security-token"), "");
}

TEST(S3SignatureTest, TheDocumentationsUrl) {
  EXPECT_EQ(PresignS3Target({.path = "/test.txt"}, ScopeOf(false), std::chrono::seconds(86400)),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(S3SignatureTest, TheTokenOfTemporaryKeysIsSignedEitherWay) {
  S3Scope scope = ScopeOf(false);
  scope.credentials.session_token = "to/ken==";
  S3Request request{.path = "/k"};
  SignS3Request(request, scope, kUnsignedPayload);
  EXPECT_EQ(FindHeader(request.headers, "x-amz-security-token"), "to/ken==");
  EXPECT_EQ(FindHeader(request.headers, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_THAT(std::string(FindHeader(request.headers, "authorization")), testing::HasSubstr("x-amz-security-token,"));
  EXPECT_THAT(PresignS3Target({.path = "/k"}, scope, std::chrono::seconds(60)),
              testing::HasSubstr("X-Amz-Security-Token=to%2Fken%3D%3D"));
}

TEST(S3SignatureTest, APathIsEncodedOnceAndTheQuerySorted) {
  EXPECT_EQ(S3Target("/b/a b+c%/ü", {{"uploadId", "x/y="}, {"partNumber", "2"}, {"acl", ""}}),
            "/b/a%20b%2Bc%25/%C3%BC?acl=&partNumber=2&uploadId=x%2Fy%3D");
  EXPECT_EQ(S3Target("/", {}), "/");
}

TEST(Base64Test, OfEveryRest) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64(std::string("\0\xff", 2)), "AP8=");
}

}  // namespace
}  // namespace keelson::io
