#include "serving/json_cursor.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace keelson::serving {
namespace {

// Powers of ten that a double holds exactly: with a mantissa below 2^53 one multiplication or division rounds
// correctly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::array<float, 11> kFloatPowersOfTen = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};

bool IsDigit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

void AppendUtf8(std::uint32_t code, std::string* out) {
  auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool ReadHex4(const char* at, const char* end, std::uint32_t* code) {
  if (end - at < 4) return false;
  auto [stop, error] = std::from_chars(at, at + 4, *code, 16);
  return error == std::errc{} && stop == at + 4;
}

// Text to a number where the exact shortcut does not hold.
template <typename T>
T SlowParse(const char* begin, const char* end) {
  T value = 0;
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc{}) return value;
  const std::string copy(begin, end);  // out of range: from_chars does not say on which side
  if constexpr (std::is_same_v<T, float>) {
    return std::strtof(copy.c_str(), nullptr);
  } else {
    return std::strtod(copy.c_str(), nullptr);
  }
}

}  // namespace

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
      return IsDigit(*at_) ? ValueKind::kNumber : ValueKind::kNone;
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
  if (!Unescape()) return false;
  *value = scratch_;
  return true;
}

// From behind the opening quote to behind the closing one, into scratch_.
bool JsonCursor::Unescape() {
  scratch_.clear();
  while (true) {
    if (at_ == end_) return Refuse("the text ends inside a string");
    const char c = *at_;
    if (c == '"') {
      ++at_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return Refuse("a control character inside a string must be escaped");
    ++at_;
    if (c != '\\') {
      scratch_.push_back(c);
      continue;
    }
    if (at_ == end_) return Refuse("the text ends inside a string");
    const char escape = *at_++;
    switch (escape) {
      case '"':
      case '\\':
      case '/':
        scratch_.push_back(escape);
        break;
      case 'b':
        scratch_.push_back('\b');
        break;
      case 'f':
        scratch_.push_back('\f');
        break;
      case 'n':
        scratch_.push_back('\n');
        break;
      case 'r':
        scratch_.push_back('\r');
        break;
      case 't':
        scratch_.push_back('\t');
        break;
      case 'u': {
        std::uint32_t code = 0;
        if (!ReadHex4(at_, end_, &code)) return Refuse("\\u must be followed by four hexadecimal digits");
        at_ += 4;
        if (code >= 0xD800 && code < 0xDC00) {
          std::uint32_t low = 0;
          if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u' || !ReadHex4(at_ + 2, end_, &low) || low < 0xDC00 ||
              low > 0xDFFF) {
            return Refuse("half of a surrogate pair");
          }
          at_ += 6;
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
          return Refuse("half of a surrogate pair");
        }
        AppendUtf8(code, &scratch_);
        break;
      }
      default:
        return Refuse("an escape that JSON does not have");
    }
  }
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

bool JsonCursor::ScanSpecial(NumberToken* token) {
  const char* start = at_;
  token->negative = Literal("-");
  if (Literal("NaN") || Literal("Infinity")) {
    token->special = true;
    token->begin = start;
    token->end = at_;
    return true;
  }
  at_ = start;
  return Expected("a number");
}

bool JsonCursor::ScanNumber(NumberToken* token) {
  if (!ok()) return false;
  SkipSpace();
  const char* p = at_;
  token->begin = p;
  if (p != end_ && *p == '-') {
    token->negative = true;
    ++p;
  }
  if (p == end_ || !IsDigit(*p)) return ScanSpecial(token);
  const char* digits = p;
  std::uint64_t mantissa = 0;
  while (p != end_ && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  auto count = p - digits;
  if (count > 1 && *digits == '0') {
    return Refuse("a number must not begin with a zero");
  }
  token->integer = true;
  int exponent = 0;
  if (p != end_ && *p == '.') {
    token->integer = false;
    const char* fraction = ++p;
    while (p != end_ && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    if (p == fraction) {
      at_ = p;
      return Expected("a digit behind the point");
    }
    count += p - fraction;
    exponent = static_cast<int>(fraction - p);
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    token->integer = false;
    ++p;
    bool minus = false;
    if (p != end_ && (*p == '+' || *p == '-')) minus = *p++ == '-';
    if (p == end_ || !IsDigit(*p)) {
      at_ = p;
      return Expected("a digit in the exponent");
    }
    int written = 0;
    while (p != end_ && IsDigit(*p)) {
      if (written < 100'000) written = written * 10 + (*p - '0');
      ++p;
    }
    exponent += minus ? -written : written;
  }
  token->exact = count <= 19;  // no overflow of 64 bits
  token->mantissa = mantissa;
  token->exponent = exponent;
  token->end = p;
  at_ = p;
  return true;
}

bool JsonCursor::ReadDouble(double* value) {
  NumberToken token;
  if (!ScanNumber(&token)) return false;
  if (token.special) {
    const double infinity = std::numeric_limits<double>::infinity();
    *value = token.end[-1] == 'N' ? std::numeric_limits<double>::quiet_NaN() : token.negative ? -infinity : infinity;
    return true;
  }
  if (token.exact && token.mantissa <= (std::uint64_t{1} << 53) && token.exponent >= -22 && token.exponent <= 22) {
    double number = static_cast<double>(token.mantissa);
    const auto power = kPowersOfTen[static_cast<std::size_t>(std::abs(token.exponent))];
    number = token.exponent < 0 ? number / power : number * power;
    *value = token.negative ? -number : number;
    return true;
  }
  *value = SlowParse<double>(token.begin, token.end);
  return true;
}

bool JsonCursor::ReadFloat(float* value) {
  NumberToken token;
  if (!ScanNumber(&token)) return false;
  if (token.special) {
    const float infinity = std::numeric_limits<float>::infinity();
    *value = token.end[-1] == 'N' ? std::numeric_limits<float>::quiet_NaN() : token.negative ? -infinity : infinity;
    return true;
  }
  if (token.exact && token.mantissa <= (std::uint64_t{1} << 24) && token.exponent >= -10 && token.exponent <= 10) {
    float number = static_cast<float>(token.mantissa);
    const auto power = kFloatPowersOfTen[static_cast<std::size_t>(std::abs(token.exponent))];
    number = token.exponent < 0 ? number / power : number * power;
    *value = token.negative ? -number : number;
    return true;
  }
  *value = SlowParse<float>(token.begin, token.end);
  return true;
}

bool JsonCursor::ReadInt(std::int64_t* value) {
  NumberToken token;
  const char* start = at_;
  if (!ScanNumber(&token)) return false;
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (token.negative ? 1 : 0);
  if (!token.integer || !token.exact || token.mantissa > limit) {
    at_ = start;
    return Refuse(
        fmt::format("expected a whole number of 64 bits, found {}",
                    std::string_view(token.begin, static_cast<std::size_t>(token.end - token.begin)).substr(0, 40)));
  }
  *value = static_cast<std::int64_t>(token.negative ? 0 - token.mantissa : token.mantissa);
  return true;
}

bool JsonCursor::ReadUnsigned(std::uint64_t* value) {
  SkipSpace();
  const char* start = at_;
  NumberToken token;
  if (!ScanNumber(&token)) return false;
  std::uint64_t number = 0;
  if (token.integer && !token.negative && std::from_chars(token.begin, token.end, number).ec == std::errc{}) {
    *value = number;
    return true;
  }
  at_ = start;
  return Refuse(
      fmt::format("expected a whole number from 0 to 2^64-1, found {}",
                  std::string_view(token.begin, static_cast<std::size_t>(token.end - token.begin)).substr(0, 40)));
}

bool JsonCursor::ReadFloats(std::vector<float>* values) {
  values->clear();
  if (!EnterArray()) return false;
  while (NextElement()) {
    float value = 0;
    if (!ReadFloat(&value)) return false;
    values->push_back(value);
  }
  return ok();
}

bool JsonCursor::ReadInts(std::vector<std::int32_t>* values) {
  values->clear();
  if (!EnterArray()) return false;
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

bool JsonCursor::Skip() {
  std::string_view text;
  bool flag = false;
  NumberToken token;
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
      return ScanNumber(&token);
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
