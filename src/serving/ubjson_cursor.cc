#include "serving/ubjson_cursor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace keelson::serving {
namespace {

// Bytes of one element of a typed array, 0 for types without a fixed size.
std::size_t SizeOf(char marker) {
  switch (marker) {
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
  }
}

std::string Show(char marker) {
  const auto byte = static_cast<unsigned char>(marker);
  return byte >= 0x20 && byte < 0x7F ? fmt::format("'{}'", marker) : fmt::format("byte 0x{:02x}", byte);
}

}  // namespace

template <typename T>
bool UbjsonCursor::Raw(T* value) {
  if (bytes_.size() - at_ < sizeof(T)) return Refuse("the file ends inside a number");
  std::array<unsigned char, sizeof(T)> buffer;
  std::memcpy(buffer.data(), bytes_.data() + at_, sizeof(T));
  std::reverse(buffer.begin(), buffer.end());  // big-endian in the file
  std::memcpy(value, buffer.data(), sizeof(T));
  at_ += sizeof(T);
  return true;
}

char UbjsonCursor::NextMarker() {
  if (!levels_.empty() && levels_.back().type != 0) return levels_.back().type;
  while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;  // no-operation
  return at_ < bytes_.size() ? bytes_[at_] : '\0';
}

bool UbjsonCursor::TakeMarker(char* marker) {
  if (!ok()) return false;
  *marker = NextMarker();
  if (!levels_.empty() && levels_.back().type != 0) return true;
  if (at_ >= bytes_.size()) return Refuse("the file ends where a value is expected");
  ++at_;
  return true;
}

ValueKind UbjsonCursor::Peek() {
  if (!ok()) return ValueKind::kNone;
  switch (NextMarker()) {
    case '{':
      return ValueKind::kObject;
    case '[':
      return ValueKind::kArray;
    case 'S':
      return ValueKind::kString;
    case 'T':
    case 'F':
      return ValueKind::kBool;
    case 'Z':
      return ValueKind::kNull;
    case 'i':
    case 'U':
    case 'C':
    case 'I':
    case 'l':
    case 'L':
    case 'd':
    case 'D':
      return ValueKind::kNumber;
    default:
      return ValueKind::kNone;
  }
}

bool UbjsonCursor::IntegerOf(char marker, std::int64_t* value) {
  auto take = [&]<typename T>(T narrow) {
    if (!Raw(&narrow)) return false;
    *value = static_cast<std::int64_t>(narrow);
    return true;
  };
  switch (marker) {
    case 'i':
      return take(std::int8_t{});
    case 'U':
    case 'C':
      return take(std::uint8_t{});
    case 'I':
      return take(std::int16_t{});
    case 'l':
      return take(std::int32_t{});
    case 'L':
      return take(std::int64_t{});
    default:
      return Refuse(fmt::format("expected a whole number, found the marker {}", Show(marker)));
  }
}

bool UbjsonCursor::NumberOf(char marker, double* value) {
  if (marker == 'd') {
    float narrow = 0;
    if (!Raw(&narrow)) return false;
    *value = static_cast<double>(narrow);
    return true;
  }
  if (marker == 'D') return Raw(value);
  std::int64_t whole = 0;
  if (!IntegerOf(marker, &whole)) return false;
  *value = static_cast<double>(whole);
  return true;
}

bool UbjsonCursor::ReadCount(std::uint64_t* count) {
  if (at_ >= bytes_.size()) return Refuse("the file ends where a length is expected");
  const char marker = bytes_[at_++];
  std::int64_t value = 0;
  if (!IntegerOf(marker, &value)) return false;
  if (value < 0) return Refuse(fmt::format("a negative length: {}", value));
  *count = static_cast<std::uint64_t>(value);
  return true;
}

bool UbjsonCursor::Text(std::string_view* text) {
  std::uint64_t length = 0;
  if (!ReadCount(&length)) return false;
  if (length > bytes_.size() - at_) {
    return Refuse(fmt::format("a text of {} bytes is declared where {} are left", length, bytes_.size() - at_));
  }
  *text = bytes_.substr(at_, static_cast<std::size_t>(length));
  at_ += static_cast<std::size_t>(length);
  return true;
}

