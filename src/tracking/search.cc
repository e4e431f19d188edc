#include "tracking/search.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <variant>

#include "base/hash.h"
#include "base/strings.h"

namespace keelson::tracking {
namespace {

// SQLite's LIKE knows no letter case; GLOB does.
std::string GlobOf(std::string_view like) {
  std::string glob;
  for (const char c : like) {
    if (c == '%') {
      glob += '*';
    } else if (c == '_') {
      glob += '?';
    } else if (c == '*' || c == '?' || c == '[') {
      glob += fmt::format("[{}]", c);
    } else {
      glob += c;
    }
  }
  return glob;
}

std::string_view Operator(Compare compare) {
  switch (compare) {
    case Compare::kNotEqual:
      return "!=";
    case Compare::kLess:
      return "<";
    case Compare::kLessOrEqual:
      return "<=";
    case Compare::kGreater:
      return ">";
    case Compare::kGreaterOrEqual:
      return ">=";
    default:
      return "=";
  }
}

// What a token is good for: the same columns in the same order. Values are part of an expression's meaning.
std::string Fingerprint(const std::vector<SortColumn>& columns) {
  std::string all;
  for (const SortColumn& column : columns) {
    all += column.expression.text + (column.ascending ? " up\n" : " down\n");
    for (const auto& value : column.expression.values) {
      if (const auto* text = std::get_if<std::string>(&value)) all += *text + "\n";
    }
  }
  return fmt::format("{:016x}", StableHash(all));
}

constexpr const char* kInfinity = "inf";
constexpr const char* kMinusInfinity = "-inf";

nlohmann::json ToJson(const io::SqlValue& value) {
  return std::visit(
      [](const auto& v) -> nlohmann::json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(v)>, io::SqlBlob>) {
          return v.bytes;  // no column that rows are ordered by
        } else if constexpr (std::is_same_v<std::decay_t<decltype(v)>, double>) {
          if (std::isinf(v)) return nlohmann::json::array({v > 0 ? kInfinity : kMinusInfinity});  // JSON has none
          return v;
        } else {
          return v;
        }
      },
      value);
}

std::optional<io::SqlValue> FromJson(const nlohmann::json& json) {
  if (json.is_null()) return io::SqlValue();
  if (json.is_number_integer()) return io::SqlValue(json.get<std::int64_t>());
  if (json.is_number_float()) return io::SqlValue(json.get<double>());
  if (json.is_string()) return io::SqlValue(json.get<std::string>());
  if (json == nlohmann::json::array({kInfinity})) return io::SqlValue(std::numeric_limits<double>::infinity());
  if (json == nlohmann::json::array({kMinusInfinity})) return io::SqlValue(-std::numeric_limits<double>::infinity());
  return std::nullopt;
}

// (s0 > ?) OR (s0 IS ? AND ((s1 < ?) OR ...))
SqlText Behind(const std::vector<SortColumn>& columns, const std::vector<io::SqlValue>& values, std::size_t i) {
  SqlText sql;
  sql.Add(fmt::format("(s{} {} ?", i, columns[i].ascending ? ">" : "<"), values[i]);
  if (i + 1 < columns.size()) {
    sql.Add(fmt::format(" OR (s{} IS ? AND ", i), values[i]);
    sql.Add(Behind(columns, values, i + 1));
    sql.Add(")");
  }
  sql.Add(")");
  return sql;
}

}  // namespace

SqlText IsNullSql(const SqlText& expression) {
  SqlText sql;
  sql.Add("CASE WHEN ");
  sql.Add(expression);
  sql.Add(" IS NULL THEN 1 ELSE 0 END");
  return sql;
}

SqlText CompareSql(std::string_view column, Compare compare, const std::vector<io::SqlValue>& values) {
  SqlText sql;
  sql.Add(column);
  switch (compare) {
    case Compare::kLike:
      sql.Add(" GLOB ?", GlobOf(io::AsText(values.at(0))));
      break;
    case Compare::kILike:
      sql.Add(" LIKE ?", values.at(0));
      break;
    case Compare::kRLike:
      sql.Add(" REGEXP ?", values.at(0));
      break;
    case Compare::kIn:
    case Compare::kNotIn:
      sql.Add(compare == Compare::kIn ? " IN (" : " NOT IN (");
      for (std::size_t i = 0; i < values.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", values[i]);
      sql.Add(")");
      break;
    case Compare::kIsNull:
      sql.Add(" IS NULL");
      break;
    case Compare::kIsNotNull:
      sql.Add(" IS NOT NULL");
      break;
    default:
      sql.Add(fmt::format(" {} ?", Operator(compare)), values.at(0));
  }
  return sql;
}

Result<std::vector<io::SqlValue>> ReadPageToken(std::string_view token, const std::vector<SortColumn>& columns) {
  const auto invalid = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid page token, {}", why));
  };
  const auto bytes = HexDecode(token);
  if (!bytes) return invalid("it is none of this server");
  const auto json = nlohmann::json::parse(*bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.size() != columns.size() + 1) return invalid("it is of another search");
  if (json[0] != Fingerprint(columns)) return invalid("it is of another search");
  std::vector<io::SqlValue> values;
  for (std::size_t i = 1; i < json.size(); ++i) {
    auto value = FromJson(json[i]);
    if (!value) return invalid("it is damaged");
    values.push_back(*std::move(value));
  }
  return values;
}

Result<SqlText> PagedSql(std::string_view id, const SqlText& from, const std::vector<SortColumn>& columns,
                         const Search& search) {
  SqlText sql;
  std::string names;
  std::string order;
  SqlText inner;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    names += fmt::format(", s{}", i);
    order += fmt::format("{}s{}{}", i == 0 ? "" : ", ", i, columns[i].ascending ? " NULLS FIRST" : " DESC NULLS LAST");
    inner.Add(", ");
    inner.Add(columns[i].expression);
    inner.Add(fmt::format(" AS s{}", i));
  }
  sql.Add(fmt::format("SELECT id{} FROM (SELECT {} AS id", names, id));
  sql.Add(inner);
  sql.Add(" ");
  sql.Add(from);
  sql.Add(") AS found");
  if (!search.page.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto values, ReadPageToken(search.page, columns));
    sql.Add(" WHERE ");
    sql.Add(Behind(columns, values, 0));
  }
  sql.Add(fmt::format(" ORDER BY {} LIMIT ?", order), search.at_most + 1);
  return sql;
}

std::string PageToken(const io::SqlRow& row, const std::vector<SortColumn>& columns) {
  nlohmann::json json = nlohmann::json::array({Fingerprint(columns)});
  for (std::size_t i = 1; i < row.size(); ++i) json.push_back(ToJson(row[i]));
  return HexEncode(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace keelson::tracking
