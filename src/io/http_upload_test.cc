// Bodies that handlers read themselves, and files as answers.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "base/hash.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "io/files.h"
#include "io/http.h"
#include "io/http_testing.h"
#include "io/tls.h"
#include "io/tls_testing.h"

namespace keelson::io {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::StartServer;
using ::testing::StartsWith;
using testing::TargetOf;
using testing::TempFolder;

std::string Code(ErrorCode code) {
  return "code " + std::to_string(static_cast<int>(code));
}

std::string Noise(std::size_t size) {
  Random random(size);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random.Below(256));
  return noise;
}

// Answers with "SIZE HASH" of the body, or with the error; PUT below /upload is read by the handler, but for
// /upload/unread.
class HttpUploadTest : public ::testing::Test {
 protected:
  HttpServerOptions Options() {
    HttpServerOptions options;
    options.limits.body_bytes = 1000;
    options.limits.upload_bytes = 100u << 20;
    options.uploads = [](const HttpRequest& head) { return head.path.starts_with("/upload"); };
    return options;
  }
  HttpHandler Handler() {
    return [this](HttpRequest request, HttpRespond respond) {
      if (request.path == "/upload/unread") return respond({.status = 403, .body = "no"});
      pool_.Post([request = std::move(request), respond = std::move(respond)] { respond(Read(request)); });
    };
  }
  static HttpResponse Read(const HttpRequest& request) {
    std::string all = request.body;
    while (request.upload != nullptr) {
      const auto piece = request.upload->Read();
      if (!piece.has_value()) return {.status = 400, .body = Code(piece.error().code) + "."};
      if (piece->empty()) break;
      all += *piece;
    }
    return {.body = Said(all)};
  }
  static std::string Said(std::string_view body) {
    return std::to_string(body.size()) + " " + Sha256::Hex(body) + "\n";
  }
  static std::string Put(std::string_view body, std::string_view more = "") {
    return "PUT /upload HTTP/1.1\r\nHost: a\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  ThreadPool pool_{4};
};

TEST_F(HttpUploadTest, IsReadPieceByPieceAndTheConnectionGoesOn) {
  const auto server = StartServer(Handler(), Options());
  const std::string large = Noise(9'000'000);
  for (const std::string& body : {std::string(), std::string("small"), large.substr(0, 70'000), large}) {
    RawClient client(TargetOf(*server));
    client.Say(Put(body) + Put(body) + "GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
    client.EndWriting();
    const std::string heard = client.HearAll();
    EXPECT_EQ(RawClient::Count(heard, Said(body)), body.empty() ? 3 : 2) << heard;
    EXPECT_THAT(heard, EndsWith(Said("")));
  }
}

TEST_F(HttpUploadTest, InChunksCutAnywhere) {
  const auto server = StartServer(Handler(), Options());
  Random random(3);
  for (int round = 0; round < 10; ++round) {
    const std::string body = Noise(400'000);
    std::string message = "PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t size = std::min<std::size_t>(body.size() - at, 1 + random.Below(50'000));
      char digits[32];
      std::snprintf(digits, sizeof digits, "%zx;why=not\r\n", size);
      message += digits + body.substr(at, size) + "\r\n";
      at += size;
    }
    message += "0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    RawClient client(TargetOf(*server));
    for (std::size_t at = 0; at < message.size();) {
      const std::size_t size = std::min<std::size_t>(message.size() - at, 1 + random.Below(60'000));
      client.Say(message.substr(at, size));
      at += size;
    }
    client.EndWriting();
    const std::string heard = client.HearAll();
    EXPECT_THAT(heard, HasSubstr(Said(body)));
    EXPECT_THAT(heard, EndsWith(Said("")));
  }
}

TEST_F(HttpUploadTest, TheClientIsToldToGoOn) {
  const auto server = StartServer(Handler(), Options());
  RawClient client(TargetOf(*server));
  client.Say("PUT /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 300000\r\n\r\n");
  EXPECT_THAT(client.HearUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  client.Say(std::string(300'000, 'x'));
  EXPECT_THAT(client.HearUntil("\n", 8), HasSubstr(Said(std::string(300'000, 'x'))));
}

TEST_F(HttpUploadTest, OneThatIsNotReadEndsTheConnection) {
  const auto server = StartServer(Handler(), Options());
  RawClient client(TargetOf(*server));
  client.Say("PUT /upload/unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + std::string(200'000, 'x') +
             "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string heard = client.HearAll();
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(heard, HasSubstr("connection: close\r\n"));
  EXPECT_EQ(RawClient::Count(heard, "HTTP/1.1"), 1);
}

TEST_F(HttpUploadTest, WhatIsNoBodyOrTooLongIsAnError) {
  auto options = Options();
  options.limits.upload_bytes = 100'000;
  const auto server = StartServer(Handler(), options);
  const auto heard = [&](const std::string& bytes) {
    RawClient client(TargetOf(*server));
    client.Say(bytes);
    client.EndWriting();
    return client.HearAll();
  };
  const std::string head = "PUT /upload HTTP/1.1\r\nHost: a\r\n";
  EXPECT_THAT(heard(head + "Content-Length: 100001\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n11170\r\n" + std::string(70'000, 'x') + "\r\n";
  EXPECT_THAT(heard(chunked + "11170\r\n" + std::string(70'000, 'x') + "\r\n0\r\n\r\n"),
              EndsWith(Code(ErrorCode::kResourceExhausted) + "."));
  EXPECT_THAT(heard(chunked + "zz\r\n"), EndsWith(Code(ErrorCode::kInvalidArgument) + "."));
  EXPECT_THAT(heard(chunked), EndsWith(Code(ErrorCode::kUnavailable) + "."));
  // What the handler does not read itself has the usual limit.
  EXPECT_THAT(heard("PUT /other HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(heard(Put(std::string(1001, 'x'), "Content-Encoding: gzip\r\n")), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpUploadTest, AServerThatEndsWaitsForNoClient) {
  auto server = StartServer(Handler(), Options());
  RawClient client(TargetOf(*server));
  client.Say(Put(std::string(200'000, 'x')).substr(0, 100'000));
  server.reset();
  EXPECT_EQ(client.HearAll(), "");
}

TEST_F(HttpUploadTest, ASilentClientIsGivenUp) {
  auto options = Options();
  options.limits.slow = std::chrono::milliseconds(50);
  const auto server = StartServer(Handler(), options);
  RawClient client(TargetOf(*server));
  client.Say(Put(std::string(200'000, 'x')).substr(0, 100'000));
  EXPECT_THAT(client.HearAll(), EndsWith(Code(ErrorCode::kUnavailable) + "."));
}

TEST_F(HttpUploadTest, AClientThatKeepsAThreadWithAByteNowAndThenIsGivenUp) {
  constexpr int kDrips = 400;
  auto options = Options();
  options.limits.slow = std::chrono::milliseconds(50);
  const auto server = StartServer(Handler(), options);
  RawClient client(TargetOf(*server));
  client.Say("PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  std::atomic<int> dripped = 0;
  std::atomic<bool> heard = false;
  std::thread drips([&] {
    for (; dripped < kDrips && !heard; ++dripped) {
      client.Say("x");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  EXPECT_THAT(client.HearAll(), EndsWith(Code(ErrorCode::kUnavailable) + "."));
  heard = true;
  EXPECT_LT(dripped, kDrips);
  drips.join();
}

TEST_F(HttpUploadTest, FilesAreAnswersOfAnySize) {
  const TempFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "f"));
  const auto server = StartServer([&](HttpRequest request, HttpRespond respond) {
    auto file = HttpFile::Open(folder / request.path.substr(1));
    if (!file.has_value()) return respond({.status = 404, .body = "none"});
    respond({.content_type = "x/y", .file = *file});
  });
  for (const std::size_t size : {0U, 1U, 100'000U, 30'000'000U}) {
    const std::string content = Noise(size);
    ASSERT_TRUE(WriteFileAtomically(folder / "file", content));
    RawClient client(TargetOf(*server));
    client.Say(
        "GET /file HTTP/1.1\r\nHost: a\r\n\r\nHEAD /file HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: "
        "a\r\n\r\nGET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const std::string heard = client.HearAll();
    EXPECT_EQ(RawClient::Count(heard, "content-length: " + std::to_string(size) + "\r\n"), 3);
    EXPECT_TRUE(heard.ends_with("\r\n\r\n" + content));
    EXPECT_TRUE(heard.contains("\r\n\r\n" + content + "HTTP/1.1 200"));
    EXPECT_TRUE(heard.contains("none"));
  }
  {
    RawClient client(TargetOf(*server));  // goes away in the middle: nobody is hurt
    client.Say("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    client.HearSome();
  }
  EXPECT_EQ(HttpFile::Open(folder / "f").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(HttpFile::Open(folder / "none").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(testing::Converse(*server, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("none"));
}

TEST_F(HttpUploadTest, BothThroughTls) {
  const TempFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "f"));
  testing::TestAuthority authority(folder / "f", "ca");
  const auto files = authority.Issue("box");
  auto options = Options();
  options.tls = *TlsServer::Open({.certificate = files.certificate, .key = files.key});
  const std::string body = Noise(3'000'000);
  ASSERT_TRUE(WriteFileAtomically(folder / "file", body));
  const auto server = StartServer(
      [&, upload = Handler()](HttpRequest request, HttpRespond respond) {
        if (request.method == "PUT") return upload(std::move(request), std::move(respond));
        auto file = *HttpFile::Open(folder / request.path.substr(1));
        if (request.path == "/short") std::filesystem::resize_file(folder / "short", 1'000'000);
        respond({.file = std::move(file)});
      },
      options);
  HttpTarget target{.host = "localhost", .port = server->port(), .tls = true};
  target.tls_client = *TlsClient::Open({.ca = authority.ca()});
  const auto connection = HttpConnection::Create(target);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(connection->Call({.method = "PUT", .target = "/upload", .body = body})->body, Said(body));
    EXPECT_TRUE(connection->Call({.target = "/file"})->body == body);
  }
  ASSERT_TRUE(WriteFileAtomically(folder / "short", body));
  EXPECT_FALSE(connection->Call({.target = "/short"}).has_value()) << "a third of it is not the whole of it";
}

TEST(AtomicFileTest, IsSeenWholeOrNotAtAll) {
  const TempFolder folder;
  const std::string path = folder / "file";
  ASSERT_TRUE(WriteFileAtomically(path, "old"));
  {
    const auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->Append("new"));
    EXPECT_EQ(*ReadFile(path), "old");
  }
  EXPECT_EQ(*ReadFile(path), "old");
  EXPECT_EQ(ListFolder(folder / "")->size(), 1u);
  const auto file = AtomicFile::Create(path);
  const std::string large = Noise(20'000'000);
  ASSERT_TRUE((*file)->Append(large));
  ASSERT_TRUE((*file)->Append("end"));
  ASSERT_TRUE((*file)->Commit());
  EXPECT_EQ(*ReadFile(path), large + "end");
  EXPECT_EQ(AtomicFile::Create(folder / "none/file").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace keelson::io
