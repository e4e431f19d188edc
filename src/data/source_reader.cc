#include "data/source_reader.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "data/csv_scanner.h"
#include "data/duckdb_values.h"
#include "io/files.h"

namespace keelson::data {
namespace {

enum class Format { kCsv, kParquet };

Result<Format> FormatOf(const std::string& file) {
  const std::string lower = ToLower(file);
  if (lower.ends_with(".csv") || lower.ends_with(".csv.gz")) return Format::kCsv;
  if (lower.ends_with(".parquet")) return Format::kParquet;
  return Fail(ErrorCode::kInvalidArgument, "the file's kind is not known; expected .csv, .csv.gz or .parquet", file);
}

template <typename Range, typename Show>
std::string Listed(const Range& range, Show show) {
  std::string text;
  for (const auto& each : range) {
    if (!text.empty()) text += ", ";
    text += show(each);
  }
  return text;
}

std::string QuotedList(const std::vector<std::string>& texts) {
  return "[" + Listed(texts, QuoteText) + "]";
}

std::string TargetOf(const std::string& name) {
  return QuoteIdentifier(kSourceSchema) + "." + QuoteIdentifier(name);
}

// DuckDB's message on a value that does not fit begins with what we need; the rest are hints about options that are
// ours.
std::unexpected<Error> CsvError(const Error& error, const std::vector<std::string>& files) {
  if (error.code != ErrorCode::kInvalidArgument) return std::unexpected(error);
  std::string message = error.message.substr(0, error.message.find("Possible "));
  std::string where = files.size() == 1 ? files.front() : "";
  for (const std::string& file : files) {
    if (error.message.find(file) != std::string::npos) where = file;
  }
  if (const auto at = error.message.find("Line: "); at != std::string::npos) {
    const auto digits = error.message.substr(at + 6, error.message.find_first_not_of("0123456789", at + 6) - at - 6);
    where += ":" + digits;
  }
  return Fail(error.code, std::string(Trim(message)), where);
}

Result<SourceRead> ReadCsv(Engine& engine, const std::string& target, std::vector<std::string> files,
                           const SourceOptions& options) {
  CsvScanner scanner({options.null_values, options.types});
  for (const std::string& file : files) KEELSON_RETURN_IF_ERROR(scanner.ScanFile(file));
  SourceRead read{scanner.schema(), scanner.rows(), std::move(files)};
  for (const ColumnSchema& column : read.schema) {
    if (read.rows > 0 || options.types.contains(column.name)) continue;
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("there are column names but no rows, and nothing else tells what type \"{}\" is; expected at "
                    "least one row, or a type for each column under `types`",
                    column.name),
        read.files.front());
  }
  const std::string columns = Listed(read.schema, [](const ColumnSchema& column) {
    return fmt::format("{}: '{}'", QuoteText(column.name), SqlTypeOf(column.type));
  });
  const std::string nulls = options.null_values.empty() ? "" : ", nullstr = " + QuotedList(options.null_values);
  const std::string sql = fmt::format(
      "CREATE OR REPLACE TABLE {} AS SELECT * FROM read_csv({}, auto_detect = false, header = true, delim = ',', "
      "quote = '\"', escape = '\"', strict_mode = true, null_padding = false, ignore_errors = false, columns = "
      "{{{}}}{})",
      target, QuotedList(read.files), columns, nulls);
  if (const Status status = engine.Execute(sql); !status.has_value()) return CsvError(status.error(), read.files);
  return read;
}

Result<SourceRead> ReadParquet(Engine& engine, const std::string& target, std::vector<std::string> files,
                               const SourceOptions& options) {
  SourceRead read;
  for (const std::string& file : files) {
    const auto empty = engine.Query(fmt::format("SELECT * FROM read_parquet({}) LIMIT 0", QuoteText(file)));
    if (!empty.has_value()) return Fail(empty.error().code, empty.error().message, file);
    if (read.schema.empty()) read.schema = empty->schema();
    if (empty->schema() != read.schema) {
      const auto show = [](const ColumnSchema& column) {
        return fmt::format("{} {}", column.name, ColumnTypeName(column.type));
      };
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the columns are {}; expected {}, as in {}", Listed(empty->schema(), show),
                              Listed(read.schema, show), files.front()),
                  file);
    }
  }
  std::set<std::string> seen;
  for (const ColumnSchema& column : read.schema) {
    if (Trim(column.name).empty() || !seen.insert(ToLower(column.name)).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("a column is named \"{}\"; expected a name, and each name once", column.name),
                  files.front());
    }
  }
  for (const auto& [name, type] : options.types) {
    const auto at = std::find_if(read.schema.begin(), read.schema.end(),
                                 [&name = name](const ColumnSchema& column) { return column.name == name; });
    if (at == read.schema.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("a type is given for the column \"{}\", which the file does not have", name),
                  files.front());
    }
    at->type = type;
  }
  const std::string columns = Listed(read.schema, [](const ColumnSchema& column) {
    return fmt::format("CAST({0} AS {1}) AS {0}", QuoteIdentifier(column.name), SqlTypeOf(column.type));
  });
  const Status status = engine.Execute(
      fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM read_parquet({})", target, columns, QuotedList(files)));
  if (!status.has_value()) return Fail(status.error().code, status.error().message, files.front());
  read.files = std::move(files);
  return read;
}

}  // namespace

Result<std::vector<std::string>> SourceFiles(const std::string& path) {
  if (path.find('\0') != std::string::npos) return Fail(ErrorCode::kInvalidArgument, "a path with a NUL byte");
  if (io::Exists(path)) return std::vector<std::string>{path};
  glob_t found{};
  const int status = glob(path.c_str(), 0, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (status != 0 || files.empty()) return Fail(ErrorCode::kNotFound, "there is no such file", path);
  std::sort(files.begin(), files.end());
  return files;
}

Result<SourceRead> ReadSource(Engine& engine, const std::string& name, const std::string& path,
                              const SourceOptions& options) {
  KEELSON_ASSIGN_OR_RETURN(std::vector<std::string> files, SourceFiles(path));
  KEELSON_ASSIGN_OR_RETURN(const Format format, FormatOf(files.front()));
  for (const std::string& file : files) {
    KEELSON_ASSIGN_OR_RETURN(const Format other, FormatOf(file));
    if (other != format) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("its kind differs from that of {}", files.front()), file);
    }
  }
  const std::string target = TargetOf(name);
  KEELSON_RETURN_IF_ERROR(engine.Execute(
      fmt::format("CREATE SCHEMA IF NOT EXISTS {}; DROP TABLE IF EXISTS {}", QuoteIdentifier(kSourceSchema), target)));
  auto read =
      format == Format::kCsv ? ReadCsv(engine, target, files, options) : ReadParquet(engine, target, files, options);
  if (!read.has_value()) return read;
  KEELSON_ASSIGN_OR_RETURN(const Table count, engine.Query(fmt::format("SELECT count(*) FROM {}", target)));
  const auto rows = static_cast<std::uint64_t>(count.columns()[0].ints[0]);
  if (format == Format::kCsv && rows != read->rows) {
    KEELSON_RETURN_IF_ERROR(engine.Execute(fmt::format("DROP TABLE {}", target)));
    return Fail(
        ErrorCode::kAborted,
        fmt::format("{} rows were loaded where {} had been checked; was it changed meanwhile?", rows, read->rows),
        path);
  }
  read->rows = rows;
  return read;
}

}  // namespace keelson::data
