#include "serving/ubjson_cursor.h"

#include <gmock/gmock.h>

#include <cmath>

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using std::string_literals::operator""s;

TEST(UbjsonCursor, ReadsEveryNumber) {
  const std::pair<std::string, float> cases[] = {{"i\xFE"s, -2.0f},
                                                 {"U\xFE"s, 254.0f},
                                                 {"CA"s, 65.0f},
                                                 {"I\xFF\xFE"s, -2.0f},
                                                 {"l\x00\x01\x00\x00"s, 65536.0f},
                                                 {"L\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, -1.0f},
                                                 {"d\x3F\xC0\x00\x00"s, 1.5f},
                                                 {"D\xBF\xF8\x00\x00\x00\x00\x00\x00"s, -1.5f},
                                                 {"NNi\x05"s, 5.0f}};
  for (const auto& [bytes, wanted] : cases) {
    UbjsonCursor cursor(bytes);
    EXPECT_EQ(cursor.Peek(), ValueKind::kNumber);
    float value = 0;
    EXPECT_TRUE(cursor.ReadFloat(&value)) << cursor.problem();
    EXPECT_EQ(value, wanted);
    EXPECT_TRUE(cursor.Finish());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(UbjsonCursor(std::string_view(bytes).substr(0, length)).ReadFloat(&value));
    }
  }
}

TEST(UbjsonCursor, ReadsContainersOfEveryForm) {
  const std::string floats[] = {"[i\x01i\x02]"s, "[#i\x02i\x01i\x02"s, "[$U#i\x02\x01\x02"s,
                                "[$d#L\0\0\0\0\0\0\0\x02\x3F\x80\0\0\x40\0\0\0"s};
  for (const auto& bytes : floats) {
    UbjsonCursor cursor(bytes);
    std::vector<float> values;
    EXPECT_TRUE(cursor.ReadFloats(&values)) << cursor.problem();
    EXPECT_THAT(values, ElementsAre(1.0f, 2.0f));
    EXPECT_TRUE(cursor.Finish());
    EXPECT_TRUE(UbjsonCursor(bytes).Skip());
  }
  for (const auto& bytes : {"{i\x01kSi\x01vi\x02noT}"s, "{#i\x02i\x01kSi\x01vi\x02noT"s}) {
    UbjsonCursor cursor(bytes);
    std::string_view key;
    std::string text;
    bool flag = false;
    ASSERT_TRUE(cursor.EnterObject());
    ASSERT_TRUE(cursor.NextKey(&key));
    EXPECT_EQ(key, "k");
    ASSERT_TRUE(cursor.ReadString(&text));
    EXPECT_EQ(text, "v");
    ASSERT_TRUE(cursor.NextKey(&key));
    ASSERT_TRUE(cursor.ReadBool(&flag));
    EXPECT_TRUE(flag);
    EXPECT_FALSE(cursor.NextKey(&key));
    EXPECT_TRUE(cursor.Finish()) << cursor.problem();
  }
  std::vector<std::int32_t> ints;
  EXPECT_TRUE(UbjsonCursor("[TFi\x07]"s).ReadInts(&ints));
  EXPECT_THAT(ints, ElementsAre(1, 0, 7));
}

TEST(UbjsonCursor, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "ends where a value is expected"},
      {"x", "unknown marker 'x'"},
      {"\x01", "unknown marker byte 0x01"},
      {"[i\x01", "ends inside a container"},
      {"[$", "ends inside the head"},
      {"[$S#i\x01", "elements of the type 'S'"},
      {"{$i#i\x01", "elements of the type 'i'"},
      {"[$iX\x01", "must declare its length"},
      {"[#i\xFF", "a negative length: -1"},
      {"[#d\x3F\x80\0\0"s, "expected a whole number, found the marker 'd'"},
      {"[$d#i\x02\0\0\0\0"s, "2 elements are declared where 4 bytes are left"},
      {"[$D#L\x10\0\0\0\0\0\0\0"s, "1152921504606846976 elements are declared"},
      {"Si\x05xy", "a text of 5 bytes is declared where 2 are left"},
      {"I\x01", "ends inside a number"},
      {"[]i\x01", "2 bytes follow the end"}};
  for (const auto& [bytes, problem] : cases) {
    UbjsonCursor cursor(bytes);
    EXPECT_FALSE(cursor.Skip() && cursor.Finish()) << problem;
    EXPECT_THAT(cursor.problem(), HasSubstr(problem));
  }
}

TEST(UbjsonCursor, RefusesAnotherKindThanExpected) {
  std::string text;
  bool flag = false;
  std::int64_t whole = 0;
  EXPECT_FALSE(UbjsonCursor("T").ReadString(&text));
  EXPECT_FALSE(UbjsonCursor("Z").ReadBool(&flag));
  EXPECT_FALSE(UbjsonCursor("d\0\0\0\0"s).ReadInt(&whole));
  EXPECT_FALSE(UbjsonCursor("{}").EnterArray());
  const std::string large = "[L\0\0\0\1\0\0\0\0]"s;
  UbjsonCursor wide(large);
  std::vector<std::int32_t> ints;
  EXPECT_FALSE(wide.ReadInts(&ints));
  EXPECT_THAT(wide.problem(), HasSubstr("32 bits"));
}

TEST(UbjsonCursor, LimitsNesting) {
  const std::string deep(100'000, '[');
  UbjsonCursor cursor(deep);
  EXPECT_FALSE(cursor.Skip());
  EXPECT_THAT(cursor.problem(), HasSubstr("deeper than 64"));
  EXPECT_TRUE(UbjsonCursor(std::string(64, '[') + std::string(64, ']')).Skip());
}

}  // namespace
}  // namespace keelson::serving
