#include "serving/payload_parquet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/strings.h"
#include "io/files.h"
#include "serving/payload_log.h"
#include "serving/payload_segments.h"
#include "serving/payload_tensor_table.h"

namespace keelson::serving {
namespace {

namespace fs = std::filesystem;
using data::ColumnType;

constexpr std::string_view kParquet = ".parquet";
constexpr std::string_view kUnfinished = ".unfinished";  // not *.parquet, so that no reader takes it

data::Schema SchemaOf(const PayloadSchema& schema) {
  data::Schema columns = {{"request_id", ColumnType::kString}, {"row", ColumnType::kInt64},
                          {"model", ColumnType::kString},      {"version", ColumnType::kString},
                          {"time", ColumnType::kTimestamp},    {"latency_us", ColumnType::kInt64}};
  for (const auto& input : schema.inputs) columns.push_back({"input_" + input.name, input.type});
  for (const auto& output : schema.outputs) columns.push_back({"output_" + output, ColumnType::kDouble});
  return columns;
}

void AppendRecord(const PayloadSchema& schema, const PayloadRecord& record, data::Table* table) {
  auto& columns = table->columns();
  const std::size_t outputs = schema.outputs.size();
  for (std::uint32_t row = 0; row < record.rows; ++row) {
    columns[0].AppendFitting(record.request_id);
    columns[1].AppendFitting(std::int64_t{row});
    columns[2].AppendFitting(schema.model);
    columns[3].AppendFitting(record.version);
    columns[4].AppendFitting(record.time);
    columns[5].AppendFitting(record.latency_us);
    std::size_t column = 6;
    for (const auto& input : record.inputs) columns[column++].AppendFrom(input, row);
    for (std::size_t i = 0; i < outputs; ++i) {
      const auto value = static_cast<double>(record.outputs[row * outputs + i]);
      std::isnan(value) ? columns[column++].AppendNull() : columns[column++].AppendFitting(value);
    }
  }
}

data::Table TableOf(const PayloadSchema& schema, std::span<const PayloadRecord* const> records) {
  if (schema.tensors) return TensorTable(schema, records);
  data::Table table(SchemaOf(schema));
  for (const auto* record : records) AppendRecord(schema, *record, &table);
  return table;
}

class Exporter {
 public:
  Exporter(data::Engine& engine, const PayloadExportOptions& options) : engine_(engine), options_(options) {}

  // Into the batch, unless it is turned already; an open or damaged one is only counted.
  Status Take(const std::string& segment) {
    if (io::Exists(FileOf(segment))) return Remove(segment);
    if (!io::FileLock::IsFree(segment)) {
      ++done_.open;
      return {};
    }
    auto read = ReadPayloadSegment(segment);
    if (!read) {
      done_.damaged.push_back(DamagedSegment(segment, read.error().message));
      return {};
    }
    KEELSON_ASSIGN_OR_RETURN(const std::uint64_t bytes, io::FileSize(segment));
    batch_bytes_ += bytes;
    batch_.emplace_back(segment, *std::move(read));
    return {};
  }
  bool full() const { return batch_bytes_ >= options_.batch_bytes; }

  // What was taken is written.
  Status WriteBatch() {
    if (batch_.empty()) return {};
    KEELSON_RETURN_IF_ERROR(ReadSeen());
    for (const auto& [path, segment] : batch_) {
      KEELSON_RETURN_IF_ERROR(Write(segment, FileOf(path)));
      ++done_.segments;
      KEELSON_RETURN_IF_ERROR(Remove(path));
    }
    batch_.clear();
    batch_bytes_ = 0;
    seen_.clear();
    return {};
  }

  PayloadExport& done() { return done_; }

 private:
  std::string FileOf(const std::string& segment) const { return ParquetOfSegment(segment, options_.from, options_.to); }

  // One whose file is there.
  Status Remove(const std::string& segment) {
    if (!options_.remove) return {};
    std::error_code error;
    if (fs::remove(segment, error)) ++done_.removed;
    if (error) return Fail(ErrorCode::kUnavailable, error.message(), segment);
    return {};
  }

  // The request ids of the batch that stand in a file already. Of all that ever were there are too many for memory.
  Status ReadSeen() {
    data::Table asked({{"request_id", ColumnType::kString}});
    for (const auto& [path, segment] : batch_) {
      for (const auto& record : segment.records) asked.columns()[0].AppendFitting(record.request_id);
    }
    KEELSON_RETURN_IF_ERROR(engine_.Register("asked", asked));
    KEELSON_ASSIGN_OR_RETURN(const auto files, FilesBelow(options_.to, kParquet));
    for (const auto& file : files) {
      const auto sql = fmt::format(
          "SELECT DISTINCT request_id FROM read_parquet({}) WHERE request_id IN (SELECT request_id FROM asked)",
          data::QuoteText(file));
      KEELSON_RETURN_IF_ERROR(engine_.Stream(sql, [&](const data::Table& part) -> Status {
        const auto& ids = part.columns()[0].strings;
        seen_.insert(ids.begin(), ids.end());
        return {};
      }));
    }
    return {};
  }

  // Also of a segment without records: that it was turned is told by the file.
  Status Write(const PayloadSegment& segment, const std::string& file) {
    std::vector<const PayloadRecord*> records;
    for (const auto& record : segment.records) {
      ++done_.records;
      if (seen_.insert(record.request_id).second) {
        records.push_back(&record);
      } else {
        ++done_.repeated;
      }
    }
    const data::Table table = TableOf(segment.schema, records);
    KEELSON_RETURN_IF_ERROR(io::MakeFolders(fs::path(file).parent_path().string()));
    KEELSON_RETURN_IF_ERROR(engine_.Register("payload", table));
    const std::string unfinished = file + std::string(kUnfinished);
    KEELSON_RETURN_IF_ERROR(engine_.WriteParquet("SELECT * FROM payload", unfinished));
    KEELSON_RETURN_IF_ERROR(io::SyncTree(unfinished));
    KEELSON_RETURN_IF_ERROR(io::Rename(unfinished, file));
    done_.rows += table.rows();
    return {};
  }

  data::Engine& engine_;
  const PayloadExportOptions& options_;
  std::vector<std::pair<std::string, PayloadSegment>> batch_;  // by path
  std::uint64_t batch_bytes_ = 0;
  std::unordered_set<std::string> seen_;  // of the batch: in a file, or written meanwhile
  PayloadExport done_;
};

}  // namespace

Result<PayloadExport> ExportPayload(data::Engine& engine, const PayloadExportOptions& options,
                                    const std::function<void(const std::string& line, double fraction)>& progress,
                                    const std::function<bool()>& cancelled) {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(options.to));
  KEELSON_ASSIGN_OR_RETURN(const auto lock, io::FileLock::Acquire(options.to + "/lock"));
  KEELSON_ASSIGN_OR_RETURN(const auto segments, PayloadSegmentsBelow(options.from));
  Exporter exporter(engine, options);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (cancelled()) return Fail(ErrorCode::kAborted, "told to end");
    progress(fmt::format("segment {} of {}", i + 1, segments.size()),
             static_cast<double>(i) / static_cast<double>(segments.size()));
    KEELSON_RETURN_IF_ERROR(exporter.Take(segments[i]));
    if (exporter.full() || i + 1 == segments.size()) KEELSON_RETURN_IF_ERROR(exporter.WriteBatch());
  }
  return std::move(exporter.done());
}

}  // namespace keelson::serving
