#include "io/s3_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::io {
namespace {

using testing::HasSubstr;

HttpResponse Refusal(int status, const std::string& code, const std::string& more = "") {
  return {.status = status,
          .body = "<Error><Code>" + code + "</Code><Message>said so</Message>" + more +
                  "<RequestId>R7</RequestId></Error>"};
}

Error ErrorOf(const HttpResponse& answer) {
  return S3ErrorOf(*S3ProblemOf(answer), "s3://bucket/key", *ParseInstant("2026-11-30T10:00:00Z"),
                   FindHeader(answer.headers, "date"));
}

TEST(S3AnswersTest, RefusalsSayWhatWhereAndWhatToDo) {
  struct Case {
    int status;
    const char* code;
    ErrorCode expected;
    const char* words;
  };
  for (const Case& one :
       std::initializer_list<Case>{{404, "NoSuchKey", ErrorCode::kNotFound, "no such object"},
                                   {404, "NoSuchBucket", ErrorCode::kFailedPrecondition, "create it"},
                                   {404, "NoSuchUpload", ErrorCode::kNotFound, "no such upload"},
                                   {403, "InvalidAccessKeyId", ErrorCode::kUnauthenticated, "AWS_ACCESS_KEY_ID"},
                                   {403, "SignatureDoesNotMatch", ErrorCode::kUnauthenticated, "AWS_SECRET_ACCESS_KEY"},
                                   {400, "ExpiredToken", ErrorCode::kUnauthenticated, "renew"},
                                   {403, "AccessDenied", ErrorCode::kPermissionDenied, "PutObject"},
                                   {412, "PreconditionFailed", ErrorCode::kAborted, "replaced"},
                                   {400, "EntityTooLarge", ErrorCode::kResourceExhausted, "larger"},
                                   {400, "BadDigest", ErrorCode::kDataLoss, "damaged"},
                                   {503, "SlowDown", ErrorCode::kUnavailable, "slow down"},
                                   {500, "InternalError", ErrorCode::kUnavailable, "try again later"},
                                   {418, "Teapot", ErrorCode::kFailedPrecondition, "refused"}}) {
    const Error error = ErrorOf(Refusal(one.status, one.code));
    EXPECT_EQ(error.code, one.expected) << one.code;
    EXPECT_THAT(error.message, HasSubstr(one.words));
    EXPECT_THAT(error.message, HasSubstr(std::string(one.code) + ": said so; request R7"));
    EXPECT_EQ(error.where, "s3://bucket/key");
  }
}

TEST(S3AnswersTest, ClocksThatAreApartAreBothTold) {
  HttpResponse answer = Refusal(403, "RequestTimeTooSkewed");
  answer.headers.emplace_back("date", "Mon, 30 Nov 2026 09:30:00 GMT");
  const Error error = ErrorOf(answer);
  EXPECT_THAT(error.message, HasSubstr("2026-11-30T10:00:00Z"));
  EXPECT_THAT(error.message, HasSubstr("Mon, 30 Nov 2026 09:30:00 GMT"));
  EXPECT_THAT(error.message, HasSubstr("set this machine's clock"));
}

TEST(S3AnswersTest, ABucketElsewhereNamesItsRegion) {
  EXPECT_THAT(ErrorOf(Refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>")).message,
              HasSubstr("AWS_REGION=eu-west-3"));
  EXPECT_THAT(ErrorOf({.status = 301, .headers = {{"x-amz-bucket-region", "eu-west-3"}}}).message,
              HasSubstr("AWS_REGION=eu-west-3"));
}

TEST(S3AnswersTest, AStatusAloneIsUnderstoodToo) {
  EXPECT_EQ(ErrorOf({.status = 404}).code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrorOf({.status = 403, .body = "<html>"}).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(ErrorOf({.status = 502, .body = "Bad Gateway"}).code, ErrorCode::kUnavailable);
}

TEST(S3AnswersTest, SomeRefusalsComeWithStatus200) {
  EXPECT_TRUE(S3ProblemOf(Refusal(200, "InternalError")).has_value());
  EXPECT_FALSE(S3ProblemOf({.status = 200, .body = "an <Error> in a text"}).has_value());
  EXPECT_FALSE(S3ProblemOf({.status = 204}).has_value());
}

TEST(S3AnswersTest, WhatIsWorthARetry) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(IsWorthARetry({.status = status})) << status;
  for (const int status : {301, 400, 403, 404, 412, 501}) EXPECT_FALSE(IsWorthARetry({.status = status})) << status;
  EXPECT_TRUE(IsWorthARetry(*S3ProblemOf(Refusal(400, "RequestTimeout"))));
  EXPECT_TRUE(IsWorthARetry(*S3ProblemOf(Refusal(400, "BadDigest"))));
  EXPECT_TRUE(IsWorthARetry(*S3ProblemOf(Refusal(200, "InternalError"))));
  HttpResponse slow = Refusal(503, "SlowDown");
  slow.headers.emplace_back("retry-after", "3");
  EXPECT_EQ(S3ProblemOf(slow)->retry_after, 3);
}

TEST(S3AnswersTest, Listings) {
  const auto page = ReadS3Listing(
      "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t/1=</NextContinuationToken>"
      "<Contents><Key>a+b%2B%0A%2Fc</Key><Size>12</Size><ETag>&quot;e&quot;</ETag>"
      "<LastModified>2030-02-03T04:05:06.000Z</LastModified></Contents>"
      "<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes></ListBucketResult>",
      "s3://bucket/");
  ASSERT_TRUE(page.has_value()) << page.error().ToString();
  EXPECT_EQ(page->entries.at(0).key, "a b+\n/c");
  EXPECT_EQ(page->entries.at(0).size, 12u);
  EXPECT_EQ(page->entries.at(0).changed, *ParseInstant("2030-02-03T04:05:06Z"));
  EXPECT_EQ(page->folders, std::vector<std::string>{"d/"});
  EXPECT_EQ(page->next, "t/1=");
  const auto plain =
      ReadS3Listing("<ListBucketResult><Contents><Key>a+b%41</Key><Size>0</Size></Contents></ListBucketResult>", "");
  EXPECT_EQ(plain->entries.at(0).key, "a+b%41");
  EXPECT_EQ(plain->entries.at(0).changed, Instant::max());
  EXPECT_EQ(plain->next, "");
  for (const char* text : {"", "<html/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
                           "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
                           "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
                           "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_EQ(ReadS3Listing(text, "s3://b/").error().code, ErrorCode::kDataLoss) << text;
  }
}

TEST(S3AnswersTest, UploadsAndDeletions) {
  EXPECT_EQ(
      *ReadS3UploadId("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>", ""),
      "u1");
  EXPECT_FALSE(ReadS3UploadId("<InitiateMultipartUploadResult/>", "").has_value());
  EXPECT_TRUE(ReadS3Deletions("<DeleteResult/>", "b").has_value());
  const auto failed = ReadS3Deletions(
      "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>", "b");
  EXPECT_EQ(failed.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(failed.error().where, "s3://b/k");
}

TEST(S3AnswersTest, ChecksumsOfTheWholeObjectOnly) {
  const auto object = ReadS3Object({.headers = {{"content-length", "9"},
                                                {"etag", "\"x\""},
                                                {"x-amz-checksum-crc32c", S3Crc32cText(0xe3069283u)},
                                                {"x-amz-checksum-sha256", "2cf24dba5fb0a30e-2"}}},
                                   "");
  EXPECT_EQ(object->size, 9u);
  EXPECT_EQ(object->crc32c, 0xe3069283u);
  EXPECT_EQ(object->sha256, "") << "a sum of sums";
  EXPECT_EQ(ReadS3Object({.headers = {{"content-length", "9"},
                                      {"x-amz-checksum-type", "COMPOSITE"},
                                      {"x-amz-checksum-crc32c", S3Crc32cText(1)}}},
                         "")
                ->crc32c,
            std::nullopt);
  EXPECT_EQ(ReadS3Object({.headers = {{"content-length", "0"},
                                      {"x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}},
                         "")
                ->sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_FALSE(ReadS3Object({}, "").has_value());
}

}  // namespace
}  // namespace keelson::io
