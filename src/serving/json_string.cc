#include "serving/json_string.h"

#include <charconv>
#include <cstdint>

#include "base/utf8.h"

namespace keelson::serving {
namespace {

bool ReadHex4(const char* at, const char* end, std::uint32_t* code) {
  if (end - at < 4) return false;
  auto [stop, error] = std::from_chars(at, at + 4, *code, 16);
  return error == std::errc{} && stop == at + 4;
}

}  // namespace

const char* UnescapeJsonString(const char** at, const char* end, std::string* value) {
  value->clear();
  const char*& p = *at;
  while (true) {
    if (p == end) return "the text ends inside a string";
    const char c = *p;
    if (c == '"') {
      ++p;
      return nullptr;
    }
    if (static_cast<unsigned char>(c) < 0x20) return "a control character inside a string must be escaped";
    ++p;
    if (c != '\\') {
      value->push_back(c);
      continue;
    }
    if (p == end) return "the text ends inside a string";
    const char escape = *p++;
    switch (escape) {
      case '"':
      case '\\':
      case '/':
        value->push_back(escape);
        break;
      case 'b':
        value->push_back('\b');
        break;
      case 'f':
        value->push_back('\f');
        break;
      case 'n':
        value->push_back('\n');
        break;
      case 'r':
        value->push_back('\r');
        break;
      case 't':
        value->push_back('\t');
        break;
      case 'u': {
        std::uint32_t code = 0;
        if (!ReadHex4(p, end, &code)) return "\\u must be followed by four hexadecimal digits";
        p += 4;
        if (code >= 0xD800 && code < 0xDC00) {
          std::uint32_t low = 0;
          if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || !ReadHex4(p + 2, end, &low) || low < 0xDC00 ||
              low > 0xDFFF) {
            return "half of a surrogate pair";
          }
          p += 6;
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
          return "half of a surrogate pair";
        }
        AppendUtf8(code, *value);
        break;
      }
      default:
        return "an escape that JSON does not have";
    }
  }
}

}  // namespace keelson::serving
