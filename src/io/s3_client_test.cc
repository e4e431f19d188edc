#include "io/s3_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "io/files.h"
#include "io/s3_testing.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

using ::testing::ElementsAre;
using testing::FakeS3;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Bytes(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 31 % 251);
  return bytes;
}

// The first `times` requests of that kind get the answer.
FakeS3::Fault First(int times, const std::string& method, const HttpResponse& answer) {
  auto left = std::make_shared<int>(times);
  return [=](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.method != method || *left == 0) return std::nullopt;
    --*left;
    return answer;
  };
}

class S3ClientTest : public ::testing::Test {
 protected:
  FakeS3 store_;
  std::unique_ptr<S3Client> client_ = store_.Client();
};

TEST_F(S3ClientTest, PutGetHeadDelete) {
  for (const std::string& content : {std::string(), std::string("content"), Bytes(999), Bytes(1000)}) {
    ASSERT_TRUE(client_->Put("a b/ü+%.txt", content).has_value());
    EXPECT_EQ(*client_->Get("a b/ü+%.txt"), content);
    EXPECT_EQ(client_->Head("a b/ü+%.txt")->size, content.size());
  }
  EXPECT_EQ(client_->Get("a b/ü+%.txt", 999).error().code, ErrorCode::kResourceExhausted);
  const auto none = client_->Get("none");
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(none.error().where, "s3://bucket/none");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client_->Delete("a b/ü+%.txt").has_value());
  EXPECT_TRUE(store_.objects().empty());
}

TEST_F(S3ClientTest, ALargeFileGoesAndComesInParts) {
  const TempFolder folder = *TempFolder::Make();
  for (const std::size_t size : {1001u, 3000u, 3500u}) {
    const std::string content = Bytes(size);
    ASSERT_TRUE(WriteFileAtomically(folder.File("f"), content).has_value());
    ASSERT_TRUE(client_->PutFile("large", folder.File("f")).has_value());
    EXPECT_EQ(store_.objects()["large"], content);
    EXPECT_EQ(*client_->Get("large"), content);
  }
  EXPECT_EQ(store_.uploads(), 0u);
  EXPECT_THAT(store_.asked(), ::testing::Contains("PUT large?partNumber=4&uploadId=upload-3"));
}

// Content in pieces of a size.
S3Pieces Pieces(const std::string& content, std::size_t size) {
  auto at = std::make_shared<std::size_t>(0);
  return [=]() -> Result<std::string_view> {
    const std::string_view piece = std::string_view(content).substr(*at, size);
    *at += piece.size();
    return piece;
  };
}

TEST_F(S3ClientTest, PiecesOfAnySizeBecomeParts) {
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 2000u, 3777u}) {
    for (const std::size_t piece : {1u, 7u, 1000u, 2500u, 5000u}) {
      const std::string content = Bytes(size);
      ASSERT_TRUE(client_->PutPieces("k", Pieces(content, piece)).has_value());
      ASSERT_EQ(store_.objects()["k"], content) << size << " in pieces of " << piece;
    }
  }
  EXPECT_EQ(store_.uploads(), 0u);
}

TEST_F(S3ClientTest, WhatEndsTooEarlyIsNotThere) {
  ASSERT_TRUE(client_->Put("k", "before").has_value());
  const std::string content = Bytes(2500);
  for (const std::uint64_t announced : {2499u, 2501u}) {
    EXPECT_EQ(client_->PutPieces("k", Pieces(content, 100), announced).error().code, ErrorCode::kAborted);
  }
  int asked = 0;
  const auto gone = [&]() -> Result<std::string_view> {
    if (++asked < 30) return std::string_view(content).substr(0, 100);
    return Fail(ErrorCode::kUnavailable, "the client has gone");
  };
  EXPECT_EQ(client_->PutPieces("k", gone).error().message, "the client has gone");
  EXPECT_EQ(store_.objects()["k"], "before");
  EXPECT_EQ(store_.uploads(), 0u) << "the upload is aborted";
}

