#include "io/postgres_connection.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <thread>
#include <type_traits>

#include "base/strings.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxStatements = 256;
constexpr int kOldestServer = 130'000;  // pg_current_xact_id() came with 13
constexpr auto kFirstPause = std::chrono::milliseconds(50);
constexpr auto kLongestPause = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::seconds(10);        // with a server that is not there
constexpr auto kPlacePatience = std::chrono::seconds(3);    // with a server that is just ending
constexpr auto kOutcomePatience = std::chrono::seconds(5);  // with a transaction whose end is not known yet

// Any number, the same for every server: "keel" in ASCII. Beside it the schema, of which a database may have several.
constexpr std::int32_t kWritersLock = 0x6b65656c;
constexpr std::int32_t kServersLock = kWritersLock + 1;

// PostgreSQL's numbers of types, from its catalog/pg_type.dat.
constexpr Oid kBool = 16;
constexpr Oid kBytea = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kFloat4 = 700;
constexpr Oid kFloat8 = 701;
constexpr Oid kNumeric = 1700;
constexpr Oid kToBeInferred = 0;

Oid TypeOf(const SqlValue& value) {
  return std::visit(
      [](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::int64_t>) {
          return kInt8;
        } else if constexpr (std::is_same_v<T, double>) {
          return kFloat8;
        } else if constexpr (std::is_same_v<T, std::string>) {
          return kText;
        } else if constexpr (std::is_same_v<T, SqlBlob>) {
          return kBytea;
        } else {
          return kToBeInferred;
        }
      },
      value);
}

// In PostgreSQL's text form; NULL has none.
std::string TextOf(const SqlValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else if constexpr (std::is_same_v<T, std::string>) {
          return v;
        } else if constexpr (std::is_same_v<T, SqlBlob>) {
          return "\\x" + HexEncode(v.bytes);
        } else {
          return fmt::format("{}", v);
        }
      },
      value);
}

// Whole while it can be: sums are numeric in PostgreSQL.
SqlValue NumberIn(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size()) return whole;
  return std::strtod(std::string(text).c_str(), nullptr);  // also "Infinity" and "NaN"
}

// With growing pauses until `attempt` says that it is done or the patience is over.
template <typename Attempt>
void WithPauses(std::chrono::steady_clock::duration patience, const Attempt& attempt) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (std::chrono::steady_clock::duration pause = kFirstPause; !attempt(); pause *= 2) {
    if (std::chrono::steady_clock::now() + pause > until) return;
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(pause, kLongestPause));
  }
}

}  // namespace

Error PostgresError(std::string_view sqlstate, std::string_view reason, std::string_view action,
                    const std::string& where) {
  const auto make = [&](ErrorCode code, std::string_view advice) {
    return Error{code, fmt::format("cannot {}: {}{}{}", action, Trim(reason), advice.empty() ? "" : "; ", advice),
                 where};
  };
  const auto is = [&](std::string_view kind) { return sqlstate.starts_with(kind); };
  if (sqlstate.empty() || is("08") || is("57P")) return make(ErrorCode::kUnavailable, "PostgreSQL must be running");
  if (is("23505")) return make(ErrorCode::kAlreadyExists, "");
  if (is("23")) return make(ErrorCode::kFailedPrecondition, "");
  if (is("53100")) return make(ErrorCode::kResourceExhausted, "make room on PostgreSQL's disk, then try again");
  if (is("53300")) return make(ErrorCode::kUnavailable, "PostgreSQL's max_connections are in use");
  if (is("53") || is("54")) return make(ErrorCode::kResourceExhausted, "");
  if (is("40") || is("55P03") || is("57014")) return make(ErrorCode::kUnavailable, "");
  if (is("25006")) return make(ErrorCode::kPermissionDenied, "this PostgreSQL is read-only; name the primary");
  if (is("28") || is("42501")) return make(ErrorCode::kPermissionDenied, "");
  if (is("3D000")) return make(ErrorCode::kNotFound, "make it with createdb");
  if (is("22021") || is("22P05")) return make(ErrorCode::kInvalidArgument, "");
  if (is("XX001") || is("XX002")) return make(ErrorCode::kDataLoss, "PostgreSQL found its own files damaged");
  return make(ErrorCode::kInternal, "");
}

