#include "data/table_io.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::data {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

constexpr std::string_view kMagic = "keelsontable";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint32_t kMaxColumns = 100'000;
constexpr std::size_t kMaxFileBytes = std::size_t{8} << 30;

std::string Digest(std::string_view bytes) {
  return HexDecode(Sha256::Hex(bytes)).value_or(std::string());
}

template <typename T>
void Put(std::string& out, const T* values, std::size_t count) {
  if (count > 0) out.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

template <typename T>
void Put(std::string& out, T value) {
  Put(out, &value, 1);
}

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(ErrorCode::kDataLoss, fmt::format("not a whole table file: {}", what));
}

// Takes parts off the front of the bytes, never more than there are.
class Parser {
 public:
  explicit Parser(std::string_view bytes) : rest_(bytes) {}

  Result<std::string_view> Bytes(std::uint64_t count) {
    if (count > rest_.size()) return Broken("it ends early");
    const auto part = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return part;
  }

  template <typename T>
  Result<T> Number() {
    KEELSON_ASSIGN_OR_RETURN(const auto part, Bytes(sizeof(T)));
    T value;
    std::memcpy(&value, part.data(), sizeof(T));
    return value;
  }

  template <typename T>
  Result<std::vector<T>> Numbers(std::uint64_t count) {
    if (count > rest_.size() / sizeof(T)) return Broken("it ends early");
    KEELSON_ASSIGN_OR_RETURN(const auto part, Bytes(count * sizeof(T)));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), part.data(), part.size());
    return values;
  }

  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Result<Column> ParseColumn(Parser& parser, std::uint64_t rows) {
  Column column;
  KEELSON_ASSIGN_OR_RETURN(const auto type, parser.Number<std::uint8_t>());
  if (type > static_cast<std::uint8_t>(ColumnType::kTimestamp)) return Broken("a column has an unknown type");
  column.type = static_cast<ColumnType>(type);
  KEELSON_ASSIGN_OR_RETURN(const auto name_length, parser.Number<std::uint32_t>());
  KEELSON_ASSIGN_OR_RETURN(column.name, parser.Bytes(name_length));
  KEELSON_ASSIGN_OR_RETURN(column.valid, parser.Numbers<std::uint8_t>(rows));
  if (column.type == ColumnType::kDouble) {
    KEELSON_ASSIGN_OR_RETURN(column.doubles, parser.Numbers<double>(rows));
  } else if (column.type == ColumnType::kString) {
    KEELSON_ASSIGN_OR_RETURN(const auto lengths, parser.Numbers<std::uint32_t>(rows));
    column.strings.reserve(rows);
    for (const std::uint32_t length : lengths) {
      KEELSON_ASSIGN_OR_RETURN(const auto text, parser.Bytes(length));
      column.strings.emplace_back(text);
    }
  } else {
    KEELSON_ASSIGN_OR_RETURN(column.ints, parser.Numbers<std::int64_t>(rows));
  }
  return column;
}

}  // namespace

std::string EncodeTable(const Table& table) {
  std::string out(kMagic);
  Put(out, kVersion);
  Put(out, static_cast<std::uint32_t>(table.columns().size()));
  Put(out, static_cast<std::uint64_t>(table.rows()));
  for (const Column& column : table.columns()) {
    Put(out, static_cast<std::uint8_t>(column.type));
    Put(out, static_cast<std::uint32_t>(column.name.size()));
    out += column.name;
    Put(out, column.valid.data(), column.valid.size());
    Put(out, column.ints.data(), column.ints.size());
    Put(out, column.doubles.data(), column.doubles.size());
    for (const std::string& text : column.strings) Put(out, static_cast<std::uint32_t>(text.size()));
    for (const std::string& text : column.strings) out += text;
  }
  return out + Digest(out);
}

Result<Table> DecodeTable(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + kDigestBytes || !bytes.starts_with(kMagic)) return Broken("it begins otherwise");
  const auto body = bytes.substr(0, bytes.size() - kDigestBytes);
  if (bytes.substr(body.size()) != Digest(body)) return Broken("its checksum does not match its content");
  Parser parser(body.substr(kMagic.size()));
  KEELSON_ASSIGN_OR_RETURN(const auto version, parser.Number<std::uint32_t>());
  if (version != kVersion) return Broken(fmt::format("version {}; expected {}", version, kVersion));
  KEELSON_ASSIGN_OR_RETURN(const auto columns, parser.Number<std::uint32_t>());
  KEELSON_ASSIGN_OR_RETURN(const auto rows, parser.Number<std::uint64_t>());
  if (columns > kMaxColumns) return Broken("it has too many columns");
  Table table;
  for (std::uint32_t i = 0; i < columns; ++i) {
    KEELSON_ASSIGN_OR_RETURN(Column column, ParseColumn(parser, rows));
    table.columns().push_back(std::move(column));
  }
  if (!parser.at_end()) return Broken("there are bytes behind its last column");
  return table;
}

Status WriteTableFile(const Table& table, const std::string& path) {
  return io::WriteFileAtomically(path, EncodeTable(table));
}

Result<Table> ReadTableFile(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string bytes, io::ReadFile(path, kMaxFileBytes));
  auto table = DecodeTable(bytes);
  if (!table.has_value()) return Fail(table.error().code, table.error().message, path);
  return table;
}

}  // namespace keelson::data
