#include "control/monitor_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;

const Instant kDay = ParseInstant("2024-03-05T00:00:00Z").value();

// A record with the inputs "a" (number) and "shop" (text), one score a row.
serving::PayloadRecord RecordOf(const std::string& id, const std::vector<double>& a, const std::vector<float>& scores) {
  serving::PayloadRecord record;
  record.request_id = id;
  record.version = "1";
  record.time = kDay + minutes(1);
  record.rows = static_cast<std::uint32_t>(a.size());
  record.inputs = {{"a", data::ColumnType::kDouble, {}, a, {}, std::vector<std::uint8_t>(a.size(), 1)},
                   {"shop",
                    data::ColumnType::kString,
                    {},
                    {},
                    std::vector<std::string>(a.size(), "north"),
                    std::vector<std::uint8_t>(a.size(), 1)}};
  record.outputs = scores;
  return record;
}

class MonitorLoopTest : public testing::Test {
 protected:
  MonitorLoopTest() { Reopen(); }
  void Reopen() {
    loop_ = MonitorLoop::Create(payload_, {.drift_window = hours(24), .performance_window = hours(24)}).value();
  }
  serving::PayloadWriter& Writer(const std::string& version, const std::string& replica,
                                 std::vector<std::string> outputs = {"probability"}) {
    auto& writer = writers_[version + replica];
    if (writer == nullptr) {
      const std::string folder = payload_ + "/" + version + "/" + replica;
      EXPECT_TRUE(io::MakeFolders(folder));
      writer =
          serving::PayloadWriter::Open(folder, {"m",
                                                version,
                                                {{"a", data::ColumnType::kDouble}, {"shop", data::ColumnType::kString}},
                                                std::move(outputs)})
              .value();
    }
    return *writer;
  }
  void Append(const serving::PayloadRecord& record, const std::string& replica = "r1") {
    ASSERT_TRUE(Writer("1", replica).Append(record));
  }
  monitoring::MonthReport OnlyMonth() {
    const auto months = loop_->Months();
    EXPECT_EQ(months.size(), 1u);
    return months.empty() ? monitoring::MonthReport{} : months.front();
  }
  void Label(const std::string& id, double value) {
    loop_->AddLabel({.request_id = id, .known = kDay + hours(1), .value = value});
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  const std::string payload_ = folder_.File("payload");
  std::map<std::string, std::unique_ptr<serving::PayloadWriter>> writers_;
  std::unique_ptr<MonitorLoop> loop_;
};

TEST_F(MonitorLoopTest, NothingAskedIsNothing) {
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), 0u);
  EXPECT_TRUE(loop_->Months().empty());
}

TEST_F(MonitorLoopTest, ReadsOnWhatEveryReplicaWrites) {
  Append(RecordOf("q1", {1}, {0.25F}));
  Append(RecordOf("q2", {1}, {0.75F}), "r2");
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), 2u);
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), 2u);
  Append(RecordOf("q3", {1}, {0.5F}));
  Append(RecordOf("q4", {1}, {0.5F}), "r3");
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), 4u);
  EXPECT_EQ(OnlyMonth().asked, 4u);
}

TEST_F(MonitorLoopTest, AfterARestartAllOfItCountsOnceAgain) {
  Append(RecordOf("q1", {1}, {0.25F}));
  Append(RecordOf("q1", {1}, {0.25F}), "r2");  // a retry that another replica answered, too
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), 2u);
  EXPECT_EQ(OnlyMonth().asked, 1u);
  Reopen();
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(OnlyMonth().asked, 1u);
}

TEST_F(MonitorLoopTest, ManyRowsOfOneRequestAreToldApart) {
  Append(RecordOf("many", {1, 2, 3, 4}, {0.9F, 0.8F, 0.2F, 0.1F}));
  ASSERT_TRUE(loop_->Consume());
  for (const auto& [id, value] : {std::pair("many#0", 1.0), std::pair("many#1", 1.0), std::pair("many#2", 0.0),
                                  std::pair("many#3", 0.0), std::pair("many", 0.0)}) {
    Label(id, value);
  }
  const auto month = OnlyMonth();
  EXPECT_EQ(month.asked, 4u);
  EXPECT_EQ(month.live.count, 4u);
  EXPECT_EQ(month.live.auc, 1.0);
}