Result<std::string> PostgresName(const std::string& url) {
  KEELSON_ASSIGN_OR_RETURN(const LibpqApi* const api, OpenLibpq());
  char* reason = nullptr;
  PQconninfoOption* const options = api->conninfoParse(url.c_str(), &reason);
  if (options == nullptr) {
    const std::string why = reason == nullptr ? "out of memory" : std::string(Trim(reason));
    api->freemem(reason);
    return Fail(ErrorCode::kInvalidArgument, fmt::format("not the URL of a PostgreSQL database: {}", why));
  }
  std::map<std::string_view, std::string> given;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) given[option->keyword] = option->val;
  }
  api->conninfoFree(options);
  const auto part = [&](std::string_view before, std::string_view keyword, std::string_view after) {
    const auto found = given.find(keyword);
    return found == given.end() ? std::string() : fmt::format("{}{}{}", before, found->second, after);
  };
  return fmt::format("postgresql://{}{}{}{}", part("", "user", "@"), part("", "host", ""), part(":", "port", ""),
                     part("/", "dbname", ""));
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const std::string& url, bool alone) {
  KEELSON_ASSIGN_OR_RETURN(const LibpqApi* const api, OpenLibpq());
  KEELSON_ASSIGN_OR_RETURN(std::string where, PostgresName(url));
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(*api, url, std::move(where), alone));
  KEELSON_RETURN_IF_ERROR(connection->Connect());
  return connection;
}

PostgresConnection::~PostgresConnection() {
  if (handle_ != nullptr) api_.finish(handle_);
}

Status PostgresConnection::Connect() {
  if (handle_ != nullptr) api_.finish(handle_);
  prepared_.clear();
  // What stands before the URL gives way to it.
  constexpr std::array<const char*, 6> kWords = {
      "fallback_application_name", "connect_timeout", "tcp_user_timeout", "dbname", "client_encoding", nullptr};
  const std::array<const char*, 6> values = {"keelson", "5", "15000", url_.c_str(), "UTF8", nullptr};
  handle_ = api_.connectdbParams(kWords.data(), values.data(), /*expand_dbname=*/1);
  if (api_.status(handle_) != CONNECTION_OK) return Failure(nullptr, "connect to PostgreSQL");
  api_.setNoticeProcessor(
      handle_, [](void*, const char*) {}, nullptr);
  if (api_.serverVersion(handle_) < kOldestServer) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("this PostgreSQL is too old ({}); 13 or newer is needed", api_.serverVersion(handle_) / 10'000),
        where_);
  }
  KEELSON_RETURN_IF_ERROR(RunScript(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', "
      "'local')"));
  return alone_ ? TakePlace() : Status();
}

Status PostgresConnection::TakePlace() {
  Status taken;
  WithPauses(kPlacePatience, [&] {
    const auto answer =
        RunScript(fmt::format("SELECT pg_try_advisory_lock({}, hashtext(current_schema()))", kServersLock));
    if (!answer.has_value()) {
      taken = std::unexpected(answer.error());
      return true;
    }
    const bool ours = std::string_view(api_.getvalue(answer->get(), 0, 0)) == "t";
    taken = ours ? Status()
                 : Fail(ErrorCode::kFailedPrecondition, "another server uses this database; stop it first", where_);
    return ours;
  });
  if (!taken.has_value()) {  // the next use connects anew, and asks again
    api_.finish(handle_);
    handle_ = nullptr;
  }
  return taken;
}

std::unexpected<Error> PostgresConnection::Failure(const PGresult* answer, std::string_view action) const {
  const char* const state = answer == nullptr ? nullptr : api_.resultErrorField(answer, PG_DIAG_SQLSTATE);
  const char* const reason = answer == nullptr ? api_.errorMessage(handle_) : api_.resultErrorMessage(answer);
  return std::unexpected(PostgresError(state == nullptr ? "" : state, reason, action, where_));
}

