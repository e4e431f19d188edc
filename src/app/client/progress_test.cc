#include "app/client/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace keelson::app {
namespace {

class ProgressLineTest : public testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Terminal terminal_{out_, err_};
  std::string written() const { return err_.str(); }
  std::ptrdiff_t lines() const { return std::ranges::count(written(), '\n'); }
};

TEST_F(ProgressLineTest, OnATerminalOneBarIsDrawnAnewWhateverGoesOn) {
  {
    ProgressLine progress(terminal_, /*is_terminal=*/true);
    for (int i = 0; i < 50; ++i) {
      progress.Show("ingest:flights", i / 100.0, "reading");
      progress.Show("ingest:weather", i / 50.0, "reading");
    }
    EXPECT_EQ(lines(), 0);
    EXPECT_TRUE(written().ends_with("98 %  reading")) << written();
    progress.Done("ingest:weather", "0.3 s");
    EXPECT_EQ(lines(), 1);
    EXPECT_TRUE(written().ends_with("] 100 %  0.3 s\n"));
    progress.Show("ingest:flights", 0.5, "");
  }
  EXPECT_EQ(lines(), 2) << "the line of a bar that was left is ended";
  EXPECT_NE(written().find("███████████████···············"), std::string::npos) << "half of the bar";
}

TEST_F(ProgressLineTest, InAPipeEachThingSpeaksOnceASecondAndOnlyOfNews) {
  ProgressLine progress(terminal_, /*is_terminal=*/false);
  for (int i = 0; i < 50; ++i) {
    progress.Show("ingest:flights", 0.1, "reading");
    progress.Show("ingest:weather", 0.1, "reading");
  }
  EXPECT_EQ(lines(), 2) << written();
  for (int i = 0; i < 50; ++i) progress.Show("prepare", i / 100.0, "loading");
  EXPECT_LE(lines(), 5) << "a second may have begun in between, twice on a slow machine\n" << written();
  EXPECT_EQ(written().find('\r'), std::string::npos);
  EXPECT_EQ(written().find('\x1b'), std::string::npos);
}

TEST_F(ProgressLineTest, WhatIsSaidStays) {
  ProgressLine progress(terminal_, /*is_terminal=*/true);
  progress.Show("train", 0.4, "round 80");
  progress.Say("p1 made version 1");
  EXPECT_TRUE(written().ends_with("\r\x1b[Kp1 made version 1\n"));
}

}  // namespace
}  // namespace keelson::app
