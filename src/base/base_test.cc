#include <date/date.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/strings.h"
#include "base/thread_pool.h"
#include "base/time.h"

namespace keelson {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "odd", "value");
  return value / 2;
}

Result<int> Quarter(int value) {
  KEELSON_ASSIGN_OR_RETURN(const int half, Half(value));
  KEELSON_RETURN_IF_ERROR(Half(half));
  return Half(half);
}

TEST(ResultTest, ErrorsTravelUnchanged) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error(), (Error{ErrorCode::kInvalidArgument, "odd", "value"}));
  EXPECT_EQ(Quarter(6).error().ToString(), "odd (value)");
  EXPECT_EQ((Error{ErrorCode::kNotFound, "no such run", ""}).ToString(), "no such run");
}

TEST(DurationTest, ReadsWhatPeopleWrite) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  EXPECT_EQ(*ParseDuration("50ms"), milliseconds(50));
  EXPECT_EQ(*ParseDuration("6h"), hours(6));
  EXPECT_EQ(*ParseDuration("1d12h"), hours(36));
  EXPECT_EQ(*ParseDuration("1.5h"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("2w"), hours(24 * 14));
  EXPECT_EQ(*ParseDuration("0s"), Duration(0));
  for (const char* bad : {"", "6", "h", "-6h", "6 h", "6x", "6h-", "1e3s", "99999999999w", "nan", "6hh"}) {
    EXPECT_FALSE(ParseDuration(bad).has_value()) << bad;
  }
}

