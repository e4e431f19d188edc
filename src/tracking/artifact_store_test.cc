#include "tracking/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "io/files.h"
#include "io/s3_testing.h"
#include "io/temp_folder.h"

namespace keelson::tracking {
namespace {

using io::testing::FakeS3;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Read(ArtifactStore& store, std::string_view path) {
  const auto content = store.Open(path);
  if (!content) return std::string(ErrorCodeName(content.error().code));
  if (!content->file.empty()) return *io::ReadFile(content->file);
  std::string whole;
  for (;;) {
    const auto piece = content->next();
    if (!piece) return std::string(ErrorCodeName(piece.error().code));
    if (piece->empty()) break;
    whole += *piece;
  }
  EXPECT_EQ(whole.size(), content->size);
  return whole;
}

// What every store promises, for each kind: below a folder, below a prefix, in a whole bucket.
class ArtifactStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string kind = GetParam();
    store_ = kind == "folder" ? OpenFolderArtifacts(folder_.File("artifacts"))
                              : OpenS3Artifacts(s3_.Client(), kind == "bucket" ? "" : "some/prefix");
  }

  const io::TempFolder folder_ = *io::TempFolder::Make();
  FakeS3 s3_;
  std::unique_ptr<ArtifactStore> store_;
};

TEST_P(ArtifactStoreTest, PutOpenListDelete) {
  EXPECT_TRUE(store_->List("")->empty());
  ASSERT_TRUE(store_->Put("run/model/MLmodel", "flavors").has_value());
  ASSERT_TRUE(store_->Put("run/model/MLmodel", "flavors: 2").has_value());
  ASSERT_TRUE(store_->Put("run/model.txt", "").has_value());
  ASSERT_TRUE(store_->Put("run/large", std::string(2500, 'x')).has_value());
  EXPECT_THAT(*store_->List(""), ElementsAre(ArtifactEntry{"run", true, 0}));
  EXPECT_THAT(*store_->List("run"),
              ElementsAre(ArtifactEntry{"run/large", false, 2500}, ArtifactEntry{"run/model", true, 0},
                          ArtifactEntry{"run/model.txt", false, 0}));
  EXPECT_TRUE(store_->List("run/large")->empty());
  EXPECT_TRUE(store_->List("none")->empty());
  EXPECT_EQ(Read(*store_, "run/model/MLmodel"), "flavors: 2");
  EXPECT_EQ(Read(*store_, "run/model.txt"), "");
  EXPECT_EQ(Read(*store_, "run/large"), std::string(2500, 'x'));
  EXPECT_EQ(Read(*store_, "none"), "not_found");
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(store_->Delete("run/model").has_value());
  EXPECT_THAT(*store_->List("run"),
              ElementsAre(ArtifactEntry{"run/large", false, 2500}, ArtifactEntry{"run/model.txt", false, 0}))
      << "nothing that only begins so";
}

// Of the text in pieces of 700 bytes; fails behind `good` of them.
ArtifactPieces PiecesOf(const std::string& text, std::size_t good = 1000) {
  return [text, good, at = std::size_t{0}, piece = std::string()]() mutable -> Result<std::string_view> {
    if (good-- == 0) return Fail(ErrorCode::kUnavailable, "the client has gone");
    piece = text.substr(std::min(at, text.size()), 700);
    at += piece.size();
    return std::string_view(piece);
  };
}

TEST_P(ArtifactStoreTest, TakesContentThatComesInPieces) {
  const std::string content = std::string(2500, 'a') + "end";
  for (const std::string& text : {content, std::string("short"), std::string()}) {
    for (const auto& size : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(text.size())}) {
      const auto stored = store_->PutPieces("run/f", PiecesOf(text), size);
      ASSERT_TRUE(stored.has_value()) << stored.error().ToString();
      EXPECT_EQ(stored->size, text.size());
      EXPECT_EQ(stored->sha256, Sha256::Hex(text));
      EXPECT_EQ(Read(*store_, "run/f"), text);
    }
  }
  ASSERT_TRUE(store_->Put("run/f", "before").has_value());
  EXPECT_EQ(store_->PutPieces("run/f", PiecesOf(content, 2), std::nullopt).error().message, "the client has gone");
  EXPECT_EQ(store_->PutPieces("run/f", PiecesOf(content), 17).error().code, ErrorCode::kAborted);
  EXPECT_EQ(store_->PutPieces("../f", PiecesOf(content), std::nullopt).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read(*store_, "run/f"), "before");
  EXPECT_EQ(store_->List("run")->size(), 1u) << "and nothing is left of those";
  EXPECT_EQ(s3_.uploads(), 0u);
}

