#include "data/snapshot.h"

#include <fmt/format.h>

#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/random.h"
#include "io/files.h"

namespace keelson::data {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kExtension = ".parquet";

static_assert(std::endian::native == std::endian::little, "values are hashed as they lie in memory");

template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string DescriptionPath(const std::string& parquet_path) {
  return parquet_path.substr(0, parquet_path.size() - kExtension.size()) + ".json";
}

std::string ToJson(const Snapshot& snapshot) {
  Json schema = Json::array();
  for (const ColumnSchema& column : snapshot.schema) {
    schema.push_back({{"name", column.name}, {"type", ColumnTypeName(column.type)}});
  }
  return Json{{"hash", snapshot.hash}, {"schema", schema}, {"rows", snapshot.rows}, {"origin", snapshot.origin}}.dump(
      2, ' ', false, Json::error_handler_t::replace);
}

std::unexpected<Error> Damaged(const std::string& path, std::string_view what) {
  return Fail(ErrorCode::kDataLoss, fmt::format("a damaged snapshot: {}", what), path);
}

// An error while a snapshot is read means that the file is damaged, unless the machine is at fault.
std::unexpected<Error> ReadError(const Error& error, const std::string& path) {
  const bool machine = error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kAborted ||
                       error.code == ErrorCode::kPermissionDenied;
  return Fail(machine ? error.code : ErrorCode::kDataLoss, error.message, path);
}

std::string SelectFrom(const std::string& path) {
  return fmt::format("SELECT * FROM read_parquet({})", QuoteText(path));
}

}  // namespace

struct ContentHash::State {
  struct PerColumn {
    Sha256 valid;
    Sha256 values;
  };
  std::vector<PerColumn> columns;
  std::uint64_t rows = 0;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {}
ContentHash::~ContentHash() = default;

void ContentHash::Update(const Table& part) {
  state_->rows += part.rows();
  state_->columns.resize(part.columns().size());
  std::string texts;
  for (std::size_t i = 0; i < part.columns().size(); ++i) {
    const Column& column = part.columns()[i];
    auto& hash = state_->columns[i];
    hash.valid.Update(BytesOf(column.valid));
    hash.values.Update(BytesOf(column.ints));
    hash.values.Update(BytesOf(column.doubles));
    texts.clear();
    for (const std::string& text : column.strings) {
      const std::uint64_t length = text.size();
      texts.append(reinterpret_cast<const char*>(&length), sizeof(length));
      texts += text;
    }
    hash.values.Update(texts);
  }
}

std::string ContentHash::Hex(const Schema& schema) {
  state_->columns.resize(schema.size());
  std::string summary = fmt::format("keelson table 1\n{}\n", state_->rows);
  for (std::size_t i = 0; i < schema.size(); ++i) {
    auto& hash = state_->columns[i];
    summary += fmt::format("{} {}:{} {} {}\n", ColumnTypeName(schema[i].type), schema[i].name.size(), schema[i].name,
                           hash.valid.HexDigest(), hash.values.HexDigest());
  }
  return Sha256::Hex(summary);
}

std::string HashTable(const Table& table) {
  ContentHash hash;
  hash.Update(table);
  return hash.Hex(table.schema());
}

Result<Snapshot> TakeSnapshot(Engine& engine, std::string_view sql, const std::string& folder,
                              const std::string& origin) {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
  // Run once, so that what is hashed is what is written.
  const std::string table = QuoteIdentifier("snapshot_" + RandomId());
  KEELSON_RETURN_IF_ERROR(engine.Execute(fmt::format("CREATE TEMP TABLE {} AS {}", table, sql)));
  const auto take = [&]() -> Result<Snapshot> {
    Snapshot snapshot;
    ContentHash hash;
    const std::string rows = fmt::format("SELECT * FROM {}", table);
    KEELSON_ASSIGN_OR_RETURN(snapshot.schema, engine.Stream(rows, [&](const Table& part) -> Status {
      hash.Update(part);
      snapshot.rows += part.rows();
      return {};
    }));
    snapshot.hash = hash.Hex(snapshot.schema);
    snapshot.path = folder + "/" + snapshot.hash + std::string(kExtension);
    snapshot.origin = origin;
    if (io::Exists(snapshot.path)) {
      if (auto existing = DescribeSnapshot(snapshot.path); existing.has_value()) return existing;
    }
    const std::string temporary = snapshot.path + "." + RandomId();
    Status status = engine.WriteParquet(rows, temporary);
    if (status.has_value()) status = io::Rename(temporary, snapshot.path);
    if (status.has_value()) status = io::WriteFileAtomically(DescriptionPath(snapshot.path), ToJson(snapshot));
    if (!status.has_value()) {
      std::error_code ignored;
      std::filesystem::remove(temporary, ignored);
      return std::unexpected(std::move(status).error());
    }
    return snapshot;
  };
  auto snapshot = take();
  KEELSON_RETURN_IF_ERROR(engine.Execute(fmt::format("DROP TABLE {}", table)));
  return snapshot;
}

Result<Snapshot> DescribeSnapshot(const std::string& path) {
  if (!path.ends_with(kExtension))
    return Fail(ErrorCode::kInvalidArgument, "expected the path of a .parquet file", path);
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(DescriptionPath(path)));
  try {
    const Json json = Json::parse(text);
    Snapshot snapshot;
    snapshot.path = path;
    snapshot.hash = json.at("hash").get<std::string>();
    snapshot.rows = json.at("rows").get<std::uint64_t>();
    snapshot.origin = json.at("origin").get<std::string>();
    for (const Json& column : json.at("schema")) {
      const auto type = ParseColumnType(column.at("type").get<std::string>());
      if (!type) return Damaged(path, "its description has a column of unknown type");
      snapshot.schema.push_back({column.at("name").get<std::string>(), *type});
    }
    return snapshot;
  } catch (const std::exception& error) {
    return Damaged(path, error.what());
  }
}

Result<Table> LoadSnapshot(Engine& engine, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const Snapshot snapshot, DescribeSnapshot(path));
  auto table = engine.Query(SelectFrom(path));
  if (!table.has_value()) return ReadError(table.error(), path);
  if (table->schema() != snapshot.schema) return Damaged(path, "its columns are not those of its description");
  if (table->rows() != snapshot.rows) {
    return Damaged(path, fmt::format("it has {} rows; expected {}", table->rows(), snapshot.rows));
  }
  return table;
}

Status VerifySnapshot(Engine& engine, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const Snapshot snapshot, DescribeSnapshot(path));
  ContentHash hash;
  const auto schema = engine.Stream(SelectFrom(path), [&](const Table& part) -> Status {
    hash.Update(part);
    return {};
  });
  if (!schema.has_value()) return ReadError(schema.error(), path);
  if (*schema != snapshot.schema) return Damaged(path, "its columns are not those of its description");
  const std::string found = hash.Hex(*schema);
  const std::string named = std::filesystem::path(path).stem().string();
  if (found != named || found != snapshot.hash) {
    return Damaged(path, fmt::format("its content has the hash {}", found));
  }
  return {};
}

}  // namespace keelson::data