bool UbjsonCursor::Open(char open, std::string_view what) {
  char marker = 0;
  if (!TakeMarker(&marker)) return false;
  if (marker != open) return Refuse(fmt::format("expected {}, found the marker {}", what, Show(marker)));
  if (levels_.size() == kMaxDepth) return Refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
  Level level;
  if (at_ < bytes_.size() && bytes_[at_] == '$') {
    if (at_ + 2 >= bytes_.size()) return Refuse("the file ends inside the head of a container");
    level.type = bytes_[at_ + 1];
    at_ += 2;
    if (open == '{' || SizeOf(level.type) == 0) {
      return Refuse(fmt::format("elements of the type {} are not supported", Show(level.type)));
    }
    if (bytes_[at_] != '#') return Refuse("a typed container must declare its length");
  }
  if (at_ < bytes_.size() && bytes_[at_] == '#') {
    ++at_;
    level.counted = true;
    if (!ReadCount(&level.left)) return false;
    const std::size_t each = std::max<std::size_t>(1, SizeOf(level.type));
    if (level.left > (bytes_.size() - at_) / each) {
      return Refuse(fmt::format("{} elements are declared where {} bytes are left", level.left, bytes_.size() - at_));
    }
  }
  levels_.push_back(level);
  return true;
}

bool UbjsonCursor::EnterObject() {
  return Open('{', "an object");
}
bool UbjsonCursor::EnterArray() {
  return Open('[', "an array");
}

bool UbjsonCursor::More(char close) {
  if (!ok()) return false;
  Level& level = levels_.back();
  if (level.counted) {
    if (level.left == 0) {
      levels_.pop_back();
      return false;
    }
    --level.left;
    return true;
  }
  const char marker = NextMarker();
  if (marker == close) {
    ++at_;
    levels_.pop_back();
    return false;
  }
  if (at_ >= bytes_.size()) return Refuse("the file ends inside a container");
  return true;
}

bool UbjsonCursor::NextElement() {
  return More(']');
}

bool UbjsonCursor::NextKey(std::string_view* key) {
  return More('}') && Text(key);
}

bool UbjsonCursor::ReadString(std::string* value) {
  char marker = 0;
  if (!TakeMarker(&marker)) return false;
  if (marker != 'S') return Refuse(fmt::format("expected a string, found the marker {}", Show(marker)));
  std::string_view text;
  if (!Text(&text)) return false;
  value->assign(text);
  return true;
}

bool UbjsonCursor::ReadBool(bool* value) {
  char marker = 0;
  if (!TakeMarker(&marker)) return false;
  if (marker != 'T' && marker != 'F')
    return Refuse(fmt::format("expected a boolean, found the marker {}", Show(marker)));
  *value = marker == 'T';
  return true;
}

bool UbjsonCursor::ReadInt(std::int64_t* value) {
  char marker = 0;
  return TakeMarker(&marker) && IntegerOf(marker, value);
}

bool UbjsonCursor::ReadFloat(float* value) {
  char marker = 0;
  double wide = 0;
  if (!TakeMarker(&marker) || !NumberOf(marker, &wide)) return false;
  *value = static_cast<float>(wide);
  return true;
}

bool UbjsonCursor::Skip() {
  std::string_view text;
  double number = 0;
  bool flag = false;
  char marker = 0;
  switch (Peek()) {
    case ValueKind::kObject:
      if (!EnterObject()) return false;
      while (NextKey(&text)) {
        if (!Skip()) return false;
      }
      return ok();
    case ValueKind::kArray:
      if (!EnterArray()) return false;
      if (const Level& level = levels_.back(); level.type != 0) {
        at_ += static_cast<std::size_t>(level.left) * SizeOf(level.type);
        levels_.pop_back();
        return true;
      }
      while (NextElement()) {
        if (!Skip()) return false;
      }
      return ok();
    case ValueKind::kString:
      return TakeMarker(&marker) && Text(&text);
    case ValueKind::kBool:
      return ReadBool(&flag);
    case ValueKind::kNull:
      return TakeMarker(&marker);
    case ValueKind::kNumber:
      return TakeMarker(&marker) && NumberOf(marker, &number);
    case ValueKind::kNone:
      break;
  }
  if (!ok()) return false;
  if (at_ >= bytes_.size()) return Refuse("the file ends where a value is expected");
  return Refuse(fmt::format("unknown marker {}", Show(bytes_[at_])));
}

bool UbjsonCursor::Finish() {
  if (!ok()) return false;
  return at_ == bytes_.size() || Refuse(fmt::format("{} bytes follow the end of the document", bytes_.size() - at_));
}

}  // namespace keelson::serving
