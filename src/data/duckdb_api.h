#pragma once

#include <duckdb.h>

#include "base/result.h"

// The functions of DuckDB's C API that we call, named once, without their prefix `duckdb_`.
#define KEELSON_DUCKDB_FUNCTIONS(X)   \
  X(append_data_chunk)                \
  X(appender_close)                   \
  X(appender_create_ext)              \
  X(appender_destroy)                 \
  X(appender_error)                   \
  X(close)                            \
  X(column_count)                     \
  X(column_logical_type)              \
  X(column_name)                      \
  X(column_type)                      \
  X(connect)                          \
  X(create_config)                    \
  X(create_data_chunk)                \
  X(create_logical_type)              \
  X(data_chunk_get_size)              \
  X(data_chunk_get_vector)            \
  X(data_chunk_reset)                 \
  X(data_chunk_set_size)              \
  X(decimal_internal_type)            \
  X(decimal_scale)                    \
  X(destroy_config)                   \
  X(destroy_data_chunk)               \
  X(destroy_extracted)                \
  X(destroy_logical_type)             \
  X(destroy_prepare)                  \
  X(destroy_result)                   \
  X(disconnect)                       \
  X(enum_dictionary_size)             \
  X(enum_dictionary_value)            \
  X(enum_internal_type)               \
  X(execute_prepared)                 \
  X(extract_statements)               \
  X(extract_statements_error)         \
  X(fetch_chunk)                      \
  X(free)                             \
  X(interrupt)                        \
  X(library_version)                  \
  X(open_ext)                         \
  X(prepare_error)                    \
  X(prepare_extracted_statement)      \
  X(result_error)                     \
  X(result_error_type)                \
  X(set_config)                       \
  X(validity_row_is_valid)            \
  X(vector_assign_string_element_len) \
  X(vector_ensure_validity_writable)  \
  X(vector_get_data)                  \
  X(vector_get_validity)              \
  X(vector_size)

namespace keelson::data {

// DuckDB's C API as a table of function pointers, resolved from the library that is opened at first use.
struct DuckDbApi {
#define KEELSON_DECLARE(name) decltype(&::duckdb_##name) name = nullptr;
  KEELSON_DUCKDB_FUNCTIONS(KEELSON_DECLARE)
#undef KEELSON_DECLARE
};

// Opens libduckdb.so once a process; thread-safe. The table lives as long as the process. kNotFound, kUnavailable or
// kUnsupported says what is missing; the next call tries again.
Result<const DuckDbApi*> OpenDuckDb();

}  // namespace keelson::data
