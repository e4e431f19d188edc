#include "base/protobuf.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson {
namespace {

TEST(Protobuf, ReadsWhatItWrites) {
  std::string bytes;
  ProtoWriter writer(&bytes);
  writer.Number(1, 150);
  writer.Number(2, 0);  // left out
  writer.Text(3, "");   // left out
  writer.Text(3, "text");
  writer.Element(4, 0);
  writer.Double(5, 0.5);
  writer.Nested(2'000, [&] { writer.Bytes(1, std::string(300, 'x')); });
  writer.Nested(6, [&] {
    for (const std::uint64_t value : {0ULL, 127ULL, 128ULL, ~0ULL}) writer.Varint(value);
  });
  ASSERT_EQ(bytes.substr(0, 3), "\x08\x96\x01");  // the encoding guide's own example

  ProtoReader reader(bytes);
  std::string text;
  std::vector<std::uint64_t> keys;
  while (reader.Next()) {
    keys.push_back(reader.key());
    if (reader.key() == ProtoVarint(1)) {
      EXPECT_EQ(reader.number(), 150U);
    }
    if (reader.key() == ProtoBytes(3)) {
      EXPECT_TRUE(reader.Text(&text));
    }
    if (reader.key() == ProtoBytes(2'000)) {
      ProtoReader inner(reader.bytes());
      ASSERT_TRUE(inner.Next());
      EXPECT_EQ(inner.bytes(), std::string(300, 'x'));
      EXPECT_FALSE(inner.Next());
    }
    if (reader.key() == ProtoBytes(6)) {
      ProtoReader packed(reader.bytes());
      std::vector<std::uint64_t> values;
      for (std::uint64_t value = 0; !packed.empty() && packed.TakeVarint(&value);) values.push_back(value);
      EXPECT_EQ(values, (std::vector<std::uint64_t>{0, 127, 128, ~0ULL}));
    }
  }
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(text, "text");
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{ProtoVarint(1), ProtoBytes(3), ProtoVarint(4),
                                              ProtoKey(5, ProtoType::kFixed64), ProtoBytes(2'000), ProtoBytes(6)}));
}

// All of the fields, or nothing when the bytes are malformed.
std::string Read(std::string_view bytes) {
  ProtoReader reader(bytes);
  std::string fields;
  while (reader.Next()) fields += std::to_string(reader.key() >> 3) + ",";
  return reader.ok() ? fields : "malformed";
}

TEST(Protobuf, RefusesWhatIsMalformed) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read(std::string_view("\x00\x01", 2)), "malformed");                 // field 0
  EXPECT_EQ(Read("\x08"), "malformed");                                          // no value
  EXPECT_EQ(Read("\x0a\x05xyz"), "malformed");                                   // shorter than it says
  EXPECT_EQ(Read("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "malformed");  // 2^64 - 1 bytes
  EXPECT_EQ(Read("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "malformed");
  EXPECT_EQ(Read("\x0d\x01\x02\x03"), "malformed");              // three of four bytes
  EXPECT_EQ(Read("\x0e"), "malformed");                          // type 6
  EXPECT_EQ(Read("\x0c"), "malformed");                          // the end of no group
  EXPECT_EQ(Read("\xff\xff\xff\xff\xff\x01\x01"), "malformed");  // a tag over 32 bits
  EXPECT_EQ(Read("\x0a\x01x\x10\x07"), "1,2,");
}

TEST(Protobuf, PassesOverGroups) {
  EXPECT_EQ(Read("\x0b\x10\x07\x13\x18\x01\x14\x0c\x20\x01"), "1,4,");  // 1 {2: 7, 2 {3: 1}}, 4: 1
  EXPECT_EQ(Read("\x0b\x10\x07\x14"), "malformed");                     // ended as another
  EXPECT_EQ(Read("\x0b\x10\x07"), "malformed");                         // not ended
  EXPECT_EQ(Read(std::string(100, '\x0b') + std::string(100, '\x0c')), "1,");
  EXPECT_EQ(Read(std::string(101, '\x0b') + std::string(101, '\x0c')), "malformed");
}

TEST(Protobuf, TakesOnlyUtf8ForText) {
  ProtoReader reader("\x0a\x02\xc3\x28");
  std::string text = "before";
  ASSERT_TRUE(reader.Next());
  EXPECT_FALSE(reader.Text(&text));
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(text, "before");
}

}  // namespace
}  // namespace keelson
