// No leakage, proven by truncation on the real flights: with every row and every value not yet known at T deleted from
// the sources, the features and the prediction at T are the same to the last bit. KEELSON_LEAKAGE_SEED chooses other
// instants.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "features/expression.h"
#include "features/online.h"
#include "io/files.h"
#include "project/expand.h"
#include "tests/leakage/world.h"

namespace keelson::leakage {
namespace {

using testing::Contains;
using testing::Not;

constexpr std::size_t kInstants = 1'000;
constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kDay = 86'400'000'000;

std::uint64_t Seed() {
  const char* seed = std::getenv("KEELSON_LEAKAGE_SEED");
  return seed == nullptr ? 2013 : std::strtoull(seed, nullptr, 10);
}

// Where two answers differ in any bit, told for people; "" where they do not.
std::string Difference(const data::Table& features, std::size_t row, const data::Table& expected, std::size_t at) {
  for (const auto& column : expected.columns()) {
    const data::Column* mine = features.Find(column.name);
    if (mine == nullptr) return column.name + " is missing";
    if (mine->is_null(row) != column.is_null(at) ||
        std::bit_cast<std::uint64_t>(mine->doubles[row]) != std::bit_cast<std::uint64_t>(column.doubles[at])) {
      return fmt::format("{} is {} of the truncated sources and {} of all", column.name, mine->Number(row),
                         column.Number(at));
    }
  }
  return "";
}

class LeakageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto world = World::Make();
    ASSERT_TRUE(world) << world.error().ToString();
    world_ = world->release();
    RecordProperty("seed", std::to_string(Seed()));
    fmt::print("seed {} (KEELSON_LEAKAGE_SEED)\n", Seed());
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(world_, nullptr); }

  struct Found {
    std::size_t questions = 0;
    std::vector<std::string> features;     // that differ, a line a question
    std::vector<std::string> predictions;  // that differ
  };

  // Asks at each instant over sources truncated then, and compares with the features that `whole` says for the rows.
  static void Compare(const std::vector<std::int64_t>& instants, const data::Table& whole, Found& found) {
    std::mutex mutex;
    const auto work = [&](std::size_t first) {
      for (std::size_t i = first; i < instants.size(); i += 2) {
        Found mine;
        CompareAt(instants[i], whole, mine);
        const std::lock_guard lock(mutex);
        found.questions += mine.questions;
        for (auto& line : mine.features) found.features.push_back(std::move(line));
        for (auto& line : mine.predictions) found.predictions.push_back(std::move(line));
      }
    };
    std::thread other(work, 1);
    work(0);
    other.join();
  }

  static void CompareAt(std::int64_t t, const data::Table& whole, Found& found) {
    const std::vector<std::size_t>& rows = world_->asked().at(t);
    const data::Table questions = world_->Questions(rows);
    std::map<std::string, data::Table> tables;
    for (const auto& [name, source] : world_->sources()) tables[name] = Truncated(source, t, t - world_->Horizon());
    const auto features = world_->Join(questions, tables);
    ASSERT_TRUE(features) << features.error().ToString();
    const data::Table expected = whole.Take(rows);
    const auto mine = world_->Predict(questions, *features);
    const auto theirs = world_->Predict(questions, expected);
    ASSERT_TRUE(mine && theirs);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      ++found.questions;
      const std::string at =
          FormatInstant(InstantFromMicros(t)) + " " + world_->history().request_ids[rows[row]] + ": ";
      if (auto difference = Difference(*features, row, expected, row); !difference.empty()) {
        found.features.push_back(at + difference);
      }
      if (std::bit_cast<std::uint32_t>((*mine)[row]) != std::bit_cast<std::uint32_t>((*theirs)[row])) {
        found.predictions.push_back(at + fmt::format("{} and {}", (*mine)[row], (*theirs)[row]));
      }
    }
  }

  // The features of the rows that are asked at these instants when outcomes are known earlier than they were; null for
  // all other rows.
  static data::Table LeakedFeatures(const std::vector<std::int64_t>& instants, std::int64_t early) {
    std::vector<std::size_t> rows;
    for (const std::int64_t t : instants) {
      rows.insert(rows.end(), world_->asked().at(t).begin(), world_->asked().at(t).end());
    }
    std::map<std::string, data::Table> tables;
    for (const auto& [name, source] : world_->sources()) {
      tables[name] = source.rows;
      for (const auto& [column, known] : source.known) {
        for (auto& leaking : tables[name].columns()) {
          if (leaking.name != known) continue;
          for (std::size_t row = 0; row < leaking.size(); ++row) {
            if (!leaking.is_null(row)) leaking.ints[row] -= early;
          }
        }
      }
    }
    const auto joined = world_->Join(world_->Questions(rows), tables);
    EXPECT_TRUE(joined) << joined.error().ToString();
    data::Table whole = world_->history().features;
    for (std::size_t i = 0; i < whole.columns().size(); ++i) {
      for (std::size_t row = 0; row < rows.size(); ++row) {
        whole.columns()[i].doubles[rows[row]] = joined->columns()[i].doubles[row];
        whole.columns()[i].valid[rows[row]] = joined->columns()[i].valid[row];
      }
    }
    return whole;
  }

  static World* world_;
};

