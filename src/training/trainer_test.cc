#include "training/trainer.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>

#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "training/booster.h"
#include "training/checkpoint.h"

namespace keelson::training {
namespace {

// Labels that depend on three of `columns`, with noise; a tenth of the values is missing.
Matrix MakeMatrix(std::size_t rows, std::size_t columns, std::uint64_t seed, bool two_classes = true) {
  Random random(seed);
  Matrix matrix;
  matrix.rows = rows;
  for (std::size_t i = 0; i < columns; ++i) matrix.names.push_back("f" + std::to_string(i));
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t begin = matrix.values.size();
    for (std::size_t column = 0; column < columns; ++column) {
      matrix.values.push_back(static_cast<float>(random.Normal()));
    }
    const float* x = matrix.values.data() + begin;
    const double score = 1.5 * x[0] - static_cast<double>(x[1]) * x[2] + 0.5 * random.Normal();
    matrix.labels.push_back(two_classes ? (score > 0.3 ? 1.0f : 0.0f) : static_cast<float>(score));
    for (std::size_t column = 0; column < columns; ++column) {
      if (random.Below(10) == 0) matrix.values[begin + column] = std::nanf("");
    }
  }
  return matrix;
}

TrainRequest Request(const Matrix& train, int rounds = 30) {
  TrainRequest request;
  request.train = &train;
  request.rounds = rounds;
  request.threads = 2;
  request.seed = 7;
  request.parameters = {{"max_depth", "4"}, {"eta", "0.2"}, {"subsample", "0.7"}, {"colsample_bytree", "0.8"}};
  return request;
}

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TempFolder::Make();
    ASSERT_TRUE(folder.has_value()) << folder.error().ToString();
    folder_.emplace(*std::move(folder));
  }
  TrainResult Train(const TrainRequest& request) {
    auto result = MakeXgboostTrainer()->Train(request);
    EXPECT_TRUE(result.has_value()) << result.error().ToString();
    return result.value_or(TrainResult{});
  }
  std::optional<io::TempFolder> folder_;
  const Matrix train_ = MakeMatrix(3000, 6, 1);
  const Matrix eval_ = MakeMatrix(1000, 6, 2);
};

TEST_F(TrainerTest, LearnsAndTheModelPredicts) {
  TrainRequest request = Request(train_);
  request.eval = &eval_;
  request.parameters["eval_metric"] = "logloss, auc";
  request.evaluate_every = 10;
  std::vector<TrainProgress> seen;
  request.progress = [&](const TrainProgress& progress) { seen.push_back(progress); };
  const TrainResult result = Train(request);
  ASSERT_EQ(seen.size(), 30u);
  EXPECT_TRUE(seen[8].metrics.empty());
  EXPECT_EQ(seen[9].metrics.size(), 2u);
  EXPECT_EQ(seen[29].round, 30);
  EXPECT_GT(result.metrics.at("eval-auc"), 0.85);
  EXPECT_LT(result.metrics.at("eval-logloss"), seen[9].metrics.at("eval-logloss"));
  EXPECT_GT(result.gain.at("f0"), result.gain.contains("f5") ? result.gain.at("f5") : 0);

  const auto scores = PredictWith(result.model, eval_, 1);
  ASSERT_TRUE(scores.has_value()) << scores.error().ToString();
  ASSERT_EQ(scores->size(), eval_.rows);
  double loss = 0;
  for (std::size_t i = 0; i < eval_.rows; ++i) {
    const double p = (*scores)[i];
    loss -= eval_.labels[i] > 0 ? std::log(p) : std::log(1 - p);
  }
  EXPECT_NEAR(loss / static_cast<double>(eval_.rows), result.metrics.at("eval-logloss"), 1e-5);
}

TEST_F(TrainerTest, EqualRequestsGiveEqualBytesAndAnotherSeedOthers) {
  const TrainRequest request = Request(train_);
  const std::string model = Train(request).model;
  EXPECT_TRUE(Train(request).model == model);
  TrainRequest other = Request(train_);
  other.seed = 8;
  EXPECT_FALSE(Train(other).model == model);
}

TEST_F(TrainerTest, QuantizedDataGivesTheSameModel) {
  const std::string quantized = Train(Request(train_)).model;
  const auto api = OpenXgboost();
  ASSERT_TRUE(api.has_value());
  const auto plain = DMatrix::Make(**api, train_, 2);
  ASSERT_TRUE(plain.has_value());
  auto booster = Booster::Make(**api, {&*plain});
  ASSERT_TRUE(booster->SetFeatures(train_).has_value());
  for (const auto& [name, value] : std::map<std::string, std::string>{{"max_depth", "4"},
                                                                      {"eta", "0.2"},
                                                                      {"subsample", "0.7"},
                                                                      {"colsample_bytree", "0.8"},
                                                                      {"tree_method", "hist"},
                                                                      {"objective", "binary:logistic"},
                                                                      {"seed", "7"},
                                                                      {"seed_per_iteration", "true"},
                                                                      {"nthread", "2"}}) {
    ASSERT_TRUE(booster->Set(name, value).has_value());
  }
  for (int round = 0; round < 30; ++round) {
    if (round > 0) {
      ASSERT_TRUE(booster->ForgetSampling("hist").has_value());
    }
    ASSERT_TRUE(booster->Update(round, *plain).has_value());
  }
  EXPECT_TRUE(*booster->Save() == quantized);
}

