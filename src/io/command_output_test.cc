#include "io/command_output.h"

#include <gtest/gtest.h>

namespace keelson::io {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

Result<CommandOutput> Shell(const std::string& script, milliseconds timeout = kLong) {
  return RunCommand({"sh", "-c", script}, {{"PATH", "/usr/bin:/bin"}, {"WORD", "said"}}, timeout);
}

TEST(CommandOutput, TellsBothOutputsApartAndTheExitCode) {
  const auto ran = Shell("printf %s \"$WORD\"; echo wrong >&2; exit 3");
  ASSERT_TRUE(ran.has_value()) << ran.error().ToString();
  EXPECT_EQ(ran->output, "said");
  EXPECT_EQ(ran->errors, "wrong\n");
  EXPECT_EQ(ran->exit_code, 3);
}

TEST(CommandOutput, GivesNoInputAndNoVariableOfOurs) {
  setenv("KEELSON_OF_OURS", "x", 1);
  const auto ran = Shell("cat; echo \"[$KEELSON_OF_OURS]\"");
  unsetenv("KEELSON_OF_OURS");
  ASSERT_TRUE(ran.has_value()) << ran.error().ToString();
  EXPECT_EQ(ran->output, "[]\n");
}

TEST(CommandOutput, ReadsMoreThanAPipeHolds) {
  const auto ran = Shell("head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2");
  ASSERT_TRUE(ran.has_value()) << ran.error().ToString();
  EXPECT_EQ(ran->output.size(), 300'000U);
  EXPECT_EQ(ran->errors.size(), 200'000U);
}

TEST(CommandOutput, EndsWhatWritesWithoutEnd) {
  const auto ran = Shell("exec cat /dev/zero");
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, ErrorCode::kResourceExhausted);
}

TEST(CommandOutput, KillsTheWholeGroupOfWhatTakesTooLong) {
  const auto ran = Shell("sleep 1000 & sleep 1000", milliseconds(50));
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(CommandOutput, EndsWhatHasNothingToSayButStays) {
  const auto ran = Shell("exec >&- 2>&-; sleep 1000", milliseconds(300));
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(CommandOutput, TellsASignal) {
  const auto ran = Shell("kill -9 $$");
  ASSERT_TRUE(ran.has_value());
  EXPECT_EQ(ran->exit_code, 137);
}

TEST(CommandOutput, SaysWhyAProgramCannotRun) {
  const auto missing = RunCommand({"/nowhere/keelson-plugin"}, {}, kLong);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().where, "/nowhere/keelson-plugin");
  const auto folder = RunCommand({"/tmp"}, {}, kLong);
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(RunCommand({}, {}, kLong).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::io
