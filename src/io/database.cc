#include "io/database.h"

#include <fmt/format.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/random.h"
#include "io/files.h"
#include "io/sqlite_connection.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxGroup = 256;  // transactions in one commit
constexpr std::size_t kMaxReaders = 8;

using Work = std::function<Status(SqlSession&)>;

[[noreturn]] void WrongType(const char* wanted) {
  LogError("a database column has not the type that the code expects", {{"wanted", wanted}});
  std::abort();
}

// An exception out of `work` (memory, above all) must not end the writer thread.
Status Guarded(const Work& work, SqlSession& session) {
  try {
    return work(session);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("a transaction failed: {}", error.what()));
  }
}

// The line that WriteGroup waits for; shared, because a caller may be gone before the writer has finished waking it.
struct Pending {
  const Work* work = nullptr;
  Status status;
  bool done = false;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string path, std::unique_ptr<SqliteConnection> writer)
      : path_(std::move(path)), writer_(std::move(writer)), thread_([this] { RunWriter(); }) {}

  ~SqliteDatabase() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_ready_.notify_all();
    thread_.join();
    idle_readers_.clear();
  }

  Status Write(const Work& work) override {
    if (std::this_thread::get_id() == thread_.get_id()) {
      return Fail(ErrorCode::kInternal, "a write transaction must not wait for another one", path_);
    }
    const auto pending = std::make_shared<Pending>();
    pending->work = &work;
    std::unique_lock lock(mutex_);
    queue_.push_back(pending);
    work_ready_.notify_one();
    work_done_.wait(lock, [&] { return pending->done; });
    return pending->status;
  }

  Status Read(const Work& work) override {
    KEELSON_ASSIGN_OR_RETURN(auto reader, TakeReader());
    Status status = reader->RunScript("BEGIN");
    if (status.has_value()) {
      status = Guarded(work, *reader);
      const Status ended = reader->InTransaction() ? reader->RunScript("ROLLBACK") : Status();
      if (status.has_value()) status = ended;
    }
    // A connection that failed is not used again: the next one looks at the file afresh.
    GiveReader(status.has_value() || status.error().where != path_ ? std::move(reader) : nullptr);
    return status;
  }

  Status Migrate(std::string_view component, const std::vector<Migration>& migrations) override;
  Status BackupTo(const std::string& path) override;
  Result<std::vector<std::string>> CheckIntegrity() override;

 private:
  void RunWriter() {
    for (;;) {
      std::vector<std::shared_ptr<Pending>> group;
      {
        std::unique_lock lock(mutex_);
        work_ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        while (!queue_.empty() && group.size() < kMaxGroup) {
          group.push_back(std::move(queue_.front()));
          queue_.pop_front();
        }
      }
      std::vector<Status> statuses = WriteGroup(group);
      {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < group.size(); ++i) {
          group[i]->status = std::move(statuses[i]);
          group[i]->done = true;
        }
      }
      work_done_.notify_all();
    }
  }

  // One commit for all; when that fails as a whole (a full disk, say, for which one of them may be to blame), one
  // commit each.
  std::vector<Status> WriteGroup(const std::vector<std::shared_ptr<Pending>>& group) {
    std::vector<Status> statuses(group.size());
    const Status together = CommitTogether(group, statuses);
    if (together.has_value()) return statuses;
    if (group.size() == 1) return {together};
    for (std::size_t i = 0; i < group.size(); ++i) statuses[i] = WriteGroup({group[i]})[0];
    return statuses;
  }

  Status CommitTogether(const std::vector<std::shared_ptr<Pending>>& group, std::vector<Status>& statuses) {
    const auto run = [&]() -> Status {
      KEELSON_RETURN_IF_ERROR(writer_->Execute("BEGIN IMMEDIATE", {}));
      for (std::size_t i = 0; i < group.size(); ++i) {
        KEELSON_RETURN_IF_ERROR(writer_->Execute("SAVEPOINT one", {}));
        statuses[i] = Guarded(*group[i]->work, *writer_);
        if (!writer_->InTransaction()) {  // SQLite gave up the whole transaction, of the others too
          return statuses[i].has_value() ? Fail(ErrorCode::kInternal, "a transaction ended itself", path_)
                                         : statuses[i];
        }
        if (!statuses[i].has_value()) KEELSON_RETURN_IF_ERROR(writer_->Execute("ROLLBACK TO one", {}));
        KEELSON_RETURN_IF_ERROR(writer_->Execute("RELEASE one", {}));
      }
      KEELSON_RETURN_IF_ERROR(writer_->Execute("COMMIT", {}));
      return {};
    };
    const Status status = run();
    if (!status.has_value() && writer_->InTransaction()) {
      if (const auto undone = writer_->Execute("ROLLBACK", {}); !undone.has_value()) {
        LogError("could not roll back", {{"error", undone.error().ToString()}});
      }
    }
    return status;
  }

  Result<std::unique_ptr<SqliteConnection>> TakeReader() {
    {
      std::unique_lock lock(mutex_);
      reader_ready_.wait(lock, [&] { return !idle_readers_.empty() || readers_ < kMaxReaders; });
      if (!idle_readers_.empty()) {
        auto reader = std::move(idle_readers_.back());
        idle_readers_.pop_back();
        return reader;
      }
      ++readers_;
    }
    auto opened = SqliteConnection::Open(path_, SqliteConnection::Mode::kReader);
    if (!opened.has_value()) GiveReader(nullptr);
    return opened;
  }

  void GiveReader(std::unique_ptr<SqliteConnection> reader) {
    {
      const std::lock_guard lock(mutex_);
      if (reader != nullptr) {
        idle_readers_.push_back(std::move(reader));
      } else {
        --readers_;
      }
    }
    reader_ready_.notify_one();
  }

  const std::string path_;
  const std::unique_ptr<SqliteConnection> writer_;  // used by thread_ alone

  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable work_done_;
  std::condition_variable reader_ready_;
  std::deque<std::shared_ptr<Pending>> queue_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
  std::size_t readers_ = 0;  // idle and in use

  std::thread thread_;  // last: it uses all above
};

