#include "training/model_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/random.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "training/booster.h"
#include "training/trainer.h"

namespace keelson::training {
namespace {

// A small model of two numbers, one text column with an awkward name, and missing values.
struct Fixture {
  data::Table table;
  Matrix matrix;
  ModelFolder contents;
};

Fixture MakeFixture() {
  Fixture fixture;
  fixture.table = data::Table({{"distance", data::ColumnType::kDouble},
                               {"seats", data::ColumnType::kInt64},
                               {"carrier: \"code\" #1", data::ColumnType::kString}});
  Random random(3);
  const std::vector<std::string> carriers = {"AA", "B6", "UA", "ÜÖ"};
  std::vector<std::string> names;
  for (int i = 0; i < 400; ++i) {
    const std::string& carrier = carriers[random.Below(4)];
    const double distance = random.Uniform() * 3000;
    data::Value shown = distance;
    if (random.Below(8) == 0) shown = std::monostate{};
    const auto seats = static_cast<std::int64_t>(random.Below(300));
    EXPECT_TRUE(fixture.table.AppendRow({shown, seats, carrier}).has_value());
    fixture.matrix.labels.push_back(distance + (carrier == "UA" ? 900 : 0) > 1700 ? 1.0f : 0.0f);
  }
  for (const auto& column : fixture.table.schema()) names.push_back(column.name);
  fixture.contents.encoder = *features::InputEncoder::Create(fixture.table, names);
  fixture.matrix.names = std::move(names);
  fixture.matrix.rows = 400;
  fixture.matrix.values = *fixture.contents.encoder.Encode(fixture.table);
  TrainRequest request;
  request.train = &fixture.matrix;
  request.rounds = 10;
  fixture.contents.model = MakeXgboostTrainer()->Train(request).value().model;
  fixture.contents.profile = data::ProfileTable(fixture.table);
  fixture.contents.example.assign(fixture.matrix.values.begin(), fixture.matrix.values.begin() + 15);
  fixture.contents.created = *ParseInstant("2013-04-01T04:00:00Z");
  fixture.contents.run_id = "0123456789abcdef0123456789abcdef";
  return fixture;
}

class ModelFolderTest : public testing::Test {
 protected:
  std::string Read(const std::string& name) { return io::ReadFile(folder_.File("model/" + name)).value_or("missing"); }
  io::TempFolder folder_ = *io::TempFolder::Make();
  Fixture fixture_ = MakeFixture();
};

TEST_F(ModelFolderTest, HasWhatMlflowAndOurServerRead) {
  const auto written = WriteModelFolder(folder_.File("model"), fixture_.contents);
  ASSERT_TRUE(written.has_value()) << written.error().ToString();
  EXPECT_EQ(*io::ListFolder(folder_.File("model")),
            (std::vector<std::string>{"MLmodel", "conda.yaml", "input_example.json", "keelson.json", "model.ubj",
                                      "profile.json", "python_env.yaml", "requirements.txt"}));
  const std::string mlmodel = Read("MLmodel");
  for (const char* line :
       {"    loader_module: mlflow.xgboost\n", "    model_class: xgboost.core.Booster\n",
        "run_id: \"0123456789abcdef0123456789abcdef\"\n", "utc_time_created: \"2013-04-01 04:00:00.000000\"\n"}) {
    EXPECT_NE(mlmodel.find(line), std::string::npos) << line << mlmodel;
  }
  EXPECT_EQ(Read("model.ubj"), fixture_.contents.model);
  EXPECT_NE(Read("keelson.json").find("\"output\": \"probability\""), std::string::npos);
  EXPECT_TRUE(data::Profile::FromJson(Read("profile.json")).has_value());
  EXPECT_EQ(Read("input_example.json").find("NaN"), std::string::npos);
}

TEST_F(ModelFolderTest, EqualContentsGiveEqualBytesAndReplaceTheFolder) {
  ASSERT_TRUE(WriteModelFolder(folder_.File("model"), fixture_.contents).has_value());
  const std::string hash = *io::HashTree(folder_.File("model"));
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("model/left-over"), "x").has_value());
  ASSERT_TRUE(io::MakeFolders(folder_.File("model.new/half")).has_value());  // of a writer that was killed
  ASSERT_TRUE(WriteModelFolder(folder_.File("model"), MakeFixture().contents).has_value());
  EXPECT_EQ(*io::HashTree(folder_.File("model")), hash);
  EXPECT_FALSE(io::Exists(folder_.File("model.new")));
}

TEST_F(ModelFolderTest, WhatDoesNotFitIsRefusedAndLeavesNothing) {
  const auto refused = [&](auto change) {
    ModelFolder contents = fixture_.contents;
    change(contents);
    const auto status = WriteModelFolder(folder_.File("model"), contents);
    return !status.has_value() && status.error().code == ErrorCode::kInvalidArgument &&
           !io::Exists(folder_.File("model"));
  };
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.model = "pickle"; }));
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.model.clear(); }));
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.encoder = {}; }));
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.example.pop_back(); }));
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.example[0] = INFINITY; }));
  EXPECT_TRUE(refused([](ModelFolder& contents) { contents.output.clear(); }));
}

// For tests/clients/mlflow_model_test.py, whose suite sets the variable to its own folder, rows as numbers, and our
// scores of them.
TEST_F(ModelFolderTest, WritesTheFixtureForTheRealClient) {
  const char* given = std::getenv("KEELSON_MODEL_FIXTURE");
  const std::string folder = given != nullptr ? given : folder_.path();
  ASSERT_TRUE(WriteModelFolder(folder + "/model", fixture_.contents).has_value());
  const auto scores = PredictWith(fixture_.contents.model, fixture_.matrix, 1);
  ASSERT_TRUE(scores.has_value());
  std::string rows;
  for (std::size_t row = 0; row < fixture_.matrix.rows; ++row) {
    for (std::size_t i = 0; i < 3; ++i) {
      char number[32];
      std::snprintf(number, sizeof(number), "%.9g ", static_cast<double>(fixture_.matrix.values[3 * row + i]));
      rows += number;
    }
    char score[32];
    std::snprintf(score, sizeof(score), "%.9g\n", static_cast<double>((*scores)[row]));
    rows += score;
  }
  ASSERT_TRUE(io::WriteFileAtomically(folder + "/rows.txt", rows).has_value());
}

}  // namespace
}  // namespace keelson::training
