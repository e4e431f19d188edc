#include "data/duckdb.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "data/duckdb_api.h"
#include "data/duckdb_values.h"

namespace keelson::data {
namespace {

ErrorCode CodeOf(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
      return ErrorCode::kAborted;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return ErrorCode::kResourceExhausted;
    case DUCKDB_ERROR_IO:
      return ErrorCode::kUnavailable;
    case DUCKDB_ERROR_PERMISSION:
      return ErrorCode::kPermissionDenied;
    case DUCKDB_ERROR_INTERNAL:
    case DUCKDB_ERROR_FATAL:
      return ErrorCode::kInternal;
    default:
      return ErrorCode::kInvalidArgument;
  }
}

std::unexpected<Error> Refusal(const char* message, duckdb_error_type type = DUCKDB_ERROR_INVALID_INPUT) {
  return Fail(CodeOf(type), message == nullptr || *message == '\0' ? "DuckDB failed without a message" : message);
}

// What must be given back to DuckDB, in the order of use. Each destroys itself.
template <typename Handle, auto kDestroy>
struct Owned {
  explicit Owned(const DuckDbApi& duckdb) : api(duckdb) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { (api.*kDestroy)(&handle); }
  const DuckDbApi& api;
  Handle handle{};
};
using OwnedResult = Owned<duckdb_result, &DuckDbApi::destroy_result>;
using OwnedStatement = Owned<duckdb_prepared_statement, &DuckDbApi::destroy_prepare>;
using OwnedStatements = Owned<duckdb_extracted_statements, &DuckDbApi::destroy_extracted>;
using OwnedChunk = Owned<duckdb_data_chunk, &DuckDbApi::destroy_data_chunk>;
using OwnedAppender = Owned<duckdb_appender, &DuckDbApi::appender_destroy>;
using OwnedConfig = Owned<duckdb_config, &DuckDbApi::destroy_config>;

std::string Quote(std::string_view text, char mark) {
  std::string quoted(1, mark);
  for (const char c : text) {
    if (c == mark) quoted.push_back(mark);
    quoted.push_back(c);
  }
  quoted.push_back(mark);
  return quoted;
}

}  // namespace

std::string QuoteIdentifier(std::string_view name) {
  return Quote(name, '"');
}
std::string QuoteText(std::string_view text) {
  return Quote(text, '\'');
}

struct Engine::State {
  const DuckDbApi* api = nullptr;
  Options options;
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;

  ~State() {
    if (connection != nullptr) api->disconnect(&connection);
    if (database != nullptr) api->close(&database);
  }

  // Runs every statement of `sql` and leaves the last one's result in `out`.
  Status Run(std::string_view sql, OwnedResult& out) const {
    OwnedStatements statements(*api);
    const std::string text(sql);
    if (text.find('\0') != std::string::npos) return Fail(ErrorCode::kInvalidArgument, "SQL with a NUL byte");
    const idx_t count = api->extract_statements(connection, text.c_str(), &statements.handle);
    if (count == 0) {
      const char* error = api->extract_statements_error(statements.handle);
      return Refusal(error == nullptr ? "there is no SQL statement" : error);
    }
    for (idx_t i = 0; i < count; ++i) {
      OwnedStatement statement(*api);
      if (api->prepare_extracted_statement(connection, statements.handle, i, &statement.handle) == DuckDBError) {
        return Refusal(api->prepare_error(statement.handle));
      }
      if (i > 0) api->destroy_result(&out.handle);
      if (api->execute_prepared(statement.handle, &out.handle) == DuckDBError) {
        return Refusal(api->result_error(&out.handle), api->result_error_type(&out.handle));
      }
    }
    return {};
  }
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(const Options& options) {
  auto state = std::make_unique<State>();
  KEELSON_ASSIGN_OR_RETURN(state->api, OpenDuckDb());
  state->options = options;
  const DuckDbApi& api = *state->api;
  OwnedConfig config(api);
  if (api.create_config(&config.handle) == DuckDBError)
    return Fail(ErrorCode::kInternal, "DuckDB gave no configuration");
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"memory_limit", fmt::format("{}B", options.memory_bytes)},
      {"threads", fmt::to_string(std::max(options.threads, 1))},
      {"temp_directory", options.temp_folder},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"preserve_insertion_order", "true"},
  };
  for (const auto& [name, value] : settings) {
    if (api.set_config(config.handle, name.c_str(), value.c_str()) == DuckDBError) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("DuckDB refuses {} = \"{}\"", name, value));
    }
  }
  char* error = nullptr;
  if (api.open_ext(nullptr, &state->database, config.handle, &error) == DuckDBError) {
    auto refusal = Refusal(error);
    api.free(error);
    return refusal;
  }
  if (api.connect(state->database, &state->connection) == DuckDBError) {
    return Fail(ErrorCode::kInternal, "DuckDB gave no connection");
  }
  std::unique_ptr<Engine> engine(new Engine(std::move(state)));
  KEELSON_RETURN_IF_ERROR(engine->Execute("SET TimeZone = 'UTC'"));
  return engine;
}

