#include "wire/mlflow/filter_lexer.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::wire::mlflow {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || (c & 0x80) != 0;
}
bool IsComparison(char c) {
  return std::string_view("=!<>~").contains(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    while (at_ < text_.size()) {
      if (IsSpace(text_[at_])) {
        ++at_;
        continue;
      }
      const std::size_t begin = at_;
      KEELSON_ASSIGN_OR_RETURN(const TokenKind kind, Next());
      tokens.push_back({kind, std::string(text_.substr(begin, at_ - begin))});
    }
    return tokens;
  }

 private:
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Result<TokenKind> Next() {
    const char c = Peek();
    if (c == '\'') {
      KEELSON_RETURN_IF_ERROR(SkipQuoted());
      return TokenKind::kText;
    }
    const std::size_t sign = c == '-' ? 1 : 0;
    if (IsDigit(Peek(sign)) || (Peek(sign) == '.' && IsDigit(Peek(sign + 1)))) {
      return SkipNumber();
    }
    if (IsWord(c) || c == '"' || c == '`') {
      KEELSON_RETURN_IF_ERROR(SkipIdentifier());
      return TokenKind::kWord;
    }
    if (IsComparison(c)) {
      while (IsComparison(Peek())) ++at_;
      return TokenKind::kComparison;
    }
    if (std::string_view("(),;").contains(c)) {
      ++at_;
      return TokenKind::kPunctuation;
    }
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Invalid clause(s) in filter string: '{}'", text_.substr(at_, 1)));
  }

  // To the quote's end; a doubled or escaped quote belongs to the text.
  Status SkipQuoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size()) {
      const bool doubled_or_escaped = text_[at_] == '\\' || text_[at_] == quote;
      if (quote == '\'' && doubled_or_escaped && Peek(1) == quote) {
        at_ += 2;
      } else if (text_[at_++] == quote) {
        return {};
      }
    }
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Invalid clause(s) in filter string: '{}'", text_.substr(begin)));
  }

  // Parts, plain or quoted, with dots between them.
  Status SkipIdentifier() {
    for (;;) {
      if (Peek() == '"' || Peek() == '`') {
        KEELSON_RETURN_IF_ERROR(SkipQuoted());
      } else {
        while (IsWord(Peek())) ++at_;
      }
      const char next = Peek(1);
      if (Peek() != '.' || !(IsWord(next) || next == '"' || next == '`')) return {};
      ++at_;
    }
  }

  TokenKind SkipNumber() {
    if (Peek() == '-') ++at_;
    const auto digits = [&] {
      while (IsDigit(Peek())) ++at_;
    };
    digits();
    if (Peek() == '.') {
      ++at_;
      digits();
    }
    if (Peek() == 'e' || Peek() == 'E') {
      const std::size_t sign = Peek(1) == '-' ? 1 : 0;
      if (IsDigit(Peek(1 + sign))) {
        at_ += 1 + sign;
        digits();
      }
    }
    if (!IsWord(Peek())) return TokenKind::kNumber;
    while (IsWord(Peek())) ++at_;  // "1abc" is a word that no key or value can be
    return TokenKind::kWord;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view filter) {
  return Lexer(filter).Run();
}

}  // namespace keelson::wire::mlflow
