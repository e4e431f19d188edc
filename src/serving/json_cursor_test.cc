#include "serving/json_cursor.h"

#include <gmock/gmock.h>

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(JsonCursor, ReadsADocumentOfEveryKind) {
  JsonCursor cursor(
      " {\"a\\u0062\":[1, 2.5,NaN ] ,\n\"flags\" : [true,false,7],\"n\":null,\"o\":{},\"s\":\"x\",\"b\":true} ");
  std::string_view key;
  std::vector<float> floats;
  std::vector<std::int32_t> ints;
  std::string text;
  bool flag = false;
  ASSERT_EQ(cursor.Peek(), ValueKind::kObject);
  ASSERT_TRUE(cursor.EnterObject());
  ASSERT_TRUE(cursor.NextKey(&key));
  EXPECT_EQ(key, "ab");
  ASSERT_EQ(cursor.Peek(), ValueKind::kArray);
  ASSERT_TRUE(cursor.ReadFloats(&floats));
  EXPECT_THAT(floats, ElementsAre(1.0f, 2.5f, testing::IsNan()));
  ASSERT_TRUE(cursor.NextKey(&key));
  ASSERT_TRUE(cursor.ReadInts(&ints));
  EXPECT_THAT(ints, ElementsAre(1, 0, 7));
  ASSERT_TRUE(cursor.NextKey(&key));
  ASSERT_EQ(cursor.Peek(), ValueKind::kNull);
  ASSERT_TRUE(cursor.ReadNull());
  ASSERT_TRUE(cursor.NextKey(&key));
  ASSERT_TRUE(cursor.Skip());
  ASSERT_TRUE(cursor.NextKey(&key));
  ASSERT_TRUE(cursor.ReadString(&text));
  EXPECT_EQ(text, "x");
  ASSERT_TRUE(cursor.NextKey(&key));
  ASSERT_TRUE(cursor.ReadBool(&flag));
  EXPECT_TRUE(flag);
  EXPECT_FALSE(cursor.NextKey(&key));
  EXPECT_TRUE(cursor.Finish()) << cursor.problem();
}

TEST(JsonCursor, ReplacesEscapes) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20AC\ud83d\ude00")", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {R"("\u0000x")", std::string("\0x", 2)},
      {"\"\xC3\xA9\"", "\xC3\xA9"},
      {R"("")", ""}};
  for (const auto& [text, wanted] : cases) {
    JsonCursor cursor(text);
    std::string value;
    EXPECT_TRUE(cursor.ReadString(&value)) << text << cursor.problem();
    EXPECT_EQ(value, wanted);
  }
}

TEST(JsonCursor, SaysWhatIsWrongAndAtWhichByte) {
  struct Case {
    std::string text;
    std::string problem;
    std::size_t offset;
  };
  for (const auto& bad : std::initializer_list<Case>{{"", "the text ends where a value is expected", 0},
                                                     {"  ", "the text ends where a value is expected", 2},
                                                     {"[1,]", "expected a value, found ']'", 3},
                                                     {"[1 2]", "expected ',' or ']', found '2'", 3},
                                                     {"[1", "the text ends where ',' or ']'", 2},
                                                     {"{\"a\" 1}", "expected ':', found '1'", 5},
                                                     {"{\"a\":1,}", "expected a key in quotes, found '}'", 7},
                                                     {"{a:1}", "expected a key in quotes, found 'a'", 1},
                                                     {"{\"a\":1 \"b\"", "expected ',' or '}'", 7},
                                                     {"tru", "expected true or false", 0},
                                                     {"nul", "expected null", 0},
                                                     {"\x01", "found byte 0x01", 0},
                                                     {"01", "begin with a zero", 0},
                                                     {"[1.x]", "a digit behind the point, found 'x'", 3},
                                                     {"\"a", "the text ends inside a string", 2},
                                                     {"\"a\\", "the text ends inside a string", 3},
                                                     {"\"\n\"", "a control character", 1},
                                                     {R"("\x")", "an escape that JSON does not have", 3},
                                                     {R"("\u12")", "four hexadecimal digits", 3},
                                                     {R"("\ud800")", "half of a surrogate pair", 7},
                                                     {R"("\udc00")", "half of a surrogate pair", 7},
                                                     {R"("\ud800\u0041")", "half of a surrogate pair", 7},
                                                     {"1 1", "expected the end of the text", 2}}) {
    JsonCursor cursor(bad.text);
    EXPECT_FALSE(cursor.Skip() && cursor.Finish()) << bad.text;
    EXPECT_THAT(cursor.problem(), HasSubstr(bad.problem)) << bad.text;
    EXPECT_EQ(cursor.problem_offset(), bad.offset) << bad.text;
  }
}

TEST(JsonCursor, KeepsTheFirstProblem) {
  JsonCursor cursor("[x, 5]");
  ASSERT_TRUE(cursor.EnterArray());
  ASSERT_TRUE(cursor.NextElement());
  float value = 0;
  EXPECT_FALSE(cursor.ReadFloat(&value));
  const std::string problem = cursor.problem();
  EXPECT_FALSE(cursor.NextElement());
  EXPECT_FALSE(cursor.Skip());
  EXPECT_FALSE(cursor.Refuse("another"));
  EXPECT_FALSE(cursor.Finish());
  EXPECT_EQ(cursor.problem(), problem);
}

TEST(JsonCursor, LimitsNesting) {
  const std::string deep(JsonCursor::kMaxDepth, '[');
  const std::string end(JsonCursor::kMaxDepth, ']');
  EXPECT_TRUE(JsonCursor(deep + end).Skip());
  const std::string deeper = "[" + deep;
  JsonCursor cursor(deeper);
  EXPECT_FALSE(cursor.Skip());
  EXPECT_THAT(cursor.problem(), HasSubstr("deeper than 64"));
}

TEST(JsonCursor, RefusesNumbersOfTheWrongKind) {
  std::int64_t whole = 0;
  std::uint64_t unsigned_whole = 0;
  std::vector<std::int32_t> ints;
  for (const std::string text : {" 1.5", " 99999999999999999999", " NaN"}) {
    JsonCursor cursor(text);
    EXPECT_FALSE(cursor.ReadInt(&whole));
    EXPECT_THAT(cursor.problem(), HasSubstr("64 bits, found " + text.substr(1)));
    EXPECT_EQ(cursor.problem_offset(), 1u);
  }
  EXPECT_FALSE(JsonCursor("-1").ReadUnsigned(&unsigned_whole));
  JsonCursor wide("[1,2147483648]");
  EXPECT_FALSE(wide.ReadInts(&ints));
  EXPECT_THAT(wide.problem(), HasSubstr("2147483648 does not fit into 32 bits"));
}

}  // namespace
}  // namespace keelson::serving
