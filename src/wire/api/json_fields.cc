#include "wire/api/json_fields.h"

#include <fmt/format.h>

namespace keelson::wire::api {

using control::Json;

Result<Fields> Fields::Of(const Json& json, std::string where) {
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "expected an object", where);
  return Fields(json, std::move(where));
}

const Json* Fields::Take(const std::string& name) {
  const auto found = json_.find(name);
  if (found == json_.end()) return nullptr;
  taken_.push_back(*found);
  json_.erase(found);
  return &taken_.back();
}

std::unexpected<Error> Fields::Wrong(const std::string& name, std::string_view expected) const {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("expected {}", expected), Where(name));
}

Result<std::string> Fields::Text(const std::string& name, std::string otherwise) {
  const Json* value = Take(name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) return Wrong(name, "text");
  return value->get<std::string>();
}

Result<std::optional<Duration>> Fields::Time(const std::string& name) {
  const Json* value = Take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return Wrong(name, "a duration as text, such as \"30d\"");
  const auto duration = ParseDuration(value->get<std::string>());
  if (!duration) return Fail(duration.error().code, duration.error().message, Where(name));
  return *duration;
}

Status Fields::Done() const {
  if (json_.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, "unknown field", Where(json_.begin().key()));
}

}  // namespace keelson::wire::api
