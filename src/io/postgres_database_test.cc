#include "io/postgres_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <thread>

#include "base/random.h"
#include "io/database_testing.h"
#include "io/postgres_connection.h"

namespace keelson::io {
namespace {

const std::vector<Migration> kSchema = {{1,
                                         "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;"
                                         "CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id)) STRICT;"}};

TEST(PostgresErrorTest, EveryKindHasItsCode) {
  const std::pair<std::string_view, ErrorCode> cases[] = {
      {"", ErrorCode::kUnavailable},
      {"08006", ErrorCode::kUnavailable},
      {"57P01", ErrorCode::kUnavailable},
      {"57P03", ErrorCode::kUnavailable},
      {"23505", ErrorCode::kAlreadyExists},
      {"23503", ErrorCode::kFailedPrecondition},
      {"53100", ErrorCode::kResourceExhausted},
      {"53300", ErrorCode::kUnavailable},
      {"53200", ErrorCode::kResourceExhausted},
      {"40001", ErrorCode::kUnavailable},
      {"25006", ErrorCode::kPermissionDenied},
      {"28P01", ErrorCode::kPermissionDenied},
      {"42501", ErrorCode::kPermissionDenied},
      {"3D000", ErrorCode::kNotFound},
      {"22021", ErrorCode::kInvalidArgument},
      {"XX001", ErrorCode::kDataLoss},
      {"42601", ErrorCode::kInternal},
  };
  for (const auto& [state, expected] : cases) {
    const Error error = PostgresError(state, " why\n", "do it", "there");
    EXPECT_EQ(error.code, expected) << state;
    EXPECT_TRUE(error.message.starts_with("cannot do it: why")) << error.message;
    EXPECT_EQ(error.where, "there");
  }
}

TEST(PostgresNameTest, HidesThePassword) {
  EXPECT_EQ(*PostgresName("postgresql://me:secret@db.example:5433/models?sslmode=require"),
            "postgresql://me@db.example:5433/models");
  EXPECT_EQ(*PostgresName("postgresql:///models?host=/run/pg&password=secret"), "postgresql:///run/pg/models");
  const auto bad = PostgresName("postgresql://me:secret@[db/models");
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PostgresName("postgresql://x/y?colour=blue").error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(IsPostgresUrl("postgres://x"));
  EXPECT_FALSE(IsPostgresUrl("sqlite:///x"));
}

TEST(PostgresOpenTest, SaysThatNobodyIsThere) {
  const auto opened = OpenPostgres("postgresql://me:secret@/models?host=/nowhere/at/all");
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(opened.error().where, "postgresql://me@/nowhere/at/all/models");
  EXPECT_EQ(opened.error().ToString().find("secret"), std::string::npos);
}

// Needs a server: tests/with_postgres, which the suite postgres uses.
class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    if (TestPostgres() == nullptr) GTEST_SKIP() << "KEELSON_POSTGRES names no server; script/test postgres starts one";
    database_ = Open();
  }
  std::unique_ptr<Database> Open() {
    auto opened = OpenTestDatabase(path_);
    if (!opened.has_value()) {
      ADD_FAILURE() << opened.error().ToString();
      return nullptr;
    }
    const Status migrated = (*opened)->Migrate("test", kSchema);
    EXPECT_TRUE(migrated.has_value()) << migrated.error().ToString();
    return std::move(*opened);
  }
  static Status Put(Database& database, std::int64_t id, const SqlValue& name) {
    return database.Write([&](SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO item VALUES (?, ?)", {id, name}));
      return {};
    });
  }
  Status Put(std::int64_t id, const SqlValue& name) { return Put(*database_, id, name); }
  std::set<std::int64_t> Ids() {
    std::set<std::int64_t> ids;
    const Status read = database_->Read([&](SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id FROM item"));
      for (const auto& row : rows) ids.insert(AsInt(row[0]));
      return {};
    });
    EXPECT_TRUE(read.has_value()) << read.error().ToString();
    return ids;
  }
  static void Control(const char* what) {
    EXPECT_EQ(std::system(fmt::format("$KEELSON_POSTGRES_CONTROL {} >/dev/null 2>&1", what).c_str()), 0);
  }

  const std::string path_ = RandomId();
  std::unique_ptr<Database> database_;
};

