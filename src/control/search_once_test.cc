// A project searches before its first model; retrainings use what was found, until the file asks for another search.
#include "control/loop_testing.h"

namespace keelson::control {
namespace {

using std::chrono::hours;

constexpr const char* kSearch = "search: {trials: 20, parallel: 4, pruner: none}";

class SearchOnceTest : public LoopFixture {
 protected:
  SearchOnceTest() { Train(7, kSearch); }
  void Train(int rounds, const std::string& search) {
    train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: " + std::to_string(rounds) + ", gamma: 0.5}}" +
             (search.empty() ? "" : ", " + search) + "}";
  }
  // The steps of one more pipeline, over data that has grown by a day.
  std::string Live() {
    Apply();
    Run();
    const std::string ran = Play();
    TurnFor(hours(24), hours(1));  // its canary comes to the end
    return ran;
  }
  // The number of trials so far.
  int Trials() const {
    return static_cast<int>(std::ranges::count_if(controller_->jobs().jobs(),
                                                  [](const auto& entry) { return entry.second.kind == "trial"; }));
  }
  // What the worker of the last training was told.
  const Json& LastTraining() const {
    const Json* spec = nullptr;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      if (job.kind == "train") spec = &job.spec;
    }
    return *spec;
  }
  Json OutputOf(const Job& job) override {
    if (job.kind != "trial") return LoopFixture::OutputOf(job);
    const double eta = std::stod(job.spec.at("parameters").at("eta").get<std::string>());
    return {{"metrics", {{"logloss", std::abs(eta - 0.1)}}}, {"rounds", job.spec.at("rounds")}};
  }
};

TEST_F(SearchOnceTest, RetrainingsUseWhatTheFirstSearchFound) {
  EXPECT_NE(Live().find("search "), std::string::npos);
  ASSERT_EQ(Trials(), 20);
  const Pipeline& first = controller_->pipelines().pipelines().begin()->second;
  const Json found = first.Find("search")->output.at("parameters");
  ASSERT_TRUE(found.contains("eta")) << found;
  const Json trained = LastTraining();
  EXPECT_EQ(trained.at("parameters"), found);
  for (int day = 0; day < 2; ++day) {
    Restart();  // it is stored
    EXPECT_EQ(Live(), "features train evaluate ");
    EXPECT_EQ(Trials(), 20);
    EXPECT_NE(LastTraining().at("frame_hash"), trained.at("frame_hash")) << "a training of its own";
    EXPECT_EQ(LastTraining().at("parameters"), found);
    EXPECT_EQ(LastTraining().at("train"), trained.at("train"));
  }
  EXPECT_EQ(tracking_->ListVersions(kName)->size(), 3u);
}

TEST_F(SearchOnceTest, AnotherSearchOrTrainerIsSearchedAnewAndNothingElseIs) {
  Live();
  ASSERT_EQ(Trials(), 20);
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, on_breach: alert}";
  Live();
  EXPECT_EQ(Trials(), 20) << "watching has nothing to do with it";
  Train(7, "search: {trials: 6, parallel: 2, pruner: none}");
  Live();
  EXPECT_EQ(Trials(), 26);
  Train(9, "search: {trials: 6, parallel: 2, pruner: none}");
  Live();
  EXPECT_EQ(Trials(), 32) << "another trainer";
  Live();
  EXPECT_EQ(Trials(), 32);
}

TEST_F(SearchOnceTest, WithoutASearchTheFilesOwnParametersCount) {
  Train(7, "");
  Live();
  EXPECT_FALSE(LastTraining().contains("parameters"));
  Train(8, "");
  Live();
  EXPECT_FALSE(LastTraining().contains("parameters"));
  EXPECT_EQ(LastTraining().at("train").at("xgboost").at("rounds"), 8);
  Train(8, kSearch);
  Live();
  EXPECT_EQ(Trials(), 20) << "a search that came later";
  EXPECT_TRUE(LastTraining().contains("parameters"));
  Train(8, "");
  Live();
  EXPECT_FALSE(LastTraining().contains("parameters")) << "and went again";
}

}  // namespace
}  // namespace keelson::control
