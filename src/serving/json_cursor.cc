#include "serving/json_cursor.h"

#include <fmt/core.h>

#include <cstring>

#include "serving/json_number.h"
#include "serving/json_string.h"

namespace keelson::serving {
bool JsonCursor::Expected(std::string_view what) {
  if (at_ == end_) return Refuse(fmt::format("the text ends where {} is expected", what));
  const auto byte = static_cast<unsigned char>(*at_);
  if (byte >= 0x20 && byte < 0x7F) return Refuse(fmt::format("expected {}, found '{}'", what, *at_));
  return Refuse(fmt::format("expected {}, found byte 0x{:02x}", what, byte));
}

ValueKind JsonCursor::Peek() {
  SkipSpace();
  if (at_ == end_ || !ok()) return ValueKind::kNone;
  switch (*at_) {
    case '{':
      return ValueKind::kObject;
    case '[':
      return ValueKind::kArray;
    case '"':
      return ValueKind::kString;
    case 't':
    case 'f':
      return ValueKind::kBool;
    case 'n':
      return ValueKind::kNull;
    case '-':
    case 'N':
    case 'I':
      return ValueKind::kNumber;
    default:
      return *at_ >= '0' && *at_ <= '9' ? ValueKind::kNumber : ValueKind::kNone;
  }
}

std::size_t JsonCursor::ValueOffset() {
  SkipSpace();
  return offset();
}

bool JsonCursor::Enter(char open, std::string_view what) {
  if (!ok()) return false;
  SkipSpace();
  if (at_ == end_ || *at_ != open) return Expected(what);
  if (depth_ == kMaxDepth) return Refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
  ++at_;
  ++depth_;
  fresh_ = true;
  return true;
}

bool JsonCursor::Leave(char close) {
  if (at_ == end_ || *at_ != close) return false;
  ++at_;
  --depth_;
  fresh_ = false;
  return true;
}

bool JsonCursor::NextElement() {
  if (!ok()) return false;
  SkipSpace();
  if (Leave(']')) return false;
  if (!fresh_) {
    if (at_ == end_ || *at_ != ',') return Expected("',' or ']'");
    ++at_;
  }
  fresh_ = false;
  return true;
}

bool JsonCursor::NextKey(std::string_view* key) {
  if (!ok()) return false;
  SkipSpace();
  if (Leave('}')) return false;
  if (!fresh_) {
    if (at_ == end_ || *at_ != ',') return Expected("',' or '}'");
    ++at_;
    SkipSpace();
  }
  fresh_ = false;
  if (at_ == end_ || *at_ != '"') return Expected("a key in quotes");
  if (!ReadStringView(key)) return false;
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return Expected("':'");
  ++at_;
  return true;
}

bool JsonCursor::ReadStringView(std::string_view* value) {
  if (!ok()) return false;
  SkipSpace();
  if (at_ == end_ || *at_ != '"') return Expected("a string");
  const char* begin = at_ + 1;
  const char* p = begin;
  while (p != end_ && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20) ++p;
  if (p != end_ && *p == '"') {
    *value = std::string_view(begin, static_cast<std::size_t>(p - begin));
    at_ = p + 1;
    return true;
  }
  ++at_;
  if (const char* problem = UnescapeJsonString(&at_, end_, &scratch_); problem != nullptr) return Refuse(problem);
  *value = scratch_;
  return true;
}

bool JsonCursor::ReadString(std::string* value) {
  std::string_view view;
  if (!ReadStringView(&view)) return false;
  value->assign(view);
  return true;
}

bool JsonCursor::Literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return false;
  at_ += word.size();
  return true;
}

bool JsonCursor::ReadNull() {
  if (!ok()) return false;
  SkipSpace();
  return Literal("null") || Expected("null");
}

bool JsonCursor::ReadBool(bool* value) {
  if (!ok()) return false;
  SkipSpace();
  if (Literal("true")) {
    *value = true;
    return true;
  }
  if (Literal("false")) {
    *value = false;
    return true;
  }
  return Expected("true or false");
}

bool JsonCursor::ScanNumber(JsonNumber* number) {
  if (!ok()) return false;
  SkipSpace();
  switch (ScanJsonNumber(&at_, end_, number)) {
    case JsonNumberProblem::kNone:
      return true;
    case JsonNumberProblem::kNotANumber:
      return Expected("a number");
    case JsonNumberProblem::kLeadingZero:
      return Refuse("a number must not begin with a zero");
    case JsonNumberProblem::kNoFraction:
      return Expected("a digit behind the point");
    case JsonNumberProblem::kNoExponent:
      break;
  }
  return Expected("a digit in the exponent");
}

bool JsonCursor::ReadDouble(double* value) {
  JsonNumber number;
  if (!ScanNumber(&number)) return false;
  *value = ToDouble(number);
  return true;
}

bool JsonCursor::ReadFloat(float* value) {
  JsonNumber number;
  if (!ScanNumber(&number)) return false;
  *value = ToFloat(number);
  return true;
}

bool JsonCursor::ReadInt(std::int64_t* value) {
  return ReadWhole(value, ToInt, "a whole number of 64 bits");
}

bool JsonCursor::ReadUnsigned(std::uint64_t* value) {
  return ReadWhole(value, ToUnsigned, "a whole number from 0 to 2^64-1");
}

template <typename T, typename Convert>
bool JsonCursor::ReadWhole(T* value, Convert convert, std::string_view what) {
  if (!ok()) return false;
  SkipSpace();
  const char* const start = at_;
  JsonNumber number;
  if (!ScanNumber(&number)) return false;
  const auto converted = convert(number);
  if (converted) {
    *value = *converted;
    return true;
  }
  at_ = start;
  return Refuse(fmt::format("expected {}, found {}", what, number.text.substr(0, 40)));
}

bool JsonCursor::Skip() {
  std::string_view text;
  bool flag = false;
  JsonNumber number;
  switch (Peek()) {
    case ValueKind::kObject:
      if (!EnterObject()) return false;
      while (NextKey(&text)) {
        if (!Skip()) return false;
      }
      return ok();
    case ValueKind::kArray:
      if (!EnterArray()) return false;
      while (NextElement()) {
        if (!Skip()) return false;
      }
      return ok();
    case ValueKind::kString:
      return ReadStringView(&text);
    case ValueKind::kBool:
      return ReadBool(&flag);
    case ValueKind::kNull:
      return ReadNull();
    case ValueKind::kNumber:
      return ScanNumber(&number);
    case ValueKind::kNone:
      break;
  }
  return Expected("a value");
}

bool JsonCursor::Finish() {
  if (!ok()) return false;
  SkipSpace();
  return at_ == end_ || Expected("the end of the text");
}

}  // namespace keelson::serving
