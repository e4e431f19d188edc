#include "wire/api/push_body.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace keelson::wire::api {
namespace {

namespace dom = simdjson::dom;

Result<Instant> InstantOf(const dom::element& value, std::string_view name) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS)
    return Fail(ErrorCode::kInvalidArgument, "expected a time as text", std::string(name));
  auto instant = ParseInstant(text);
  if (!instant) return Fail(instant.error().code, instant.error().message, std::string(name));
  return instant;
}

}  // namespace

Result<PushBody> ReadPushBody(const std::string& body) {
  thread_local dom::parser parser;
  dom::element document;
  if (const auto error = parser.parse(body).get(document); error != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("not JSON: {}", simdjson::error_message(error)), "body");
  }
  dom::object object;
  if (document.get(object) != simdjson::SUCCESS)
    return Fail(ErrorCode::kInvalidArgument, "the body must be a JSON object", "body");
  PushBody push;
  bool has_rows = false;
  for (const auto& [name, value] : object) {
    if (name == "clock") {
      KEELSON_ASSIGN_OR_RETURN(push.clock, InstantOf(value, name));
    } else if (name == "after") {
      KEELSON_ASSIGN_OR_RETURN(push.after, InstantOf(value, name));
    } else if (name == "unanswered") {
      KEELSON_ASSIGN_OR_RETURN(push.unanswered, InstantOf(value, name));
    } else if (name == "rows") {
      has_rows = true;
    } else {
      return Fail(ErrorCode::kInvalidArgument, "unknown field; expected rows, clock, after and unanswered",
                  std::string(name));
    }
  }
  if (!has_rows) return Fail(ErrorCode::kInvalidArgument, "a required field is missing", "rows");
  return push;
}

}  // namespace keelson::wire::api