TEST(DurationTest, FormatReadsBack) {
  for (const char* text : {"0s", "50ms", "1d12h", "90d", "1us", "1h30m", "2m5s"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
  EXPECT_EQ(FormatDuration(-std::chrono::hours(1)), "-1h");
}

TEST(InstantTest, ReadsAndWritesRfc3339) {
  const auto instant = ParseInstant("2013-04-01T04:00:00Z");
  ASSERT_TRUE(instant.has_value());
  EXPECT_EQ(ToMicros(*instant), 1'364'788'800'000'000);
  EXPECT_EQ(FormatInstant(*instant), "2013-04-01T04:00:00Z");
  EXPECT_EQ(*ParseInstant("2013-04-01T00:00:00-04:00"), *instant);
  EXPECT_EQ(*ParseInstant("2013-04-01 09:30:00+05:30"), *instant);
  EXPECT_EQ(*ParseInstant("2013-04-01 04:00:00"), *instant);
  EXPECT_EQ(*ParseInstant("2013-04-01T04:00"), *instant);
  EXPECT_EQ(FormatInstant(*ParseInstant("2013-04-01T04:00:00.25Z")), "2013-04-01T04:00:00.25Z");
  EXPECT_EQ(FormatInstant(*ParseInstant("2013-04-01")), "2013-04-01T00:00:00Z");
  EXPECT_EQ(FormatInstant(*ParseInstant("1969-12-31T23:59:59.5Z")), "1969-12-31T23:59:59.5Z");
  for (const char* bad :
       {"", "2013", "2013-13-01", "2013-02-30", "2013-04-01T25:00:00Z", "2013-04-01T04:00:00Zx", "soon",
        "2013-02-01T05:00:.5-+02800[", "2013-02-01T05:00:00-+0280", "2013-04-01T04:00:00+24:00",
        "2013-04-01T04:00:00+05:60", "2013-04-01T04:00:00+05:3", "2013-04-01T04:00:00+0530", "2013-04-01+05:30"}) {
    EXPECT_FALSE(ParseInstant(bad).has_value()) << bad;
  }
}

TEST(InstantTest, TheQuickWayReadsWhatTheStreamReads) {
  Random random(7);
  for (int i = 0; i < 2'000; ++i) {
    const Instant instant = InstantFromMicros(static_cast<std::int64_t>(random.Below(4'000'000'000'000'000)));
    const std::string text = FormatInstant(instant);
    ASSERT_EQ(text.substr(0, 19), date::format("%FT%T", std::chrono::floor<std::chrono::seconds>(instant)));
    ASSERT_EQ(*ParseInstant(text), instant) << text;
    // With an offset instead of the Z the stream reads it.
    ASSERT_EQ(*ParseInstant(text.substr(0, text.size() - 1) + "+00:00"), instant) << text;
  }
  EXPECT_EQ(*ParseInstant("2013-04-01T04:00:00.000001Z") - *ParseInstant("2013-04-01T04:00:00Z"), Duration(1));
  EXPECT_EQ(ToMicros(*ParseInstant("2012-02-29T00:00:00Z")), 1'330'473'600'000'000);
  for (const char* bad :
       {"2013-02-29T00:00:00Z", "2013-04-31T00:00:00Z", "2013-00-01T00:00:00Z", "2013-04-01T24:00:00Z",
        "2013-04-01T04:60:00Z", "2013-04-01T04:00:61Z", "2013/04/01T04:00:00Z", "2013-04-01T04:00:0aZ"}) {
    EXPECT_FALSE(ParseInstant(bad).has_value()) << bad;
  }
}

TEST(JsonStringTest, EscapesWhatJsonWantsAndReplacesWhatIsNotUtf8) {
  const auto json = [](std::string_view text) {
    std::string out;
    AppendJsonString(text, out);
    return out;
  };
  EXPECT_EQ(json("JFK 17"), "\"JFK 17\"");
  EXPECT_EQ(json(""), "\"\"");
  EXPECT_EQ(json("a\"b\\c\n\t" + std::string(1, '\0')), R"("a\"b\\c\n\u0009\u0000")");
  EXPECT_EQ(json("Zürich 東京 🛫"), "\"Zürich 東京 🛫\"");
  EXPECT_EQ(json("a\xff"
                 "b\xc3"),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\"");
}

TEST(BytesTest, ReadsBackAndNeverBeyondTheEnd) {
  std::string bytes;
  PutNumber(bytes, std::uint8_t{7});
  PutNumber(bytes, std::int64_t{-5});
  PutNumber(bytes, 0.25);
  PutText(bytes, "landed");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Number<std::uint8_t>(), 7);
  EXPECT_EQ(reader.Number<std::int64_t>(), -5);
  EXPECT_EQ(reader.Number<double>(), 0.25);
  EXPECT_EQ(reader.Text(), "landed");
  EXPECT_TRUE(reader.done());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ByteReader cut(std::string_view(bytes).substr(0, length));
    cut.Number<std::uint8_t>();
    cut.Number<std::int64_t>();
    cut.Number<double>();
    cut.Text();
    EXPECT_FALSE(cut.ok()) << length;
  }
  std::string many;
  PutNumbers(many, std::vector<std::int64_t>{});
  PutNumbers(many, std::vector<std::int32_t>{1, -2, 3});
  ByteReader numbers(many);
  EXPECT_EQ(numbers.Numbers<std::int64_t>(0), std::vector<std::int64_t>());
  EXPECT_EQ(numbers.Numbers<std::int32_t>(3), (std::vector<std::int32_t>{1, -2, 3}));
  EXPECT_TRUE(numbers.done());
  for (const std::uint64_t count : {std::uint64_t{4}, UINT64_MAX / 4 + 1, UINT64_MAX}) {
    ByteReader too_few(many);
    EXPECT_TRUE(too_few.Numbers<std::int32_t>(count).empty());
    EXPECT_FALSE(too_few.ok()) << count;
  }
  ByteReader lying(std::string_view("\xff\xff\xff\xff", 4));
  EXPECT_EQ(lying.Text(), "");
  EXPECT_FALSE(lying.ok());
}

TEST(CalendarTest, MonthsAreLocal) {
  const auto new_york = Calendar::Open("America/New_York");
  ASSERT_TRUE(new_york.has_value());
  EXPECT_EQ(new_york->Month(*ParseInstant("2013-04-01T03:59:00Z")), "2013-03");
  EXPECT_EQ(new_york->Month(*ParseInstant("2013-04-01T04:00:00Z")), "2013-04");
  EXPECT_EQ(new_york->Day(*ParseInstant("2013-12-01T04:59:00Z")), "2013-11-30");
  EXPECT_EQ(*new_york->ParseLocal("2013-04-01"), *ParseInstant("2013-04-01T04:00:00Z"));
  EXPECT_EQ(*new_york->ParseLocal("2013-12-01 06:30"), *ParseInstant("2013-12-01T11:30:00Z"));
  EXPECT_EQ(new_york->StartOfDay(*ParseInstant("2013-04-01T12:00:00Z")), *ParseInstant("2013-04-01T04:00:00Z"));
  EXPECT_EQ(Calendar::Utc().Day(*ParseInstant("2013-04-01T03:59:00Z")), "2013-04-01");
  EXPECT_FALSE(Calendar::Open("Mars/Olympus").has_value());
}

TEST(RandomTest, EqualSeedsGiveEqualSequences) {
  Random a(7);
  Random b(7);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(a.Next(), b.Next());
    const double normal = a.Normal();
    EXPECT_EQ(normal, b.Normal());
    sum += normal;
    squares += normal * normal;
    EXPECT_LT(a.Below(10), 10u);
    b.Below(10);
  }
  EXPECT_NEAR(sum / 10'000, 0, 0.05);
  EXPECT_NEAR(squares / 10'000, 1, 0.05);
  EXPECT_EQ(RandomId().size(), 32u);
  EXPECT_NE(RandomId(), RandomId());
}

TEST(StringsTest, HexRoundTrips) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\xff", 2)), "00ff");
  EXPECT_EQ(*HexDecode("00FF"), std::string("\x00\xff", 2));
  EXPECT_FALSE(HexDecode("0").has_value());
  EXPECT_FALSE(HexDecode("0g").has_value());
}

TEST(StringsTest, SplitJoinTrim) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(Join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(Trim(" \t a b\n"), "a b");
  EXPECT_EQ(Trim("  "), "");
  EXPECT_EQ(ToLower("AbC1"), "abc1");
  EXPECT_EQ(ParseInt("-12"), -12);
  EXPECT_FALSE(ParseInt("12x").has_value());
  EXPECT_EQ(ParseDouble("0.5"), 0.5);
  EXPECT_FALSE(ParseDouble("").has_value());
}

TEST(StringsTest, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(IsValidUtf8("naïve 日本 🚀"));
  EXPECT_FALSE(IsValidUtf8("\xff"));
  EXPECT_FALSE(IsValidUtf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(IsValidUtf8("\xe6\x97"));          // truncated
}

TEST(StringsTest, DidYouMeanFindsTheNearWord) {
  EXPECT_EQ(DidYouMean("metdata", {"metadata", "features"}), "metadata");
  EXPECT_EQ(DidYouMean("trian", {"train", "serve"}), "train");
  EXPECT_FALSE(DidYouMean("zzz", {"train", "serve"}).has_value());
}

TEST(HashTest, KnownValues) {
  EXPECT_EQ(Sha256::Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 parts;
  parts.Update("a");
  parts.Update("bc");
  EXPECT_EQ(parts.HexDigest(), Sha256::Hex("abc"));
  EXPECT_EQ(StableHash("flight-1"), StableHash("flight-1"));
  EXPECT_NE(StableHash("flight-1"), StableHash("flight-2"));
}

TEST(LogTest, LinesAreJsonWhateverTheText) {
  EXPECT_EQ(FormatLogLine("T", LogLevel::kInfo, "server", "a \"b\"\n", {{"path", "c\\d\x01"}}),
            R"({"time":"T","level":"info","role":"server","message":"a \"b\"\n","path":"c\\d\u0001"})");
  EXPECT_EQ(FormatLogLine("T", LogLevel::kError, "cli", "\xff", {}),
            R"({"time":"T","level":"error","role":"cli","message":"\u00ff"})");
}

TEST(ThreadPoolTest, RunsEverythingPostedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) pool.Post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace keelson
