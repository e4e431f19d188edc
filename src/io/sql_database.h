#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "io/database.h"
#include "io/sql_connection.h"

namespace keelson::io {

// What Database promises, by the connections of either database: one thread that groups the transactions that wait
// into one commit, and a few readers beside it. Thread-safe.
class SqlDatabase : public Database {
 public:
  using Work = std::function<Status(SqlSession&)>;
  using OpenReader = std::function<Result<std::unique_ptr<SqlConnection>>()>;

  // `where` names the database in errors.
  SqlDatabase(std::string where, std::unique_ptr<SqlConnection> writer, OpenReader open_reader);
  ~SqlDatabase() override;  // of a database whose transactions have all returned

  Status Migrate(std::string_view component, const std::vector<Migration>& migrations) override;
  Status Write(const Work& work) override;
  Status Read(const Work& work) override;

 protected:
  const std::string& where() const { return where_; }
  Result<std::unique_ptr<SqlConnection>> NewReader() const { return open_reader_(); }

 private:
  // The line that WriteGroup waits for; shared, because a caller may be gone before the writer has finished waking it.
  struct Pending {
    const Work* work = nullptr;
    Status status;
    bool done = false;
  };
  using Group = std::vector<std::shared_ptr<Pending>>;

  void RunWriter();
  std::vector<Status> WriteGroup(const Group& group);
  Status CommitTogether(const Group& group, std::vector<Status>& statuses, bool& begun);
  Result<std::unique_ptr<SqlConnection>> TakeReader();
  void GiveReader(std::unique_ptr<SqlConnection> reader);  // nullptr when it is not to be used again

  const std::string where_;
  const OpenReader open_reader_;
  const std::unique_ptr<SqlConnection> writer_;  // used by thread_ alone

  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable work_done_;
  std::condition_variable reader_ready_;
  std::deque<std::shared_ptr<Pending>> queue_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<SqlConnection>> idle_readers_;
  std::size_t readers_ = 0;  // idle and in use

  std::thread thread_;  // last: it uses all above
};

}  // namespace keelson::io
