#include "features/join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/sanitized_testing.h"
#include "features/as_of.h"
#include "features/engine.h"
#include "features/events.h"

namespace keelson::features {
namespace {

using data::ColumnType;
using std::chrono::hours;
using testing::HasSubstr;

constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kHour = 60 * kMinute;

const data::Schema kFlights = {{"id", ColumnType::kString},        {"at", ColumnType::kTimestamp},
                               {"landed", ColumnType::kTimestamp}, {"delay", ColumnType::kDouble},
                               {"carrier", ColumnType::kString},   {"number", ColumnType::kInt64}};
const data::Schema kWeather = {
    {"carrier", ColumnType::kString}, {"seen", ColumnType::kTimestamp}, {"temp", ColumnType::kDouble}};

Aggregate Make(const char* name, const char* of, AggregateFunction fn, Duration window) {
  return {name, of, fn, window};
}

Definitions Example() {
  using enum AggregateFunction;
  Definitions d;
  d.entities = {{"all", {}}, {"carrier", {"carrier"}}, {"flight", {"carrier", "number"}}};
  d.views = {
      {"c",
       "carrier",
       "flights",
       hours(30),
       {Make("mean", "delay", kMean, hours(6)), Make("late", "delay > 15", kMean, hours(24)),
        Make("sum", "delay", kSum, hours(48)), Make("std", "delay", kStd, hours(12)),
        Make("min", "delay", kMin, hours(24)), Make("max", "delay * 2 - number", kMax, hours(9)),
        Make("last", "delay", kLast, hours(5)), Make("count", "delay", kCount, hours(6))}},
      {"f",
       "flight",
       "flights",
       {},
       {Make("mean", "delay", kMean, {}), Make("planned", "1", kCount, hours(24)),
        Make("ids", "id", kCount, hours(2))}},
      {"a",
       "all",
       "flights",
       {},
       {Make("mean", "delay", kMean, hours(2)), Make("max", "delay", kMax, hours(200)),
        Make("landed", "landed", kCount, hours(3))}},
      {"w", "carrier", "weather", {}, {Make("temp", "temp", kLast, hours(3)), Make("std", "temp", kStd, hours(24))}}};
  d.sources = {{"flights", kFlights, "at", {{"delay", "landed"}}, "id"}, {"weather", kWeather, "seen", {}, ""}};
  return d;
}

struct World {
  data::Table flights{kFlights};
  data::Table weather{kWeather};
};

data::Value Maybe(Random& random, const data::Value& value) {
  return random.Below(12) == 0 ? data::Value{} : value;
}

data::Value At(std::int64_t micros) {
  return InstantFromMicros(micros);
}

// Flights over ten days on a coarse grid, so that equal instants abound; some never land, some lack parts.
World RandomWorld(Random& random, std::size_t rows) {
  World world;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::int64_t>(random.Below(240 * 12)) * 5 * kMinute;
    const auto landed =
        at + static_cast<std::int64_t>(random.Below(8 * 12)) * 5 * kMinute - kHour;  // an hour early at worst
    EXPECT_TRUE(world.flights
                    .AppendRow({std::to_string(i), Maybe(random, At(at)), Maybe(random, At(landed)),
                                Maybe(random, std::round(random.Normal() * 4000) / 97),
                                Maybe(random, std::string(1, static_cast<char>('A' + random.Below(4)))),
                                static_cast<std::int64_t>(random.Below(3))})
                    .has_value());
    EXPECT_TRUE(
        world.weather
            .AppendRow({std::string(1, static_cast<char>('A' + random.Below(4))),
                        At(static_cast<std::int64_t>(random.Below(240)) * kHour), Maybe(random, random.Normal() * 1e6)})
            .has_value());
  }
  return world;
}

struct Known {
  std::int64_t at;
  double value;
};

// A feature by its definition, in O(rows): nothing of the engine but Expression is used.
double BruteForce(const Definitions& d, const View& view, const Aggregate& aggregate, const World& world,
                  const data::Table& spine, std::size_t spine_row, std::int64_t t) {
  const bool is_flights = view.source == "flights";
  const data::Table& table = is_flights ? world.flights : world.weather;
  const SourceDescription& source = d.sources[is_flights ? 0 : 1];
  const auto& keys = std::ranges::find(d.entities, view.entity, &Entity::name)->keys;
  const auto expression = Expression::Parse(aggregate.of);
  const auto values = *expression->Bind(source.schema)->Evaluate(table);
  std::vector<Known> in;
  std::vector<std::string> seen;
  for (std::size_t row = table.rows(); row-- > 0;) {
    std::string all;  // rows of the weather have no key: equal ones are one
    for (std::size_t i = 0; i < table.columns().size() && !is_flights; ++i) {
      const auto v = table.At(row, i);
      all += std::holds_alternative<std::monostate>(v)
                 ? "-"
                 : std::to_string(table.columns()[i].type == ColumnType::kString ? table.columns()[i].strings[row][0]
                                                                                 : table.columns()[i].Number(row));
      all += '|';
    }
    if (!is_flights && std::ranges::find(seen, all) != seen.end()) continue;
    seen.push_back(all);
    bool match = values.valid[row] != 0 && !table.Find(source.time)->is_null(row);
    for (const auto& key : keys) {
      const auto* mine = table.Find(key);
      const auto* asked = spine.Find(key);
      match = match && !mine->is_null(row) && !asked->is_null(spine_row) &&
              (mine->type == ColumnType::kString ? mine->strings[row] == asked->strings[spine_row]
                                                 : mine->ints[row] == asked->ints[spine_row]);
    }
    if (!match) continue;
    std::int64_t known = table.Find(source.time)->ints[row];
    const auto& columns = expression->columns();
    if (std::ranges::find(columns, "delay") != columns.end() || std::ranges::find(columns, "landed") != columns.end()) {
      if (table.Find("landed")->is_null(row)) continue;
      known = std::max(known, table.Find("landed")->ints[row]);
    }
    std::int64_t window = aggregate.window.count() == 0 ? INT64_MAX / 2 : aggregate.window.count();
    if (view.ttl) window = std::min(window, view.ttl->count());
    if (known <= t && known > t - window)
      in.push_back({known, values.type == ColumnType::kDouble ? values.doubles[row] : 1});
  }
  using enum AggregateFunction;
  const auto n = static_cast<double>(in.size());
  if (aggregate.fn == kCount) return n;
  if (in.empty()) return std::nan("");
  __extension__ using Wide = __int128;
  Wide sum = 0;
  for (const Known& k : in) sum += std::llrint(k.value * (1 << 20));
  const Wide center = sum / static_cast<Wide>(in.size());
  Wide distances = 0;
  for (const Known& k : in)
    distances += (std::llrint(k.value * (1 << 20)) - center) * (std::llrint(k.value * (1 << 20)) - center);
  const auto rest = static_cast<double>(sum - center * static_cast<Wide>(in.size()));
  switch (aggregate.fn) {
    case kSum:
      return static_cast<double>(sum) / (1 << 20);
    case kMean:
      return static_cast<double>(sum) / (n * (1 << 20));
    case kStd:
      return std::sqrt(std::max((static_cast<double>(distances) - rest * rest / n) / n, 0.0)) / (1 << 20);
    case kMin:
      return std::ranges::min_element(in, {}, &Known::value)->value;
    case kMax:
      return std::ranges::max_element(in, {}, &Known::value)->value;
    default:
      break;
  }
  return std::ranges::max_element(
             in, [](const Known& a, const Known& b) { return std::pair(a.at, a.value) < std::pair(b.at, b.value); })
      ->value;
}

bool SameBits(const data::Column& column, std::size_t row, double expected) {
  if (std::isnan(expected)) return column.is_null(row);
  return !column.is_null(row) && std::bit_cast<std::uint64_t>(column.doubles[row]) ==
                                     std::bit_cast<std::uint64_t>(expected == 0 ? 0.0 : expected);
}

SourceTables Tables(const World& world) {
  return {{"flights", &world.flights}, {"weather", &world.weather}};
}

TEST(JoinTest, EqualsBruteForceBitForBit) {
  const Definitions d = Example();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const World world = RandomWorld(random, 300);
    const auto joined = PointInTimeJoin(world.flights, "at", Tables(world), d);
    ASSERT_TRUE(joined.has_value()) << joined.error().ToString();
    ASSERT_EQ(joined->rows(), 300u);
    std::size_t i = 0;
    std::size_t present = 0;
    for (const View& view : d.views) {
      for (const Aggregate& aggregate : view.aggregates) {
        const data::Column& column = joined->columns()[i++];
        ASSERT_EQ(column.name, FullName(view, aggregate));
        for (std::size_t row = 0; row < 300; ++row) {
          const auto* at = world.flights.Find("at");
          const double expected = at->is_null(row)
                                      ? (aggregate.fn == AggregateFunction::kCount ? 0 : std::nan(""))
                                      : BruteForce(d, view, aggregate, world, world.flights, row, at->ints[row]);
          ASSERT_TRUE(SameBits(column, row, expected))
              << column.name << " row " << row << ": " << column.Number(row) << " vs " << expected;
          present += column.valid[row];
        }
      }
    }
    EXPECT_GT(present, 300 * i / 3);
  }
}

