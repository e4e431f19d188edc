#include "control/endpoint_registry.h"

#include <gtest/gtest.h>

#include <thread>

namespace keelson::control {
namespace {

std::shared_ptr<EndpointInfo> InfoOf(const std::string& name, std::int64_t clock) {
  auto info = std::make_shared<EndpointInfo>();
  info->name = name;
  info->replay_clock_us = clock;
  return info;
}

TEST(EndpointRegistryTest, FindsWhatWasPutUntilItIsRemoved) {
  EndpointRegistry registry;
  EXPECT_EQ(registry.Find("a"), nullptr);
  registry.Put(InfoOf("b", 1));
  registry.Put(InfoOf("a", 2));
  EXPECT_EQ(registry.Names(), (std::vector<std::string>{"a", "b"}));
  ASSERT_NE(registry.Find("a"), nullptr);
  EXPECT_EQ(registry.Find("a")->replay_clock_us, 2);
  registry.Remove("a");
  registry.Remove("never there");
  EXPECT_EQ(registry.Find("a"), nullptr);
  EXPECT_EQ(registry.Names(), std::vector<std::string>{"b"});
}

TEST(EndpointRegistryTest, WhoHoldsAnEndpointKeepsItWhileItIsReplaced) {
  EndpointRegistry registry;
  const auto first = InfoOf("a", 1);
  registry.Put(first);
  const auto held = registry.Find("a");
  registry.Put(InfoOf("a", 2));
  EXPECT_EQ(held->replay_clock_us, 1);
  EXPECT_EQ(registry.Find("a")->replay_clock_us, 2);
  first->replay_clock_us = 7;
  EXPECT_EQ(held->replay_clock_us, 7) << "the clock moves under a reader";
}

// Meaningful under the thread sanitizer.
TEST(EndpointRegistryTest, ReadersAndTheWriterDoNotDisturbEachOther) {
  EndpointRegistry registry;
  registry.Put(InfoOf("a", 1));
  std::atomic<int> found = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (int turn = 0; turn < 1'000; ++turn) {
        const auto info = registry.Find("a");
        if (info != nullptr && info->replay_clock_us > 0) ++found;
        [[maybe_unused]] const auto names = registry.Names();
      }
    });
  }
  for (int turn = 2; turn < 500; ++turn) registry.Put(InfoOf("a", turn));
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(found, 3'000) << "an endpoint that is replaced is never absent";
}

}  // namespace
}  // namespace keelson::control
