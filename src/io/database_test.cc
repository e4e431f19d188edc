#include "io/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <latch>
#include <set>
#include <thread>

#include "io/files.h"
#include "io/sqlite_connection.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

const std::vector<Migration> kSchema = {{1,
                                         "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;"
                                         "CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id)) STRICT;"}};

class DatabaseTest : public testing::Test {
 protected:
  void Open() {
    database_.reset();
    auto opened = Database::Open(path_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    database_ = std::move(*opened);
    ASSERT_TRUE(database_->Migrate("test", kSchema).has_value());
  }
  void SetUp() override { Open(); }

  Status Put(std::int64_t id, const SqlValue& name) {
    return database_->Write([&](SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO item VALUES (?, ?)", {id, name}));
      return {};
    });
  }
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

  TempFolder folder_ = *TempFolder::Make();
  std::string path_ = folder_.File("keelson.db");
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, ValuesComeBackAsTheyWere) {
  const std::string odd("a'b\0c\n\xff", 7);
  const Status status = database_->Write([&](SqlSession& session) -> Status {
    EXPECT_EQ(*session.Execute("CREATE TABLE v (i, d, t, n)"), 0);
    EXPECT_EQ(*session.Execute("INSERT INTO v VALUES (?, ?, ?, ?), (1, 2, 3, 4)",
                               {std::int64_t{-5'000'000'000}, 0.1, odd, std::monostate{}}),
              2);
    EXPECT_EQ(*session.Execute("DELETE FROM v WHERE i = ?", {std::int64_t{77}}), 0);
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT * FROM v ORDER BY i"));
    EXPECT_EQ(rows.size(), 2u);
    EXPECT_EQ(AsInt(rows[0][0]), -5'000'000'000);
    EXPECT_EQ(AsDouble(rows[0][1]), 0.1);
    EXPECT_EQ(AsText(rows[0][2]), odd);
    EXPECT_TRUE(IsNull(rows[0][3]));
    EXPECT_EQ(AsDouble(rows[1][1]), 2.0);
    return {};
  });
  EXPECT_TRUE(status.has_value());
}

TEST_F(DatabaseTest, ErrorsHaveTheirCodesAndRollBack) {
  ASSERT_TRUE(Put(1, "a").has_value());
  EXPECT_EQ(Put(2, "a").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Put(1, "b").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Put(1, "b").error().where, path_);
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
  const Status nested = database_->Write([&](SqlSession&) { return Put(3, "c"); });
  EXPECT_EQ(nested.error().code, ErrorCode::kInternal);
  ASSERT_TRUE(Put(2, "b").has_value());
  EXPECT_TRUE(Ids().contains(1) && Ids().contains(2));
}

TEST_F(DatabaseTest, OneFailureInAGroupLeavesTheOthers) {
  // The writer is held inside the first transaction until the others wait: they are committed as one group.
  std::latch held(1);
  std::latch others(1);
  std::thread first([&] {
    const Status status = database_->Write([&](SqlSession&) -> Status {
      held.count_down();
      others.wait();
      return {};
    });
    EXPECT_TRUE(status.has_value());
  });
  held.wait();
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const Status status = database_->Write([&](SqlSession& session) -> Status {
        KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO item VALUES (?, NULL)", {std::int64_t{i}}));
        if (i % 2 == 1) return Fail(ErrorCode::kAborted, "odd");
        return {};
      });
      if (!status.has_value()) ++failed;
    });
  }
  others.count_down();
  first.join();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 4);
  EXPECT_EQ(Ids(), (std::set<std::int64_t>{0, 2, 4, 6}));
}

TEST_F(DatabaseTest, AReaderSeesOneMoment) {
  ASSERT_TRUE(Put(1, "a").has_value());
  const Status read = database_->Read([&](SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto before, session.Query("SELECT count(*) FROM item"));
    EXPECT_TRUE(Put(2, "b").has_value());  // a writer goes on beside a reader
    KEELSON_ASSIGN_OR_RETURN(const auto after, session.Query("SELECT count(*) FROM item"));
    EXPECT_EQ(before, after);
    const auto written = session.Execute("DELETE FROM item");
    EXPECT_EQ(written.error().code, ErrorCode::kPermissionDenied);
    return {};
  });
  EXPECT_TRUE(read.has_value());
  EXPECT_EQ(Ids().size(), 2u);
}

