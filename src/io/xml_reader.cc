#include "io/xml_reader.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "base/strings.h"
#include "base/utf8.h"

namespace keelson::io {
namespace {

constexpr int kMaxDepth = 64;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

bool IsNameChar(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// Whether XML 1.0 lets a document hold the character at all.
bool IsChar(std::uint32_t code) {
  return code == 9 || code == 10 || code == 13 || (code >= 0x20 && code < 0xd800) ||
         (code >= 0xe000 && code < 0xfffe) || (code >= 0x10000 && code <= 0x10ffff);
}

// "#65" or "#x41"
std::optional<std::uint32_t> CharacterOf(std::string_view reference) {
  reference.remove_prefix(1);
  const std::uint32_t base = reference.starts_with('x') ? 16 : 10;
  if (base == 16) reference.remove_prefix(1);
  if (reference.empty() || reference.size() > 8) return std::nullopt;
  std::uint32_t code = 0;
  for (const char c : reference) {
    std::uint32_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0');
    if (base == 16 && c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a' + 10);
    if (base == 16 && c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A' + 10);
    if (digit >= base) return std::nullopt;
    code = code * base + digit;
    if (code > 0x10ffff) return std::nullopt;
  }
  return IsChar(code) ? std::optional(code) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string_view document) : all_(document) {}

  Result<XmlElement> Document() {
    if (!IsValidUtf8(all_)) return Bad("it is not UTF-8");
    if (Rest().starts_with("\xef\xbb\xbf")) at_ += 3;
    if (Rest().starts_with("<?xml") && Rest().size() > 5 && IsSpace(Rest()[5])) {
      const std::size_t end = Rest().find("?>");
      if (end == std::string_view::npos) return Bad("the declaration has no end");
      at_ += end + 2;
    }
    SkipSpace();
    XmlElement root;
    KEELSON_RETURN_IF_ERROR(Element(root, 0));
    SkipSpace();
    if (!Rest().empty()) return Bad("something stands behind the document's element");
    return root;
  }

 private:
  std::string_view Rest() const { return all_.substr(at_); }
  bool Take(std::string_view token) {
    if (!Rest().starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void SkipSpace() {
    while (at_ < all_.size() && IsSpace(all_[at_])) ++at_;
  }

  std::unexpected<Error> Bad(std::string_view why) const {
    return Fail(ErrorCode::kDataLoss, fmt::format("this is no XML that is understood here: {}", why),
                fmt::format("byte {}", at_));
  }

  Result<std::string> Name() {
    const std::size_t begin = at_;
    if (at_ == all_.size() || !IsNameStart(all_[at_])) return Bad("a name is expected");
    while (at_ < all_.size() && IsNameChar(all_[at_])) ++at_;
    return std::string(all_.substr(begin, at_ - begin));
  }

  // Up to `end` or, for 0, up to the next tag.
  Status Text(char end, std::string& out) {
    while (at_ < all_.size() && all_[at_] != (end == 0 ? '<' : end)) {
      const char c = all_[at_];
      if (c == '<' || (end == 0 && Rest().starts_with("]]>"))) return Bad("a sign that must be escaped");
      if (c != '&') {
        if (!IsChar(static_cast<unsigned char>(c))) return Bad("a control character");
        out += c;
        ++at_;
        continue;
      }
      const std::size_t semicolon = Rest().substr(0, 12).find(';');
      if (semicolon == std::string_view::npos || semicolon == 1) return Bad("a reference without its end");
      const std::string_view name = Rest().substr(1, semicolon - 1);
      if (name[0] == '#') {
        const auto code = CharacterOf(name);
        if (!code) return Bad("a reference to no character");
        AppendUtf8(*code, out);
      } else if (name == "amp") {
        out += '&';
      } else if (name == "lt") {
        out += '<';
      } else if (name == "gt") {
        out += '>';
      } else if (name == "quot") {
        out += '"';
      } else if (name == "apos") {
        out += '\'';
      } else {
        return Bad("a reference to a name that is not defined");
      }
      at_ += semicolon + 1;
    }
    return at_ == all_.size() ? Status(Bad("it ends too early")) : Status();
  }

  // Behind the name in a start tag; true for "<a/>".
  Result<bool> Attributes() {
    std::vector<std::string> seen;
    for (;;) {
      const bool apart = at_ < all_.size() && IsSpace(all_[at_]);
      SkipSpace();
      if (Take("/>")) return true;
      if (Take(">")) return false;
      if (!apart) return Bad("a tag has no end");
      KEELSON_ASSIGN_OR_RETURN(std::string name, Name());
      for (const std::string& other : seen) {
        if (other == name) return Bad("an attribute stands twice");
      }
      seen.push_back(std::move(name));
      SkipSpace();
      if (!Take("=")) return Bad("an attribute has no value");
      SkipSpace();
      const char quote = at_ < all_.size() ? all_[at_] : '\0';
      if (quote != '"' && quote != '\'') return Bad("an attribute's value has no quotes");
      ++at_;
      std::string dropped;
      KEELSON_RETURN_IF_ERROR(Text(quote, dropped));
      ++at_;
    }
  }

  Status Element(XmlElement& element, int depth) {
    if (depth == kMaxDepth) return Bad("it is nested too deeply");
    if (!Take("<")) return Bad("an element is expected");
    if (Rest().starts_with('!') || Rest().starts_with('?')) {
      return Bad("a document type, comment, CDATA section or instruction");
    }
    KEELSON_ASSIGN_OR_RETURN(element.name, Name());
    KEELSON_ASSIGN_OR_RETURN(const bool empty, Attributes());
    if (empty) return {};
    for (;;) {
      KEELSON_RETURN_IF_ERROR(Text(0, element.text));
      if (Take("</")) break;
      KEELSON_RETURN_IF_ERROR(Element(element.children.emplace_back(), depth + 1));
    }
    KEELSON_ASSIGN_OR_RETURN(const std::string end, Name());
    if (end != element.name) return Bad("an element is not closed before another one");
    SkipSpace();
    return Take(">") ? Status() : Status(Bad("a tag has no end"));
  }

  const std::string_view all_;
  std::size_t at_ = 0;
};

}  // namespace

const XmlElement* XmlElement::Find(std::string_view child) const {
  for (const XmlElement& element : children) {
    if (element.name == child) return &element;
  }
  return nullptr;
}

std::string XmlElement::Text(std::string_view child) const {
  const XmlElement* const found = Find(child);
  return found == nullptr ? "" : found->text;
}

Result<XmlElement> ReadXml(std::string_view document) {
  return Reader(document).Document();
}

std::string XmlEscaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace keelson::io
