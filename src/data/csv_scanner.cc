#include "data/csv_scanner.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/strings.h"
#include "data/value_kind.h"
#include "io/files.h"

namespace keelson::data {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxLineBytes = std::size_t{2} << 20;  // DuckDB's own limit
constexpr std::size_t kMaxColumns = 10'000;
// So many values of one type make a column: another kind of value behind them is a mistake, not a column of texts.
constexpr std::uint64_t kSettledValues = 100;

std::string Shown(std::string_view text) {
  return text.size() <= 40 ? std::string(text) : std::string(text.substr(0, 37)) + "...";
}

// One column's type as far as it has been read.
struct Evidence {
  std::string name;
  bool declared = false;
  std::optional<ColumnType> type;  // nothing before the first value
  std::uint64_t values = 0;        // of that type

  bool undecided() const { return !declared && type != ColumnType::kString; }
};

struct FileCloser {
  void operator()(gzFile file) const { gzclose(file); }
};
using File = std::unique_ptr<std::remove_pointer_t<gzFile>, FileCloser>;

}  // namespace

struct CsvScanner::State {
  Options options;
  std::vector<Evidence> columns;
  std::vector<std::string_view> nulls;
  std::uint64_t rows = 0;

  // Of the file being read.
  std::string path;
  std::uint64_t line = 0;
  bool header_read = false;
  std::string unquoted;  // a quoted value without its quotes
  std::vector<std::string> header;

  std::unexpected<Error> Bad(std::string message) const {
    return Fail(ErrorCode::kInvalidArgument, std::move(message), fmt::format("{}:{}", path, line));
  }

  // Takes one value off the front of `rest`, which begins at a value's beginning; `last` when it ends its row. Sets
  // `newlines` to the line ends inside quotes. Nothing when the text ends inside quotes.
  std::optional<std::string_view> TakeValue(std::string_view& rest, bool& last, std::uint64_t& newlines,
                                            const char*& problem);
  Result<std::size_t> ReadRow(std::string_view text, bool at_end);
  Status EndRow(std::size_t count);
  Status Value(std::size_t index, std::string_view text);
  Status CheckEncoding(std::string_view text);
  Status CheckHeader();
};

std::optional<std::string_view> CsvScanner::State::TakeValue(std::string_view& rest, bool& last,
                                                             std::uint64_t& newlines, const char*& problem) {
  std::string_view value;
  if (!rest.empty() && rest.front() == '"') {
    std::size_t from = 1;
    bool simple = true;
    std::size_t close = rest.find('"', from);
    unquoted.clear();
    while (close != std::string_view::npos && close + 1 < rest.size() && rest[close + 1] == '"') {
      simple = false;
      unquoted.append(rest.substr(from, close + 1 - from));
      from = close + 2;
      close = rest.find('"', from);
    }
    if (close == std::string_view::npos) return std::nullopt;
    if (!simple) unquoted.append(rest.substr(from, close - from));
    value = simple ? rest.substr(1, close - 1) : std::string_view(unquoted);
    newlines += static_cast<std::uint64_t>(std::count(value.begin(), value.end(), '\n'));
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() == '\r' && rest.size() > 1 && rest[1] == '\n') rest.remove_prefix(1);
    if (!rest.empty() && rest.front() != ',' && rest.front() != '\n') {
      problem = "text behind a closing quote; expected a comma or the end of the line";
    }
  } else {
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != ',' && rest[end] != '\n') {
      if (rest[end] == '"') problem = "a quote inside a value that does not begin with one; quote the whole value";
      ++end;
    }
    value = rest.substr(0, end);
    if (end < rest.size() && rest[end] == '\n' && value.ends_with('\r')) value.remove_suffix(1);
    if (value.find('\r') != std::string_view::npos) problem = "a carriage return that ends no line";
    rest.remove_prefix(end);
  }
  last = rest.empty() || rest.front() == '\n';
  if (!rest.empty()) rest.remove_prefix(1);
  return value;
}

// Reads one row from the front of `text`, which ends at the end of the file or somewhere behind a line end. Gives its
// length, or 0 when a quoted value goes on behind the text.
Result<std::size_t> CsvScanner::State::ReadRow(std::string_view text, bool at_end) {
  std::string_view rest = text;
  std::size_t count = 0;
  std::uint64_t newlines = 0;
  bool last = false;
  if (!header_read) header.clear();
  if (header_read && columns.size() > 1 && (text.front() == '\n' || text.starts_with("\r\n"))) {
    return Bad(fmt::format("an empty line; expected {} values", columns.size()));
  }
  while (!last) {
    const char* problem = nullptr;
    const auto value = TakeValue(rest, last, newlines, problem);
    if (!value) {
      if (at_end) return Bad("a quoted value is not closed before the end of the file");
      if (text.size() > kMaxLineBytes) return Bad("a row longer than 2 MiB; is a quote missing its end?");
      return std::size_t{0};
    }
    if (problem != nullptr) return Bad(problem);
    if (!header_read) {
      header.emplace_back(*value);
      if (header.size() > kMaxColumns) return Bad(fmt::format("more than {} columns", kMaxColumns));
    } else if (count < columns.size()) {
      KEELSON_RETURN_IF_ERROR(Value(count, *value));
    }
    ++count;
  }
  KEELSON_RETURN_IF_ERROR(EndRow(count));
  line += newlines + 1;
  return text.size() - rest.size();
}