TEST_F(S3ClientTest, AFailedPartAbortsTheUpload) {
  store_.SetFault([](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (!request.query.contains("partNumber=2")) return std::nullopt;
    return FakeS3::Error(403, "AccessDenied");
  });
  const std::string content = Bytes(2500);
  EXPECT_EQ(client_->PutPieces("k", Pieces(content, 100)).error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(store_.objects().empty());
  EXPECT_EQ(store_.uploads(), 0u);
}

TEST_F(S3ClientTest, AsksAgainWithGrowingWaitsDrawnByLot) {
  store_.SetFault(First(5, "PUT", FakeS3::Error(503, "SlowDown")));
  ASSERT_TRUE(client_->Put("k", "v").has_value());
  const auto waits = store_.waits();
  ASSERT_EQ(waits.size(), 5u);
  std::chrono::milliseconds full{200};
  for (const auto wait : waits) {
    EXPECT_GE(wait, full / 2);
    EXPECT_LE(wait, full);
    full *= 2;
  }
}

TEST_F(S3ClientTest, GivesUpInTheEndAndSaysHowOften) {
  store_.SetFault(First(1000, "GET", FakeS3::Error(500, "InternalError")));
  const auto list = client_->List("p", "/");
  EXPECT_EQ(list.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(list.error().message, HasSubstr("7 attempts failed"));
  EXPECT_THAT(list.error().message, HasSubstr("InternalError"));
  EXPECT_EQ(list.error().where, "s3://bucket/p");
  EXPECT_EQ(store_.asked().size(), 7u);
}

TEST_F(S3ClientTest, WaitsAsLongAsTheStoreAsksButNotForEver) {
  HttpResponse slow = FakeS3::Error(503, "SlowDown");
  slow.headers.emplace_back("retry-after", "3600");
  store_.SetFault(First(1, "PUT", slow));
  ASSERT_TRUE(client_->Put("k", "v").has_value());
  EXPECT_GE(store_.waits().at(0), std::chrono::seconds(5));
  EXPECT_LE(store_.waits().at(0), std::chrono::seconds(10));
}

TEST_F(S3ClientTest, WhatAskingAgainDoesNotChangeIsAskedOnce) {
  store_.SetFault(First(1000, "PUT", FakeS3::Error(403, "AccessDenied")));
  EXPECT_EQ(client_->Put("k", "v").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(store_.asked().size(), 1u);
}

TEST_F(S3ClientTest, ErrorsHoldNoKeyAndNoSignature) {
  S3Options options;
  const SystemClock clock;
  options.clock = &clock;
  options.attempts = 2;
  options.wait = [](std::chrono::milliseconds) {};
  options.credentials = [] { return S3Credentials{"wrong", "TOPSECRET", "TOKEN"}; };
  S3Client client(store_.bucket(), options);
  const std::string refused = client.Put("k", "v").error().ToString();
  EXPECT_THAT(refused, HasSubstr("SignatureDoesNotMatch"));
  S3Bucket nowhere = store_.bucket();
  nowhere.target.port = 1;
  S3Client lost(nowhere, options);
  const std::string unreachable = lost.Put("k", "v").error().ToString();
  EXPECT_THAT(unreachable, HasSubstr("cannot connect"));
  EXPECT_THAT(unreachable, HasSubstr("s3://bucket/k"));
  for (const std::string& text : {refused, unreachable}) {
    for (const char* secret : {"TOPSECRET", "TOKEN", "Signature="}) EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
}

TEST_F(S3ClientTest, RenewsKeysThatHaveExpiredOnce) {
  int asked = 0;
  S3Options options;
  const SystemClock clock;
  options.clock = &clock;
  options.credentials = [&] { return S3Credentials{"access", "secret" + std::to_string(++asked)}; };
  S3Client client(store_.bucket(), options);
  store_.SetFault(First(1, "PUT", FakeS3::Error(400, "ExpiredToken")));
  EXPECT_TRUE(client.Put("k", "v").has_value());
  EXPECT_EQ(asked, 2);
  store_.SetFault(First(100, "PUT", FakeS3::Error(400, "ExpiredToken")));
  EXPECT_EQ(client.Put("k", "v").error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(asked, 3);
}

TEST_F(S3ClientTest, WhatWasDamagedAtRestIsNotGivenOut) {
  ASSERT_TRUE(client_->Put("small", Bytes(500)).has_value());
  const std::string content = Bytes(2500);
  ASSERT_TRUE(client_->PutPieces("large", Pieces(content, 300)).has_value());
  store_.Damage("small");
  store_.Damage("large");
  for (const char* key : {"small", "large"}) {
    const auto got = client_->Get(key);
    ASSERT_FALSE(got.has_value()) << key;
    EXPECT_EQ(got.error().code, ErrorCode::kDataLoss) << key;
    EXPECT_THAT(got.error().message, HasSubstr("differs from the one that the object store keeps"));
  }
}

TEST_F(S3ClientTest, AnObjectThatIsReplacedWhileItIsReadIsNotMixed) {
  ASSERT_TRUE(client_->Put("k", Bytes(900)).has_value());
  auto client = store_.Client(300);
  auto reader = *S3Reader::Open(*client, "k");
  EXPECT_EQ(*reader->Next(), Bytes(900).substr(0, 300));
  ASSERT_TRUE(client_->Put("k", Bytes(901)).has_value());
  EXPECT_EQ(reader->Next().error().code, ErrorCode::kAborted);
}

TEST_F(S3ClientTest, ListsPageByPage) {
  std::vector<std::string> keys;
  for (int i = 0; i < 7; ++i) keys.push_back(fmt::format("p/f{}", i));
  for (const std::string& key : keys) ASSERT_TRUE(client_->Put(key, "x").has_value());
  for (const char* key : {"p/d/1", "p/d/2", "p2/x", "q & <r>"}) ASSERT_TRUE(client_->Put(key, "x").has_value());
  const auto page = client_->List("p/", "/", "", 3);
  EXPECT_THAT(page->folders, ElementsAre("p/d/"));
  EXPECT_EQ(page->entries.size(), 2u);
  const auto next = client_->List("p/", "/", page->next, 3);
  EXPECT_EQ(next->entries.at(0).key, "p/f2");
  std::vector<std::string> all;
  ASSERT_TRUE(client_
                  ->ListAll("", "",
                            [&](const S3Listing& listing) -> Status {
                              for (const auto& entry : listing.entries) all.push_back(entry.key);
                              return {};
                            })
                  .has_value());
  EXPECT_EQ(all.size(), 11u);
  ASSERT_TRUE(client_->DeleteAll(all).has_value());
  EXPECT_TRUE(store_.objects().empty());
}

TEST_F(S3ClientTest, ACompletionWhoseAnswerWasLostHasHappened) {
  const auto upload = client_->CreateUpload("k", false);
  const auto part = client_->PutPart("k", *upload, 1, "abc");
  // The store completed it, then said 500; asked again it knows the upload no more.
  int asked = 0;
  std::string etag;
  store_.SetFault([&](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.method == "POST")
      return asked++ == 0 ? FakeS3::Error(500, "InternalError") : FakeS3::Error(404, "NoSuchUpload");
    if (request.method == "HEAD") return HttpResponse{.headers = {{"etag", etag}}, .body = "abc"};
    return std::nullopt;
  });
  // md5 of the part's md5, as S3 names what was put together
  const S3Part known{.number = 1, .etag = "\"900150983cd24fb0d6963f7d28e17f72\""};
  etag = "\"e6dbee53de63e5d3b2bc5af12bb3e2a5-1\"";
  EXPECT_EQ(client_->CompleteUpload("k", *upload, {known}).error().code, ErrorCode::kNotFound) << "another object";
  asked = 0;
  etag = "\"" + std::string("af5da9f45af7a300e3aded972f8ff687") + "-1\"";
  EXPECT_TRUE(client_->CompleteUpload("k", *upload, {known}).has_value());
  EXPECT_TRUE(part.has_value());
}

TEST_F(S3ClientTest, UploadsOfOthersAreCompletedOrAborted) {
  const auto upload = client_->CreateUpload("k", false);
  std::vector<S3Part> parts;
  for (int i = 1; i <= 2; ++i) parts.push_back(*client_->PutPart("k", *upload, i, fmt::format("part {} ", i)));
  ASSERT_TRUE(client_->CompleteUpload("k", *upload, parts).has_value());
  EXPECT_EQ(*client_->Get("k"), "part 1 part 2 ");
  const auto other = client_->CreateUpload("k2", false);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client_->AbortUpload("k2", *other).has_value());
  EXPECT_EQ(client_->CompleteUpload("k2", *other, parts).error().code, ErrorCode::kNotFound);
}

TEST_F(S3ClientTest, AUrlForOthersNamesBucketKeyAndTime) {
  const auto url = client_->Presign("GET", "a b", {}, std::chrono::seconds(300));
  EXPECT_TRUE(url->starts_with(store_.bucket().address() + "/bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&")) << *url;
  EXPECT_THAT(*url, HasSubstr("X-Amz-Expires=300"));
  EXPECT_THAT(*url, Not(HasSubstr("secret")));
}

TEST_F(S3ClientTest, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string key = fmt::format("{}/{}", t, i);
        EXPECT_TRUE(client_->Put(key, Bytes(100)).has_value());
        EXPECT_EQ(*client_->Get(key), Bytes(100));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_.objects().size(), 80u);
}

}  // namespace
}  // namespace keelson::io
