#include "data/prepare.h"

#include <gtest/gtest.h>

#include <set>

#include "data/snapshot.h"
#include "data/sql_query.h"

namespace keelson::data {
namespace {

class PrepareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = Engine::Open({});
    ASSERT_TRUE(engine.has_value()) << engine.error().ToString();
    engine_ = *std::move(engine);
    Register("flights", "SELECT range AS i, range % 7 AS k FROM range(20000)");
    Register("weather", "SELECT range AS k, range * 1.5::DOUBLE AS wind FROM range(7)");
  }
  void Register(const std::string& name, const std::string& sql) {
    const auto table = engine_->Query(sql);
    ASSERT_TRUE(table.has_value()) << table.error().ToString();
    ASSERT_TRUE(engine_->Register(name, *table, kSourceSchema).has_value());
  }
  Result<std::vector<PreparedTable>> Prepare(const std::vector<Transform>& transforms) {
    return PrepareTables(*engine_, {"flights", "weather"}, transforms);
  }
  void ExpectRefused(const std::vector<Transform>& transforms, const std::string& part) {
    const auto prepared = Prepare(transforms);
    ASSERT_FALSE(prepared.has_value()) << part;
    EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument) << prepared.error().ToString();
    EXPECT_NE(prepared.error().message.find(part), std::string::npos) << prepared.error().ToString();
    EXPECT_FALSE(prepared.error().where.empty());
    EXPECT_FALSE(engine_->Query("SELECT * FROM prepared.flights").has_value());
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(PrepareTest, TablesRunInTheOrderOfWhatTheyRead) {
  const auto prepared =
      Prepare({{"joined", "SELECT i, wind, twice FROM Flights JOIN weather USING (k) ORDER BY i", "j.sql"},
               {"flights", "SELECT *, i * 2 AS twice FROM flights WHERE i < 10; -- raw inside", "f.sql"}});
  ASSERT_TRUE(prepared.has_value()) << prepared.error().ToString();
  ASSERT_EQ(prepared->size(), 2u);
  EXPECT_EQ((*prepared)[0].name, "flights");
  EXPECT_EQ((*prepared)[0].rows, 10u);
  EXPECT_EQ((*prepared)[1].inputs, (std::vector<std::string>{"Flights", "weather"}));
  EXPECT_EQ((*prepared)[1].schema,
            (Schema{{"i", ColumnType::kInt64}, {"wind", ColumnType::kDouble}, {"twice", ColumnType::kInt64}}));
  EXPECT_EQ(engine_->Query(PreparedSql("joined"))->rows(), 10u);
  EXPECT_EQ(engine_->Query(PreparedSql("weather"))->rows(), 7u);  // no transform: the source
  EXPECT_EQ(engine_->Query(SourceSql("flights"))->rows(), 20000u);
  EXPECT_EQ(engine_->Query("SELECT current_setting('threads')")->At(0, 0), Value(std::int64_t{2}));
  ASSERT_TRUE(Prepare({{"flights", "SELECT 1 AS one", "f.sql"}}).has_value());  // again, replacing all
  EXPECT_FALSE(engine_->Query(PreparedSql("joined")).has_value());
}

TEST_F(PrepareTest, TheSameSourcesGiveTheSameTable) {
  std::set<std::string> hashes;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(
        Prepare({{"t", "SELECT k, i % 100 AS m, sum(i / 3.0) AS s FROM flights JOIN weather USING (k) GROUP BY ALL",
                  "t.sql"}})
            .has_value());
    hashes.insert(HashTable(*engine_->Query(PreparedSql("t"))));
  }
  EXPECT_EQ(hashes.size(), 1u);
}