TEST_P(ArtifactStoreTest, MeasuresAFileOrAFolder) {
  ASSERT_TRUE(store_->Put("run/a/b", std::string(10, 'x')).has_value());
  ASSERT_TRUE(store_->Put("run/c", std::string(5, 'x')).has_value());
  ASSERT_TRUE(store_->Put("runner", "not of it").has_value());
  EXPECT_EQ((*store_->Measure("run"))->bytes, 15u);
  EXPECT_EQ((*store_->Measure("run/a"))->bytes, 10u);
  EXPECT_EQ((*store_->Measure("run/c"))->bytes, 5u);
  EXPECT_GT((*store_->Measure("run"))->changed, *ParseInstant("2026-01-01T00:00:00Z"));
  EXPECT_LT((*store_->Measure("run"))->changed, *ParseInstant("2100-01-01T00:00:00Z"));
  EXPECT_EQ(*store_->Measure("ru"), std::nullopt);
  EXPECT_EQ(store_->Measure("../run").error().code, ErrorCode::kInvalidArgument);
}

TEST_P(ArtifactStoreTest, HashesAsAFolderOfThisMachine) {
  const std::string model = folder_.File("model");
  for (const char* file : {"a/b", "a.txt", "MLmodel"}) {
    ASSERT_TRUE(io::MakeFolders((model + "/" + file).substr(0, (model + "/" + file).rfind('/'))).has_value());
    ASSERT_TRUE(io::WriteFileAtomically(model + "/" + file, file).has_value());
    ASSERT_TRUE(store_->Put(std::string("run/model/") + file, file).has_value());
  }
  const std::string large(3000, 'l');
  ASSERT_TRUE(io::WriteFileAtomically(model + "/large", large).has_value());
  ASSERT_TRUE(store_->Put("run/model/large", large).has_value());
  EXPECT_EQ(*store_->Hash("run/model"), *io::HashTree(model));
  EXPECT_EQ(*store_->Hash("run/model/large"), *io::HashTree(model + "/large"));
  EXPECT_EQ(*store_->Hash("run/none"), std::nullopt);
}

TEST_P(ArtifactStoreTest, NothingLeavesTheRoot) {
  for (const std::string& path : {std::string("../x"), std::string("/etc/passwd"), std::string("a/../../x"),
                                  std::string("a//b"), std::string("./a"), std::string("x\0y", 3)}) {
    EXPECT_EQ(store_->Put(path, "evil").error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(store_->Open(path).error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(store_->List(path).error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(store_->Delete(path).error().code, ErrorCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(store_->Delete("").error().code, ErrorCode::kInvalidArgument) << "never everything";
  EXPECT_TRUE(s3_.objects().empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, ArtifactStoreTest, ::testing::Values("folder", "prefix", "bucket"),
                         [](const auto& kind) { return std::string(kind.param); });

class S3ArtifactsTest : public ::testing::Test {
 protected:
  FakeS3 s3_;
  std::unique_ptr<ArtifactStore> store_ = OpenS3Artifacts(s3_.Client(), "p");
};

TEST_F(S3ArtifactsTest, WhatTheStoreSaysOfOurKeysIsNoAnswerToAClientsOwn) {
  s3_.SetFault([](const io::HttpRequest&) { return FakeS3::Error(403, "InvalidAccessKeyId"); });
  for (const Error& error : {store_->Put("a", "x").error(), store_->Open("a").error(), store_->List("a").error(),
                             store_->Delete("a").error(), store_->Hash("a").error()}) {
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(error.where, HasSubstr("s3://bucket/p/"));
  }
}

TEST_F(S3ArtifactsTest, ClientsMaySendPartsThemselves) {
  auto* const remote = store_->remote();
  const auto upload = remote->CreateUpload("run/f", 2);
  ASSERT_EQ(upload->urls.size(), 2u);
  EXPECT_THAT(upload->urls[1], HasSubstr("/bucket/p/run/f?"));
  EXPECT_THAT(upload->urls[1], HasSubstr("partNumber=2"));
  EXPECT_THAT(upload->urls[1], HasSubstr("uploadId=" + upload->id));
  EXPECT_TRUE(store_->List("")->empty()) << "not seen before it is whole";
  EXPECT_TRUE(remote->AbortUpload("run/f", upload->id).has_value());
  EXPECT_EQ(remote->CompleteUpload("run/f", upload->id, {{.number = 1, .etag = "\"e\""}}).error().code,
            ErrorCode::kNotFound);
  ASSERT_TRUE(store_->Put("run/f", "12345").has_value());
  std::uint64_t size = 0;
  EXPECT_THAT(*remote->DownloadUrl("run/f", std::chrono::seconds(60), size), HasSubstr("X-Amz-Expires=60"));
  EXPECT_EQ(size, 5u);
  EXPECT_EQ(remote->DownloadUrl("run/none", std::chrono::seconds(60), size).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(remote->CreateUpload("../f", 1).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(S3ArtifactsTest, AKeyHasALimit) {
  EXPECT_TRUE(store_->Put(std::string(1022, 'k'), "x").has_value());
  EXPECT_EQ(store_->Put(std::string(1023, 'k'), "x").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::tracking
