#include "serving/document_cursor.h"

#include <fmt/core.h>

namespace keelson::serving {

std::string_view ValueKindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kBool:
      return "a boolean";
    case ValueKind::kNumber:
      return "a number";
    case ValueKind::kString:
      return "a string";
    case ValueKind::kArray:
      return "an array";
    case ValueKind::kObject:
      return "an object";
    case ValueKind::kNone:
      break;
  }
  return "nothing that is a value";
}

bool DocumentCursor::ReadFloats(std::vector<float>* values) {
  values->clear();
  if (!EnterArray()) return false;
  values->reserve(ElementsLeft());
  while (NextElement()) {
    float value = 0;
    if (!ReadFloat(&value)) return false;
    values->push_back(value);
  }
  return ok();
}

bool DocumentCursor::ReadInts(std::vector<std::int32_t>* values) {
  values->clear();
  if (!EnterArray()) return false;
  values->reserve(ElementsLeft());
  while (NextElement()) {
    std::int64_t value = 0;
    if (Peek() == ValueKind::kBool) {
      bool flag = false;
      if (!ReadBool(&flag)) return false;
      value = flag ? 1 : 0;
    } else if (!ReadInt(&value)) {
      return false;
    }
    if (value != static_cast<std::int32_t>(value)) return Refuse(fmt::format("{} does not fit into 32 bits", value));
    values->push_back(static_cast<std::int32_t>(value));
  }
  return ok();
}

}  // namespace keelson::serving