Status SqliteDatabase::Migrate(std::string_view component, const std::vector<Migration>& migrations) {
  const std::string name(component);
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].version != static_cast<int>(i) + 1) {
      return Fail(ErrorCode::kInternal, fmt::format("the migrations of {} are not numbered 1, 2, 3, ...", component),
                  path_);
    }
  }
  std::int64_t stored = 0;
  KEELSON_RETURN_IF_ERROR(Write([&](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "CREATE TABLE IF NOT EXISTS keelson_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"));
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT version FROM keelson_schema WHERE component = ?", {name}));
    stored = rows.empty() ? 0 : AsInt(rows[0][0]);
    return {};
  }));
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (stored > known) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the database was written by a newer Keelson ({} schema {}; this one knows {}): use that one, or "
                    "`keelson restore` a backup made by this one",
                    component, stored, known),
        path_);
  }
  for (std::int64_t version = stored + 1; version <= known; ++version) {
    KEELSON_RETURN_IF_ERROR(Write([&](SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(writer_->RunScript(migrations[static_cast<std::size_t>(version) - 1].sql));
      KEELSON_RETURN_IF_ERROR(session.Execute("INSERT OR REPLACE INTO keelson_schema VALUES (?, ?)", {name, version}));
      return {};
    }));
  }
  return {};
}

Status SqliteDatabase::BackupTo(const std::string& path) {
  const std::string unfinished = fmt::format("{}.{}", path, RandomId());
  const auto copy = [&]() -> Status {
    KEELSON_ASSIGN_OR_RETURN(auto reader, SqliteConnection::Open(path_, SqliteConnection::Mode::kReader));
    KEELSON_RETURN_IF_ERROR(reader->CopyTo(unfinished));
    KEELSON_ASSIGN_OR_RETURN(const auto wrong, CheckDatabaseFile(unfinished));
    if (!wrong.empty()) {
      return Fail(ErrorCode::kDataLoss, fmt::format("the copy of the database is not sound: {}", wrong[0]), path_);
    }
    KEELSON_RETURN_IF_ERROR(SyncTree(unfinished));
    return Rename(unfinished, path);
  };
  const Status copied = copy();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (const Status removed = RemoveTree(unfinished + suffix); !removed.has_value() && copied.has_value())
      return removed;
  }
  return copied;
}

Result<std::vector<std::string>> SqliteDatabase::CheckIntegrity() {
  return CheckDatabaseFile(path_);
}

}  // namespace

std::int64_t AsInt(const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  WrongType("integer");
}

double AsDouble(const SqlValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
  WrongType("number");
}

const std::string& AsText(const SqlValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  WrongType("text");
}

bool IsNull(const SqlValue& value) {
  return std::holds_alternative<std::monostate>(value);
}

Result<std::vector<std::string>> CheckDatabaseFile(const std::string& path) {
  const auto check = [&]() -> Result<std::vector<std::string>> {
    KEELSON_ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(path, SqliteConnection::Mode::kReader));
    std::vector<std::string> wrong;
    KEELSON_ASSIGN_OR_RETURN(const auto lines, connection->Query("PRAGMA integrity_check(100)", {}));
    for (const SqlRow& line : lines) {
      if (AsText(line[0]) != "ok") wrong.push_back(AsText(line[0]));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto orphans, connection->Query("PRAGMA foreign_key_check", {}));
    for (const SqlRow& row : orphans) {
      wrong.push_back(
          fmt::format("a row of {} refers to a row of {} that is not there", AsText(row[0]), AsText(row[2])));
    }
    return wrong;
  };
  auto wrong = check();
  if (!wrong.has_value() && wrong.error().code == ErrorCode::kDataLoss) return std::vector{wrong.error().message};
  return wrong;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(auto writer, SqliteConnection::Open(path, SqliteConnection::Mode::kWriter));
  return std::make_unique<SqliteDatabase>(path, std::move(writer));
}

}  // namespace keelson::io
