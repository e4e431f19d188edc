#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::simulation {

// The rows of a plain CSV text (commas, LF or CRLF, a header, nothing quoted), one at a time, without a copy of it.
// Every error is kInvalidArgument with `where` = "file:line". `text` must outlive it.
class CsvRows {
 public:
  struct Column {
    std::string name;
    bool required = true;
  };

  // Reads the header: each of `columns` at most once, the required ones once, and no other.
  static Result<CsvRows> Open(std::string_view text, std::string file, const std::vector<Column>& columns);

  // The next row that is not empty; false at the end.
  Result<bool> Next();

  std::size_t line() const { return line_; }
  bool Has(std::size_t column) const { return place_[column].has_value(); }
  // Of the present row, "" for a column that the file does not have.
  std::string_view Text(std::size_t column) const;
  // A whole number from `least` to `most`.
  Result<std::int64_t> Whole(std::size_t column, std::int64_t least, std::int64_t most) const;
  // An error of the present row.
  std::unexpected<Error> Wrong(std::string message) const;

 private:
  CsvRows(std::string_view text, std::string file) : rest_(text), file_(std::move(file)) {}
  bool TakeLine(std::string_view* line);

  static constexpr std::size_t kLongestLine = 1 << 16;

  std::string_view rest_;
  std::string file_;
  std::size_t line_ = 0;
  std::size_t width_ = 0;
  std::vector<std::string> names_;
  std::vector<std::optional<std::size_t>> place_;
  std::vector<std::string_view> cells_;
};

}  // namespace keelson::simulation
