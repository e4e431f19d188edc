#include "io/sqlite_regexp.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <boost/regex.hpp>
#include <exception>
#include <memory>
#include <string_view>

namespace keelson::io {
namespace {

std::string_view TextOf(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void Forget(void* pattern) {
  delete static_cast<boost::regex*>(pattern);
}

// regexp(pattern, text)
void Regexp(sqlite3_context* context, int, sqlite3_value** arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL || sqlite3_value_type(arguments[1]) == SQLITE_NULL) {
    sqlite3_result_null(context);
    return;
  }
  try {
    // SQLite keeps it for the rows of the statement, as long as the pattern is the same.
    const auto* kept = static_cast<const boost::regex*>(sqlite3_get_auxdata(context, 0));
    std::unique_ptr<boost::regex> made;
    if (kept == nullptr) {
      const std::string_view pattern = TextOf(arguments[0]);
      made = std::make_unique<boost::regex>(pattern.begin(), pattern.end());
    }
    const std::string_view text = TextOf(arguments[1]);
    const bool found = boost::regex_search(text.begin(), text.end(), kept == nullptr ? *made : *kept);
    if (made != nullptr) sqlite3_set_auxdata(context, 0, made.release(), Forget);
    sqlite3_result_int(context, found ? 1 : 0);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

}  // namespace

int AddRegexp(sqlite3* connection) {
  return sqlite3_create_function_v2(connection, "regexp", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, Regexp,
                                    nullptr, nullptr, nullptr);
}

Status CheckRegexp(std::string_view pattern) {
  try {
    (void)boost::regex(pattern.begin(), pattern.end());
    return {};
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid regular expression '{}': {}", pattern, error.what()));
  }
}

}  // namespace keelson::io
