#include "data/duckdb_values.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

namespace keelson::data {
namespace {

std::optional<ColumnType> ColumnTypeOf(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
      return ColumnType::kBool;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
      return ColumnType::kInt64;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
      return ColumnType::kDouble;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_SQLNULL:
      return ColumnType::kString;
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return ColumnType::kTimestamp;
    default:
      return std::nullopt;
  }
}

// One column's part of a chunk: how to read it, and where it goes.
struct Reader {
  const DuckDbApi& api;
  duckdb_logical_type logical;
  std::size_t count;
  const void* values;
  std::uint64_t* validity;  // nullptr: all valid
  Column& to;

  bool Valid(std::size_t row) const { return validity == nullptr || api.validity_row_is_valid(validity, row); }

  template <typename From, typename Convert>
  Status Ints(Convert convert) const {
    const auto* from = static_cast<const From*>(values);
    for (std::size_t row = 0; row < count; ++row) {
      std::optional<std::int64_t> value = 0;
      const bool valid = Valid(row);
      if (valid) value = convert(from[row]);
      if (!value) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("column \"{}\": a value is outside the range of {}", to.name, ColumnTypeName(to.type)));
      }
      to.ints.push_back(*value);
      to.valid.push_back(valid ? 1 : 0);
    }
    return {};
  }

  template <typename From>
  Status PlainInts() const {
    return Ints<From>([](From value) -> std::optional<std::int64_t> { return static_cast<std::int64_t>(value); });
  }

  template <typename From>
  Status Doubles(double scale) const {
    const auto* from = static_cast<const From*>(values);
    for (std::size_t row = 0; row < count; ++row) {
      const double value =
          Valid(row) ? static_cast<double>(from[row]) / scale : std::numeric_limits<double>::quiet_NaN();
      const bool valid = !std::isnan(value);
      to.doubles.push_back(valid ? value : 0);
      to.valid.push_back(valid ? 1 : 0);
    }
    return {};
  }

  Status Decimals() const {
    const double scale = std::pow(10.0, api.decimal_scale(logical));
    switch (api.decimal_internal_type(logical)) {
      case DUCKDB_TYPE_SMALLINT:
        return Doubles<std::int16_t>(scale);
      case DUCKDB_TYPE_INTEGER:
        return Doubles<std::int32_t>(scale);
      case DUCKDB_TYPE_BIGINT:
        return Doubles<std::int64_t>(scale);
      default:
        return Doubles<__int128_t>(scale);
    }
  }

  Status Strings() const {
    const auto* from = static_cast<const duckdb_string_t*>(values);
    for (std::size_t row = 0; row < count; ++row) {
      if (!Valid(row)) {
        to.AppendNull();
        continue;
      }
      const auto& text = from[row].value;
      const char* bytes = text.inlined.length <= 12 ? text.inlined.inlined : text.pointer.ptr;
      to.strings.emplace_back(bytes, text.inlined.length);
      to.valid.push_back(1);
    }
    return {};
  }

  Status Enums() const {
    std::vector<std::string> names(api.enum_dictionary_size(logical));
    for (std::size_t i = 0; i < names.size(); ++i) {
      char* name = api.enum_dictionary_value(logical, i);
      names[i] = name;
      api.free(name);
    }
    const auto type = api.enum_internal_type(logical);
    for (std::size_t row = 0; row < count; ++row) {
      if (!Valid(row)) {
        to.AppendNull();
        continue;
      }
      const std::size_t index = type == DUCKDB_TYPE_UTINYINT    ? static_cast<const std::uint8_t*>(values)[row]
                                : type == DUCKDB_TYPE_USMALLINT ? static_cast<const std::uint16_t*>(values)[row]
                                                                : static_cast<const std::uint32_t*>(values)[row];
      to.strings.push_back(names[index]);
      to.valid.push_back(1);
    }
    return {};
  }

  // Counts of `unit` microseconds; DuckDB's infinities are refused.
  template <typename From>
  Status Times(std::int64_t unit) const {
    return Ints<From>([unit](From value) -> std::optional<std::int64_t> {
      std::int64_t micros = 0;
      if (value >= std::numeric_limits<From>::max() || value <= -std::numeric_limits<From>::max() ||
          __builtin_mul_overflow(static_cast<std::int64_t>(value), unit, &micros)) {
        return std::nullopt;
      }
      return micros;
    });
  }

  Status Read(duckdb_type type) const {
    switch (type) {
      case DUCKDB_TYPE_BOOLEAN:
        return Ints<std::uint8_t>([](std::uint8_t value) -> std::optional<std::int64_t> { return value != 0 ? 1 : 0; });
      case DUCKDB_TYPE_TINYINT:
        return PlainInts<std::int8_t>();
      case DUCKDB_TYPE_SMALLINT:
        return PlainInts<std::int16_t>();
      case DUCKDB_TYPE_INTEGER:
        return PlainInts<std::int32_t>();
      case DUCKDB_TYPE_BIGINT:
        return PlainInts<std::int64_t>();
      case DUCKDB_TYPE_UTINYINT:
        return PlainInts<std::uint8_t>();
      case DUCKDB_TYPE_USMALLINT:
        return PlainInts<std::uint16_t>();
      case DUCKDB_TYPE_UINTEGER:
        return PlainInts<std::uint32_t>();
      case DUCKDB_TYPE_UBIGINT:
        return Ints<std::uint64_t>([](std::uint64_t value) -> std::optional<std::int64_t> {
          if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
          return static_cast<std::int64_t>(value);
        });
      case DUCKDB_TYPE_HUGEINT:
        return Ints<duckdb_hugeint>([](duckdb_hugeint value) -> std::optional<std::int64_t> {
          const auto low = static_cast<std::int64_t>(value.lower);
          if (value.upper != (low < 0 ? -1 : 0)) return std::nullopt;
          return low;
        });
      case DUCKDB_TYPE_UHUGEINT:
        return Ints<duckdb_uhugeint>([](duckdb_uhugeint value) -> std::optional<std::int64_t> {
          const auto low = static_cast<std::int64_t>(value.lower);
          if (value.upper != 0 || low < 0) return std::nullopt;
          return low;
        });
      case DUCKDB_TYPE_FLOAT:
        return Doubles<float>(1);
      case DUCKDB_TYPE_DOUBLE:
        return Doubles<double>(1);
      case DUCKDB_TYPE_DECIMAL:
        return Decimals();
      case DUCKDB_TYPE_VARCHAR:
        return Strings();
      case DUCKDB_TYPE_ENUM:
        return Enums();
      case DUCKDB_TYPE_SQLNULL:
        for (std::size_t row = 0; row < count; ++row) to.AppendNull();
        return {};
      case DUCKDB_TYPE_DATE:
        return Times<std::int32_t>(86'400'000'000);
      case DUCKDB_TYPE_TIMESTAMP:
      case DUCKDB_TYPE_TIMESTAMP_TZ:
        return Times<std::int64_t>(1);
      case DUCKDB_TYPE_TIMESTAMP_S:
        return Times<std::int64_t>(1'000'000);
      case DUCKDB_TYPE_TIMESTAMP_MS:
        return Times<std::int64_t>(1'000);
      case DUCKDB_TYPE_TIMESTAMP_NS:
        return Ints<std::int64_t>([](std::int64_t value) -> std::optional<std::int64_t> {
          if (value == std::numeric_limits<std::int64_t>::max() || value <= -std::numeric_limits<std::int64_t>::max()) {
            return std::nullopt;
          }
          return std::chrono::floor<Duration>(std::chrono::nanoseconds(value)).count();
        });
      default:
        return Fail(ErrorCode::kInternal, "a result's type changed while it was read");
    }
  }
};

}  // namespace

