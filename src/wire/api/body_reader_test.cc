#include "wire/api/body_reader.h"

#include <gtest/gtest.h>

#include <set>

#include "io/http_status.h"
#include "wire/api/api.h"

namespace keelson::wire::api {
namespace {

using control::Json;

BodyReader Read(const std::string& body) {
  return BodyReader::Parse(body).value();
}

template <typename T>
std::string WhereOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  return result.error().where;
}

TEST(BodyReaderTest, ReadsEachFieldOnce) {
  BodyReader body = Read(R"({"folder": "/b", "version": 7, "cause": "why", "dry_run": true})");
  EXPECT_EQ(body.Text("folder"), "/b");
  EXPECT_EQ(body.Integer("version"), 7);
  EXPECT_EQ(body.OptionalText("cause"), "why");
  EXPECT_EQ(body.OptionalText("as_of"), std::nullopt);
  EXPECT_EQ(body.Any("dry_run"), Json(true));
  EXPECT_TRUE(body.Done());
  EXPECT_EQ(WhereOf(body.Text("folder")), "folder");
}

TEST(BodyReaderTest, AnEmptyBodyIsAnEmptyObject) {
  EXPECT_TRUE(Read("").Done());
}

TEST(BodyReaderTest, WhatIsNoJsonObjectIsRefused) {
  for (const char* body : {"{", "[]", "7", "null", "\"x\"", "{\"a\": 1} x", "{\"a\": \"\xff\"}"}) {
    EXPECT_EQ(WhereOf(BodyReader::Parse(body)), "body") << body;
  }
}

TEST(BodyReaderTest, BracketsThatWouldUseUpTheStackAreRefused) {
  const auto nested = [](std::size_t depth) {
    return R"({"rows": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(BodyReader::Parse(nested(63)));
  for (const std::size_t depth : {std::size_t{64}, std::size_t{1'000'000}}) {
    EXPECT_EQ(WhereOf(BodyReader::Parse(nested(depth))), "body") << depth;
  }
}

TEST(BodyReaderTest, AnUnknownFieldIsNamed) {
  BodyReader body = Read(R"({"folder": "/b", "foldr": "/c"})");
  ASSERT_TRUE(body.Text("folder"));
  EXPECT_EQ(WhereOf(body.Done()), "foldr");
}

TEST(BodyReaderTest, WrongTypesAndMissingFieldsAreNamed) {
  EXPECT_EQ(WhereOf(Read("{}").Text("folder")), "folder");
  EXPECT_EQ(WhereOf(Read("{}").Integer("version")), "version");
  EXPECT_EQ(WhereOf(Read(R"({"folder": 7})").Text("folder")), "folder");
  for (const char* version : {"\"7\"", "7.5", "true", "null", "18446744073709551615"}) {
    EXPECT_EQ(WhereOf(Read(R"({"version": )" + std::string(version) + "}").Integer("version")), "version") << version;
  }
}

TEST(BodyReaderTest, AnOptionalTextOfAnotherTypeIsSaidToBeThatAndNotUnknown) {
  BodyReader body = Read(R"({"as_of": 2013, "x": 1})");
  EXPECT_EQ(body.OptionalText("as_of"), std::nullopt);
  const Status done = body.Done();
  EXPECT_EQ(WhereOf(done), "as_of");
  EXPECT_EQ(done.error().message, "expected text");
}

TEST(HttpStatusTest, EveryCodeHasItsStatus) {
  const std::vector<std::pair<ErrorCode, int>> expected = {
      {ErrorCode::kInvalidArgument, 400},   {ErrorCode::kNotFound, 404},
      {ErrorCode::kAlreadyExists, 409},     {ErrorCode::kFailedPrecondition, 409},
      {ErrorCode::kUnauthenticated, 401},   {ErrorCode::kPermissionDenied, 403},
      {ErrorCode::kResourceExhausted, 507}, {ErrorCode::kUnavailable, 503},
      {ErrorCode::kDeadlineExceeded, 504},  {ErrorCode::kAborted, 409},
      {ErrorCode::kDataLoss, 500},          {ErrorCode::kUnsupported, 501},
      {ErrorCode::kInternal, 500}};
  std::set<ErrorCode> codes;
  for (const auto& [code, status] : expected) {
    EXPECT_EQ(io::HttpStatusOf(code), status) << ErrorCodeName(code);
    codes.insert(code);
  }
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(ErrorCode::kInternal) + 1) << "a code is missing in this table";
}

TEST(ErrorResponseTest, HasCodeMessageAndPlaceAlsoWhenTheyAreNotUtf8) {
  const auto response = ErrorResponse({ErrorCode::kNotFound, "no such \xff job", "j1"});
  EXPECT_EQ(response.status, 404);
  const Json error = Json::parse(response.body).at("error");
  EXPECT_EQ(error.at("code"), "not_found");
  EXPECT_EQ(error.at("where"), "j1");
  EXPECT_EQ(error.at("message"), "no such \xef\xbf\xbd job");
}

}  // namespace
}  // namespace keelson::wire::api
