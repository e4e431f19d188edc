// What a step can see of a table in a replay: the files up to where it began, then what was pushed and let in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/row_log.h"
#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/snapshot.h"
#include "io/temp_folder.h"

namespace keelson::control::steps {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const data::Schema kSchema = {{"id", data::ColumnType::kString},
                              {"sent", data::ColumnType::kTimestamp},
                              {"weight", data::ColumnType::kDouble},
                              {"late", data::ColumnType::kDouble},
                              {"arrived", data::ColumnType::kTimestamp}};

Instant Day(int day) {
  return InstantFromMicros(0) + hours(24 * day);
}

data::Table Rows(const std::vector<std::vector<data::Value>>& rows) {
  data::Table table(kSchema);
  for (const auto& row : rows) EXPECT_TRUE(table.AppendRow(row));
  return table;
}

class VisibleTest : public testing::Test {
 protected:
  VisibleTest() {
    engine_ = data::Engine::Open({}).value();
    // The file holds the whole life; a parcel of each day arrives two days later, the one of day 1 never.
    data::Table file(kSchema);
    for (int day = 1; day <= 6; ++day) {
      const data::Value late = day == 1 ? data::Value{} : data::Value{1.0};
      const data::Value arrived = day == 1 ? data::Value{} : data::Value{Day(day + 2)};
      EXPECT_TRUE(file.AppendRow({"p" + std::to_string(day), Day(day), 1.0, late, arrived}));
    }
    EXPECT_TRUE(engine_->Register("parcels", file));
    snapshot_ = data::TakeSnapshot(*engine_, "SELECT * FROM parcels", folder_.path(), "parcels.csv").value();
    log_ = RowLog::Open(folder_.File("parcels.log"), "id", [](const RowLog::Batch&) { return Status{}; }).value();
  }
  void Push(const std::vector<std::vector<data::Value>>& rows) {
    ASSERT_TRUE(log_->Append(Rows(rows), Day(0)));
    ASSERT_TRUE(log_->Sync());
  }
  // `until`: nothing of the files counts after this day; nothing: up to `as_of`.
  data::Table Seen(int as_of, std::optional<int> until, std::optional<std::uint64_t> up_to = {}) {
    project::Source source;
    source.name = "parcels";
    source.time = "sent";
    source.known = {{"late", "arrived"}};
    source.key = "id";
    Json described = {{"name", "parcels"},
                      {"path", snapshot_.path},
                      {"source", SourceJson(source)},
                      {"rows", folder_.File("parcels.log")},
                      {"up_to", up_to.value_or(log_->sequence())}};
    if (until) described["files_until"] = ToMicros(Day(*until));
    auto table = LoadVisible(*engine_, described, Day(as_of));
    EXPECT_TRUE(table) << table.error().ToString();
    return std::move(table).value_or(data::Table(kSchema));
  }
  static std::vector<std::string> Ids(const data::Table& table) { return table.Find("id")->strings; }
  static std::vector<std::string> Labelled(const data::Table& table) {
    std::vector<std::string> ids;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (!table.Find("late")->is_null(row)) ids.push_back(table.Find("id")->strings[row]);
    }
    return ids;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  std::unique_ptr<data::Engine> engine_;
  data::Snapshot snapshot_;
  std::unique_ptr<RowLog> log_;
};

TEST_F(VisibleTest, ARefusedRowsTwinInTheFileReachesNothing) {
  // The replay began at day 4. Of day 5 the row was refused, and the outcome of day 3's was: neither is in the log.
  Push({{"p2", Day(2), 1.0, 1.0, Day(4)}, {"p4", Day(4), 1.0, 1.0, Day(6)}});
  Push({{"p6", Day(6), 1.0, {}, {}}});
  const data::Table seen = Seen(8, 4);
  EXPECT_THAT(Ids(seen), UnorderedElementsAre("p1", "p2", "p3", "p4", "p6"));
  EXPECT_THAT(Labelled(seen), UnorderedElementsAre("p2", "p4"));
}

TEST_F(VisibleTest, WhatWasLetInIsSeenAsItWasPushedNotAsTheFileSays) {
  Push({{"p5", Day(5), 7.5, 0.0, Day(7)}});
  const data::Table seen = Seen(8, 4);
  ASSERT_EQ(Ids(seen).back(), "p5");
  EXPECT_EQ(seen.Find("weight")->doubles.back(), 7.5);
  EXPECT_EQ(seen.Find("late")->doubles.back(), 0.0);
  EXPECT_THAT(Ids(Seen(8, 4, 0)), ElementsAre("p1", "p2", "p3", "p4")) << "ordered before it came";
}

TEST_F(VisibleTest, WithoutAReplayTheFilesSpeakUpToNow) {
  EXPECT_THAT(Ids(Seen(5, std::nullopt)), ElementsAre("p1", "p2", "p3", "p4", "p5"));
  EXPECT_THAT(Labelled(Seen(5, std::nullopt)), ElementsAre("p2", "p3"));
  EXPECT_THAT(Labelled(Seen(5, 5)), ElementsAre("p2", "p3"));
}

}  // namespace
}  // namespace keelson::control::steps
