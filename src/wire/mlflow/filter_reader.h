#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/database.h"
#include "tracking/search.h"
#include "wire/mlflow/filter_lexer.h"

namespace keelson::wire::mlflow {

// What the filters of all searches have in common.

using Names = std::vector<std::string_view>;

inline std::unexpected<Error> InvalidFilter(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

bool Contains(const Names& names, std::string_view name);
// A set of texts as Python would write one; its own order changes from run to run.
std::string SetOf(Names names);
std::string_view Unquoted(std::string_view text);  // without the '...', "..." or `...` around it
bool IsWordToken(const Token& token, std::string_view word);
bool IsQuotedText(const Token& token);  // '...' or "..."
std::string ToUpper(std::string_view text);
std::optional<tracking::Compare> ReadCompare(std::string_view op);  // "=", "NOT IN", "IS NULL"

// The filter's tokens; kInvalidArgument where it is none or holds several.
Result<std::vector<Token>> TokenizeFilter(std::string_view filter);
// "x", "x ASC" or "x DESC" of an order_by.
struct OrderText {
  std::string identifier;
  bool ascending = true;
};
Result<OrderText> ReadOrderText(std::string_view order);

// An identifier's word before the dot ("" when there is none) and what follows, its quotes gone. A dot within quotes
// divides nothing.
std::pair<std::string_view, std::string_view> SplitIdentifier(std::string_view text);

// Walks over the tokens of a filter.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token* Peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? &tokens_[at_ + ahead] : nullptr;
  }
  bool PeekWord(std::string_view word, std::size_t ahead = 0) const {
    return Peek(ahead) != nullptr && IsWordToken(*Peek(ahead), word);
  }
  const Token& Take() { return tokens_[at_++]; }

  // Whether a comparison is to be read next; false at the end. The words between are passed over.
  Result<bool> NextComparison();
  // The identifier that begins a comparison, and the operator, as written, its words with one space between them.
  struct Head {
    std::string identifier;
    std::string op;
  };
  Result<Head> ReadHead();
  bool AtList() const { return Peek() != nullptr && Peek()->text == "(" && Peek()->kind == TokenKind::kPunctuation; }
  std::string ListText() const;  // as written, from here to its end
  Result<std::vector<io::SqlValue>> ReadList();

 private:
  std::unexpected<Error> InvalidClause() const;
  std::string ReadOperator();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool wants_and_ = false;
};

}  // namespace keelson::wire::mlflow
