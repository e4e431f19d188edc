#include "kubernetes/client/watch_reader.h"

#include <gtest/gtest.h>

namespace keelson::kubernetes {
namespace {

constexpr const char* kThree =
    R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a"}}})"
    "\n"
    R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9"}}})"
    "\n\n"
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
    "\n";

TEST(WatchReaderTest, ReadsTheSameInPiecesOfAnySize) {
  const std::string_view text(kThree);
  for (std::size_t step = 1; step <= text.size(); ++step) {
    WatchReader reader;
    std::vector<WatchEvent> events;
    for (std::size_t at = 0; at < text.size(); at += step) {
      auto some = reader.Feed(text.substr(at, step));
      ASSERT_TRUE(some.has_value()) << some.error().ToString();
      for (auto& event : *some) events.push_back(std::move(event));
    }
    ASSERT_EQ(events.size(), 3U) << step;
    EXPECT_EQ(events[0].type, WatchEvent::Type::kAdded);
    EXPECT_EQ(events[0].object["metadata"]["name"], "a");
    EXPECT_EQ(events[1].type, WatchEvent::Type::kBookmark);
    EXPECT_EQ(events[2].type, WatchEvent::Type::kError);
    EXPECT_TRUE(events[2].problem.expired());
    EXPECT_FALSE(reader.End().has_value());
  }
}

TEST(WatchReaderTest, AnAnswerThatSaysNoIsAnError) {
  WatchReader reader;
  const auto events = reader.Feed(R"({"kind":"Status","code":403,"reason":"Forbidden","message":"pods is forbidden"})");
  ASSERT_TRUE(events.has_value());
  EXPECT_TRUE(events->empty());
  const auto last = reader.End();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->type, WatchEvent::Type::kError);
  EXPECT_EQ(last->problem.status, 403);
}

TEST(WatchReaderTest, HalfALineAtTheEndIsNothing) {
  WatchReader reader;
  ASSERT_TRUE(reader.Feed(R"({"type":"ADDED","obj)").has_value());
  EXPECT_FALSE(reader.End().has_value());
}

TEST(WatchReaderTest, RefusesWhatIsNoWatch) {
  for (const std::string& line :
       {std::string("hello"), std::string("[]"), std::string("{}"), std::string(R"({"type":"ADDED"})"),
        std::string(R"({"type":"ADDED","object":1})"), std::string(R"({"type":"LATER","object":{}})"),
        std::string(R"({"type":7,"object":{}})"), std::string(R"({"type":"ERROR","object":{"kind":"Pod"}})"),
        std::string(100'000, '[')}) {
    WatchReader reader;
    const auto events = reader.Feed(line + "\n");
    ASSERT_FALSE(events.has_value()) << line.substr(0, 40);
    EXPECT_EQ(events.error().code, ErrorCode::kUnavailable);
  }
}

TEST(WatchReaderTest, ALineWithoutEndTakesNoMemoryWithoutEnd) {
  WatchReader reader;
  const std::string piece(std::size_t{1} << 20, 'x');
  bool refused = false;
  for (int i = 0; i < 20 && !refused; ++i) refused = !reader.Feed(piece).has_value();
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace keelson::kubernetes
