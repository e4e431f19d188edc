#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace keelson {

// What kind of thing went wrong. Each wire protocol maps these to its own codes, in its own module and nowhere else.
enum class ErrorCode {
  kInvalidArgument,     // the caller sent something malformed or out of range; nothing was changed
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the named thing exists and is not the same
  kFailedPrecondition,  // legal in itself, but not in the present state
  kUnauthenticated,     // no or wrong credentials
  kPermissionDenied,    // known caller, not allowed
  kResourceExhausted,   // a limit was reached: size, count, quota, queue, disk
  kUnavailable,         // try again later: the other side is down, starting or draining
  kDeadlineExceeded,    // the time allowed ran out
  kAborted,             // lost a race or a lease; the caller may retry from the start
  kDataLoss,            // stored bytes are corrupt or truncated
  kUnsupported,         // well formed, but not something that this build can do
  kInternal,            // our own mistake
};

// The code's stable name, such as "invalid_argument"; it appears in logs and in our own API.
std::string_view ErrorCodeName(ErrorCode code);

// An error as a value: what kind, what is wrong and what to do (a sentence for a person), and where: a file position, a
// field path, a URL, whatever leads to the cause.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string where;

  // "message (where)", for logs and terminals.
  std::string ToString() const;

  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// Shorthand for `return std::unexpected(Error{...})`.
inline std::unexpected<Error> Fail(ErrorCode code, std::string message, std::string where = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(where)});
}

}  // namespace keelson

// Evaluates `expression` (a Result) and returns its error from the enclosing function, if it has one.
#define KEELSON_RETURN_IF_ERROR(expression)                                \
  do {                                                                     \
    if (auto keelson_status = (expression); !keelson_status.has_value()) { \
      return std::unexpected(std::move(keelson_status).error());           \
    }                                                                      \
  } while (false)

#define KEELSON_CONCAT_INNER(a, b) a##b
#define KEELSON_CONCAT(a, b) KEELSON_CONCAT_INNER(a, b)

// KEELSON_ASSIGN_OR_RETURN(auto table, Load(path)): declares or assigns from a Result, or returns its error.
#define KEELSON_ASSIGN_OR_RETURN(target, expression) \
  KEELSON_ASSIGN_OR_RETURN_INNER(KEELSON_CONCAT(keelson_result_, __LINE__), target, expression)
#define KEELSON_ASSIGN_OR_RETURN_INNER(result, target, expression)            \
  auto result = (expression);                                                 \
  if (!result.has_value()) return std::unexpected(std::move(result).error()); \
  target = *std::move(result)
