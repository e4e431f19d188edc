#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::wire::mlflow::graphql {

enum class TokenKind { kEnd, kPunctuator, kName, kInt, kFloat, kText };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // of a text what it says, without quotes and escapes
  std::size_t line = 0;
};

// As messages name it: "Name 'run'", "'{'", "<EOF>".
std::string Describe(const Token& token);

// kInvalidArgument: "Syntax Error: ... (line 3)".
Error SyntaxError(std::string_view what, std::size_t line);

// Splits a query into tokens, one after the other; commas, comments and white space stand between them. After the end
// there is the end again. The query outlives it.
class Lexer {
 public:
  explicit Lexer(std::string_view query) : rest_(query) {}

  Result<Token> Next();

 private:
  void SkipBetween();
  Result<Token> Number();
  Result<Token> Text();
  Result<Token> BlockText();
  Status Escape(std::string& out);
  Result<unsigned> Hex(std::size_t digits);

  std::string_view rest_;
  std::size_t line_ = 1;
};

}  // namespace keelson::wire::mlflow::graphql
