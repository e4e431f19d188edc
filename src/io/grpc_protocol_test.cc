#include "io/grpc_protocol.h"

#include <gtest/gtest.h>

#include "io/http_deflate.h"

namespace keelson::io {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST(GrpcProtocol, ReadsTimeouts) {
  EXPECT_EQ(ParseGrpcTimeout("1n"), nanoseconds(1));
  EXPECT_EQ(ParseGrpcTimeout("250u"), std::chrono::microseconds(250));
  EXPECT_EQ(ParseGrpcTimeout("99999999m"), std::chrono::milliseconds(99'999'999));
  EXPECT_EQ(ParseGrpcTimeout("2S"), std::chrono::seconds(2));
  EXPECT_EQ(ParseGrpcTimeout("3M"), std::chrono::minutes(3));
  EXPECT_EQ(ParseGrpcTimeout("1H"), hours(1));
  EXPECT_EQ(ParseGrpcTimeout("99999999H"), hours(24 * 365));  // would overflow
  for (const char* wrong : {"", "S", "1", "1x", "-1S", "1.5S", "123456789S", "1 S", "S1"}) {
    EXPECT_FALSE(ParseGrpcTimeout(wrong).has_value()) << wrong;
  }
}

TEST(GrpcProtocol, EncodesStatusMessages) {
  EXPECT_EQ(EncodeGrpcMessage("plain, 100%\n\xc3\xa9~"), "plain, 100%25%0A%C3%A9~");
}

TEST(GrpcProtocol, KnowsItsContentTypesAndEncodings) {
  EXPECT_TRUE(IsGrpcContentType("application/grpc"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc+proto"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc;charset=utf-8"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc-web"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc+json"));
  EXPECT_FALSE(IsGrpcContentType("application/json"));
  EXPECT_TRUE(AcceptsGrpcEncoding("identity, gzip", "gzip"));
  EXPECT_FALSE(AcceptsGrpcEncoding("identity,x-gzip", "gzip"));
}

// The messages that come of bytes fed in pieces of that size; "!" and the error's code at its end if there is one.
std::vector<std::string> ReadIn(std::string_view bytes, std::size_t piece, std::string encoding = "",
                                std::size_t limit = 1'000) {
  GrpcMessageReader reader(std::move(encoding), limit);
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string part(bytes.substr(at, piece));  // gone after the turn, as a socket's buffer is
    reader.Feed(part);
    for (;;) {
      const auto next = reader.Next();
      if (!next) messages.push_back("!" + std::string(ErrorCodeName(next.error().code)));
      if (!next || !*next) break;
      messages.emplace_back(**next);
    }
  }
  if (reader.begun()) messages.emplace_back("...");
  return messages;
}

TEST(GrpcMessageReader, CutsMessagesHoweverTheBytesCome) {
  std::string bytes;
  const std::vector<std::string> messages = {"one", "", std::string(700, 'x'), "four"};
  for (const auto& message : messages) AppendGrpcMessage(message, "", &bytes);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) EXPECT_EQ(ReadIn(bytes, piece), messages) << piece;
  EXPECT_EQ(ReadIn(bytes.substr(0, 10), 3), (std::vector<std::string>{"one", "..."}));
}

TEST(GrpcMessageReader, RefusesWhatIsTooLargeByItsLengthAlone) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(ReadIn(std::string_view("\0\0\0\3\xe8", 5), 1), Strings{"..."});  // 1,000: the limit
  EXPECT_EQ(ReadIn(std::string_view("\0\0\0\3\xe9", 5), 1), Strings{"!resource_exhausted"});
  EXPECT_EQ(ReadIn(std::string_view("\0\xff\xff\xff\xff", 5), 5), Strings{"!resource_exhausted"});
  EXPECT_EQ(ReadIn(std::string_view("\2\0\0\0\1x", 6), 6), Strings{"!internal"});
  GrpcMessageReader reader("", 64u << 20);
  reader.Feed(std::string_view("\0\3\xff\xff\xff", 5));  // 64 MiB are said, none is there
  ASSERT_TRUE(reader.Next().has_value());
  EXPECT_LE(reader.held_bytes(), 2u << 20);
}

TEST(GrpcMessageReader, UndoesCompressionAndBoundsIt) {
  const std::string text(900, 'y');
  for (const std::string encoding : {"gzip", "deflate"}) {
    std::string small;
    AppendGrpcMessage("short", encoding, &small);
    EXPECT_EQ(small.front(), 0);  // not worth it
    const std::string packed = Deflate(encoding, text);
    std::string bytes("\1\0\0\0", 4);
    bytes.push_back(static_cast<char>(packed.size()));
    bytes += packed;
    EXPECT_EQ(ReadIn(bytes, 7, encoding), std::vector<std::string>{text});
    EXPECT_EQ(ReadIn(bytes, 7, encoding, 500), std::vector<std::string>{"!resource_exhausted"});  // a bomb
    EXPECT_EQ(ReadIn(bytes, 7, "identity"), std::vector<std::string>{"!internal"});
    bytes[8] = static_cast<char>(bytes[8] ^ 0x55);
    EXPECT_EQ(ReadIn(bytes, 7, encoding), std::vector<std::string>{"!internal"});

    std::string large;
    AppendGrpcMessage(std::string(100'000, 'z'), encoding, &large);
    EXPECT_EQ(large.front(), 1);
    EXPECT_LT(large.size(), 1'000U);
    EXPECT_EQ(ReadIn(large, 64, encoding, 200'000), std::vector<std::string>{std::string(100'000, 'z')});
  }
}

}  // namespace
}  // namespace keelson::io