TEST(JoinTest, RowOrderDoesNotMatter) {
  Random random(11);
  World world = RandomWorld(random, 2000);
  const data::Table spine = world.flights;
  const auto first = PointInTimeJoin(spine, "at", Tables(world), Example());
  ASSERT_TRUE(first.has_value());
  for (int round = 0; round < 3; ++round) {
    std::vector<std::size_t> rows(2000);
    std::iota(rows.begin(), rows.end(), 0u);
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.Below(i)]);
    world.flights = world.flights.Take(rows);
    world.weather = world.weather.Take(rows);
    const auto again = PointInTimeJoin(spine, "at", Tables(world), Example());
    for (std::size_t i = 0; i < first->columns().size(); ++i) {
      EXPECT_EQ(first->columns()[i].doubles, again->columns()[i].doubles) << first->columns()[i].name;
      EXPECT_EQ(first->columns()[i].valid, again->columns()[i].valid);
    }
  }
}

// No leakage: with every row and value deleted that was not known at T, the features at T are bit-identical.
TEST(JoinTest, TruncationChangesNothing) {
  const Definitions d = Example();
  Random random(5);
  const World world = RandomWorld(random, 400);
  for (int round = 0; round < Rounds(1000); ++round) {
    const auto t =
        static_cast<std::int64_t>(random.Below(245 * 12)) * 5 * kMinute + static_cast<std::int64_t>(random.Below(2));
    data::Table spine(
        {{"at", ColumnType::kTimestamp}, {"carrier", ColumnType::kString}, {"number", ColumnType::kInt64}});
    for (const char* carrier : {"A", "B", "Z"})
      ASSERT_TRUE(spine.AppendRow({At(t), std::string(carrier), std::int64_t{1}}).has_value());
    const auto flights = VisibleAt(world.flights, "at", {{"delay", "landed"}}, InstantFromMicros(t));
    const auto weather = VisibleAt(world.weather, "seen", {}, InstantFromMicros(t));
    ASSERT_TRUE(flights.has_value() && weather.has_value());
    const auto whole = PointInTimeJoin(spine, "at", Tables(world), d);
    const auto cut = PointInTimeJoin(spine, "at", {{"flights", &*flights}, {"weather", &*weather}}, d);
    for (std::size_t i = 0; i < whole->columns().size(); ++i) {
      ASSERT_EQ(whole->columns()[i].doubles, cut->columns()[i].doubles) << whole->columns()[i].name << " at " << t;
      ASSERT_EQ(whole->columns()[i].valid, cut->columns()[i].valid) << whole->columns()[i].name << " at " << t;
    }
  }
}

