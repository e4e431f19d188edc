#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::wire::mlflow {

enum class TokenKind {
  kWord,        // plain, and with dots and quoted parts: metrics.acc, tags."a b", `x`
  kText,        // '...' with its quotes
  kNumber,      // 1, -2.5, 1e-3
  kComparison,  // = != < <= > >= and other runs of these signs
  kPunctuation,
};

struct Token {
  TokenKind kind;
  std::string text;  // as written
};

// kInvalidArgument for a quote that does not end and for a character that begins no token.
Result<std::vector<Token>> Tokenize(std::string_view filter);

}  // namespace keelson::wire::mlflow
