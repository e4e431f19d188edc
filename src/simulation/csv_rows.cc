#include "simulation/csv_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace keelson::simulation {

bool CsvRows::TakeLine(std::string_view* line) {
  if (rest_.empty()) return false;
  ++line_;
  const std::size_t end = rest_.find('\n');
  *line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line->ends_with('\r')) line->remove_suffix(1);
  return true;
}

std::unexpected<Error> CsvRows::Wrong(std::string message) const {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), fmt::format("{}:{}", file_, line_));
}

Result<CsvRows> CsvRows::Open(std::string_view text, std::string file, const std::vector<Column>& columns) {
  CsvRows rows(text, std::move(file));
  for (const Column& column : columns) rows.names_.push_back(column.name);
  rows.place_.resize(columns.size());
  std::string_view header;
  if (!rows.TakeLine(&header)) {
    rows.line_ = 1;
    return rows.Wrong("is empty; its first line must name its columns");
  }
  if (header.size() > kLongestLine) return rows.Wrong("the line is too long");
  const std::vector<std::string_view> found = Split(header, ',');
  rows.width_ = found.size();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto name = std::find(rows.names_.begin(), rows.names_.end(), found[i]);
    if (name == rows.names_.end()) {
      const std::string shown = IsValidUtf8(found[i]) ? std::string(found[i].substr(0, 100)) : "(not text)";
      const auto meant = DidYouMean(shown, rows.names_);
      return rows.Wrong(fmt::format(
          "unknown column '{}'; {}", shown,
          meant ? fmt::format("did you mean '{}'?", *meant) : fmt::format("known are {}", Join(rows.names_, ", "))));
    }
    auto& place = rows.place_[static_cast<std::size_t>(name - rows.names_.begin())];
    if (place) return rows.Wrong(fmt::format("the column '{}' stands twice", *name));
    place = i;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].required && !rows.place_[i]) {
      return rows.Wrong(fmt::format("the column '{}' is missing", columns[i].name));
    }
  }
  return rows;
}

Result<bool> CsvRows::Next() {
  std::string_view line;
  do {
    if (!TakeLine(&line)) return false;
  } while (line.empty());
  if (line.size() > kLongestLine) return Wrong("the line is too long");
  if (line.find('\0') != std::string_view::npos) return Wrong("a NUL byte");
  if (line.find('"') != std::string_view::npos) return Wrong("a quote; nothing is quoted in this form");
  if (!IsValidUtf8(line)) return Wrong("is not UTF-8");
  cells_.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t end = line.find(',', begin);
    cells_.push_back(line.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  if (cells_.size() != width_) {
    return Wrong(fmt::format("has {} values, the header has {} columns", cells_.size(), width_));
  }
  return true;
}

std::string_view CsvRows::Text(std::size_t column) const {
  return place_[column] ? cells_[*place_[column]] : std::string_view{};
}

Result<std::int64_t> CsvRows::Whole(std::size_t column, std::int64_t least, std::int64_t most) const {
  const std::string_view text = Text(column);
  const std::string& name = names_[column];
  if (text.empty()) return Wrong(fmt::format("{} is missing", name));
  const auto value = ParseInt(text);
  if (!value) return Wrong(fmt::format("{} is '{}', not a whole number", name, text.substr(0, 100)));
  if (*value < least) {
    return Wrong(least == 0 ? fmt::format("{} is negative: {}", name, *value)
                            : fmt::format("{} is {}, less than {}", name, *value, least));
  }
  if (*value > most) return Wrong(fmt::format("{} is {}, more than {}", name, *value, most));
  return *value;
}

}  // namespace keelson::simulation