World* LeakageTest::world_ = nullptr;

TEST_F(LeakageTest, TruncationChangesNoBitOfFeaturesAndPredictionAt1000Instants) {
  // What the truncation may leave out to save time: no outcome is known so late that a window could still hold it.
  const Source& flights = world_->source("flights");
  const data::Column& time = *flights.rows.Find(flights.time);
  const data::Column& landed = *flights.rows.Find(flights.known.at("arr_delay"));
  for (std::size_t row = 0; row < time.size(); ++row) {
    if (landed.is_null(row)) continue;
    ASSERT_LT(landed.ints[row] - time.ints[row], 2 * kDay);
  }
  const auto instants = world_->RandomInstants(Seed(), kInstants);
  ASSERT_EQ(instants.size(), kInstants);
  Found found;
  Compare(instants, world_->history().features, found);
  EXPECT_GE(found.questions, kInstants);
  EXPECT_THAT(found.features, testing::IsEmpty());
  EXPECT_THAT(found.predictions, testing::IsEmpty());
  fmt::print("{} flights asked at {} instants\n", found.questions, instants.size());
}

// The test of the test: outcomes known a day, or only a minute, before the landing are found out.
TEST_F(LeakageTest, ALeakOfADayOrOfAMinuteIsCaught) {
  const auto instants = world_->RandomInstants(Seed() + 1, 60);
  for (const std::int64_t early : {kDay, kMinute}) {
    const data::Table leaked = LeakedFeatures(instants, early);
    Found found;
    Compare(instants, leaked, found);
    EXPECT_FALSE(found.features.empty()) << "outcomes known " << early / kMinute << " minutes early";
    EXPECT_FALSE(found.predictions.empty()) << "outcomes known " << early / kMinute << " minutes early";
    if (early == kMinute) continue;
    EXPECT_GT(found.features.size() * 10, found.questions * 9) << "nearly every question sees a whole day";
  }
  Found honest;
  Compare(instants, LeakedFeatures(instants, 0), honest);
  EXPECT_THAT(honest.features, testing::IsEmpty()) << "without a leak the same way of asking finds nothing";
}