TEST_F(PrepareTest, NamesThatAreUnknownOrCircularAreRefused) {
  ExpectRefused({{"t", "SELECT * FROM flihgts", "t.sql"}}, "did you mean \"flights\"");
  ExpectRefused({{"t", "SELECT * FROM t", "t.sql"}}, "reads itself");
  ExpectRefused(
      {{"a", "SELECT * FROM b", "a.sql"}, {"b", "SELECT * FROM c", "b.sql"}, {"c", "SELECT * FROM A", "c.sql"}},
      "a -> b -> c -> a");
  ExpectRefused({{"flights", "SELECT * FROM flights, weather", "f.sql"}, {"weather", "SELECT * FROM flights", "w.sql"}},
                "cycle");
  ExpectRefused({{"t", "SELECT 1", "t.sql"}, {"T", "SELECT 2", "t2.sql"}}, "two tables");
  ExpectRefused({{"t", "SELECT missing FROM flights", "t.sql"}}, "missing");
  ExpectRefused({{"t", "SELECT [1] AS list", "t.sql"}}, "\"list\"");
  ExpectRefused({{"t", "SELECT 'x'::INT", "t.sql"}}, "x");
}

TEST_F(PrepareTest, OnlyAQueryOverTheTablesIsATransform) {
  for (const char* sql : {"ATTACH 'x.db'",
                          "COPY (SELECT 1) TO 'x'",
                          "PRAGMA version",
                          "INSTALL httpfs",
                          "LOAD httpfs",
                          "SELECT 1; SELECT 2",
                          "SELECT 1; DROP SCHEMA source CASCADE",
                          "CREATE TABLE x (i INT)",
                          "SET threads = 1",
                          "",
                          "-- nothing",
                          "DROP TABLE x",
                          "EXPLAIN SELECT 1",
                          "CALL pragma_version()",
                          "EXPORT DATABASE 'x'",
                          "SELEKT 1",
                          "INSERT INTO flights VALUES (1, 2)",
                          "SELECT * FROM read_csv('/etc/passwd')",
                          "SELECT * FROM '/etc/passwd.csv'",
                          "FROM read_text('/etc/passwd')",
                          "SELECT (SELECT content FROM read_text('/etc/passwd'))",
                          "SELECT * FROM glob('*')",
                          "FROM duckdb_settings()",
                          "SELECT * FROM query('SELECT 1')",
                          "SELECT * FROM source.flights",
                          "SELECT * FROM information_schema.tables",
                          "WITH x AS (SELECT * FROM read_blob('/etc/passwd')) SELECT * FROM x",
                          "SELECT random()",
                          "SELECT now()",
                          "SELECT * FROM flights WHERE k > (SELECT Random())",
                          "SELECT current_timestamp",
                          "SELECT getenv('HOME')",
                          "SELECT * FROM flights USING SAMPLE 10",
                          "SELECT * FROM flights TABLESAMPLE 10%",
                          "SHOW TABLES",
                          "SELECT * FROM (DESCRIBE flights)",
                          "SELECT uuid()"}) {
    const auto tables = InspectTransform(*engine_, sql);
    ASSERT_TRUE(tables.has_value() ? !Prepare({{"t", sql, "t.sql"}}).has_value() : true) << sql;
    if (!tables.has_value()) {
      EXPECT_EQ(tables.error().code, ErrorCode::kInvalidArgument) << sql;
    }
  }
  EXPECT_FALSE(InspectTransform(*engine_, std::string_view("SELECT 1\0", 9)).has_value());
}

TEST_F(PrepareTest, NamesOfWithAreTheQuerysOwn) {
  const auto tables = [&](const char* sql) {
    return InspectTransform(*engine_, sql).value_or(std::vector<std::string>{"?"});
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(tables("WITH a AS (SELECT * FROM b) SELECT * FROM a JOIN c USING (x) WHERE y IN (SELECT z FROM d)"),
            (Names{"b", "c", "d"}));
  EXPECT_EQ(tables("WITH flights AS (SELECT * FROM flights) SELECT * FROM Flights"), (Names{"flights"}));
  EXPECT_EQ(tables("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b UNION ALL SELECT * FROM e"),
            (Names{"e"}));
  EXPECT_EQ(tables("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r"),
            (Names{}));
  EXPECT_EQ(tables("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a), a"), (Names{"a"}));
  EXPECT_EQ(tables("SELECT * FROM f ASOF LEFT JOIN w ON f.t >= w.t, unnest([1, 2]), range(3)"), (Names{"f", "w"}));
}

}  // namespace
}  // namespace keelson::data
