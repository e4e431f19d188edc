#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/postgres_api.h"
#include "io/sql_connection.h"
#include "io/sql_dialect.h"

namespace keelson::io {

// Where a PostgreSQL is, without the password: "postgresql://user@host:port/database", for errors and logs.
// kInvalidArgument when libpq cannot read the URL.
Result<std::string> PostgresName(const std::string& url);

// One connection to PostgreSQL 13 or newer, with a cache of prepared statements. Statements come in our words and are
// said in PostgreSQL's (InPostgres). A connection that is lost outside a transaction is made again by the next Begin,
// for some seconds and with growing pauses; inside one, what was asked fails with kUnavailable.
class PostgresConnection final : public SqlConnection {
 public:
  // With `alone` it holds the lock that one server has of a schema, for as long as it lives: kFailedPrecondition when
  // another one has it.
  static Result<std::unique_ptr<PostgresConnection>> Open(const std::string& url, bool alone = false);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  Result<std::vector<SqlRow>> Query(std::string_view sql, const std::vector<SqlValue>& values) override;
  Result<std::int64_t> Execute(std::string_view sql, const std::vector<SqlValue>& values) override;
  Status ForEach(std::string_view sql, const std::vector<SqlValue>& values,
                 const std::function<Status(SqlRow&)>& each) override;

  // One writer at a time, of all servers on this database: an advisory lock that ends with the transaction.
  Status BeginWrite() override;
  Status BeginRead() override;
  // When the connection is lost meanwhile, asks over another what became of the transaction.
  Status Commit() override;
  Status RollBack() override;
  bool InTransaction() const override;
  Status RunMigration(const Migration& migration) override;
  bool Lost() const override;

 private:
  using Answer = std::unique_ptr<PGresult, decltype(&::PQclear)>;
  struct Prepared {
    std::string name;
    PostgresStatement statement;
  };

  PostgresConnection(const LibpqApi& api, std::string url, std::string where, bool alone)
      : api_(api), url_(std::move(url)), where_(std::move(where)), alone_(alone) {}

  Status Connect();
  Status TakePlace();
  Status Begin(const std::string& script);
  Result<bool> WasCommitted(const std::string& transaction);
  Result<Answer> RunScript(const std::string& script);  // several statements in PostgreSQL's words; the last's answer
  Result<const Prepared*> Prepare(std::string_view sql, const std::vector<SqlValue>& values);
  Result<Answer> Run(std::string_view sql, const std::vector<SqlValue>& values);
  Answer Hold(PGresult* answer) const { return {answer, api_.clear}; }
  std::unexpected<Error> Failure(const PGresult* answer, std::string_view action) const;
  SqlValue ColumnOf(const PGresult& answer, int row, int column) const;

  const LibpqApi& api_;
  const std::string url_;
  const std::string where_;
  const bool alone_;
  PGconn* handle_ = nullptr;
  std::map<std::string, Prepared, std::less<>> prepared_;  // by the statement and the types of its values
  std::string transaction_;                                // the id of the writing one
};

// The Error of an SQLSTATE ("" when there is none: the connection itself); separate so that it can be tested.
Error PostgresError(std::string_view sqlstate, std::string_view reason, std::string_view action,
                    const std::string& where);

}  // namespace keelson::io