TEST_F(PostgresTest, ValuesComeBackAsTheyWere) {
  const std::string odd = "a'b\n\"ü€ \\ ?";
  const double tiny = std::numeric_limits<double>::denorm_min();
  const double infinite = std::numeric_limits<double>::infinity();
  const Status status = database_->Write([&](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("CREATE TABLE v (i INTEGER, d REAL, t TEXT, n INTEGER)"));
    EXPECT_EQ(*session.Execute("INSERT INTO v VALUES (?, ?, ?, ?), (1, 2, '3', 4)",
                               {std::int64_t{-5'000'000'000}, 0.1, odd, std::monostate{}}),
              2);
    EXPECT_EQ(*session.Execute("DELETE FROM v WHERE i = ?", {std::int64_t{77}}), 0);
    KEELSON_ASSIGN_OR_RETURN(auto rows, session.Query("SELECT * FROM v ORDER BY i"));
    EXPECT_EQ(AsInt(rows[0][0]), -5'000'000'000);
    EXPECT_EQ(AsDouble(rows[0][1]), 0.1);
    EXPECT_EQ(AsText(rows[0][2]), odd);
    EXPECT_TRUE(IsNull(rows[0][3]));
    EXPECT_EQ(AsDouble(rows[1][1]), 2.0);
    for (const double value : {tiny, infinite, -infinite, 0.1 + 0.2, -0.0, 1e308}) {
      KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE v SET d = ?", {value}));
      KEELSON_ASSIGN_OR_RETURN(rows, session.Query("SELECT d FROM v LIMIT 1"));
      EXPECT_EQ(AsDouble(rows[0][0]), value);
      EXPECT_EQ(std::signbit(AsDouble(rows[0][0])), std::signbit(value));
    }
    KEELSON_ASSIGN_OR_RETURN(rows, session.Query("SELECT sum(i), i IS NULL, count(*) FROM v GROUP BY i ORDER BY 1"));
    EXPECT_EQ(AsInt(rows[0][0]), -5'000'000'000);
    EXPECT_EQ(AsInt(rows[0][1]), 0);
    EXPECT_EQ(AsInt(rows[0][2]), 1);
    return {};
  });
  EXPECT_TRUE(status.has_value()) << status.error().ToString();
  EXPECT_EQ(Put(1, std::string("a\0b", 3)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Put(1, std::string("\xff")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(Ids().empty());
}

TEST_F(PostgresTest, PatternsMeanWhatTheyMeanInSqlite) {
  for (const char* name : {"Apple", "apple", "a%b", "a_b", "axb"}) {
    ASSERT_TRUE(Put(static_cast<std::int64_t>(Ids().size()), std::string(name)).has_value());
  }
  const auto count = [&](std::string_view sql, const std::string& pattern) {
    std::int64_t found = -1;
    const Status read = database_->Read([&](SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql, {pattern}));
      found = AsInt(rows[0][0]);
      return {};
    });
    EXPECT_TRUE(read.has_value()) << read.error().ToString();
    return found;
  };
  EXPECT_EQ(count("SELECT count(*) FROM item WHERE name GLOB ?", "a*"), 4);
  EXPECT_EQ(count("SELECT count(*) FROM item WHERE name GLOB ?", "a?b"), 3);
  EXPECT_EQ(count("SELECT count(*) FROM item WHERE name GLOB ?", "a%b"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM item WHERE name LIKE ?", "APP%"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM item WHERE name < ?", "a"), 1);  // by bytes: capitals first
}

TEST_F(PostgresTest, ErrorsHaveTheirCodesAndRollBack) {
  ASSERT_TRUE(Put(1, "a").has_value());
  EXPECT_EQ(Put(2, "a").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Put(1, "b").error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(Put(1, "b").error().where.starts_with("postgresql://keelson@"));
  const auto run = [&](std::string_view sql, const std::vector<SqlValue>& values = {}) {
    return database_->Write([&](SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO item VALUES (9, 'nine')"));
      KEELSON_RETURN_IF_ERROR(session.Execute(sql, values));
      return {};
    });
  };
  EXPECT_EQ(run("INSERT INTO part VALUES (77)").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(run("INSERT INTO nothing VALUES (1)").error().code, ErrorCode::kInternal);
  EXPECT_EQ(run("SELECT 1; SELECT 2").error().code, ErrorCode::kInternal);
  EXPECT_EQ(run("").error().code, ErrorCode::kInternal);
  EXPECT_EQ(run("SELECT ?", {}).error().code, ErrorCode::kInternal);
  EXPECT_EQ(run("ROLLBACK").error().code, ErrorCode::kInternal);  // work must not end its transaction
  const Status thrown = database_->Write([&](SqlSession&) -> Status { throw std::bad_alloc(); });
  EXPECT_EQ(thrown.error().code, ErrorCode::kInternal);
  EXPECT_EQ(database_->BackupTo("x").error().code, ErrorCode::kUnsupported);
  ASSERT_TRUE(Put(2, "b").has_value());
  EXPECT_EQ(Ids(), (std::set<std::int64_t>{1, 2}));
}

TEST_F(PostgresTest, AReaderSeesOneMomentAndChangesNothing) {
  ASSERT_TRUE(Put(1, "a").has_value());
  const Status read = database_->Read([&](SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto before, session.Query("SELECT count(*) FROM item"));
    EXPECT_TRUE(Put(2, "b").has_value());  // a writer goes on beside a reader
    KEELSON_ASSIGN_OR_RETURN(const auto after, session.Query("SELECT count(*) FROM item"));
    EXPECT_EQ(before, after);
    EXPECT_EQ(session.Execute("DELETE FROM item").error().code, ErrorCode::kPermissionDenied);
    return {};
  });
  EXPECT_TRUE(read.has_value());
  EXPECT_EQ(Ids().size(), 2u);
}

TEST_F(PostgresTest, ServersThatBeginTogetherMigrateOnce) {
  auto two = kSchema;
  two.push_back({2, "ALTER TABLE item ADD COLUMN colour TEXT; UPDATE item SET colour = 'grey';"});
  two.push_back({3, "this is not PostgreSQL's", "CREATE TABLE theirs (x INTEGER)"});
  std::vector<std::unique_ptr<Database>> servers;
  for (int i = 0; i < 4; ++i) servers.push_back(Open());
  std::vector<std::thread> threads;
  for (auto& server : servers) {
    threads.emplace_back([&] {
      const Status migrated = server->Migrate("test", two);
      EXPECT_TRUE(migrated.has_value()) << migrated.error().ToString();
    });
  }
  for (auto& thread : threads) thread.join();
  const Status older = database_->Migrate("test", kSchema);
  EXPECT_EQ(older.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(older.error().message.find("test schema 3"), std::string::npos) << older.error().message;
}

TEST_F(PostgresTest, WritersOfTwoServersWaitForOneAnother) {
  ASSERT_TRUE(Put(0, "0").has_value());
  const auto other = Open();
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (Database* server : {database_.get(), database_.get(), other.get(), other.get()}) {
    threads.emplace_back([server] {
      for (int i = 0; i < kEach; ++i) {
        const Status added = server->Write([](SqlSession& session) -> Status {
          // Read, then written: lost updates would show.
          KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT name FROM item WHERE id = 0"));
          const int count = std::stoi(AsText(rows.at(0)[0]));
          KEELSON_RETURN_IF_ERROR(
              session.Execute("UPDATE item SET name = ? WHERE id = 0", {std::to_string(count + 1)}));
          return {};
        });
        EXPECT_TRUE(added.has_value()) << added.error().ToString();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const Status read = other->Read([&](SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT name FROM item WHERE id = 0"));
    EXPECT_EQ(AsText(rows.at(0)[0]), std::to_string(4 * kEach));
    return {};
  });
  EXPECT_TRUE(read.has_value());
}

TEST_F(PostgresTest, ASecondServerIsRefusedUntilTheFirstEnds) {
  const std::string url = TestPostgres();
  auto first = OpenPostgres(url, PostgresServers::kAlone);
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  const auto second = OpenPostgres(url, PostgresServers::kAlone);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  // PostgreSQL forgets the lock when it restarts; the next write takes it again.
  Control("restart");
  EXPECT_TRUE((*first)->Write([](SqlSession&) { return Status(); }).has_value());
  EXPECT_FALSE(OpenPostgres(url, PostgresServers::kAlone).has_value());
  first->reset();
  EXPECT_TRUE(OpenPostgres(url, PostgresServers::kAlone).has_value());
}

// Restarted and killed under writers: what was acknowledged is there, what was not may be, nothing is there twice, and
// nobody has to begin again.
TEST_F(PostgresTest, WritersLiveThroughItsRestarts) {
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::vector<std::set<std::int64_t>> acknowledged(3);
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < acknowledged.size(); ++writer) {
    threads.emplace_back([&, writer] {
      for (std::int64_t i = 0; !stop; ++i) {
        const std::int64_t id = static_cast<std::int64_t>(writer) * 1'000'000 + i;
        const Status put = Put(id, std::to_string(id));
        // "Already there" would say that a transaction which was committed was made again.
        EXPECT_TRUE(put.has_value() || put.error().code == ErrorCode::kUnavailable) << put.error().ToString();
        if (put.has_value()) {
          acknowledged[writer].insert(id);
        } else {
          ++failed;
        }
      }
    });
  }
  const auto grows = [&](std::size_t least) {
    for (int looks = 0; looks < 600; ++looks) {
      if (Ids().size() >= least) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  };
  EXPECT_TRUE(grows(20));
  for (const char* what : {"restart", "kill", "start", "restart"}) {
    Control(what);
    if (std::string_view(what) == "kill") continue;
    EXPECT_TRUE(grows(Ids().size() + 20)) << what;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  const auto there = Ids();
  for (const auto& ids : acknowledged) {
    for (const std::int64_t id : ids) EXPECT_TRUE(there.contains(id)) << id;
  }
  RecordProperty("failed", failed);
}

}  // namespace
}  // namespace keelson::io
