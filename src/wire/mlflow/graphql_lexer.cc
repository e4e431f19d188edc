#include "wire/mlflow/graphql_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/utf8.h"

namespace keelson::wire::mlflow::graphql {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool BeginsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// Without what all lines but the first are indented by, and without blank lines in front and behind.
std::string Dedented(std::string_view raw) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin <= raw.size();) {
    const std::size_t end = std::min(raw.find_first_of("\r\n", begin), raw.size());
    lines.push_back(raw.substr(begin, end - begin));
    begin = end + (raw.substr(end, 2) == "\r\n" ? 2 : 1);
  }
  std::size_t indent = std::string_view::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!IsBlank(lines[i])) indent = std::min(indent, lines[i].find_first_not_of(" \t"));
  }
  for (std::size_t i = 1; i < lines.size(); ++i) lines[i].remove_prefix(std::min(indent, lines[i].size()));
  while (!lines.empty() && IsBlank(lines.front())) lines.erase(lines.begin());
  while (!lines.empty() && IsBlank(lines.back())) lines.pop_back();
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "<EOF>";
    case TokenKind::kPunctuator:
      return fmt::format("'{}'", token.text);
    case TokenKind::kName:
      return fmt::format("Name '{}'", token.text);
    case TokenKind::kInt:
      return fmt::format("Int '{}'", token.text);
    case TokenKind::kFloat:
      return fmt::format("Float '{}'", token.text);
    case TokenKind::kText:
      break;
  }
  return fmt::format("String '{}'", token.text);
}

Error SyntaxError(std::string_view what, std::size_t line) {
  return {ErrorCode::kInvalidArgument, fmt::format("Syntax Error: {} (line {})", what, line), ""};
}

void Lexer::SkipBetween() {
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == '#') {
      rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
    } else if (c == '\n' || c == '\r') {
      ++line_;
      rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    } else if (c == ' ' || c == '\t' || c == ',') {
      rest_.remove_prefix(1);
    } else if (rest_.starts_with("\xEF\xBB\xBF")) {  // a byte order mark
      rest_.remove_prefix(3);
    } else {
      return;
    }
  }
}

Result<Token> Lexer::Next() {
  SkipBetween();
  if (rest_.empty()) return Token{TokenKind::kEnd, "", line_};
  const char c = rest_.front();
  if (BeginsName(c)) {
    const auto end = std::ranges::find_if_not(rest_, [](char each) { return BeginsName(each) || IsDigit(each); });
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    Token token{TokenKind::kName, std::string(rest_.substr(0, size)), line_};
    rest_.remove_prefix(size);
    return token;
  }
  if (IsDigit(c) || c == '-') return Number();
  if (rest_.starts_with("\"\"\"")) return BlockText();
  if (c == '"') return Text();
  const std::size_t size = rest_.starts_with("...") ? 3 : std::string_view("!$&():=@[]{|}").contains(c) ? 1 : 0;
  if (size == 0) {
    const bool printable = c > ' ' && c < '\x7F';
    return std::unexpected(
        SyntaxError(printable ? fmt::format("Unexpected character: '{}'.", c)
                              : fmt::format("Unexpected character: byte 0x{:02X}.", static_cast<unsigned char>(c)),
                    line_));
  }
  Token token{TokenKind::kPunctuator, std::string(rest_.substr(0, size)), line_};
  rest_.remove_prefix(size);
  return token;
}

Result<Token> Lexer::Number() {
  std::size_t at = rest_.front() == '-' ? 1 : 0;
  bool whole = true;
  const auto peek = [&] { return at < rest_.size() ? rest_[at] : '\0'; };
  const auto digits = [&] {
    const std::size_t begin = at;
    while (IsDigit(peek())) ++at;
    return at > begin;
  };
  const bool zero = peek() == '0';
  const std::size_t begin = at;
  bool good = digits() && !(zero && at > begin + 1);
  if (good && peek() == '.') {
    whole = false;
    ++at;
    good = digits();
  }
  if (good && (peek() == 'e' || peek() == 'E')) {
    whole = false;
    ++at;
    if (peek() == '+' || peek() == '-') ++at;
    good = digits();
  }
  if (!good || peek() == '.' || BeginsName(peek())) return std::unexpected(SyntaxError("Invalid number.", line_));
  Token token{whole ? TokenKind::kInt : TokenKind::kFloat, std::string(rest_.substr(0, at)), line_};
  rest_.remove_prefix(at);
  return token;
}

Result<Token> Lexer::Text() {
  rest_.remove_prefix(1);
  Token token{TokenKind::kText, "", line_};
  for (;;) {
    if (rest_.empty() || rest_.front() == '\n' || rest_.front() == '\r') {
      return std::unexpected(SyntaxError("Unterminated string.", line_));
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '"') return token;
    if (c == '\\') {
      KEELSON_RETURN_IF_ERROR(Escape(token.text));
    } else {
      token.text += c;
    }
  }
}

Result<Token> Lexer::BlockText() {
  constexpr std::string_view kQuotes = "\"\"\"";
  rest_.remove_prefix(kQuotes.size());
  const std::size_t line = line_;
  std::string raw;
  for (;;) {
    if (rest_.empty()) return std::unexpected(SyntaxError("Unterminated string.", line_));
    if (rest_.starts_with(kQuotes)) break;
    if (rest_.starts_with("\\\"\"\"")) {
      raw += kQuotes;
      rest_.remove_prefix(4);
      continue;
    }
    if (rest_.front() == '\n') ++line_;
    raw += rest_.front();
    rest_.remove_prefix(1);
  }
  rest_.remove_prefix(kQuotes.size());
  return Token{TokenKind::kText, Dedented(raw), line};
}

Result<unsigned> Lexer::Hex(std::size_t digits) {
  unsigned code = 0;
  const bool enough = digits > 0 && digits <= rest_.size();
  for (std::size_t i = 0; enough && i < digits; ++i) {
    const char c = rest_[i];
    const int digit = IsDigit(c)             ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::unexpected(SyntaxError("Invalid Unicode escape sequence.", line_));
    code = code * 16 + static_cast<unsigned>(digit);
  }
  if (!enough) return std::unexpected(SyntaxError("Invalid Unicode escape sequence.", line_));
  rest_.remove_prefix(digits);
  return code;
}

// Behind a '\'. Two \u escapes may be the halves of one character; a half alone is refused.
Status Lexer::Escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  const char c = rest_.empty() ? '\0' : rest_.front();
  if (const auto letter = kLetters.find(c); c != '\0' && letter != std::string_view::npos) {
    out += kMeant[letter];
    rest_.remove_prefix(1);
    return {};
  }
  if (c != 'u') return std::unexpected(SyntaxError("Invalid character escape sequence.", line_));
  rest_.remove_prefix(1);
  unsigned code = 0;
  if (rest_.starts_with('{')) {
    rest_.remove_prefix(1);
    const std::size_t digits = rest_.find('}');
    if (digits > 8) return std::unexpected(SyntaxError("Invalid Unicode escape sequence.", line_));
    KEELSON_ASSIGN_OR_RETURN(code, Hex(digits));
    rest_.remove_prefix(1);
  } else {
    KEELSON_ASSIGN_OR_RETURN(code, Hex(4));
    if (code >= 0xD800 && code < 0xDC00 && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      KEELSON_ASSIGN_OR_RETURN(const unsigned low, Hex(4));
      code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xD800;
    }
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return std::unexpected(SyntaxError("Invalid Unicode escape sequence.", line_));
  }
  AppendUtf8(code, out);
  return {};
}

}  // namespace keelson::wire::mlflow::graphql
