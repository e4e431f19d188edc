#include "tracking/python_text.h"

#include <fmt/format.h>

namespace keelson::tracking {

std::string PythonText(std::string_view text) {
  const bool both = text.contains('\'') && text.contains('"');
  const char quote = text.contains('\'') && !both ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string_view FirstCharacters(std::string_view text, std::size_t at_most) {
  if (text.size() <= at_most) return text;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
    if (!continues && characters++ == at_most) return text.substr(0, i);
  }
  return text;
}

std::string AppendToUri(std::string_view uri, std::string_view path) {
  const std::size_t end = std::min(uri.find_first_of("?#"), uri.size());
  std::string out(uri.substr(0, end));
  while (out.ends_with('/')) out.pop_back();
  out += '/';
  out += path;
  return out + std::string(uri.substr(end));
}

}  // namespace keelson::tracking
