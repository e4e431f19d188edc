#include "io/http_parser.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace keelson::io {
namespace {

// Everything that can be told of a stream of requests: used to compare ways of feeding it.
struct Reading {
  std::vector<std::string> requests;
  int status = 0;     // of the refusal
  bool whole = true;  // nothing unfinished is left
  bool operator==(const Reading&) const = default;
};

std::string Describe(const HttpRequest& request) {
  std::string text = request.method + " " + request.path + "?" + request.query;
  for (const auto& [name, value] : request.headers) text += "\n" + name + "=" + value;
  return text + "\n\n" + request.body;
}

// Feeds the bytes in pieces of `step`, keeping what the parser leaves.
Reading Read(std::string_view bytes, std::size_t step, const HttpLimits& limits = {}) {
  HttpRequestParser parser(limits);
  Reading reading;
  std::string kept;
  for (std::size_t at = 0; at < bytes.size() && !parser.failed(); at += step) {
    kept += bytes.substr(at, step);
    for (;;) {
      kept.erase(0, parser.Feed(kept));
      if (!parser.done()) break;
      reading.requests.push_back(Describe(parser.Take()));
    }
  }
  reading.status = parser.problem().status;
  reading.whole = !parser.started() && kept.empty();
  return reading;
}

Reading ReadWhole(std::string_view bytes, const HttpLimits& limits = {}) {
  return Read(bytes, bytes.size() + 1, limits);
}

constexpr std::string_view kStream =
    "POST /v2/models/m/infer?a=b HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 11\r\nX-Request-Id: "
    "r-1\r\n\r\n{\"a\": [1]} "
    "GET /%7Ex HTTP/1.1\r\nhost: [::1]\r\nAccept:  */* \t\r\n\r\n"
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4;name=value\r\nwiki\r\nA\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n";

TEST(HttpParserTest, ReadsAStreamOfRequests) {
  const Reading reading = ReadWhole(kStream);
  ASSERT_EQ(reading.requests.size(), 3u);
  EXPECT_EQ(reading.requests[0],
            "POST /v2/models/m/infer?a=b\nHost=localhost:8080\nContent-Length=11\nX-Request-Id=r-1\n\n{\"a\": [1]} ");
  EXPECT_EQ(reading.requests[1], "GET /%7Ex?\nhost=[::1]\nAccept=*/*\n\n");
  EXPECT_EQ(reading.requests[2], "POST /?\nHost=localhost\nTransfer-Encoding=chunked\n\nwiki0123456789");
  EXPECT_EQ(reading.status, 0);
  EXPECT_TRUE(reading.whole);
}

TEST(HttpParserTest, ThePiecesInWhichBytesComeMakeNoDifference) {
  for (std::size_t step = 1; step < 40; ++step) EXPECT_EQ(Read(kStream, step), ReadWhole(kStream)) << step;
}

TEST(HttpParserTest, CutAnywhereItGivesWhatIsWholeAndNoMore) {
  const std::vector<std::string> all = ReadWhole(kStream).requests;
  for (std::size_t length = 0; length < kStream.size(); ++length) {
    const Reading reading = ReadWhole(kStream.substr(0, length));
    EXPECT_EQ(reading.status, 0) << length;
    ASSERT_LT(reading.requests.size(), all.size()) << length;
    for (std::size_t i = 0; i < reading.requests.size(); ++i) EXPECT_EQ(reading.requests[i], all[i]);
  }
}

// Whatever one byte becomes, reading it whole and byte by byte agree: no state depends on where the network cuts.
TEST(HttpParserTest, AnyByteMayBeWrong) {
  HttpLimits limits;
  limits.body_bytes = 1000;
  for (std::size_t at = 0; at < kStream.size(); ++at) {
    for (const int change : {0x01, 0x20, 0x80, 0xff, -1, -2, -3, -4}) {
      std::string bytes(kStream);
      const std::string_view special("\n\r\0:", 4);
      bytes[at] = change < 0 ? special[static_cast<std::size_t>(-change - 1)] : static_cast<char>(bytes[at] ^ change);
      const Reading whole = ReadWhole(bytes, limits);
      EXPECT_EQ(Read(bytes, 1, limits), whole) << "byte " << at << " changed by " << change;
      EXPECT_TRUE(whole.status == 0 || whole.status >= 400) << at;
      EXPECT_LE(whole.requests.size(), 4u);
    }
  }
}

struct Refusal {
  const char* name;
  std::string bytes;
  int status;
};

std::string Get(const std::string& headers) {
  return "GET / HTTP/1.1\r\n" + headers + "\r\n";
}
std::string Post(const std::string& headers, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}
std::string Chunked(const std::string& body) {
  return Post("Transfer-Encoding: chunked\r\n", body);
}

std::vector<Refusal> Refusals() {
  return {
      {"no version", "GET /\r\n", 400},
      {"no target", "GET  HTTP/1.1\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a fragment", "GET /#a HTTP/1.1\r\n", 400},
      {"a raw UTF-8 byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\n", 400},
      {"a control character in the target", "GET /\x01 HTTP/1.1\r\n", 400},
      {"a relative target", "GET index HTTP/1.1\r\n", 400},
      {"another scheme", "GET ftp://a/ HTTP/1.1\r\n", 400},
      {"absolute without a host", "GET http:///a HTTP/1.1\r\n", 400},
      {"user information in the host", "GET http://u@a/ HTTP/1.1\r\n", 400},
      {"a method with a colon", "GE:T / HTTP/1.1\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\n", 400},
      {"a letter in the version", "GET / HTTP/1.x\r\n", 400},
      {"HTTP/2 by name", "GET / HTTP/2.0\r\n", 505},
      {"HTTP/0.9 by number", "GET / HTTP/0.9\r\n", 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"a TLS hello", "\x16\x03\x01", 400},
      {"a proxy's CONNECT", "CONNECT a:443 HTTP/1.1\r\n", 501},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF after a header", Get("Host: a\n"), 400},
      {"bare CR in a header", Get("Host: a\rX: b\r\n"), 400},
      {"NUL in a header", Get(std::string("Host: a\0b\r\n", 11)), 400},
      {"no Host", Get("Accept: */*\r\n"), 400},
      {"two Hosts", Get("Host: a\r\nHost: a\r\n"), 400},
      {"a list of Hosts", Get("Host: a, b\r\n"), 400},
      {"a path in Host", Get("Host: a/b\r\n"), 400},
      {"a folded line", Get("Host: a\r\nX: b\r\n c\r\n"), 400},
      {"a folded first line", Get(" Host: a\r\n"), 400},
      {"a space before the colon", Get("Host : a\r\n"), 400},
      {"a tab before the colon", Get("Host\t: a\r\n"), 400},
      {"no name", Get(": a\r\n"), 400},
      {"no colon", Get("Host\r\n"), 400},
      {"a name that is no token", Get("Ho(st: a\r\n"), 400},
      {"DEL in a value", Get("Host: a\r\nX: \x7f\r\n"), 400},
      {"length and chunks", Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunks and length", Post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"two lengths", Post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"the same length twice", Post("Content-Length: 5\r\ncontent-length: 5\r\n"), 400},
      {"a list of lengths", Post("Content-Length: 5, 5\r\n"), 400},
      {"a negative length", Post("Content-Length: -5\r\n"), 400},
      {"a length with a sign", Post("Content-Length: +5\r\n"), 400},
      {"a hexadecimal length", Post("Content-Length: 0x5\r\n"), 400},
      {"an empty length", Post("Content-Length:\r\n"), 400},
      {"a length that overflows", Post("Content-Length: 18446744073709551617\r\n"), 400},
      {"a length over the limit", Post("Content-Length: 1001\r\n"), 413},
      {"a huge length", Post("Content-Length: 999999999999999999\r\n"), 413},
      {"another transfer coding", Post("Transfer-Encoding: gzip\r\n"), 501},
      {"two transfer codings", Post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked twice", Post("Transfer-Encoding: chunked, chunked\r\n"), 501},
      {"chunked twice, in two lines", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked disguised",
       Post("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       400},
      {"chunked in quotes", Post("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"no chunk size", Chunked("\r\n"), 400},
      {"a chunk size that is no number", Chunked("x\r\n"), 400},
      {"a chunk size with 0x", Chunked("0x5\r\n"), 400},
      {"a chunk size with a space", Chunked("5 \r\n"), 400},
      {"a negative chunk size", Chunked("-5\r\n"), 400},
      {"a chunk size that overflows", Chunked("fffffffffffffffff\r\n"), 400},
      {"a chunk over the limit", Chunked("3e9\r\n"), 413},
      {"chunks over the limit", Chunked("3e0\r\n" + std::string(992, 'a') + "\r\n9\r\n"), 413},
      {"a chunk that is longer than it says", Chunked("5\r\nabcdef\r\n"), 400},
      {"a chunk without CR", Chunked("5\r\nabcde\n"), 400},
      {"bare LF after a chunk size", Chunked("5\nabcde\r\n"), 400},
      {"a control character in a chunk extension", Chunked("5;a=\x01\r\n"), 400},
      {"an endless chunk extension", Chunked("5;" + std::string(2000, 'a')), 400},
      {"a trailer that is no header", Chunked("0\r\nnonsense\r\n"), 400},
      {"endless trailers", Chunked("0\r\nX: " + std::string(40'000, 'a')), 431},
      {"an endless request line", "GET /" + std::string(40'000, 'a'), 431},
      {"an endless header", "GET / HTTP/1.1\r\nX: " + std::string(40'000, 'a'), 431},
      {"too many bytes of headers",
       Get("X: " + std::string(20'000, 'a') + "\r\nY: " + std::string(20'000, 'a') + "\r\n"), 431},
      {"too many headers", Get([] {
         std::string all;
         for (int i = 0; i < 300; ++i) all += "X: a\r\n";
         return all;
       }()),
       431},
      {"another expectation", Post("Expect: 200-ok\r\nContent-Length: 1\r\n"), 417},
      {"two content encodings", Post("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n"), 400},
  };
}

TEST(HttpParserTest, RefusesWhatCouldBeReadInTwoWays) {
  HttpLimits limits;
  limits.body_bytes = 1000;
  for (const Refusal& c : Refusals()) {
    const Reading reading = ReadWhole(c.bytes, limits);
    EXPECT_EQ(reading.status, c.status) << c.name;
    EXPECT_TRUE(reading.requests.empty()) << c.name << ": nothing of it may reach a handler";
    EXPECT_EQ(Read(c.bytes, 1, limits).status, c.status) << c.name << ", byte by byte";
  }
}

TEST(HttpParserTest, ReadsWhatIsUnusualButClear) {
  EXPECT_EQ(ReadWhole("\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n").requests.size(), 1u)
      << "empty lines before a request, an empty Host";
  EXPECT_EQ(ReadWhole("GET / HTTP/1.0\r\n\r\n").requests.size(), 1u) << "HTTP/1.0 needs no Host";
  EXPECT_EQ(ReadWhole("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests[0], "OPTIONS *?\nHost=a\n\n");
  EXPECT_EQ(ReadWhole("GET http://b:1?q HTTP/1.1\r\nHost: a\r\n\r\n").requests[0], "GET /?q\nHost=b:1\n\n")
      << "the target's authority wins";
  EXPECT_EQ(ReadWhole(Post("Content-Length: 0\r\n")).requests.size(), 1u);
  EXPECT_EQ(ReadWhole(Post("X: caf\xc3\xa9\r\n")).status, 0) << "bytes over 127 in a value";
  EXPECT_EQ(ReadWhole(Chunked("0\r\n\r\n")).requests.size(), 1u);
  EXPECT_EQ(ReadWhole(Chunked("000005\r\nabcde\r\n0;x\r\n\r\n")).requests.size(), 1u);
}

// ---- responses

struct Heard {
  int status = 0;
  std::string body;
  bool done = false;
  bool failed = false;
  bool keep_alive = false;
};

Heard Hear(std::string_view bytes, std::size_t step, bool ended = false, bool head = false) {
  HttpResponseParser parser(1000);
  parser.Expect(head);
  std::string kept;
  for (std::size_t at = 0; at < bytes.size() && !parser.done() && !parser.failed(); at += step) {
    kept += bytes.substr(at, step);
    kept.erase(0, parser.Feed(kept));
  }
  if (ended) parser.OnEnd();
  const Heard heard{
      .status = 0, .body = {}, .done = parser.done(), .failed = parser.failed(), .keep_alive = parser.keep_alive()};
  const HttpResponse response = parser.Take();
  return {response.status, response.body, heard.done, heard.failed, heard.keep_alive};
}

TEST(HttpResponseParserTest, ReadsEveryKindOfBody) {
  for (const std::size_t step : {1u, 7u, 1000u}) {
    EXPECT_EQ(Hear("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", step).body, "abc");
    EXPECT_EQ(Hear("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", step).body, "abc");
    EXPECT_TRUE(Hear("HTTP/1.1 204 No Content\r\n\r\n", step).done);
    EXPECT_TRUE(Hear("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", step).done);
    EXPECT_TRUE(Hear("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", step, false, true).done) << "the answer to a HEAD";
    const Heard interim = Hear(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 "
        "Created\r\nContent-Length: 1\r\n\r\na",
        step);
    EXPECT_EQ(interim.status, 201);
    EXPECT_EQ(interim.body, "a");
    EXPECT_TRUE(interim.keep_alive);
    const Heard to_the_end = Hear("HTTP/1.1 200 OK\r\n\r\nabc", step, true);
    EXPECT_TRUE(to_the_end.done);
    EXPECT_EQ(to_the_end.body, "abc");
    EXPECT_FALSE(to_the_end.keep_alive);
  }
}

TEST(HttpResponseParserTest, RefusesWhatIsNotAnAnswer) {
  for (const std::string bytes :
       {"HTTP/2 200\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2000 x\r\n", "HTTP/1.1 099 x\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "nonsense and more\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n"}) {
    EXPECT_TRUE(Hear(bytes, 1000).failed) << bytes;
    EXPECT_TRUE(Hear(bytes, 1).failed) << bytes;
  }
  EXPECT_TRUE(Hear("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'a'), 10).failed) << "an endless body";
  for (const std::string bytes : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    EXPECT_TRUE(Hear(bytes, 1000, true).failed) << "cut short: " << bytes;
  }
}

}  // namespace
}  // namespace keelson::io