TEST(JoinTest, SaysWhatDoesNotFit) {
  Random random(1);
  const World world = RandomWorld(random, 3);
  const auto error = [&](const data::Table& spine, const SourceTables& tables) {
    const auto joined = PointInTimeJoin(spine, "at", tables, Example());
    return joined.has_value() ? "joined" : joined.error().ToString();
  };
  EXPECT_EQ(error(world.flights, Tables(world)), "joined");
  EXPECT_THAT(error(world.flights, {{"flights", &world.flights}}), HasSubstr("\"weather\" was not given"));
  EXPECT_THAT(error(world.weather, Tables(world)), HasSubstr("lack a timestamp column \"at\""));
  EXPECT_THAT(error(world.flights, {{"flights", &world.weather}, {"weather", &world.weather}}),
              HasSubstr("does not have the columns"));
  EXPECT_THAT(error(data::Table({{"at", ColumnType::kTimestamp}}), Tables(world)), HasSubstr("lack \"carrier\""));
  EXPECT_THAT(
      error(data::Table(
                {{"at", ColumnType::kTimestamp}, {"carrier", ColumnType::kInt64}, {"number", ColumnType::kInt64}}),
            Tables(world)),
      HasSubstr("is int64 in the rows to join and string"));
  World huge = world;
  huge.flights.columns()[3] = {.name = "delay",
                               .type = ColumnType::kDouble,
                               .ints = {},
                               .doubles = {1e300, 0, 0},
                               .strings = {},
                               .valid = {1, 1, 1}};
  huge.flights.columns()[1].valid = {1, 1, 1};
  huge.flights.columns()[2].valid = {1, 1, 1};
  EXPECT_THAT(error(world.flights, Tables(huge)), HasSubstr("out of range"));
}