TEST_F(TrainerTest, NumbersAreRegressed) {
  const Matrix numbers = MakeMatrix(2000, 4, 3, /*two_classes=*/false);
  TrainRequest request = Request(numbers);
  EXPECT_LT(Train(request).metrics.at("train-rmse"), 0.9);
}

// A child process is killed with SIGKILL in the middle of a round; a second one is too; the third ends. Its model is,
// byte for byte, the one of a training that nobody disturbed.
TEST_F(TrainerTest, KilledAndResumedEqualsUndisturbed) {
  TrainRequest request = Request(train_, 40);
  const std::string undisturbed = Train(request).model;
  request.checkpoint_folder = folder_->File("checkpoint");
  request.checkpoint_every = 7;
  // The child runs this same program, because a library with OpenMP threads does not survive fork alone.
  for (const char* kill_at : {"17", "33"}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setenv("KEELSON_TEST_KILL_AT", kill_at, 1);
      setenv("KEELSON_TEST_FOLDER", request.checkpoint_folder.c_str(), 1);
      execl("/proc/self/exe", "trainer", "--gtest_filter=TrainerChild.DiesInTheMiddle",
            "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr);
      _exit(99);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended with status " << status;
  }
  const TrainResult resumed = Train(request);
  EXPECT_EQ(resumed.resumed_from, 28);  // killed after 33 rounds; checkpoints at 7, 14, ..., 28
  EXPECT_TRUE(resumed.model == undisturbed);
}

// The child of the test above; alone it has nothing to do.
TEST(TrainerChild, DiesInTheMiddle) {
  const char* kill_at = std::getenv("KEELSON_TEST_KILL_AT");
  if (kill_at == nullptr) return;
  const Matrix train = MakeMatrix(3000, 6, 1);
  TrainRequest request = Request(train, 40);
  request.checkpoint_folder = std::getenv("KEELSON_TEST_FOLDER");
  request.checkpoint_every = 7;
  request.progress = [&](const TrainProgress& progress) {
    if (progress.round == *ParseInt(kill_at)) raise(SIGKILL);
  };
  (void)MakeXgboostTrainer()->Train(request);
}

// A training's sums are split over its threads, and the C library has a logarithm and an exponential function for each
// kind of processor: neither is seen in the model.
TEST_F(TrainerTest, ASmallerAndOlderMachineMakesTheSameModel) {
  const Matrix train = MakeMatrix(60'000, 12, 4);
  const std::string wanted = Train(Request(train)).model;
  const std::string file = folder_->File("model");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) _exit(98);
    setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4", 1);
    setenv("KEELSON_TEST_MODEL", file.c_str(), 1);
    execl("/proc/self/exe", "trainer", "--gtest_filter=TrainerChild.TrainsOnOneCore", "--gtest_brief=1", nullptr);
    _exit(99);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child ended with status " << status;
  EXPECT_TRUE(io::ReadFile(file).value() == wanted);
}

// The child of the test above.
TEST(TrainerChild, TrainsOnOneCore) {
  const char* file = std::getenv("KEELSON_TEST_MODEL");
  if (file == nullptr) return;
  const Matrix train = MakeMatrix(60'000, 12, 4);
  const auto result = MakeXgboostTrainer()->Train(Request(train));
  ASSERT_TRUE(result.has_value()) << result.error().ToString();
  ASSERT_TRUE(io::WriteFileAtomically(file, result->model));
}

TEST_F(TrainerTest, CancelKeepsTheRoundsDone) {
  TrainRequest request = Request(train_, 20);
  const std::string undisturbed = Train(request).model;
  request.checkpoint_folder = folder_->File("checkpoint");
  request.checkpoint_every = 100;
  int asked = 0;
  request.cancelled = [&] { return ++asked > 9; };
  const auto cancelled = MakeXgboostTrainer()->Train(request);
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, ErrorCode::kAborted);
  EXPECT_EQ(cancelled.error().message, "cancelled after 9 of 20 rounds");
  request.cancelled = nullptr;
  const TrainResult resumed = Train(request);
  EXPECT_EQ(resumed.resumed_from, 9);
  EXPECT_TRUE(resumed.model == undisturbed);
}

// Every way in which XGBoost draws lots, and every method: cut anywhere, the model is the same.
TEST_F(TrainerTest, ResumedEqualsUnbrokenWhateverIsSampled) {
  const std::vector<std::map<std::string, std::string>> kinds = {
      {{"subsample", "0.6"}},
      {{"colsample_bylevel", "0.7"}, {"colsample_bynode", "0.7"}},
      {{"num_parallel_tree", "2"}, {"subsample", "0.5"}},
      {{"booster", "dart"}, {"rate_drop", "0.2"}, {"subsample", "0.7"}},
      {{"tree_method", "approx"}, {"subsample", "0.6"}, {"colsample_bytree", "0.6"}},
      {{"tree_method", "exact"}, {"subsample", "0.6"}, {"colsample_bytree", "0.6"}},
      {{"grow_policy", "lossguide"}, {"max_leaves", "9"}, {"colsample_bytree", "0.6"}},
      {{"objective", "reg:absoluteerror"}, {"subsample", "0.6"}},
  };
  int number = 0;
  for (const auto& kind : kinds) {
    SCOPED_TRACE(testing::PrintToString(kind));
    TrainRequest request = Request(train_, 12);
    request.parameters = kind;
    const std::string unbroken = Train(request).model;
    request.checkpoint_folder = folder_->File(std::to_string(number++));
    request.checkpoint_every = 1;
    for (const int rounds : {5, 12}) {
      request.rounds = rounds;
      const TrainResult result = Train(request);
      EXPECT_EQ(result.resumed_from, rounds == 12 ? 5 : 0);
      EXPECT_EQ(result.model == unbroken, rounds == 12);
    }
  }
}

// As a search promotes a trial: more rounds of the same.
TEST_F(TrainerTest, MoreRoundsGoOnFromFewer) {
  TrainRequest request = Request(train_, 10);
  request.checkpoint_folder = folder_->File("checkpoint");
  request.checkpoint_every = 25;
  Train(request);
  request.rounds = 30;
  const TrainResult more = Train(request);
  EXPECT_EQ(more.resumed_from, 10);
  EXPECT_TRUE(more.model == Train(Request(train_, 30)).model);
  EXPECT_EQ(Train(request).resumed_from, 30);  // nothing left to do, and measured all the same
  EXPECT_EQ(Train(request).metrics, more.metrics);
}

TEST_F(TrainerTest, AForeignOrDamagedCheckpointIsLeftAside) {
  TrainRequest request = Request(train_, 10);
  const std::string model = Train(request).model;
  request.checkpoint_folder = folder_->File("checkpoint");
  request.checkpoint_every = 5;
  const auto fresh = [&] {
    const TrainResult result = Train(request);
    EXPECT_TRUE(result.model == model);
    return result.resumed_from == 0;
  };
  EXPECT_TRUE(fresh());
  EXPECT_FALSE(fresh());
  TrainRequest other = request;
  other.parameters["max_depth"] = "3";
  EXPECT_EQ(Train(other).resumed_from, 0);
  EXPECT_TRUE(fresh());
  Matrix changed = train_;
  changed.values[5] += 1;
  other = request;
  other.train = &changed;
  EXPECT_EQ(Train(other).resumed_from, 0);
  EXPECT_TRUE(fresh());
  const std::string state = request.checkpoint_folder + "/state.json";
  for (const char* damage : {"", "{", "[]", R"({"identity": 3})", R"({"rounds": 5})"}) {
    ASSERT_TRUE(io::WriteFileAtomically(state, damage).has_value());
    EXPECT_TRUE(fresh()) << damage;
  }
  ASSERT_TRUE(io::WriteFileAtomically(request.checkpoint_folder + "/model-000010.ubj", "{}").has_value());
  EXPECT_TRUE(fresh());
  EXPECT_EQ(*io::ListFolder(request.checkpoint_folder), (std::vector<std::string>{"model-000010.ubj", "state.json"}));
}

TEST_F(TrainerTest, BadParametersAndDataAreRefusedInWords) {
  const auto error = [&](const std::string& name, const std::string& value) {
    TrainRequest request = Request(train_, 2);
    request.parameters[name] = value;
    const auto result = MakeXgboostTrainer()->Train(request);
    if (result.has_value()) return std::string("accepted");
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(result.error().message.find("Stack trace"), std::string::npos) << result.error().message;
    return result.error().message;
  };
  EXPECT_NE(error("max_dept", "3").find("does not use these parameters: max_dept"), std::string::npos);
  EXPECT_NE(error("max_depth", "deep").find("max_depth"), std::string::npos) << error("max_depth", "deep");
  EXPECT_NE(error("nthread", "8").find("set by Keelson"), std::string::npos);
  EXPECT_NE(error("max_bin", "many").find("no number of bins"), std::string::npos);
  EXPECT_NE(error("updater", "grow_colmaker").find("set by Keelson"), std::string::npos);
  EXPECT_NE(error("objective", "binary:magic"), "accepted");
  EXPECT_EQ(error("max_bin", "64"), "accepted");
  EXPECT_EQ(error("tree_method", "exact"), "accepted");

  TrainRequest linear = Request(train_, 2);
  linear.parameters = {{"booster", "gblinear"}};
  EXPECT_EQ(MakeXgboostTrainer()->Train(linear).error().code, ErrorCode::kUnsupported);

  const auto refused = [&](const Matrix& matrix) {
    const auto result = MakeXgboostTrainer()->Train(Request(matrix, 2));
    return !result.has_value() && result.error().code == ErrorCode::kInvalidArgument;
  };
  Matrix bad = train_;
  bad.labels[3] = std::nanf("");
  EXPECT_TRUE(refused(bad));
  bad = train_;
  bad.values[3] = INFINITY;
  EXPECT_TRUE(refused(bad));
  bad = train_;
  bad.values.pop_back();
  EXPECT_TRUE(refused(bad));
  bad = train_;
  bad.labels.clear();
  EXPECT_TRUE(refused(bad));
  bad = train_;
  bad.names[1] = bad.names[0];
  EXPECT_TRUE(refused(bad));
  bad = train_;
  bad.types = {"float"};
  EXPECT_TRUE(refused(bad));
  EXPECT_TRUE(refused(Matrix{}));
}

TEST_F(TrainerTest, AModelThatIsNoneOrOfOtherColumnsIsRefused) {
  const std::string model = Train(Request(train_, 3)).model;
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string("{}"), model.substr(0, model.size() / 2)}) {
    const auto scores = PredictWith(bytes, eval_, 1);
    ASSERT_FALSE(scores.has_value()) << bytes.size();
    EXPECT_EQ(scores.error().code, ErrorCode::kDataLoss);
  }
  Matrix narrow = MakeMatrix(10, 3, 1);
  EXPECT_FALSE(PredictWith(model, narrow, 1).has_value());
  Matrix renamed = eval_;
  renamed.names[2] = "other";
  EXPECT_FALSE(PredictWith(model, renamed, 1).has_value());
}

