#include "app/roles/access.h"

#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

io::HttpRequest Request(io::HttpHeaders headers) {
  io::HttpRequest request;
  request.method = "POST";
  request.path = "/api/keelson/v1/projects";
  request.headers = std::move(headers);
  return request;
}

TEST(AccessTest, OnLoopbackNobodyNeedsATokenAndForeignPagesAreRefused) {
  const auto folder = io::TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  std::optional<std::string> token;
  const auto access = Access::Open(folder->path(), "127.0.0.1", token);
  ASSERT_TRUE(access.has_value());
  EXPECT_FALSE(token.has_value());
  EXPECT_TRUE(access->Check(Request({{"host", "127.0.0.1:7070"}})).has_value());
  EXPECT_TRUE(access->Check(Request({{"host", "localhost:7070"}})).has_value());
  EXPECT_FALSE(access->Check(Request({{"host", "evil.example:7070"}})).has_value());
  EXPECT_FALSE(access->Check(Request({{"host", "127.0.0.1:7070"}, {"origin", "http://evil.example"}})).has_value());
}

TEST(AccessTest, ElsewhereTheTokenIsShownOnceAndStoredAsAHash) {
  const auto folder = io::TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  std::optional<std::string> token;
  const auto access = Access::Open(folder->path(), "0.0.0.0", token);
  ASSERT_TRUE(access.has_value());
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(io::ReadFile(folder->path() + "/token.sha256")->find(*token), std::string::npos);
  EXPECT_TRUE(access->Check(Request({{"host", "box:7070"}, {"authorization", "Bearer " + *token}})).has_value());
  EXPECT_EQ(access->Check(Request({{"host", "box:7070"}})).error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(access->Check(Request({{"authorization", "Bearer " + *token + "x"}})).has_value());
  EXPECT_FALSE(access->Check(Request({{"authorization", *token}})).has_value());

  std::optional<std::string> second;
  const auto again = Access::Open(folder->path(), "0.0.0.0", second);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(second.has_value());
  EXPECT_TRUE(again->Check(Request({{"authorization", "Bearer " + *token}})).has_value());
}

TEST(AccessTest, ADamagedHashLetsNobodyIn) {
  const auto folder = io::TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  ASSERT_TRUE(io::WriteFileAtomically(folder->path() + "/token.sha256", "short").has_value());
  std::optional<std::string> token;
  EXPECT_EQ(Access::Open(folder->path(), "10.0.0.1", token).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace keelson::app