// The live engine, fed row by row in any order, with repeats and with rows that first lack their outcome, answers what
// training joined.
TEST(JoinTest, LiveLookupsEqualTheJoin) {
  Random random(21);
  const World world = RandomWorld(random, 500);
  const Definitions d = Example();
  const auto joined = PointInTimeJoin(world.flights, "at", Tables(world), d);
  auto engine = FeatureEngine::Create(d);
  ASSERT_TRUE(engine.has_value());
  RowFeed feed(&*engine);
  const auto push = [&](std::size_t source, const data::Table& table, std::size_t row, bool without_outcome) {
    std::vector<data::Value> cells;
    for (std::size_t i = 0; i < table.columns().size(); ++i) cells.push_back(table.At(row, i));
    if (without_outcome) cells[2] = cells[3] = data::Value{};
    const auto status = feed.Apply(source, cells);
    EXPECT_TRUE(status.has_value()) << status.error().ToString();
  };
  for (int i = 0; i < 300; ++i) push(0, world.flights, random.Below(500), random.Below(2) == 0);
  std::vector<std::size_t> rows(500);
  std::iota(rows.begin(), rows.end(), 0u);
  for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.Below(i)]);
  for (const std::size_t row : rows) {
    push(0, world.flights, row, false);
    push(1, world.weather, row, false);
  }
  const std::size_t events = engine->events();
  for (int i = 0; i < 100; ++i)
    push(i % 2 == 0 ? 0 : 1, i % 2 == 0 ? world.flights : world.weather, random.Below(500), false);
  EXPECT_EQ(engine->events(), events);  // repeats change nothing
  std::vector<double> values(joined->columns().size());
  for (std::size_t row = 0; row < 500; ++row) {
    if (world.flights.columns()[1].is_null(row)) continue;
    std::vector<std::uint32_t> keys;
    for (std::size_t entity = 0; entity < engine->plan().entities().size(); ++entity) {
      std::string key;
      bool whole = true;
      for (const auto& column : engine->plan().entities()[entity].entity.keys)
        whole = whole && AppendKeyPart(*world.flights.Find(column), row, key);
      keys.push_back(whole ? engine->Find(entity, key) : FeatureEngine::kNoKey);
    }
    ASSERT_TRUE(engine->Lookup(keys, InstantFromMicros(world.flights.columns()[1].ints[row]), values).has_value());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(SameBits(joined->columns()[i], row, values[i])) << joined->columns()[i].name << " row " << row;
    }
  }
}

}  // namespace
}  // namespace keelson::features
