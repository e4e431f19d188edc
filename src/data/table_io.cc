#include "data/table_io.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::data {
namespace {

constexpr std::string_view kMagic = "keelsontable";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint32_t kMaxColumns = 100'000;
constexpr std::size_t kMaxFileBytes = std::size_t{8} << 30;

std::string Digest(std::string_view bytes) {
  return HexDecode(Sha256::Hex(bytes)).value_or(std::string());
}

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(ErrorCode::kDataLoss, fmt::format("not a whole table file: {}", what));
}

Result<Column> ReadColumn(ByteReader& from, std::uint64_t rows) {
  Column column;
  const auto type = from.Number<std::uint8_t>();
  if (type > static_cast<std::uint8_t>(ColumnType::kTimestamp)) return Broken("a column has an unknown type");
  column.type = static_cast<ColumnType>(type);
  column.name = from.Text();
  column.valid = from.Numbers<std::uint8_t>(rows);
  if (column.type == ColumnType::kDouble) {
    column.doubles = from.Numbers<double>(rows);
  } else if (column.type == ColumnType::kString) {
    const auto lengths = from.Numbers<std::uint32_t>(rows);
    column.strings.reserve(lengths.size());
    for (const std::uint32_t length : lengths) column.strings.emplace_back(from.Bytes(length));
  } else {
    column.ints = from.Numbers<std::int64_t>(rows);
  }
  if (!from.ok()) return Broken("it ends early");
  return column;
}

}  // namespace

std::string EncodeTable(const Table& table) {
  std::string out(kMagic);
  PutNumber(out, kVersion);
  PutNumber(out, static_cast<std::uint32_t>(table.columns().size()));
  PutNumber(out, static_cast<std::uint64_t>(table.rows()));
  for (const Column& column : table.columns()) {
    PutNumber(out, static_cast<std::uint8_t>(column.type));
    PutText(out, column.name);
    PutNumbers(out, column.valid);
    PutNumbers(out, column.ints);
    PutNumbers(out, column.doubles);
    for (const std::string& text : column.strings) PutNumber(out, static_cast<std::uint32_t>(text.size()));
    for (const std::string& text : column.strings) out += text;
  }
  return out + Digest(out);
}

Result<Table> DecodeTable(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + kDigestBytes || !bytes.starts_with(kMagic)) return Broken("it begins otherwise");
  const auto body = bytes.substr(0, bytes.size() - kDigestBytes);
  if (bytes.substr(body.size()) != Digest(body)) return Broken("its checksum does not match its content");
  ByteReader from(body.substr(kMagic.size()));
  const auto version = from.Number<std::uint32_t>();
  if (from.ok() && version != kVersion) return Broken(fmt::format("version {}; expected {}", version, kVersion));
  const auto columns = from.Number<std::uint32_t>();
  const auto rows = from.Number<std::uint64_t>();
  if (!from.ok()) return Broken("it ends early");
  if (columns > kMaxColumns) return Broken("it has too many columns");
  Table table;
  for (std::uint32_t i = 0; i < columns; ++i) {
    KEELSON_ASSIGN_OR_RETURN(Column column, ReadColumn(from, rows));
    table.columns().push_back(std::move(column));
  }
  if (!from.done()) return Broken("there are bytes behind its last column");
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
