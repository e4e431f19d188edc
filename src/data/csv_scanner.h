#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::data {

// Reads CSV files (RFC 4180: commas, double quotes, LF or CRLF; plain or gzip) once from end to end before DuckDB loads
// them, to know every column's type from all of its values and to refuse, with file and line, what DuckDB would read in
// some way of its own: rows too short or long, NUL bytes, text that is not UTF-8, quotes out of place, empty or
// repeated column names, files of one source with different headers, and a column whose type changes half way. Files of
// one source are fed to one scanner in order.
class CsvScanner {
 public:
  struct Options {
    std::vector<std::string> null_values = {""};
    std::map<std::string, ColumnType> types;  // declared: their values are not looked at here
  };
  explicit CsvScanner(Options options);
  ~CsvScanner();

  // kInvalidArgument with `where` = "path:line"; kNotFound, kPermissionDenied, ... when it cannot be read.
  Status ScanFile(const std::string& path);

  Schema schema() const;       // of all files so far; a column without any value is a string
  std::uint64_t rows() const;  // of all files so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::data
