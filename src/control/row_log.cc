#include "control/row_log.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace keelson::control {
namespace {

// Applies one frame: columns change `schema`; a batch is given to `visit`.
Status TakeFrame(const std::string& frame, const std::string& path, data::Schema& schema,
                 const std::function<Status(const RowLog::Batch&)>& visit) {
  if (IsColumnsFrame(frame)) {
    auto columns = DecodeColumns(frame);
    if (!columns) return Fail(columns.error().code, columns.error().message, path);
    schema = *std::move(columns);
    return {};
  }
  const auto batch = DecodeBatch(frame, schema);
  if (!batch) return Fail(batch.error().code, batch.error().message, path);
  return visit(*batch);
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
        KEELSON_ASSIGN_OR_RETURN(const auto hashes, log->HashesOf(batch.rows));
        log->Remember(hashes);
        return visit(batch);
      }));
    }
    offset = read.end;
  }
  return log;
}

Result<std::vector<RowLog::Hashes>> RowLog::HashesOf(const data::Table& rows) const {
  const data::Column* key = key_column_.empty() ? nullptr : rows.Find(key_column_);
  std::vector<Hashes> hashes;
  hashes.reserve(rows.rows());
  std::string bytes;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    bytes.clear();
    for (const auto& column : rows.columns()) EncodeCell(column, row, bytes);
    const std::uint64_t content = StableHash(bytes);
    if (key_column_.empty()) {
      hashes.push_back({content, content});
      continue;
    }
    if (key == nullptr || key->is_null(row)) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the row has no value for the key \"{}\"", key_column_),
                  fmt::format("rows[{}]", row));
    }
    bytes.clear();
    EncodeCell(*key, row, bytes);
    hashes.push_back({StableHash(bytes), content});
  }
  return hashes;
}

Result<data::Table> RowLog::OnlyNew(const data::Table& batch) const {
  KEELSON_ASSIGN_OR_RETURN(const auto hashes, HashesOf(batch));
  std::unordered_map<std::uint64_t, std::size_t> last;  // row of the batch, by key
  for (std::size_t row = 0; row < hashes.size(); ++row) last[hashes[row].key] = row;
  std::vector<std::size_t> fresh;
  for (std::size_t row = 0; row < hashes.size(); ++row) {
    const auto stored = last_by_key_.find(hashes[row].key);
    const bool says_new = stored == last_by_key_.end() || stored->second != hashes[row].content;
    if (last.at(hashes[row].key) == row && says_new) fresh.push_back(row);
  }
  return fresh.size() == batch.rows() ? batch : batch.Take(fresh);
}

Status RowLog::Append(const data::Table& rows, Instant clock) {
  if (rows.rows() == 0) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto hashes, HashesOf(rows));
  if (data::Schema schema = rows.schema(); schema != schema_) {
    KEELSON_RETURN_IF_ERROR(log_->Append(EncodeColumns(schema)));
    schema_ = std::move(schema);
  }
  KEELSON_RETURN_IF_ERROR(log_->Append(EncodeBatch(sequence_ + 1, clock, rows)));
  dirty_ = true;
  ++sequence_;
  Remember(hashes);
  return {};
}

Status RowLog::Sync() {
  if (!dirty_) return {};
  KEELSON_RETURN_IF_ERROR(log_->Sync());
  dirty_ = false;
  return {};
}

void RowLog::Remember(const std::vector<Hashes>& hashes) {
  for (const auto& [key, content] : hashes) last_by_key_[key] = content;
}

}  // namespace keelson::control
