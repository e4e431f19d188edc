#include "app/roles/garbage_rounds.h"

#include <gtest/gtest.h>

#include <future>

#include "base/clock.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/runs.h"
#include "tracking/store.h"

namespace keelson::app {
namespace {

TEST(RoundsTest, ComesAgainAndEndsAtOnce) {
  std::promise<void> third;
  int times = 0;
  {
    const Rounds rounds(std::chrono::milliseconds(1), [&] {
      if (++times == 3) third.set_value();
    });
    third.get_future().wait();
  }
  EXPECT_GE(times, 3);
  std::promise<void> first;
  const Rounds rare(std::chrono::hours(1), [&] { first.set_value(); });
  first.get_future().wait();  // and the destructor does not wait for an hour
}

class GarbageRoundsTest : public testing::Test {
 protected:
  std::string Rules(const std::string& text) {
    const std::string path = folder_.File("rules.json");
    EXPECT_TRUE(io::WriteFileAtomically(path, text).has_value());
    return path;
  }
  auto Start(const GarbageOptions& options) { return StartGarbageRounds(options, *database_, clock_, *artifacts_); }

  io::TempFolder folder_ = *io::TempFolder::Make();
  SystemClock clock_;
  std::unique_ptr<io::Database> database_ = *io::Database::Open(folder_.File("db"));
  std::unique_ptr<tracking::Store> store_ = *tracking::Store::Open(*database_, clock_, folder_.File("artifacts"));
  std::unique_ptr<tracking::ArtifactStore> artifacts_ = tracking::OpenFolderArtifacts(folder_.File("artifacts"));
};

TEST_F(GarbageRoundsTest, RemovesWhatWasDeletedWithoutBeingAsked) {
  tracking::Runs runs(*database_, clock_);
  const std::string run = runs.Create({0, "r", "", 0, {}})->id;
  ASSERT_TRUE(runs.Delete(run).has_value());
  const auto rounds = Start({.rules = Rules(R"({"deleted_for": "0s"})"), .every = "1s"});
  ASSERT_TRUE(rounds.has_value()) << rounds.error().message;
  while (runs.Get(run).has_value()) std::this_thread::yield();
}

TEST_F(GarbageRoundsTest, SaysWhatIsWrongWithItsRules) {
  EXPECT_EQ(*Start({}), nullptr);
  const std::string good = Rules("{}");
  EXPECT_EQ(Start({.rules = good, .every = "soon"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Start({.rules = good, .every = "0s"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Start({.rules = folder_.File("none")}).error().code, ErrorCode::kNotFound);
  const auto unknown = Start({.rules = Rules(R"({"deleted": "1d"})")});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_TRUE(unknown.error().message.contains("deleted")) << unknown.error().message;
  EXPECT_EQ(unknown.error().where, good);
}

}  // namespace
}  // namespace keelson::app