Status CsvScanner::State::EndRow(std::size_t count) {
  if (!header_read) {
    KEELSON_RETURN_IF_ERROR(CheckHeader());
    header_read = true;
    return {};
  }
  if (count != columns.size()) return Bad(fmt::format("{} values; expected {}", count, columns.size()));
  ++rows;
  return {};
}

Status CsvScanner::State::CheckHeader() {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (Trim(header[i]).empty()) return Bad(fmt::format("column {} has no name", i + 1));
    if (!seen.insert(ToLower(header[i])).second) {
      return Bad(fmt::format("two columns are named \"{}\"; expected each name once, whatever its case", header[i]));
    }
  }
  if (columns.empty()) {
    for (const std::string& name : header) {
      columns.push_back({name, options.types.contains(name), std::nullopt, 0});
    }
    for (const auto& [name, type] : options.types) {
      if (std::find(header.begin(), header.end(), name) == header.end()) {
        return Bad(fmt::format("a type is given for the column \"{}\", which the file does not have", name));
      }
    }
    return {};
  }
  for (std::size_t i = 0; i < std::max(header.size(), columns.size()); ++i) {
    const std::string found = i < header.size() ? "\"" + header[i] + "\"" : "none";
    const std::string expected = i < columns.size() ? "\"" + columns[i].name + "\"" : "none";
    if (found != expected) {
      return Bad(fmt::format("column {} is {}; expected {}, as in the files before", i + 1, found, expected));
    }
  }
  return {};
}

Status CsvScanner::State::Value(std::size_t index, std::string_view text) {
  Evidence& column = columns[index];
  if (!column.undecided() || std::find(nulls.begin(), nulls.end(), text) != nulls.end()) return {};
  const ColumnType kind = KindOf(text);
  if (!column.type) column.type = kind;
  const ColumnType common = CommonType(*column.type, kind);
  const bool code = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (common == ColumnType::kString && !code && column.values >= kSettledValues) {
    return Bad(
        fmt::format("column \"{}\": \"{}\" is not {}, as the {} values before it are; list it in `nulls`, or "
                    "declare the column's type",
                    column.name, Shown(text), ColumnTypeName(*column.type), column.values));
  }
  column.type = common;
  ++column.values;
  return {};
}

// `text` is whole lines.
Status CsvScanner::State::CheckEncoding(std::string_view text) {
  const bool nul = std::memchr(text.data(), 0, text.size()) != nullptr;
  if (!nul && simdjson::validate_utf8(text.data(), text.size())) return {};
  std::uint64_t number = line;
  for (const std::string_view each : Split(text, '\n')) {
    const bool has_nul = each.find('\0') != std::string_view::npos;
    if (has_nul || !IsValidUtf8(each)) {
      line = number;
      return Bad(has_nul ? "a NUL byte; expected text in UTF-8" : "bytes that are not UTF-8; save the file as UTF-8");
    }
    ++number;
  }
  return {};
}

CsvScanner::CsvScanner(Options options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->nulls.assign(state_->options.null_values.begin(), state_->options.null_values.end());
}
CsvScanner::~CsvScanner() = default;

Status CsvScanner::ScanFile(const std::string& path) {
  State& state = *state_;
  state.path = path;
  state.line = 1;
  state.header_read = false;
  state.header.clear();
  KEELSON_RETURN_IF_ERROR(io::FileSize(path));  // the reason why it cannot be opened, in our words
  const File file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return Fail(ErrorCode::kUnavailable, std::strerror(errno), path);
  gzbuffer(file.get(), 256 * 1024);

  std::string buffer;
  bool at_end = false;
  bool begun = false;
  while (!at_end) {
    const std::size_t kept = buffer.size();
    buffer.resize(kept + kBlockBytes);
    const int got = gzread(file.get(), buffer.data() + kept, static_cast<unsigned>(kBlockBytes));
    int problem = Z_OK;
    const char* reason = gzerror(file.get(), &problem);
    if (got < 0 || problem == Z_BUF_ERROR) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the compressed file is damaged or cut off: {}", reason),
                  path);
    }
    buffer.resize(kept + static_cast<std::size_t>(got));
    at_end = got == 0;
    std::string_view text = buffer;
    if (!begun && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    begun = true;
    if (!at_end) {
      const auto line_end = text.rfind('\n');
      if (line_end == std::string_view::npos && text.size() > kMaxLineBytes)
        return state.Bad("a row longer than 2 MiB");
      text = text.substr(0, line_end == std::string_view::npos ? 0 : line_end + 1);
    }
    KEELSON_RETURN_IF_ERROR(state.CheckEncoding(text));
    while (!text.empty()) {
      KEELSON_ASSIGN_OR_RETURN(const std::size_t length, state.ReadRow(text, at_end));
      if (length == 0) break;
      text.remove_prefix(length);
    }
    const auto used =
        text.empty() && text.data() == nullptr ? 0 : static_cast<std::size_t>(text.data() - buffer.data());
    buffer.erase(0, used);
  }
  if (!state.header_read) return state.Bad("an empty file; expected a line of column names");
  return {};
}

Schema CsvScanner::schema() const {
  Schema schema;
  for (const Evidence& column : state_->columns) {
    const auto declared = state_->options.types.find(column.name);
    schema.push_back({column.name, declared != state_->options.types.end()
                                       ? declared->second
                                       : column.type.value_or(ColumnType::kString)});
  }
  return schema;
}

std::uint64_t CsvScanner::rows() const {
  return state_->rows;
}

}  // namespace keelson::data