// The server's way: rows go in as they become known, and nothing of later is there when it is asked.
TEST_F(LeakageTest, TheOnlineFeaturesAnswerTheSameAtThoseInstants) {
  const auto created = features::OnlineFeatures::Create(world_->definitions());
  ASSERT_TRUE(created) << created.error().ToString();
  features::OnlineFeatures& online = **created;
  const auto& events = world_->history().past.events;
  const std::int64_t begin = ToMicros(events.front().at) - 1;
  online.Advance(InstantFromMicros(begin));
  for (const auto& [name, source] : world_->sources()) {
    ASSERT_TRUE(online.Load(name, Truncated(source, begin, begin - world_->Horizon())));
  }
  const auto instants = world_->RandomInstants(Seed(), kInstants);
  std::size_t next = 0;
  std::vector<std::string> differences;
  for (const std::int64_t t : instants) {
    for (; next < events.size() && ToMicros(events[next].at) <= t; ++next) {
      const app::ReplayEvent& event = events[next];
      if (event.kind == app::ReplayEvent::Kind::kAsk) continue;
      const Source& source = world_->source(world_->history().past.sources[event.source].name);
      std::vector<data::Value> cells;
      for (const auto& column : source.rows.columns()) cells.push_back(column.At(event.row));
      ASSERT_TRUE(online.Apply(source.name, cells));
    }
    online.Advance(InstantFromMicros(t));
    const std::vector<std::size_t>& rows = world_->asked().at(t);
    const data::Table questions = world_->Questions(rows);
    std::vector<data::Value> keys;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (const auto& column : online.lookup_columns()) keys.push_back(questions.Find(column.name)->At(row));
    }
    const auto answers = online.Lookup(keys, rows.size(), InstantFromMicros(t));
    ASSERT_TRUE(answers) << answers.error().ToString();
    const auto& names = online.feature_names();
    data::Table features;
    for (std::size_t i = 0; i < names.size(); ++i) {
      data::Column column{
          .name = names[i], .type = data::ColumnType::kDouble, .ints = {}, .doubles = {}, .strings = {}, .valid = {}};
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const double answer = (*answers)[row * names.size() + i];
        column.valid.push_back(answer == answer ? 1 : 0);
        column.doubles.push_back(answer == answer ? answer : 0);
      }
      features.columns().push_back(std::move(column));
    }
    const data::Table expected = world_->history().features.Take(rows);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (auto difference = Difference(features, row, expected, row); !difference.empty()) {
        differences.push_back(world_->history().request_ids[rows[row]] + ": " + difference);
      }
    }
  }
  EXPECT_THAT(differences, testing::IsEmpty());
}

// Known only after departure, by the names of the files and of the prepared table.
const std::set<std::string> kLate = {"dep_time", "dep_delay", "arr_time", "air_time", "arr_delay", "landed_at"};

TEST_F(LeakageTest, NoInputIsKnownOnlyAfterDepartureAndHistoryCountsFromTheLanding) {
  const auto& history = world_->history();
  for (const std::string& input : history.inputs) EXPECT_THAT(kLate, Not(Contains(input)));
  for (const std::string& column : history.past.request_columns) EXPECT_THAT(kLate, Not(Contains(column)));
  const project::Source& flights = history.asked().described;
  EXPECT_EQ(flights.known, (std::map<std::string, std::string>{{"arr_delay", "landed_at"}}));
  std::size_t late = 0;
  for (const auto& view : world_->project().features.views) {
    for (const auto& aggregate : view.aggregates) {
      const auto expression = features::Expression::Parse(aggregate.of);
      ASSERT_TRUE(expression);
      for (const std::string& column : expression->columns()) {
        if (!kLate.contains(column)) continue;
        EXPECT_EQ(view.source, "flights");
        EXPECT_TRUE(flights.known.contains(column)) << column << " would be seen before the landing";
        ++late;
      }
    }
  }
  EXPECT_EQ(late, 3u) << "the three histories of delays";
}

// What a version says of itself, which is what its lineage leads to: the inputs by name, and no others.
TEST_F(LeakageTest, TheVersionNamesItsInputs) {
  std::vector<std::string> expected = world_->history().inputs;
  for (const std::string& name : project::FeatureNames(world_->project())) expected.push_back(name);
  std::vector<std::string> inputs;
  for (const auto& input : world_->model().model->encoder()->inputs()) inputs.push_back(input.name);
  EXPECT_EQ(inputs, expected);
  for (const char* file : {"/MLmodel", "/keelson.json", "/profile.json"}) {
    const auto text = io::ReadFile(world_->model().folder + file);
    ASSERT_TRUE(text) << text.error().ToString();
    for (const std::string& name : kLate) {
      EXPECT_EQ(text->find('"' + name + '"'), std::string::npos) << name << " in " << file;
    }
  }
}

}  // namespace
}  // namespace keelson::leakage
