#include "sklearn/zip_archive.h"

#include <gmock/gmock.h>

#include "io/files.h"
#include "sklearn/npy_reader.h"
#include "sklearn/skops_reader.h"

namespace keelson::sklearn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;

// The archive of one member "a", which is stored as "hello".
std::string Stored() {
  const std::string sum = "\x86\xa6\x10\x36"s;  // crc32("hello")
  const std::string sizes = "\x05\0\0\0\x05\0\0\0"s;
  const std::string local = "PK\x03\x04\x14\0\0\0\0\0\0\0\0\0"s + sum + sizes + "\x01\0\0\0"s + "a" + "hello";
  const std::string directory =
      "PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0"s + sum + sizes + "\x01\0"s + std::string(16, '\0') + "a";
  const auto begin = static_cast<char>(local.size());
  const auto size = static_cast<char>(directory.size());
  return local + directory + "PK\x05\x06\0\0\0\0\x01\0\x01\0"s + size + "\0\0\0"s + begin + "\0\0\0\0\0"s;
}

std::string Why(const std::string& bytes, std::size_t limit = 1'000) {
  const auto archive = ZipArchive::Open(bytes);
  if (!archive) return archive.error().message;
  std::string unpacked;
  const auto read = archive->Read("a", limit, &unpacked);
  return read ? std::string(*read) : read.error().message;
}

TEST(ZipArchive, ReadsItsMembers) {
  EXPECT_EQ(Why(Stored()), "hello");
  EXPECT_TRUE(ZipArchive::Open(Stored())->Has("a"));
  EXPECT_FALSE(ZipArchive::Open(Stored())->Has("b"));
  std::string commented = Stored();
  commented[commented.size() - 2] = 3;
  EXPECT_EQ(Why(commented + "abc"), "hello");
}

TEST(ZipArchive, RefusesWhatIsCorruptOrTooLarge) {
  const auto changed = [](std::size_t at, char with) {
    std::string bytes = Stored();
    bytes[at] = with;
    return Why(bytes);
  };
  EXPECT_THAT(Why(""), HasSubstr("too short"));
  EXPECT_THAT(Why(std::string(100, 'x')), HasSubstr("no directory"));
  EXPECT_THAT(Why(Stored(), 4), HasSubstr("a member of 5 bytes"));
  EXPECT_THAT(changed(31, 'H'), HasSubstr("checksum"));
  EXPECT_THAT(changed(0, 'x'), HasSubstr("a member's header"));
  EXPECT_THAT(changed(36 + 10, 9), HasSubstr("compression 9"));
  EXPECT_THAT(changed(36 + 10, 8), HasSubstr("corrupt"));
  EXPECT_THAT(changed(36 + 8, 1), HasSubstr("encrypted"));
  EXPECT_THAT(changed(36 + 20, 100), HasSubstr("beyond its end"));
  EXPECT_THAT(changed(36 + 42, 100), HasSubstr("a member's header"));
  EXPECT_THAT(changed(36 + 28, 100), HasSubstr("its directory"));
  for (std::size_t size = 0; size < Stored().size(); ++size) EXPECT_NE(Why(Stored().substr(0, size)), "hello") << size;
}

std::string Npy(const std::string& header, const std::string& contents) {
  return "\x93NUMPY\x01\0"s + static_cast<char>(header.size()) + "\0"s + header + contents;
}

TEST(NpyReader, ReadsNumbersAndFields) {
  Document document;
  const std::string ints =
      Npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 2), }\n", "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"s);
  const auto array = ReadNpy(ints, &document);
  ASSERT_TRUE(array.has_value()) << array.error().message;
  EXPECT_THAT(*IntsOf(document, *array), ElementsAre(1, 3, 2, 4));
  const std::string fields =
      Npy("{'descr': [('a', '|u1'), ('', '|V3'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,), }",
          "\5xxx\7\0\0\0"s);
  const auto table = ReadNpy(fields, &document);
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_THAT(*FieldInts(*table, "b"), ElementsAre(7));
  EXPECT_FALSE(FieldInts(*table, "c").has_value());
}

TEST(NpyReader, RefusesOthers) {
  Document document;
  const auto why = [&](const std::string& header, const std::string& contents = "") {
    const std::string bytes = Npy(header, contents);
    const auto array = ReadNpy(bytes, &document);
    return array ? std::string("read") : array.error().message;
  };
  EXPECT_THAT(why("{'descr': '>f8', 'fortran_order': False, 'shape': (0,)}"), HasSubstr("big-endian"));
  EXPECT_THAT(why("{'descr': '|O', 'fortran_order': False, 'shape': (0,)}"), HasSubstr("array of objects"));
  EXPECT_THAT(why("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}"), HasSubstr("fit its shape"));
  EXPECT_THAT(why("{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}"), HasSubstr("fortran_order"));
  EXPECT_THAT(why("{'descr': '<f8', 'shape': (1,)}"), HasSubstr("three keys"));
  EXPECT_THAT(why("{'descr': '<f8', 'other': False, 'shape': (1,)}"), HasSubstr("unknown key"));
  EXPECT_THAT(why("{'descr': '<f8'"), HasSubstr("a key"));
  EXPECT_THAT(ReadNpy("\x93NUMPY\x09\0\x02\0{}  "s, &document).error().message, HasSubstr("version"));
  EXPECT_THAT(ReadNpy("short", &document).error().message, HasSubstr("magic"));
}

TEST(SkopsReader, RefusesAnArchiveWithoutASchema) {
  EXPECT_THAT(ReadSkops(Stored()).error().message, HasSubstr("schema.json"));
}

}  // namespace
}  // namespace keelson::sklearn
