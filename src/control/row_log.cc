#include "control/row_log.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace keelson::control {
namespace {

using Json = nlohmann::json;

Json CellJson(const data::Value& value) {
  return std::visit(
      [](const auto& cell) -> Json {
        using T = std::decay_t<decltype(cell)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, Instant>) {
          return ToMicros(cell);
        } else {
          return cell;
        }
      },
      value);
}

data::Value CellValue(const Json& json, data::ColumnType type) {
  if (json.is_null()) return std::monostate{};
  switch (type) {
    case data::ColumnType::kBool:
      return json.get<bool>();
    case data::ColumnType::kInt64:
      return json.get<std::int64_t>();
    case data::ColumnType::kDouble:
      return json.get<double>();
    case data::ColumnType::kString:
      return json.get<std::string>();
    case data::ColumnType::kTimestamp:
      return InstantFromMicros(json.get<std::int64_t>());
  }
  return std::monostate{};
}

Json SchemaJson(const data::Schema& schema) {
  Json columns = Json::array();
  for (const auto& column : schema) {
    columns.push_back({{"name", column.name}, {"type", data::ColumnTypeName(column.type)}});
  }
  return columns;
}

// Applies one frame: a schema frame changes `schema`; a batch is given to `visit`.
Status TakeFrame(const std::string& text, const std::string& path, data::Schema& schema,
                 const std::function<Status(const RowLog::Batch&)>& visit) {
  try {
    const Json json = Json::parse(text);
    if (json.contains("schema")) {
      schema.clear();
      for (const Json& column : json.at("schema")) {
        schema.push_back({column.at("name"), data::ParseColumnType(column.at("type").get<std::string>()).value()});
      }
      return {};
    }
    RowLog::Batch batch{.sequence = json.at("sequence"),
                        .clock = InstantFromMicros(json.at("clock").get<std::int64_t>()),
                        .rows = data::Table(schema)};
    std::vector<data::Value> values(schema.size());
    for (const Json& row : json.at("rows")) {
      for (std::size_t i = 0; i < schema.size(); ++i) values[i] = CellValue(row.at(i), schema[i].type);
      KEELSON_RETURN_IF_ERROR(batch.rows.AppendRow(values));
    }
    return visit(batch);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kDataLoss, fmt::format("a stored row batch does not read back: {}", error.what()), path);
  }
}

}  // namespace

Status RowLog::Read(const std::string& path, std::uint64_t after, std::uint64_t up_to,
                    const std::function<Status(const Batch&)>& visit) {
  data::Schema schema;
  std::uint64_t offset = 0;
  bool done = false;
  while (!done) {
    KEELSON_ASSIGN_OR_RETURN(const auto read, io::ReadFrames(path, offset));
    if (read.frames.empty()) break;
    for (const std::string& frame : read.frames) {
      KEELSON_RETURN_IF_ERROR(TakeFrame(frame, path, schema, [&](const Batch& batch) -> Status {
        done = batch.sequence >= up_to;
        if (batch.sequence > after && batch.sequence <= up_to) return visit(batch);
        return {};
      }));
      if (done) break;
    }
    offset = read.end;
  }
  return {};
}

Result<std::unique_ptr<RowLog>> RowLog::Open(const std::string& path, const std::string& key_column,
                                             const std::function<Status(const Batch&)>& visit) {
  auto log = std::unique_ptr<RowLog>(new RowLog(key_column));
  KEELSON_ASSIGN_OR_RETURN(log->log_, io::FrameLog::OpenForAppend(path));
  std::uint64_t offset = 0;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const auto read, io::ReadFrames(path, offset));
    if (read.frames.empty()) break;
    for (const std::string& frame : read.frames) {
      KEELSON_RETURN_IF_ERROR(TakeFrame(frame, path, log->schema_, [&](const Batch& batch) -> Status {
        log->sequence_ = batch.sequence;
        KEELSON_RETURN_IF_ERROR(log->Remember(batch.rows));
        return visit(batch);
      }));
    }
    offset = read.end;
  }
  return log;
}

Result<std::pair<std::uint64_t, std::uint64_t>> RowLog::HashesOf(const data::Table& rows, std::size_t row) const {
  Json cells = Json::array();
  for (std::size_t column = 0; column < rows.columns().size(); ++column)
    cells.push_back(CellJson(rows.At(row, column)));
  const std::uint64_t content = StableHash(cells.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (key_column_.empty()) return std::pair(content, content);
  const data::Column* key = rows.Find(key_column_);
  if (key == nullptr || key->is_null(row)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the row has no value for the key \"{}\"", key_column_),
                fmt::format("rows[{}]", row));
  }
  const std::string name = key->type == data::ColumnType::kString   ? key->strings[row]
                           : key->type == data::ColumnType::kDouble ? fmt::to_string(key->doubles[row])
                                                                    : fmt::to_string(key->ints[row]);
  return std::pair(StableHash(name), content);
}

Result<data::Table> RowLog::OnlyNew(const data::Table& batch) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes;
  std::unordered_map<std::uint64_t, std::size_t> last;  // row of the batch, by key
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    KEELSON_ASSIGN_OR_RETURN(hashes.emplace_back(), HashesOf(batch, row));
    last[hashes.back().first] = row;
  }
  std::vector<std::size_t> fresh;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const auto& [key, content] = hashes[row];
    const auto stored = last_by_key_.find(key);
    if (last.at(key) == row && (stored == last_by_key_.end() || stored->second != content)) fresh.push_back(row);
  }
  return fresh.size() == batch.rows() ? batch : batch.Take(fresh);
}

Status RowLog::Append(const data::Table& rows, Instant clock) {
  if (rows.rows() == 0) return {};
  const data::Schema schema = rows.schema();
  if (schema != schema_) {
    KEELSON_RETURN_IF_ERROR(log_->Append(Json{{"schema", SchemaJson(schema)}}.dump()));
    schema_ = schema;
  }
  Json cells = Json::array();
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    Json line = Json::array();
    for (std::size_t column = 0; column < schema.size(); ++column) line.push_back(CellJson(rows.At(row, column)));
    cells.push_back(std::move(line));
  }
  const Json frame = {{"sequence", sequence_ + 1}, {"clock", ToMicros(clock)}, {"rows", std::move(cells)}};
  KEELSON_RETURN_IF_ERROR(log_->Append(frame.dump(-1, ' ', false, Json::error_handler_t::replace)));
  dirty_ = true;
  ++sequence_;
  return Remember(rows);
}

Status RowLog::Sync() {
  if (!dirty_) return {};
  KEELSON_RETURN_IF_ERROR(log_->Sync());
  dirty_ = false;
  return {};
}

Status RowLog::Remember(const data::Table& rows) {
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    KEELSON_ASSIGN_OR_RETURN(const auto hashes, HashesOf(rows, row));
    last_by_key_[hashes.first] = hashes.second;
  }
  return {};
}

}  // namespace keelson::control
