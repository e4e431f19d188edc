#include "io/huge_pages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

namespace keelson::io {
namespace {

TEST(HugePages, FindTheHeapAmongTheMappings) {
  const auto ranges = HeapRanges(
      "55d0c0000000-55d0c0200000 r-xp 00000000 fe:00 12 /usr/bin/keelson\n"
      "55d0c1000000-55d0c5000000 rw-p 00000000 00:00 0                          [heap]\n"
      "55d0c5000000-55d0c6000000 rw-p 00000000 00:00 0                          [heap]\n"
      "zz-55d0c6000000 rw-p 00000000 00:00 0                                    [heap]\n"
      "7ffd0000000-7ffd1000000 rw-p 00000000 00:00 0                            [stack]\n");
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].first, 0x55d0c1000000u);
  EXPECT_EQ(ranges[0].second, 0x55d0c5000000u);
  EXPECT_EQ(ranges[1].second, 0x55d0c6000000u);
  EXPECT_TRUE(HeapRanges("").empty());
}

TEST(HugePages, LeaveTheHeapAsItIs) {
  constexpr std::size_t kSize = 100'000;  // of those that malloc takes from the heap
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(std::make_unique<char[]>(kSize));
    std::memset(blocks.back().get(), i, kSize);
  }
  AdviseHugeHeap();  // how much of it, is the system's matter
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(blocks[static_cast<std::size_t>(i)][0], static_cast<char>(i));
    ASSERT_EQ(blocks[static_cast<std::size_t>(i)][kSize - 1], static_cast<char>(i));
  }
}

}  // namespace
}  // namespace keelson::io
