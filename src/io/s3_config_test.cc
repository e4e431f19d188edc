#include "io/s3_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

Environment Of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(S3PlaceTest, IsReadOrRefused) {
  EXPECT_EQ(ParseS3Place("s3://bucket")->bucket, "bucket");
  EXPECT_EQ(ParseS3Place("s3://bucket")->prefix, "");
  EXPECT_EQ(ParseS3Place("s3://my.bucket-1/a/b c/")->bucket, "my.bucket-1");
  EXPECT_EQ(ParseS3Place("s3://my.bucket-1/a/b c/")->prefix, "a/b c");
  for (const char* url : {"", "s3:/bucket", "gs://bucket/x", "s3://", "s3:///x", "s3://ab", "s3://Bucket/x",
                          "s3://.bucket", "s3://bu..cket", "s3://bucket//x", "s3://bucket/a/../b", "s3://bucket/./a",
                          "s3://user:secret@bucket/x", "s3://bucket/a\nb", "s3://bucket/\xff"}) {
    const auto place = ParseS3Place(url);
    ASSERT_FALSE(place.has_value()) << url;
    EXPECT_EQ(place.error().code, ErrorCode::kInvalidArgument) << url;
  }
}

TEST(S3BucketTest, StandsAtAwsUnlessAnEndpointIsNamed) {
  const auto at_aws = FindS3Bucket("bucket", Of({{"AWS_REGION", "eu-central-1"}}));
  ASSERT_TRUE(at_aws.has_value());
  EXPECT_EQ(at_aws->address(), "https://bucket.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(at_aws->host(), "bucket.s3.eu-central-1.amazonaws.com") << "as AWS signs it: without the usual port";
  EXPECT_EQ(at_aws->PathOf("a/b"), "/a/b");
  EXPECT_EQ(FindS3Bucket("my.bucket", Of({}))->address() + FindS3Bucket("my.bucket", Of({}))->PathOf("k"),
            "https://s3.us-east-1.amazonaws.com/my.bucket/k")
      << "no certificate is of a name with further dots";

  const auto elsewhere = FindS3Bucket("bucket", Of({{"AWS_ENDPOINT_URL", "http://127.0.0.1:9000/"}}));
  EXPECT_EQ(elsewhere->address() + elsewhere->PathOf("a"), "http://127.0.0.1:9000/bucket/a");
  EXPECT_EQ(elsewhere->host(), "127.0.0.1:9000");
}

TEST(S3BucketTest, TheMoreSpecialEndpointCountsAndTheStyleMayBeChosen) {
  std::map<std::string, std::string> all = {{"AWS_ENDPOINT_URL", "http://a:1"},
                                            {"AWS_ENDPOINT_URL_S3", "http://b:2"},
                                            {"MLFLOW_S3_ENDPOINT_URL", "http://c:3"}};
  EXPECT_EQ(FindS3Bucket("bucket", Of(all))->target.host, "c");
  all.erase("MLFLOW_S3_ENDPOINT_URL");
  EXPECT_EQ(FindS3Bucket("bucket", Of(all))->target.host, "b");
  all["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] = "virtual";
  EXPECT_EQ(FindS3Bucket("bucket", Of(all))->address(), "http://bucket.b:2");
  EXPECT_EQ(FindS3Bucket("bucket", Of({{"MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "path"}}))->address(),
            "https://s3.us-east-1.amazonaws.com");
  all["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] = "other";
  EXPECT_EQ(FindS3Bucket("bucket", Of(all)).error().code, ErrorCode::kInvalidArgument);
  const auto wrong = FindS3Bucket("bucket", Of({{"AWS_ENDPOINT_URL_S3", "localhost:9000"}}));
  EXPECT_THAT(wrong.error().message, testing::HasSubstr("AWS_ENDPOINT_URL_S3"));
  EXPECT_FALSE(FindS3Bucket("bucket", Of({{"AWS_REGION", "eu/../x"}})).has_value());
}

class S3FilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(MakeFolders(home_.File(".aws")).has_value());
    ASSERT_TRUE(WriteFileAtomically(home_.File(".aws/" + name), text).has_value());
  }
  TempFolder home_ = *TempFolder::Make();
};

TEST_F(S3FilesTest, RegionOfTheProfile) {
  Write("config",
        "[default]\nregion = eu-west-1\n[profile lab]\n# region = no\ns3 =\n  region = nested\nregion=ap-south-1\n");
  EXPECT_EQ(FindS3Bucket("bucket", Of({{"HOME", home_.path()}}))->region, "eu-west-1");
  EXPECT_EQ(FindS3Bucket("bucket", Of({{"HOME", home_.path()}, {"AWS_PROFILE", "lab"}}))->region, "ap-south-1");
  EXPECT_EQ(FindS3Bucket("bucket", Of({{"HOME", home_.path()}, {"AWS_DEFAULT_REGION", "x-1"}}))->region, "x-1");
}

TEST_F(S3FilesTest, KeysOfTheEnvironmentThenOfTheFile) {
  EXPECT_EQ(*ReadS3Credentials(Of({{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "s"}})),
            (S3Credentials{"a", "s"}));
  Write("credentials",
        "[default]\r\naws_access_key_id = file-a\r\naws_secret_access_key = file-s=\r\n\n"
        "[ lab ]\naws_access_key_id=lab-a\naws_secret_access_key=lab-s\naws_session_token=lab-t\n");
  EXPECT_EQ(*ReadS3Credentials(Of({{"HOME", home_.path()}})), (S3Credentials{"file-a", "file-s="}));
  EXPECT_EQ(
      *ReadS3Credentials(Of({{"AWS_SHARED_CREDENTIALS_FILE", home_.File(".aws/credentials")}, {"AWS_PROFILE", "lab"}})),
      (S3Credentials{"lab-a", "lab-s", "lab-t"}));
  EXPECT_EQ(*ReadS3Credentials(Of({{"HOME", home_.path()},
                                   {"AWS_ACCESS_KEY_ID", "a"},
                                   {"AWS_SECRET_ACCESS_KEY", "s"},
                                   {"AWS_SESSION_TOKEN", "t"}})),
            (S3Credentials{"a", "s", "t"}));
}

TEST_F(S3FilesTest, WhatIsMissingIsSaidAndNoSecretWithIt) {
  Write("credentials", "[default]\naws_access_key_id = only-this\n[other]\naws_secret_access_key = hidden\n");
  const auto half = ReadS3Credentials(Of({{"HOME", home_.path()}}));
  ASSERT_FALSE(half.has_value());
  EXPECT_EQ(half.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(half.error().ToString(), testing::HasSubstr("AWS_ACCESS_KEY_ID"));
  EXPECT_THAT(half.error().ToString(), testing::Not(testing::HasSubstr("hidden")));
  EXPECT_FALSE(ReadS3Credentials(Of({{"HOME", home_.path()}, {"AWS_PROFILE", "none"}})).has_value());
  EXPECT_FALSE(ReadS3Credentials(Of({})).has_value());
  const auto one = ReadS3Credentials(Of({{"AWS_SECRET_ACCESS_KEY", "hidden"}}));
  EXPECT_EQ(one.error().where, "AWS_ACCESS_KEY_ID");
  EXPECT_THAT(one.error().ToString(), testing::Not(testing::HasSubstr("hidden")));
}

}  // namespace
}  // namespace keelson::io