TEST_F(MonitorLoopTest, OfSeveralOutputsTheLastIsThePositiveClass) {
  auto record = RecordOf("q1", {1}, {0.1F, 0.9F});
  ASSERT_TRUE(Writer("2", "r1", {"no", "yes"}).Append(record));
  record.request_id = "q2";
  record.outputs = {0.9F, 0.1F};
  ASSERT_TRUE(Writer("2", "r1").Append(record));
  ASSERT_TRUE(loop_->Consume());
  Label("q1", 1);
  Label("q2", 0);
  EXPECT_EQ(OnlyMonth().live.auc, 1.0);
}

TEST_F(MonitorLoopTest, TheFirstModelIsAskedWithItsOwnColumns) {
  std::vector<std::vector<data::Value>> asked;
  loop_->SetBaseline({.columns = {"shop", "absent", "a"},
                      .score = [&](const std::vector<data::Value>& inputs) -> std::optional<double> {
                        asked.push_back(inputs);
                        return std::get<double>(inputs[2]) > 1 ? std::optional(0.75) : std::nullopt;
                      }});
  Append(RecordOf("q1", {5}, {0.5F}));
  Append(RecordOf("q2", {6}, {0.5F}));
  Append(RecordOf("q3", {1}, {0.5F}));
  ASSERT_TRUE(loop_->Consume());
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_THAT(asked[0], ElementsAre(data::Value("north"), data::Value{}, data::Value(5.0)));
  for (const char* id : {"q1", "q2", "q3"}) Label(id, id[1] == '1' ? 1 : 0);
  EXPECT_EQ(OnlyMonth().live.count, 3u);
  EXPECT_EQ(OnlyMonth().baseline.count, 2u) << "it says nothing of the third";
}

TEST_F(MonitorLoopTest, DriftIsOfTheProfilesColumnsWhateverTheOrderOfTheInputs) {
  data::Profile profile;
  profile.rows = 100;
  for (const char* name : {"score", "a"}) {
    profile.columns.push_back(
        {.name = name, .type = data::ColumnType::kDouble, .edges = {0.5}, .categories = {}, .counts = {50, 50, 0}});
  }
  std::swap(profile.columns[0], profile.columns[1]);
  loop_->SetProfile(profile, kDay);
  for (int i = 0; i < 100; ++i) Append(RecordOf("q" + std::to_string(i), {0.9}, {i % 2 == 0 ? 0.25F : 0.75F}));
  ASSERT_TRUE(loop_->Consume());
  const auto report = loop_->Report(kDay + hours(12));
  ASSERT_EQ(report.drift.size(), 2u);
  EXPECT_EQ(report.drift[0].column, "a");
  EXPECT_GT(report.drift[0].value, 0.5) << "all above what half of the training was";
  EXPECT_EQ(report.drift[1].column, "score");
  EXPECT_LT(report.drift[1].value, 0.01);
}

TEST_F(MonitorLoopTest, ADamagedSegmentEndsItsReplicaAndNoOther) {
  Append(RecordOf("q1", {1}, {0.25F}));
  Append(RecordOf("q2", {1}, {0.25F}));
  Append(RecordOf("q3", {1}, {0.25F}), "r2");
  const std::string segment = payload_ + "/1/r1/000001.seg";
  std::string content = io::ReadFile(segment).value();
  char& damaged = content[content.find_last_not_of('\0') / 2];  // zeroes are the open segment's unused end
  damaged = static_cast<char>(damaged ^ 1);
  ASSERT_TRUE(io::WriteFileAtomically(segment, content));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(loop_->Consume()) << "it is told in the log, and stops nothing";
  EXPECT_GE(loop_->records(), 1u);
  EXPECT_LT(loop_->records(), 3u);
  Append(RecordOf("q4", {1}, {0.25F}), "r2");
  const auto before = loop_->records();
  ASSERT_TRUE(loop_->Consume());
  EXPECT_EQ(loop_->records(), before + 1);
}

TEST(ObservedCellTest, IsANumberATextOrMissing) {
  const data::Column truth{"t", data::ColumnType::kBool, {1, 0}, {}, {}, {1, 0}};
  EXPECT_EQ(ObservedCell(truth, 0), data::Value(1.0));
  EXPECT_EQ(ObservedCell(truth, 1), data::Value{});
  const data::Column text{"s", data::ColumnType::kString, {}, {}, {"x"}, {1}};
  EXPECT_EQ(ObservedCell(text, 0), data::Value("x"));
}

}  // namespace
}  // namespace keelson::control