TEST(MatrixTest, TheHashSeesEveryBit) {
  const Matrix matrix = MakeMatrix(10, 3, 1);
  const std::string hash = matrix.Hash();
  EXPECT_EQ(MakeMatrix(10, 3, 1).Hash(), hash);
  Matrix other = matrix;
  other.labels[9] = 1 - other.labels[9];
  EXPECT_NE(other.Hash(), hash);
  other = matrix;
  other.names[0] = "g0";
  EXPECT_NE(other.Hash(), hash);
  other = matrix;
  other.types = {"float", "float", "c"};
  EXPECT_NE(other.Hash(), hash);
  other = matrix;
  other.values[29] = other.values[29] > 0 ? 0.0f : 1.0f;
  EXPECT_NE(other.Hash(), hash);
}

TEST(XgboostLibraryTest, IsTheVersionThatIsPinned) {
  const auto api = OpenXgboost();
  ASSERT_TRUE(api.has_value()) << api.error().ToString();
  int major = 0, minor = 0, patch = 0;
  (*api)->Version(&major, &minor, &patch);
  EXPECT_EQ(major, 3);
  EXPECT_EQ(minor, 2);
  EXPECT_STREQ(std::getenv("OMP_WAIT_POLICY"), "PASSIVE");
  EXPECT_EQ(*OpenXgboost(), *api);
}

TEST(XgboostLibraryTest, MatrixSizesAndRoundsComeBack) {
  const auto api = OpenXgboost();
  ASSERT_TRUE(api.has_value());
  const Matrix matrix = MakeMatrix(50, 3, 1);
  const auto data = DMatrix::Make(**api, matrix, 1);
  ASSERT_TRUE(data.has_value());
  XgboostApi::Size rows = 0, columns = 0;
  ASSERT_EQ((*api)->DMatrixNumRow(data->handle(), &rows), 0);
  ASSERT_EQ((*api)->DMatrixNumCol(data->handle(), &columns), 0);
  EXPECT_EQ(rows, 50u);
  EXPECT_EQ(columns, 3u);
  auto booster = Booster::Make(**api, {&*data});
  ASSERT_TRUE(booster->Update(0, *data).has_value());
  ASSERT_TRUE(booster->Update(1, *data).has_value());
  EXPECT_EQ(*booster->Rounds(), 2);
  EXPECT_EQ(*booster->Features(), 3u);
}

}  // namespace
}  // namespace keelson::training
