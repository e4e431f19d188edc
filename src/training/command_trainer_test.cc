#include "training/command_trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::training {
namespace {

class CommandTrainerTest : public testing::Test {
 protected:
  CommandRequest Shell(const std::string& script) {
    CommandRequest request;
    request.command = {"sh", "-c", script};
    request.folder = folder_.path();
    request.work_folder = folder_.File("work");
    request.train_data = "/data/train.parquet";
    request.tracking_uri = "http://127.0.0.1:5000";
    request.run_id = "r1";
    request.output = [this](std::string_view piece) { printed_ += piece; };
    return request;
  }
  Error ErrorOf(const CommandRequest& request) {
    const auto result = TrainByCommand(request);
    EXPECT_FALSE(result.has_value());
    return result.has_value() ? Error{} : result.error();
  }
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::string printed_;
};

TEST_F(CommandTrainerTest, GivesTheProgramItsWorldAndTakesTheModel) {
  setenv("KEELSON_SECRET_OF_OURS", "do not show", 1);
  CommandRequest request = Shell(
      "env | sort; cat \"$KEELSON_PARAMS\"; echo 'flavors: {}' > $KEELSON_MODEL_DIR/MLmodel; "
      "echo '{\"auc\": 0.75, \"n\": 3}' > $KEELSON_MODEL_DIR/metrics.json");
  request.parameters = {{"max-depth", "6"}, {"eta", "0.1 and \"more\""}};
  request.environment = {{"EXTRA", "yes"}};
  const auto result = TrainByCommand(request);
  unsetenv("KEELSON_SECRET_OF_OURS");
  ASSERT_TRUE(result.has_value()) << result.error().ToString();
  EXPECT_EQ(result->metrics, (std::map<std::string, double>{{"auc", 0.75}, {"n", 3}}));
  EXPECT_TRUE(io::Exists(result->model_folder + "/MLmodel"));
  for (const char* line : {"KEELSON_PARAM_MAX_DEPTH=6\n", "KEELSON_PARAM_ETA=0.1 and \"more\"\n",
                           "KEELSON_TRAIN_DATA=/data/train.parquet\n", "MLFLOW_TRACKING_URI=http://127.0.0.1:5000\n",
                           "KEELSON_TRACKING_URI=http://127.0.0.1:5000\n", "MLFLOW_RUN_ID=r1\n", "EXTRA=yes\n",
                           "OMP_WAIT_POLICY=PASSIVE\n", "\"max-depth\": \"6\""}) {
    EXPECT_NE(printed_.find(line), std::string::npos) << line << printed_;
  }
  EXPECT_EQ(printed_.find("SECRET"), std::string::npos);
}

TEST_F(CommandTrainerTest, AFailureSaysHowItEndedAndWhatItPrintedLast) {
  const Error exit = ErrorOf(Shell("echo learning; echo 'no such column: x' >&2; exit 3"));
  EXPECT_EQ(exit.code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(exit.message, "the trainer ended with exit code 3; it printed last:\nlearning\nno such column: x");
  EXPECT_EQ(ErrorOf(Shell("kill -9 $$")).message, "the trainer was killed by signal 9; it printed nothing");
  const Error much = ErrorOf(Shell("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 1"));
  EXPECT_LT(much.message.size(), 2200u);
  EXPECT_TRUE(much.message.ends_with("line 2999"));
  EXPECT_TRUE(printed_.find("line 0\n") != std::string::npos && printed_.ends_with("line 2999\n"));
}

TEST_F(CommandTrainerTest, WithoutAModelItHasFailed) {
  EXPECT_NE(ErrorOf(Shell("true")).message.find("no file MLmodel"), std::string::npos);
  // What an earlier attempt left is no model of this one.
  ASSERT_TRUE(TrainByCommand(Shell("touch $KEELSON_MODEL_DIR/MLmodel")).has_value());
  EXPECT_NE(ErrorOf(Shell("true")).message.find("no file MLmodel"), std::string::npos);
  for (const char* metrics : {"[]", "{", "{\"auc\": \"high\"}"}) {
    const Error bad = ErrorOf(Shell(std::string("touch $KEELSON_MODEL_DIR/MLmodel; echo '") + metrics +
                                    "' > $KEELSON_MODEL_DIR/metrics.json"));
    EXPECT_EQ(bad.code, ErrorCode::kFailedPrecondition) << metrics;
    EXPECT_TRUE(bad.where.ends_with("metrics.json"));
  }
}

TEST_F(CommandTrainerTest, WhatCannotBeRunIsSaid) {
  CommandRequest request = Shell("");
  request.command = {"keelson-no-such-program"};
  EXPECT_EQ(ErrorOf(request).code, ErrorCode::kNotFound);
  request.command.clear();
  EXPECT_EQ(ErrorOf(request).code, ErrorCode::kInvalidArgument);
  for (const std::string& name : {std::string("a=b"), std::string(), std::string("a\nb"), std::string("ü")}) {
    request = Shell("true");
    request.parameters = {{name, "1"}};
    EXPECT_EQ(ErrorOf(request).code, ErrorCode::kInvalidArgument) << name;
  }
  request = Shell("true");
  request.parameters = {{"a.b", "1"}, {"a-b", "2"}};
  EXPECT_NE(ErrorOf(request).message.find("would both be KEELSON_PARAM_A_B"), std::string::npos);
  request.parameters = {{"a", std::string("1\0", 2)}};
  EXPECT_EQ(ErrorOf(request).code, ErrorCode::kInvalidArgument);
}

TEST_F(CommandTrainerTest, CancelEndsTheWholeGroupEvenOneThatDoesNotListen) {
  for (const char* script :
       {"echo ready; sleep 600 & wait", "trap '' TERM; echo ready; while :; do sleep 0.01; done"}) {
    printed_.clear();
    CommandRequest request = Shell(script);
    request.grace = std::chrono::milliseconds(100);
    request.cancelled = [this] { return printed_.find("ready") != std::string::npos; };
    EXPECT_EQ(ErrorOf(request).code, ErrorCode::kAborted);
  }
}

TEST_F(CommandTrainerTest, NothingThatItStartedOutlivesIt) {
  const auto result = TrainByCommand(Shell("sleep 600 & echo $! > pid; touch $KEELSON_MODEL_DIR/MLmodel"));
  ASSERT_TRUE(result.has_value()) << result.error().ToString();
  const auto pid = static_cast<pid_t>(*ParseInt(Trim(*io::ReadFile(folder_.File("pid")))));
  const auto process_gone = [pid] {
    const auto status = io::ReadFile("/proc/" + std::to_string(pid) + "/stat");
    return !status.has_value() || status->find(") Z") != std::string::npos || status->find(") X") != std::string::npos;
  };
  for (int i = 0; i < 30000 && !process_gone(); ++i) usleep(1000);
  EXPECT_TRUE(process_gone());
}

}  // namespace
}  // namespace keelson::training
