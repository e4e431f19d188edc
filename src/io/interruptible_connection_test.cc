#include "io/interruptible_connection.h"

#include <gtest/gtest.h>

#include <future>

#include "io/http_testing.h"

namespace keelson::io {
namespace {

using testing::ScriptedServer;
using testing::StartServer;
using testing::TargetOf;

constexpr std::chrono::hours kNever{1};

TEST(InterruptibleConnection, EndsACallThatWaitsForAnAnswer) {
  std::promise<void> asked;
  std::promise<HttpRespond> held;  // the answer never comes
  const auto server = StartServer([&](HttpRequest, HttpRespond respond) {
    held.set_value(std::move(respond));
    asked.set_value();
  });
  const auto connection = InterruptibleConnection::Create(TargetOf(*server));
  auto answer = std::async(std::launch::async, [&] { return connection->Call({.timeout = kNever}); });
  asked.get_future().wait();
  connection->Interrupt();
  const auto result = answer.get();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  held.get_future().get()({});
}

TEST(InterruptibleConnection, EndsAStreamInTheMiddle) {
  const std::vector<std::vector<std::string>> script = {
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "never"}};
  ScriptedServer server(script);
  const auto connection = InterruptibleConnection::Create(server.target());
  std::promise<void> heard;
  auto answer = std::async(std::launch::async, [&] {
    return connection->Stream({.timeout = kNever}, [&](std::string_view piece) {
      EXPECT_EQ(piece, "hello");
      heard.set_value();
    });
  });
  heard.get_future().wait();
  connection->Interrupt();
  EXPECT_FALSE(answer.get().has_value());
}

TEST(InterruptibleConnection, StaysEnded) {
  const auto server = StartServer(testing::Echo);
  const auto connection = InterruptibleConnection::Create(TargetOf(*server));
  EXPECT_TRUE(connection->Call({}).has_value());
  connection->Interrupt();
  EXPECT_FALSE(connection->Call({}).has_value());
  EXPECT_FALSE(connection->Call({}).has_value());
}

TEST(InterruptibleConnection, AnswersLikeAnyOtherUntilThen) {
  const auto server = StartServer(testing::Echo);
  const auto connection = InterruptibleConnection::Create(TargetOf(*server));
  const auto answer = connection->Call({.target = "/a?b"});
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->body, "GET /a?b ");
}

}  // namespace
}  // namespace keelson::io