TEST_F(DatabaseTest, AFullDiskFailsTheOneThatIsTooLarge) {
  ASSERT_TRUE(database_
                  ->Write([](SqlSession& session) -> Status {
                    KEELSON_RETURN_IF_ERROR(session.Query("PRAGMA max_page_count = 20"));
                    return {};
                  })
                  .has_value());
  ASSERT_TRUE(Put(1, "small").has_value());
  std::vector<std::thread> threads;
  std::atomic<int> small = 0;
  for (int i = 2; i < 6; ++i) {
    threads.emplace_back([&, i] { small += Put(i, std::to_string(i)).has_value() ? 1 : 0; });
  }
  const Status large = Put(100, std::string(1 << 20, 'x'));
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(large.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(large.error().where, path_);
  EXPECT_EQ(small, 4);
  Open();
  EXPECT_EQ(Ids(), (std::set<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST_F(DatabaseTest, MigratesStepByStepAndRefusesANewerSchema) {
  ASSERT_TRUE(Put(1, "a").has_value());
  auto two = kSchema;
  two.push_back({2, "ALTER TABLE item ADD COLUMN colour TEXT; UPDATE item SET colour = 'grey';"});
  EXPECT_TRUE(database_->Migrate("test", two).has_value());
  EXPECT_TRUE(database_->Migrate("test", two).has_value());  // again changes nothing
  EXPECT_TRUE(database_->Migrate("other", {{1, "CREATE TABLE other (x)"}}).has_value());
  const Status older = database_->Migrate("test", kSchema);
  EXPECT_EQ(older.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(older.error().message.find("test schema 2"), std::string::npos) << older.error().message;

  two.push_back({3, "CREATE TABLE half (x); INSERT INTO nothing VALUES (1);"});
  EXPECT_FALSE(database_->Migrate("test", two).has_value());
  two[2].sql = "CREATE TABLE half (x);";  // which the failed step must not have left behind
  EXPECT_TRUE(database_->Migrate("test", two).has_value());
  EXPECT_EQ(database_->Migrate("gap", {{2, ""}}).error().code, ErrorCode::kInternal);
}

TEST_F(DatabaseTest, ACheckOfTablesThatIsToldToEndFindsNothingThatIsNotThere) {
  ASSERT_TRUE(database_->Write([](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO item WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000) "
        "SELECT x, 'a name that fills some pages ' || x FROM c"));
    return {};
  }));
  EXPECT_TRUE(database_->CheckTables(std::atomic<bool>(false))->empty());
  for (int round = 0; round < 10; ++round) {
    std::atomic<bool> stop = false;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5 * round));
      stop = true;
    });
    const auto wrong = database_->CheckTables(stop);
    stopper.join();
    ASSERT_TRUE(wrong.has_value()) << wrong.error().ToString();
    EXPECT_TRUE(wrong->empty()) << wrong->front();
  }
}

TEST_F(DatabaseTest, AStatementCanBeInterrupted) {
  const auto connection = *SqliteConnection::Open(path_, SqliteConnection::Mode::kReader);
  const std::jthread interrupter([&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      connection->Interrupt();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  // One that never ends by itself: a test that hangs here is what fails.
  EXPECT_FALSE(
      connection->Query("WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c", {})
          .has_value());
}

TEST_F(DatabaseTest, ACorruptPageIsFoundAndNamed) {
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(Put(i, std::string(2000, static_cast<char>('a' + i % 26)) + std::to_string(i)));
  EXPECT_TRUE(database_->CheckIntegrity()->empty());
  database_.reset();  // the log goes into the file
  auto bytes = *ReadFile(path_);
  const std::size_t page = 4096;
  ASSERT_GT(bytes.size(), 10 * page);
  for (std::size_t at = 4 * page; at < bytes.size(); ++at) bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
  ASSERT_TRUE(WriteFileAtomically(path_, bytes).has_value());

  auto database = *Database::Open(path_);
  const Status read = database->Read([](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Query("SELECT * FROM item"));
    return {};
  });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read.error().where, path_);
  EXPECT_NE(read.error().message.find("keelson doctor"), std::string::npos);
  EXPECT_NE(read.error().message.find("keelson restore"), std::string::npos);
  EXPECT_FALSE(database->CheckIntegrity()->empty());
  EXPECT_FALSE(database->CheckTables(std::atomic<bool>(false))->empty());
  EXPECT_EQ(database->BackupTo(folder_.File("copy.db")).error().code, ErrorCode::kDataLoss);
  database.reset();

  ASSERT_TRUE(WriteFileAtomically(path_, "this is not a database, it is a text that is long enough").has_value());
  EXPECT_EQ(Database::Open(path_).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(CheckDatabaseFile(path_)->size(), 1u);
}

TEST_F(DatabaseTest, ABackupIsTakenBesideWriters) {
  ASSERT_TRUE(Put(1, "a").has_value());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 10; !stop; ++i) EXPECT_TRUE(Put(i, std::to_string(i)).has_value());
  });
  const std::string copy = folder_.File("copy.db");
  for (int i = 0; i < 3; ++i) {
    const Status backed = database_->BackupTo(copy);
    EXPECT_TRUE(backed.has_value()) << backed.error().ToString();
  }
  stop = true;
  writer.join();
  EXPECT_TRUE(CheckDatabaseFile(copy)->empty());
  EXPECT_EQ(database_->BackupTo(folder_.File("none/copy.db")).error().code, ErrorCode::kPermissionDenied);
  database_.reset();
  path_ = copy;
  Open();
  EXPECT_TRUE(Ids().contains(1));
  const auto names = *ListFolder(folder_.path());
  for (const auto& name : names) EXPECT_TRUE(name.starts_with("keelson.db") || name.starts_with("copy.db"));
}