Status Engine::Execute(std::string_view sql) {
  OwnedResult result(*state_->api);
  return state_->Run(sql, result);
}

Result<Table> Engine::Query(std::string_view sql) {
  const DuckDbApi& api = *state_->api;
  OwnedResult result(api);
  KEELSON_RETURN_IF_ERROR(state_->Run(sql, result));
  KEELSON_ASSIGN_OR_RETURN(Table table, TableFor(api, result.handle));
  for (;;) {
    OwnedChunk chunk(api);
    chunk.handle = api.fetch_chunk(result.handle);
    if (chunk.handle == nullptr) return table;
    KEELSON_RETURN_IF_ERROR(AppendChunk(api, result.handle, chunk.handle, table));
  }
}

Result<Schema> Engine::Stream(std::string_view sql, const std::function<Status(const Table&)>& sink) {
  const DuckDbApi& api = *state_->api;
  OwnedResult result(api);
  KEELSON_RETURN_IF_ERROR(state_->Run(sql, result));
  KEELSON_ASSIGN_OR_RETURN(const Table empty, TableFor(api, result.handle));
  for (;;) {
    OwnedChunk chunk(api);
    chunk.handle = api.fetch_chunk(result.handle);
    if (chunk.handle == nullptr) return empty.schema();
    Table part = empty;
    KEELSON_RETURN_IF_ERROR(AppendChunk(api, result.handle, chunk.handle, part));
    KEELSON_RETURN_IF_ERROR(sink(part));
  }
}

Status Engine::Register(const std::string& name, const Table& table, const std::string& schema_name) {
  const DuckDbApi& api = *state_->api;
  if (table.columns().empty())
    return Fail(ErrorCode::kInvalidArgument, fmt::format("table \"{}\" has no columns", name));
  std::string columns;
  for (const Column& column : table.columns()) {
    if (column.name.find('\0') != std::string::npos)
      return Fail(ErrorCode::kInvalidArgument, "a column name has a NUL byte");
    if (!columns.empty()) columns += ", ";
    columns += fmt::format("{} {}", QuoteIdentifier(column.name), SqlTypeOf(column.type));
  }
  KEELSON_RETURN_IF_ERROR(Execute(fmt::format("CREATE SCHEMA IF NOT EXISTS {0}; CREATE OR REPLACE TABLE {0}.{1} ({2})",
                                              QuoteIdentifier(schema_name), QuoteIdentifier(name), columns)));
  OwnedAppender appender(api);
  if (api.appender_create_ext(state_->connection, nullptr, schema_name.c_str(), name.c_str(), &appender.handle) ==
      DuckDBError) {
    return Refusal(api.appender_error(appender.handle));
  }
  std::vector<duckdb_logical_type> types;
  for (const Column& column : table.columns()) types.push_back(api.create_logical_type(DuckDbTypeOf(column.type)));
  OwnedChunk chunk(api);
  chunk.handle = api.create_data_chunk(types.data(), types.size());
  for (duckdb_logical_type& type : types) api.destroy_logical_type(&type);

  const std::size_t step = api.vector_size();
  for (std::size_t first = 0; first < table.rows(); first += step) {
    const std::size_t count = std::min(step, table.rows() - first);
    api.data_chunk_reset(chunk.handle);
    for (std::size_t i = 0; i < table.columns().size(); ++i) {
      FillVector(api, table.columns()[i], first, count, api.data_chunk_get_vector(chunk.handle, i));
    }
    api.data_chunk_set_size(chunk.handle, count);
    if (api.append_data_chunk(appender.handle, chunk.handle) == DuckDBError) {
      return Refusal(api.appender_error(appender.handle));
    }
  }
  if (api.appender_close(appender.handle) == DuckDBError) return Refusal(api.appender_error(appender.handle));
  return {};
}

Status Engine::WriteParquet(std::string_view sql, const std::string& path) {
  return Execute(
      fmt::format("COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)", sql, QuoteText(path)));
}

Status Engine::LockDown() {
  std::string folders;
  for (const std::string& folder : state_->options.folders) {
    if (!folders.empty()) folders += ", ";
    folders += QuoteText(folder);
  }
  return Execute(fmt::format("SET allowed_directories = [{}]; SET enable_external_access = false", folders));
}

void Engine::Interrupt() {
  state_->api->interrupt(state_->connection);
}

std::string Engine::Version() const {
  return state_->api->library_version();
}

}  // namespace keelson::data
