#include "wire/api/body_reader.h"

#include <fmt/format.h>

#include "base/json_depth.h"

namespace keelson::wire::api {
namespace {

using control::Json;

constexpr std::size_t kDeepestBody = 64;

}  // namespace

Result<Json> ObjectOfBody(const std::string& body) {
  if (JsonDepth(body) > kDeepestBody) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the body nests deeper than {}", kDeepestBody), "body");
  }
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return Fail(ErrorCode::kInvalidArgument, "the body is not JSON", "body");
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "the body must be a JSON object", "body");
  return json;
}

Result<BodyReader> BodyReader::Parse(const std::string& body) {
  BodyReader reader;
  if (!body.empty()) {
    KEELSON_ASSIGN_OR_RETURN(reader.json_, ObjectOfBody(body));
  }
  return reader;
}

std::optional<Json> BodyReader::Any(const std::string& name) {
  const auto found = json_.find(name);
  if (found == json_.end()) return std::nullopt;
  Json value = std::move(*found);
  json_.erase(found);
  return value;
}

Result<std::string> BodyReader::Text(const std::string& name) {
  const auto value = Any(name);
  if (!value) return Fail(ErrorCode::kInvalidArgument, "a required field is missing", name);
  if (!value->is_string()) return Fail(ErrorCode::kInvalidArgument, "expected text", name);
  return value->get<std::string>();
}

std::optional<std::string> BodyReader::OptionalText(const std::string& name) {
  const auto value = Any(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  if (not_text_.empty()) not_text_ = name;
  return std::nullopt;
}

Result<std::int64_t> BodyReader::Integer(const std::string& name) {
  const auto value = Any(name);
  if (!value) return Fail(ErrorCode::kInvalidArgument, "a required field is missing", name);
  const bool too_large = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
  if (!value->is_number_integer() || too_large) {
    return Fail(ErrorCode::kInvalidArgument, "expected a whole number", name);
  }
  return value->get<std::int64_t>();
}

Status BodyReader::Done() const {
  if (!not_text_.empty()) return Fail(ErrorCode::kInvalidArgument, "expected text", not_text_);
  if (json_.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, "unknown field", json_.begin().key());
}

}  // namespace keelson::wire::api