TEST_F(DatabaseTest, AReadOnlyFolderIsSaidSo) {
  ASSERT_TRUE(Put(1, "a").has_value());
  database_.reset();
  namespace fs = std::filesystem;
  fs::permissions(path_, fs::perms::owner_read | fs::perms::others_read | fs::perms::group_read);
  fs::permissions(folder_.path(), static_cast<fs::perms>(0555));
  const pid_t child = fork();
  if (child == 0) {  // root may write everything: be nobody
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const auto opened = Database::Open(path_);
    _exit(!opened.has_value() && opened.error().code == ErrorCode::kPermissionDenied && opened.error().where == path_
              ? 0
              : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  fs::permissions(folder_.path(), static_cast<fs::perms>(0700));
  EXPECT_EQ(Database::Open(folder_.File("none/x.db")).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(Database::Open("").error().code, ErrorCode::kInvalidArgument);
}

TEST(SqliteErrorTest, EveryKindHasItsCode) {
  const std::pair<int, ErrorCode> cases[] = {{SQLITE_CORRUPT, ErrorCode::kDataLoss},
                                             {SQLITE_CORRUPT_INDEX, ErrorCode::kDataLoss},
                                             {SQLITE_NOTADB, ErrorCode::kDataLoss},
                                             {SQLITE_IOERR_SHORT_READ, ErrorCode::kDataLoss},
                                             {SQLITE_FULL, ErrorCode::kResourceExhausted},
                                             {SQLITE_READONLY_DBMOVED, ErrorCode::kPermissionDenied},
                                             {SQLITE_BUSY_SNAPSHOT, ErrorCode::kUnavailable},
                                             {SQLITE_IOERR_FSYNC, ErrorCode::kUnavailable},
                                             {SQLITE_CONSTRAINT_CHECK, ErrorCode::kFailedPrecondition},
                                             {SQLITE_MISUSE, ErrorCode::kInternal}};
  for (const auto& [code, expected] : cases) EXPECT_EQ(SqliteError(code, "", "", "").code, expected) << code;
}

// Kills a process in which four threads write, at `acknowledged` acknowledgements, and looks for each of them.
void KillWhileWriting(int acknowledged) {
  const TempFolder folder = *TempFolder::Make();
  const std::string path = folder.File("keelson.db");
  int acks[2];
  ASSERT_EQ(pipe(acks), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(acks[0]);
    auto database = std::move(*Database::Open(path));
    if (!database->Migrate("test", kSchema).has_value()) _exit(1);
    std::vector<std::thread> threads;
    for (std::int64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::int64_t i = 0;; ++i) {
          const std::int64_t id = thread * 1'000'000 + i;
          const Status status = database->Write([&](SqlSession& session) -> Status {
            KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO item VALUES (?, ?)", {id, std::to_string(id)}));
            KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO part VALUES (?)", {id}));
            return {};
          });
          if (!status.has_value() || write(acks[1], &id, sizeof id) != sizeof id) _exit(1);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  close(acks[1]);
  std::vector<std::int64_t> written;
  std::int64_t id = 0;
  while (read(acks[0], &id, sizeof id) == sizeof id) {
    written.push_back(id);
    if (written.size() == static_cast<std::size_t>(acknowledged)) kill(child, SIGKILL);
  }
  close(acks[0]);
  waitpid(child, nullptr, 0);
  ASSERT_GE(written.size(), static_cast<std::size_t>(acknowledged));

  auto database = std::move(*Database::Open(path));
  EXPECT_TRUE(database->CheckIntegrity()->empty());
  const Status read = database->Read([&](SqlSession& session) -> Status {
    for (const std::int64_t one : written) {
      KEELSON_ASSIGN_OR_RETURN(const auto rows,
                               session.Query("SELECT 1 FROM item, part WHERE id = ? AND item = id", {one}));
      EXPECT_EQ(rows.size(), 1u) << one;
    }
    // And nothing half: every item has its part.
    KEELSON_ASSIGN_OR_RETURN(const auto counts,
                             session.Query("SELECT (SELECT count(*) FROM item), (SELECT count(*) FROM part)"));
    EXPECT_EQ(counts[0][0], counts[0][1]);
    return {};
  });
  EXPECT_TRUE(read.has_value());
}

TEST(DatabaseKillTest, EveryAcknowledgedWriteIsThere) {
  for (const int acknowledged : {1, 37, 400, 1500}) KillWhileWriting(acknowledged);
}

TEST_F(DatabaseTest, GroupCommitServesManyThreads) {
  const auto rate = [&](int threads_count, int each, std::int64_t base) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < threads_count; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < each; ++i) EXPECT_TRUE(Put(base + thread * 100'000 + i, std::monostate{}).has_value());
      });
    }
    for (auto& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return threads_count * each / took.count();
  };
  const double one = rate(1, 400, 0);
  const double eight = rate(8, 400, 10'000'000);
  RecordProperty("transactions_per_second_1_thread", fmt::format("{:.0f}", one));
  RecordProperty("transactions_per_second_8_threads", fmt::format("{:.0f}", eight));
  EXPECT_EQ(Ids().size(), 9u * 400u);
}

}  // namespace
}  // namespace keelson::io