bool PostgresConnection::Lost() const {
  return api_.status(handle_) != CONNECTION_OK;
}

bool PostgresConnection::InTransaction() const {
  const PGTransactionStatusType status = api_.transactionStatus(handle_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

Result<PostgresConnection::Answer> PostgresConnection::RunScript(const std::string& script) {
  Answer answer = Hold(api_.exec(handle_, script.c_str()));
  const ExecStatusType status = api_.resultStatus(answer.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return answer;
  return Failure(answer.get(), "use PostgreSQL");
}

// Also over a connection that was lost since its last use.
Status PostgresConnection::Begin(const std::string& script) {
  Status begun;
  WithPauses(kPatience, [&] {
    if (Lost()) begun = Connect();
    if (!Lost()) {
      const auto answer = RunScript(script);
      begun = answer.has_value() ? Status() : std::unexpected(answer.error());
      if (answer.has_value() && api_.ntuples(answer->get()) == 1) transaction_ = api_.getvalue(answer->get(), 0, 0);
    }
    return begun.has_value() || begun.error().code != ErrorCode::kUnavailable;
  });
  return begun;
}

Status PostgresConnection::BeginWrite() {
  return Begin(
      fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_current_xact_id()::text FROM "
                  "(SELECT pg_advisory_xact_lock({}, hashtext(current_schema()))) AS locked",
                  kWritersLock));
}

Status PostgresConnection::BeginRead() {
  return Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

Status PostgresConnection::RollBack() {
  KEELSON_RETURN_IF_ERROR(RunScript("ROLLBACK"));
  return {};
}

Status PostgresConnection::Commit() {
  const auto answer = RunScript("COMMIT");
  if (answer.has_value()) {
    // A transaction in which a statement failed is rolled back by COMMIT, which succeeds.
    if (std::string_view(api_.cmdStatus(answer->get())) == "COMMIT") return {};
    return Fail(ErrorCode::kInternal, "the transaction was rolled back", where_);
  }
  if (!Lost()) return std::unexpected(answer.error());
  KEELSON_ASSIGN_OR_RETURN(const bool committed, WasCommitted(transaction_));
  if (committed) return {};
  // So that it is made again: nothing of it is there.
  api_.finish(handle_);
  handle_ = nullptr;
  return std::unexpected(answer.error());
}

Result<bool> PostgresConnection::WasCommitted(const std::string& transaction) {
  Result<bool> outcome = Fail(ErrorCode::kUnavailable, "whether a transaction was committed is not known", where_);
  WithPauses(kPatience + kOutcomePatience, [&] {
    if (Lost() && !Connect().has_value()) return false;
    const auto answer = RunScript(fmt::format("SELECT pg_xact_status('{}')", transaction));
    if (!answer.has_value()) return false;
    const std::string_view status = api_.getvalue(answer->get(), 0, 0);
    if (status == "in progress") return false;
    if (status == "committed") outcome = true;
    if (status == "aborted") outcome = false;
    return true;
  });
  return outcome;
}

Status PostgresConnection::RunMigration(const Migration& migration) {
  const std::string script(migration.postgres.empty() ? InPostgres(migration.sql).text : migration.postgres);
  KEELSON_RETURN_IF_ERROR(RunScript(script));
  return {};
}

Result<const PostgresConnection::Prepared*> PostgresConnection::Prepare(std::string_view sql,
                                                                        const std::vector<SqlValue>& values) {
  std::vector<Oid> types;
  std::string key(sql);
  for (const SqlValue& value : values) {
    types.push_back(TypeOf(value));
    key += static_cast<char>('a' + value.index());
  }
  if (const auto found = prepared_.find(key); found != prepared_.end()) return &found->second;
  if (prepared_.size() >= kMaxStatements) {
    KEELSON_RETURN_IF_ERROR(RunScript("DEALLOCATE ALL"));
    prepared_.clear();
  }
  Prepared made{fmt::format("s{}", prepared_.size()), InPostgres(sql)};
  if (made.statement.parameters != values.size()) {
    return Fail(ErrorCode::kInternal, fmt::format("{} values given for \"{}\"", values.size(), sql), where_);
  }
  const Answer answer = Hold(api_.prepare(handle_, made.name.c_str(), made.statement.text.c_str(),
                                          static_cast<int>(types.size()), types.data()));
  if (api_.resultStatus(answer.get()) != PGRES_COMMAND_OK) {
    return Failure(answer.get(), fmt::format("prepare \"{}\"", sql));
  }
  return &prepared_.emplace(std::move(key), std::move(made)).first->second;
}

Result<PostgresConnection::Answer> PostgresConnection::Run(std::string_view sql, const std::vector<SqlValue>& values) {
  KEELSON_ASSIGN_OR_RETURN(const Prepared* const prepared, Prepare(sql, values));
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const SqlValue& value : values) texts.push_back(TextOf(value));
  for (const std::size_t glob : prepared->statement.globs) texts[glob - 1] = LikeOfGlob(texts[glob - 1]);
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (texts[i].find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "a text for PostgreSQL must not contain a NUL byte", where_);
    }
    pointers.push_back(IsNull(values[i]) ? nullptr : texts[i].c_str());
  }
  Answer answer = Hold(api_.execPrepared(handle_, prepared->name.c_str(), static_cast<int>(values.size()),
                                         pointers.data(), nullptr, nullptr, /*resultFormat=*/0));
  const ExecStatusType status = api_.resultStatus(answer.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return answer;
  if (status == PGRES_EMPTY_QUERY) return Fail(ErrorCode::kInternal, "not one SQL statement: \"\"", where_);
  return Failure(answer.get(), "use PostgreSQL");
}

SqlValue PostgresConnection::ColumnOf(const PGresult& answer, int row, int column) const {
  if (api_.getisnull(&answer, row, column) != 0) return std::monostate{};
  const std::string_view text(api_.getvalue(&answer, row, column),
                              static_cast<std::size_t>(api_.getlength(&answer, row, column)));
  switch (api_.ftype(&answer, column)) {
    case kBool:
      return std::int64_t{text == "t"};
    case kInt2:
    case kInt4:
    case kInt8:
    case kNumeric:
      return NumberIn(text);
    case kFloat4:
    case kFloat8:
      return std::strtod(std::string(text).c_str(), nullptr);
    case kBytea:
      return SqlBlob{HexDecode(text.substr(std::min<std::size_t>(text.size(), 2))).value_or("")};  // behind "\\x"
    default:
      return std::string(text);
  }
}

Result<std::vector<SqlRow>> PostgresConnection::Query(std::string_view sql, const std::vector<SqlValue>& values) {
  KEELSON_ASSIGN_OR_RETURN(const Answer answer, Run(sql, values));
  std::vector<SqlRow> rows(static_cast<std::size_t>(api_.ntuples(answer.get())));
  const int columns = api_.nfields(answer.get());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row].reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      rows[row].push_back(ColumnOf(*answer, static_cast<int>(row), column));
    }
  }
  return rows;
}

Status PostgresConnection::ForEach(std::string_view sql, const std::vector<SqlValue>& values,
                                   const std::function<Status(SqlRow&)>& each) {
  KEELSON_ASSIGN_OR_RETURN(const Answer answer, Run(sql, values));
  const int rows = api_.ntuples(answer.get());
  SqlRow row;
  for (int i = 0; i < rows; ++i) {
    row.resize(static_cast<std::size_t>(api_.nfields(answer.get())));
    for (std::size_t column = 0; column < row.size(); ++column) {
      row[column] = ColumnOf(*answer, i, static_cast<int>(column));
    }
    KEELSON_RETURN_IF_ERROR(each(row));
  }
  return {};
}

Result<std::int64_t> PostgresConnection::Execute(std::string_view sql, const std::vector<SqlValue>& values) {
  KEELSON_ASSIGN_OR_RETURN(const Answer answer, Run(sql, values));
  const SqlValue changed = NumberIn(api_.cmdTuples(answer.get()));
  return std::holds_alternative<std::int64_t>(changed) ? AsInt(changed) : 0;
}

}  // namespace keelson::io
