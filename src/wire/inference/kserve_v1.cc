#include "wire/inference/kserve_v1.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/inference/answer.h"
#include "wire/inference/prediction.h"

namespace keelson::wire::inference {
namespace {

using serving::JsonCursor;
using serving::ValueKind;

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::unexpected<Error> Unrecognized(const JsonCursor& cursor) {
  return Bad(fmt::format("Unrecognized request format: malformed JSON at byte {}: {}", cursor.problem_offset(),
                         cursor.problem()));
}

}  // namespace

Result<V1Rows> FindV1Rows(std::string_view body) {
  if (!IsValidUtf8(body)) return Bad("Unrecognized request format: the body is not valid UTF-8");
  JsonCursor cursor(body);
  if (cursor.Peek() != ValueKind::kObject) {
    return Bad("Unrecognized request format: expected an object with \"instances\" or \"inputs\"");
  }
  std::optional<std::string_view> instances;
  std::optional<std::string_view> inputs;
  std::string_view key;
  if (!cursor.EnterObject()) return Unrecognized(cursor);
  while (cursor.NextKey(&key)) {
    auto* const place = key == "instances" ? &instances : key == "inputs" ? &inputs : nullptr;
    std::size_t begin = 0;
    if (place != nullptr) {
      const std::string name(key);
      begin = cursor.ValueOffset();
      if (cursor.Peek() != ValueKind::kArray && cursor.Peek() != ValueKind::kNone) {
        return Bad(fmt::format("Expected \"{}\" to be a list", name));
      }
    }
    if (!cursor.Skip()) return Unrecognized(cursor);
    if (place != nullptr) *place = body.substr(begin, cursor.offset() - begin);
  }
  if (!cursor.Finish()) return Unrecognized(cursor);
  if (!instances && !inputs) return Bad("Expected \"instances\" or \"inputs\" in the body");
  return inputs ? V1Rows{"inputs", *inputs} : V1Rows{"instances", *instances};
}

Status ReadV1Request(std::string_view body, RowTable* table) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, FindV1Rows(body));
  JsonCursor cursor(found.rows);
  return ReadRows(cursor, table);
}

std::string WriteV1Predictions(std::span<const float> values, std::span<const std::int64_t> shape) {
  std::string body = "{\"predictions\":";
  AppendNested(values, shape, /*constants=*/false, &body);
  return body + "}";
}

std::string WriteV1Explanations(std::span<const float> values, std::span<const std::int64_t> shape,
                                const std::vector<std::string>& names) {
  std::string body = "{\"explanations\":";
  AppendNested(values, shape, /*constants=*/false, &body);
  body += ",\"feature_names\":[";
  for (const auto& name : names) body += JsonString(name) + ",";
  return body + "\"bias\"]}";
}

}  // namespace keelson::wire::inference
