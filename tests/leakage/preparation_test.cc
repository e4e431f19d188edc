// The project's own SQL leaks nothing either: shown on the files themselves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "data/duckdb.h"
#include "data/prepare.h"
#include "data/source_reader.h"
#include "io/files.h"
#include "tests/leakage/world.h"

namespace keelson::leakage {
namespace {

constexpr const char* kFolder = KEELSON_SOURCE_DIR "/examples/flights/";
// A row of the flights' file by the name that the preparation gives it, and its instants.
constexpr const char* kId =
    "strftime(make_date(f.year, f.month, f.day), '%Y%m%d') || '-' || f.carrier || f.flight || '-' || f.origin || '-' "
    "|| "
    "f.dest";
constexpr const char* kScheduled = "timezone('UTC', f.time_hour) + to_minutes(f.minute)";

class PreparationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto engine = data::Engine::Open({});
    ASSERT_TRUE(engine) << engine.error().ToString();
    engine_ = engine->release();
    const auto project = FlightsProject();
    ASSERT_TRUE(project) << project.error().ToString();
    project_ = new project::Project(*project);
    for (const auto& source : project->sources) {
      data::SourceOptions options;
      options.null_values = source.null_values;
      const auto read = data::ReadSource(*engine_, source.name, source.path, options);
      ASSERT_TRUE(read) << read.error().ToString();
    }
    for (const char* name : {"flights", "weather"}) {
      Run(fmt::format("CREATE TABLE all_{0} AS SELECT * FROM source.{0}", name));
    }
    Prepare();
    whole_flights_ = new data::Table(Prepared("flights"));
    whole_weather_ = new data::Table(Prepared("weather"));
    ASSERT_TRUE(engine_->Register("landings", *whole_flights_));
  }
  static void TearDownTestSuite() {
    delete engine_;
    delete project_;
    delete whole_flights_;
    delete whole_weather_;
  }

  static void Run(const std::string& sql) {
    const Status ran = engine_->Execute(sql);
    ASSERT_TRUE(ran) << ran.error().ToString() << "\n" << sql;
  }
  static void Prepare() {
    std::vector<std::string> names;
    std::vector<data::Transform> transforms;
    for (const auto& source : project_->sources) names.push_back(source.name);
    for (const auto& table : project_->tables) {
      transforms.push_back({table.name, io::ReadFile(kFolder + table.sql_path).value(), table.sql_path});
    }
    const auto prepared = data::PrepareTables(*engine_, names, transforms);
    ASSERT_TRUE(prepared) << prepared.error().ToString();
  }
  static data::Table Prepared(const std::string& name) { return engine_->Query(data::PreparedSql(name)).value(); }

  // Cells that differ, row by row in the order of `keys`; columns of `apart` are passed over.
  static std::size_t Differences(const data::Table& a, const data::Table& b, const std::vector<std::string>& keys,
                                 const std::set<std::string>& apart = {}) {
    EXPECT_EQ(a.schema(), b.schema());
    EXPECT_EQ(a.rows(), b.rows());
    if (a.schema() != b.schema() || a.rows() != b.rows()) return SIZE_MAX;
    const auto order_of = [&](const data::Table& table) {
      std::vector<std::size_t> order(table.rows());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::vector<const data::Column*> columns;
      for (const auto& key : keys) columns.push_back(table.Find(key));
      std::ranges::sort(order, [&](std::size_t x, std::size_t y) {
        for (const data::Column* column : columns) {
          const bool text = column->type == data::ColumnType::kString;
          if (text && column->strings[x] != column->strings[y]) return column->strings[x] < column->strings[y];
          if (!text && column->ints[x] != column->ints[y]) return column->ints[x] < column->ints[y];
        }
        return false;
      });
      return order;
    };
    const auto rows_a = order_of(a);
    const auto rows_b = order_of(b);
    std::size_t differences = 0;
    for (std::size_t c = 0; c < a.columns().size(); ++c) {
      if (apart.contains(a.columns()[c].name)) continue;
      for (std::size_t i = 0; i < rows_a.size(); ++i) {
        if (a.At(rows_a[i], c) != b.At(rows_b[i], c)) ++differences;
      }
    }
    return differences;
  }

  static data::Engine* engine_;
  static project::Project* project_;
  static data::Table* whole_flights_;
  static data::Table* whole_weather_;
};

data::Engine* PreparationTest::engine_ = nullptr;
project::Project* PreparationTest::project_ = nullptr;
data::Table* PreparationTest::whole_flights_ = nullptr;
data::Table* PreparationTest::whole_weather_ = nullptr;

TEST_F(PreparationTest, NothingButTheOutcomeDerivesFromWhatIsKnownAfterDeparture) {
  Run("CREATE OR REPLACE TABLE source.flights AS SELECT * REPLACE (CASE WHEN false THEN dep_time END AS dep_time, "
      "CASE WHEN false THEN dep_delay END AS dep_delay, CASE WHEN false THEN arr_time END AS arr_time, "
      "CASE WHEN false THEN arr_delay END AS arr_delay, CASE WHEN false THEN air_time END AS air_time) FROM "
      "all_flights");
  Prepare();
  const data::Table blind = Prepared("flights");
  EXPECT_EQ(blind.rows(), 336'776u);
  EXPECT_EQ(Differences(blind, *whole_flights_, {"flight_id"}, {"arr_delay", "landed_at"}), 0u);
  for (const char* name : {"arr_delay", "landed_at"}) {
    const auto& valid = blind.Find(name)->valid;
    EXPECT_TRUE(std::ranges::all_of(valid, [](std::uint8_t v) { return v == 0; })) << name;
    EXPECT_GT(Differences(blind, *whole_flights_, {"flight_id"}, {name}), 300'000u)
        << "the comparison sees what changes";
  }
}

TEST_F(PreparationTest, TruncatedFilesPrepareToTheTruncatedTables) {
  const auto& sources = project_->sources;
  for (const char* at : {"2013-04-01T17:30:00Z", "2013-07-10T03:15:00Z", "2013-11-03T05:45:00Z"}) {
    const std::int64_t t = ToMicros(ParseInstant(at).value());
    const std::string sql_t = fmt::format("make_timestamp({})", t);
    std::string late;
    for (const char* name : {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}) {
      late +=
          fmt::format("{}CASE WHEN l.landed_at <= {} THEN f.{} END AS {}", late.empty() ? "" : ", ", sql_t, name, name);
    }
    Run(fmt::format(
        "CREATE OR REPLACE TABLE source.flights AS SELECT f.* REPLACE ({}) FROM all_flights f JOIN landings l "
        "ON l.flight_id = {} WHERE {} <= {}",
        late, kId, kScheduled, sql_t));
    Run(fmt::format(
        "CREATE OR REPLACE TABLE source.weather AS SELECT * FROM all_weather WHERE timezone('UTC', time_hour) + "
        "INTERVAL 51 MINUTE <= {}",
        sql_t));
    Prepare();
    for (const auto& [name, whole, keys] :
         {std::tuple("flights", whole_flights_, std::vector<std::string>{"flight_id"}),
          std::tuple("weather", whole_weather_, std::vector<std::string>{"origin", "observed_at"})}) {
      const auto source = std::ranges::find(sources, name, &project::Source::name);
      const data::Table expected = Truncated({name, source->time, source->known, *whole}, t, INT64_MIN);
      EXPECT_EQ(Differences(Prepared(name), expected, keys), 0u) << name << " at " << at;
      EXPECT_GT(expected.rows(), 5'000u);
      EXPECT_LT(expected.rows(), whole->rows());
    }
  }
}

}  // namespace
}  // namespace keelson::leakage