Result<Table> TableFor(const DuckDbApi& api, duckdb_result& result) {
  Schema schema;
  for (idx_t i = 0; i < api.column_count(&result); ++i) {
    const std::string name = api.column_name(&result, i);
    const auto type = ColumnTypeOf(api.column_type(&result, i));
    if (!type) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("column \"{}\" has a type that a table cannot hold; cast it to BOOLEAN, BIGINT, DOUBLE, "
                              "VARCHAR or TIMESTAMP",
                              name));
    }
    schema.push_back({name, *type});
  }
  return Table(schema);
}

Status AppendChunk(const DuckDbApi& api, duckdb_result& result, duckdb_data_chunk chunk, Table& table) {
  const std::size_t count = api.data_chunk_get_size(chunk);
  for (std::size_t i = 0; i < table.columns().size(); ++i) {
    Column& column = table.columns()[i];
    duckdb_vector vector = api.data_chunk_get_vector(chunk, i);
    duckdb_logical_type logical = api.column_logical_type(&result, i);
    const Reader reader{api, logical, count, api.vector_get_data(vector), api.vector_get_validity(vector), column};
    Status status = reader.Read(api.column_type(&result, i));
    api.destroy_logical_type(&logical);
    KEELSON_RETURN_IF_ERROR(std::move(status));
  }
  return {};
}

duckdb_type DuckDbTypeOf(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return DUCKDB_TYPE_BOOLEAN;
    case ColumnType::kInt64:
      return DUCKDB_TYPE_BIGINT;
    case ColumnType::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case ColumnType::kString:
      return DUCKDB_TYPE_VARCHAR;
    case ColumnType::kTimestamp:
      return DUCKDB_TYPE_TIMESTAMP_TZ;
  }
  return DUCKDB_TYPE_INVALID;
}

std::string_view SqlTypeOf(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "BOOLEAN";
    case ColumnType::kInt64:
      return "BIGINT";
    case ColumnType::kDouble:
      return "DOUBLE";
    case ColumnType::kString:
      return "VARCHAR";
    case ColumnType::kTimestamp:
      return "TIMESTAMPTZ";
  }
  return "";
}

void FillVector(const DuckDbApi& api, const Column& column, std::size_t first, std::size_t count,
                duckdb_vector vector) {
  void* values = api.vector_get_data(vector);
  if (column.type == ColumnType::kString) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& text = column.strings[first + i];
      if (!column.is_null(first + i)) api.vector_assign_string_element_len(vector, i, text.data(), text.size());
    }
  } else if (column.type == ColumnType::kDouble) {
    std::memcpy(values, column.doubles.data() + first, count * sizeof(double));
  } else if (column.type == ColumnType::kBool) {
    for (std::size_t i = 0; i < count; ++i) static_cast<bool*>(values)[i] = column.ints[first + i] != 0;
  } else {
    std::memcpy(values, column.ints.data() + first, count * sizeof(std::int64_t));
  }
  api.vector_ensure_validity_writable(vector);
  std::uint64_t* validity = api.vector_get_validity(vector);
  for (std::size_t word = 0; word * 64 < count; ++word) {
    std::uint64_t bits = 0;
    for (std::size_t i = word * 64; i < std::min(count, word * 64 + 64); ++i) {
      if (!column.is_null(first + i)) bits |= std::uint64_t{1} << (i % 64);
    }
    validity[word] = bits;
  }
}

}  // namespace keelson::data
