#include "io/sql_database.h"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>

#include "base/log.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxGroup = 256;  // transactions in one commit
constexpr std::size_t kMaxReaders = 8;
constexpr int kMaxLosses = 3;  // of the connection, under one group, before it is told

[[noreturn]] void WrongType(const char* wanted) {
  LogError("a database column has not the type that the code expects", {{"wanted", wanted}});
  std::abort();
}

// An exception out of `work` (memory, above all) must not end the writer thread.
Status Guarded(const SqlDatabase::Work& work, SqlSession& session) {
  try {
    return work(session);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("a transaction failed: {}", error.what()));
  }
}

}  // namespace

SqlDatabase::SqlDatabase(std::string where, std::unique_ptr<SqlConnection> writer, OpenReader open_reader)
    : where_(std::move(where)),
      open_reader_(std::move(open_reader)),
      writer_(std::move(writer)),
      thread_([this] { RunWriter(); }) {}

SqlDatabase::~SqlDatabase() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  thread_.join();
  idle_readers_.clear();
}

Status SqlDatabase::Write(const Work& work) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    return Fail(ErrorCode::kInternal, "a write transaction must not wait for another one", where_);
  }
  const auto pending = std::make_shared<Pending>();
  pending->work = &work;
  std::unique_lock lock(mutex_);
  queue_.push_back(pending);
  work_ready_.notify_one();
  work_done_.wait(lock, [&] { return pending->done; });
  return pending->status;
}

Status SqlDatabase::Read(const Work& work) {
  KEELSON_ASSIGN_OR_RETURN(auto reader, TakeReader());
  Status status = reader->BeginRead();
  if (status.has_value()) {
    status = Guarded(work, *reader);
    const Status ended = reader->InTransaction() ? reader->RollBack() : Status();
    if (status.has_value()) status = ended;
  }
  // A connection that failed is not used again: the next one looks at the database afresh.
  GiveReader(status.has_value() || status.error().where != where_ ? std::move(reader) : nullptr);
  return status;
}

void SqlDatabase::RunWriter() {
  for (;;) {
    Group group;
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

// One commit for all. When that fails because the connection was lost, once more over another; when it fails as a whole
// for another reason (a full disk, say, for which one of them may be to blame), one commit each.
std::vector<Status> SqlDatabase::WriteGroup(const Group& group) {
  std::vector<Status> statuses(group.size());
  Status together;
  bool begun = true;
  for (int losses = 0; begun && losses < kMaxLosses; ++losses) {
    together = CommitTogether(group, statuses, begun);
    if (together.has_value()) return statuses;
    if (!writer_->Lost()) break;
  }
  if (group.size() == 1 || writer_->Lost()) return std::vector<Status>(group.size(), together);
  for (std::size_t i = 0; i < group.size(); ++i) statuses[i] = WriteGroup({group[i]})[0];
  return statuses;
}

Status SqlDatabase::CommitTogether(const Group& group, std::vector<Status>& statuses, bool& begun) {
  const auto run = [&]() -> Status {
    begun = false;
    KEELSON_RETURN_IF_ERROR(writer_->BeginWrite());
    begun = true;
    for (std::size_t i = 0; i < group.size(); ++i) {
      KEELSON_RETURN_IF_ERROR(writer_->Execute("SAVEPOINT one", {}));
      statuses[i] = Guarded(*group[i]->work, *writer_);
      if (!writer_->InTransaction()) {  // the database gave up the whole transaction, of the others too
        return statuses[i].has_value() ? Fail(ErrorCode::kInternal, "a transaction ended itself", where_) : statuses[i];
      }
      if (!statuses[i].has_value()) KEELSON_RETURN_IF_ERROR(writer_->Execute("ROLLBACK TO one", {}));
      KEELSON_RETURN_IF_ERROR(writer_->Execute("RELEASE one", {}));
    }
    return writer_->Commit();
  };
  const Status status = run();
  if (!status.has_value() && writer_->InTransaction()) {
    if (const Status undone = writer_->RollBack(); !undone.has_value()) {
      LogError("could not roll back", {{"error", undone.error().ToString()}});
    }
  }
  return status;
}

Result<std::unique_ptr<SqlConnection>> SqlDatabase::TakeReader() {
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
  auto opened = open_reader_();
  if (!opened.has_value()) GiveReader(nullptr);
  return opened;
}

void SqlDatabase::GiveReader(std::unique_ptr<SqlConnection> reader) {
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

Status SqlDatabase::Migrate(std::string_view component, const std::vector<Migration>& migrations) {
  const std::string name(component);
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].version != static_cast<int>(i) + 1) {
      return Fail(ErrorCode::kInternal, fmt::format("the migrations of {} are not numbered 1, 2, 3, ...", component),
                  where_);
    }
  }
  const auto known = static_cast<std::int64_t>(migrations.size());
  const auto stored_version = [&](SqlSession& session) -> Result<std::int64_t> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT version FROM keelson_schema WHERE component = ?", {name}));
    return rows.empty() ? 0 : AsInt(rows[0][0]);
  };
  std::int64_t stored = 0;
  KEELSON_RETURN_IF_ERROR(Write([&](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "CREATE TABLE IF NOT EXISTS keelson_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"));
    KEELSON_ASSIGN_OR_RETURN(stored, stored_version(session));
    return {};
  }));
  while (stored < known) {
    KEELSON_RETURN_IF_ERROR(Write([&](SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(stored, stored_version(session));  // another server may have gone on
      if (stored >= known) return {};
      const Migration& migration = migrations[static_cast<std::size_t>(stored)];
      KEELSON_RETURN_IF_ERROR(writer_->RunMigration(migration));
      if (migration.then) KEELSON_RETURN_IF_ERROR(migration.then(session));
      ++stored;
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT INTO keelson_schema VALUES (?, ?) "
                          "ON CONFLICT (component) DO UPDATE SET version = excluded.version",
                          {name, stored}));
      return {};
    }));
  }
  if (stored > known) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the database was written by a newer Keelson ({} schema {}; this one knows {}): use that one, or "
                    "`keelson restore` a backup made by this one",
                    component, stored, known),
        where_);
  }
  return {};
}

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

const std::string& AsBytes(const SqlValue& value) {
  if (const auto* blob = std::get_if<SqlBlob>(&value)) return blob->bytes;
  WrongType("blob");
}

bool IsNull(const SqlValue& value) {
  return std::holds_alternative<std::monostate>(value);
}

}  // namespace keelson::io
