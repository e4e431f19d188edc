#include "io/origin_guard.h"

#include <gtest/gtest.h>

namespace keelson::io {
namespace {

bool Allowed(HttpHeaders headers, const std::string& method = "POST") {
  HttpRequest request;
  request.method = method;
  request.path = "/api/keelson/v1/projects";
  request.headers = std::move(headers);
  return CheckOrigin(request, {.hosts = {"keelson.example.org"}}).has_value();
}

TEST(OriginGuardTest, KnowsItsOwnNamesWithAnyPort) {
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]",
                           "[::1]:8080", "keelson.example.org", "Keelson.Example.org:443"}) {
    EXPECT_TRUE(Allowed({{"Host", host}})) << host;
  }
}

TEST(OriginGuardTest, RefusesAForeignOrMalformedHost) {
  for (const char* host :
       {"", "evil.example", "evil.example:8080", "localhost.evil.example", "evil.localhost", "127.0.0.1.evil.example",
        "localhost:", "localhost:80x", "localhost:80:80", "[::1", "[::1]x", "[::2]", "::1", "127.0.0.2", "0.0.0.0",
        ":8080", "localhost@evil.example", "keelson.example.org.evil.example"}) {
    EXPECT_FALSE(Allowed({{"Host", host}})) << host;
    EXPECT_FALSE(Allowed({{"Host", host}}, "GET")) << host;
  }
  EXPECT_FALSE(Allowed({}));
}

TEST(OriginGuardTest, WhereAnyAddressIsOursNamesAreStillToBeKnown) {
  const auto allowed = [](const std::string& host) {
    HttpRequest request;
    request.headers = {{"host", host}};
    return CheckOrigin(request, {.hosts = {"box"}, .any_address = true}).has_value();
  };
  for (const char* host : {"10.0.0.1", "10.0.0.1:7070", "[fe80::1]:7070", "[::1]", "box:7070", "localhost"})
    EXPECT_TRUE(allowed(host)) << host;
  for (const char* host : {"10.0.0.1.evil.example", "10.0.0", "010.0.0.1", "[fe80::1%eth0]", "[]", "[::1",
                           "evil.example", "0x7f.1", "2130706433", ""})
    EXPECT_FALSE(allowed(host)) << host;
}

TEST(OriginGuardTest, TheErrorNamesTheHeader) {
  const Status status = CheckOrigin({.method = "GET",
                                     .path = {},
                                     .query = {},
                                     .headers = {{"host", "evil.example"}},
                                     .body = {},
                                     .request_id = {},
                                     .peer = {}},
                                    {});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(status.error().where, "Host: evil.example");
}

TEST(OriginGuardTest, OnlyItsOwnPagesMayWrite) {
  EXPECT_TRUE(
      Allowed({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_TRUE(Allowed({{"Host", "keelson.example.org"}, {"Origin", "https://keelson.example.org"}}));
  for (const char* origin :
       {"null", "", "http://evil.example", "http://localhost", "http://localhost:3000",
        "http://localhost:8080.evil.example", "file://localhost:8080", "localhost:8080", "http://127.0.0.1:8080"}) {
    EXPECT_FALSE(Allowed({{"Host", "localhost:8080"}, {"Origin", origin}})) << origin;
    EXPECT_FALSE(Allowed({{"Host", "localhost:8080"}, {"Origin", origin}}, "GET")) << origin;
  }
  EXPECT_FALSE(
      Allowed({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}, {"origin", "http://evil.example"}}))
      << "a second Origin";
}

TEST(OriginGuardTest, ALinkMayLeadToAPageAndNothingElse) {
  const HttpHeaders visit = {{"Host", "localhost"},
                             {"Sec-Fetch-Site", "cross-site"},
                             {"Sec-Fetch-Mode", "navigate"},
                             {"Sec-Fetch-Dest", "document"}};
  EXPECT_TRUE(Allowed(visit, "GET"));
  EXPECT_FALSE(Allowed(visit, "POST")) << "a form that posts itself";
  HttpHeaders frame = visit;
  frame[3].second = "iframe";
  EXPECT_FALSE(Allowed(frame, "GET"));
  for (const char* site : {"cross-site", "same-site", "anything"}) {
    EXPECT_FALSE(Allowed(
        {{"Host", "localhost"}, {"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Dest", "image"}},
        "GET"))
        << site;
  }
  EXPECT_TRUE(Allowed({{"Host", "localhost"}, {"Sec-Fetch-Site", "none"}}, "GET")) << "typed into the address bar";
}

}  // namespace
}  // namespace keelson::io
