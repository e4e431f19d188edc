#include "wire/page/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

io::HttpRequest Request(std::string path, std::string method = "GET", io::HttpHeaders headers = {}) {
  io::HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers = std::move(headers);
  return request;
}

TEST(PageTest, ServesTheDocumentAndItsFilesWithTheirTypes) {
  const auto page = PageResponse(Request("/"));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page->body, HasSubstr("<!doctype html>"));

  const auto script = PageResponse(Request("/page/app.js"));
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(script->body, HasSubstr("/api/keelson/v1"));

  EXPECT_EQ(PageResponse(Request("/page/app.css"))->content_type, "text/css; charset=utf-8");
  EXPECT_EQ(PageResponse(Request("/page/favicon.svg"))->content_type, "image/svg+xml");
}

// Every file that the document names is served, or the page would come up without script or style.
TEST(PageTest, TheDocumentNamesOnlyFilesThatAreServed) {
  const std::string html = PageResponse(Request("/"))->body;
  std::size_t found = 0;
  for (std::size_t at = html.find("\"/"); at != std::string::npos; at = html.find("\"/", at + 1)) {
    const std::string path = html.substr(at + 1, html.find('"', at + 1) - at - 1);
    const auto response = PageResponse(Request(path));
    ASSERT_TRUE(response.has_value()) << path;
    EXPECT_EQ(response->status, 200) << path;
    ++found;
  }
  EXPECT_EQ(found, 3u);
}

TEST(PageTest, EveryAnswerCarriesTheStrictHeaders) {
  for (const char* path : {"/", "/page/app.js", "/page/app.css", "/page/favicon.svg"}) {
    for (const char* method : {"GET", "HEAD", "POST"}) {
      const auto response = PageResponse(Request(path, method));
      ASSERT_TRUE(response.has_value());
      const auto policy = io::FindHeader(response->headers, "content-security-policy");
      EXPECT_THAT(std::string(policy), HasSubstr("default-src 'none'")) << path;
      EXPECT_THAT(std::string(policy), HasSubstr("frame-ancestors 'none'")) << path;
      EXPECT_THAT(std::string(policy), Not(HasSubstr("unsafe"))) << path;
      EXPECT_EQ(io::FindHeader(response->headers, "x-content-type-options"), "nosniff") << path;
      EXPECT_EQ(io::FindHeader(response->headers, "referrer-policy"), "no-referrer") << path;
      EXPECT_EQ(io::FindHeader(response->headers, "cross-origin-opener-policy"), "same-origin") << path;
    }
  }
}

// The policy forbids inline script and style and foreign hosts; the built files must not ask for any.
TEST(PageTest, TheFilesKeepTheirOwnPolicy) {
  const std::string html = PageResponse(Request("/"))->body;
  EXPECT_THAT(html, Not(HasSubstr("style=")));
  EXPECT_THAT(html, Not(HasSubstr("<style")));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  for (const char* path : {"/", "/page/app.js", "/page/app.css"}) {
    EXPECT_THAT(PageResponse(Request(path))->body, Not(HasSubstr("https://"))) << path;
  }
  EXPECT_THAT(PageResponse(Request("/page/app.js"))->body, Not(HasSubstr("innerHTML")));
}

TEST(PageTest, AnUnchangedFileIsNotSentAgain) {
  const auto first = PageResponse(Request("/page/app.js"));
  const std::string tag(io::FindHeader(first->headers, "etag"));
  ASSERT_GT(tag.size(), 10u);
  for (const std::string& header : {tag, "W/" + tag, "\"other\" , " + tag, std::string("*")}) {
    const auto again = PageResponse(Request("/page/app.js", "GET", {{"if-none-match", header}}));
    EXPECT_EQ(again->status, 304) << header;
    EXPECT_EQ(again->body, "") << header;
    EXPECT_EQ(io::FindHeader(again->headers, "etag"), tag) << header;
  }
  for (const std::string& header : {std::string("\"other\""), std::string(", ,"), tag.substr(1), tag + "x"}) {
    EXPECT_EQ(PageResponse(Request("/page/app.js", "GET", {{"if-none-match", header}}))->status, 200) << header;
  }
}

TEST(PageTest, LeavesOtherPathsToOthers) {
  for (const char* path : {"", "/api/keelson/v1/projects", "/page", "/page/", "/page/app.js/", "/page/../page/app.js",
                           "/page/%61pp.js", "/index.html", "//"}) {
    EXPECT_FALSE(PageResponse(Request(path)).has_value()) << path;
  }
}

TEST(PageTest, RefusesToBeWritten) {
  const auto response = PageResponse(Request("/", "POST"));
  EXPECT_EQ(response->status, 405);
  EXPECT_EQ(io::FindHeader(response->headers, "allow"), "GET, HEAD");
  EXPECT_THAT(response->body, Not(HasSubstr("<")));
}

TEST(PageTest, AFolderServesWhatItHoldsNow) {
  const auto folder = io::TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  const PageSource source = PageFromFolder(folder->path());
  EXPECT_EQ(PageResponse(Request("/page/app.js"), source)->status, 404);

  ASSERT_TRUE(io::WriteFileAtomically(folder->File("app.js"), "one").has_value());
  const auto one = PageResponse(Request("/page/app.js"), source);
  EXPECT_EQ(one->body, "one");
  ASSERT_TRUE(io::WriteFileAtomically(folder->File("app.js"), "two").has_value());
  const auto two = PageResponse(Request("/page/app.js"), source);
  EXPECT_EQ(two->body, "two");
  EXPECT_NE(io::FindHeader(one->headers, "etag"), io::FindHeader(two->headers, "etag"));
}

}  // namespace
}  // namespace keelson::wire
