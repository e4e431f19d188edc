#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "features/expression.h"

namespace keelson::features {
namespace {

enum class TokenKind { kEnd, kNumber, kText, kName, kQuotedName, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // a name or symbol as written, a string without its quotes
  std::string word;  // a name in lower case, for keywords
  double number = 0;
  std::uint32_t position = 1;
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

constexpr std::string_view kKeywords[] = {"and", "or", "not", "is", "null", "true", "false"};

bool IsKeyword(std::string_view word) {
  return std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords);
}

std::unexpected<Error> FailAt(std::uint32_t position, std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), fmt::format("column {}", position));
}

std::string Describe(const Token& token) {
  return token.kind == TokenKind::kEnd ? "the end" : fmt::format("\"{}\"", token.text);
}

}  // namespace

// Recursive descent over one token of look-ahead; writes the program as it goes. Used once.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text) { out_.text_ = std::string(text); }

  Result<Expression> Parse() {
    KEELSON_RETURN_IF_ERROR(Advance());
    KEELSON_RETURN_IF_ERROR(Or());
    if (token_.kind != TokenKind::kEnd) {
      return FailAt(token_.position,
                    fmt::format("{} was not expected here; expected an operator or the end", Describe(token_)));
    }
    return std::move(out_);
  }

 private:
  using Op = Expression::Op;

  // Counts the nesting for as long as a production runs.
  struct Depth {
    explicit Depth(int& depth) : depth_(depth) { ++depth_; }
    ~Depth() { --depth_; }
    int& depth_;
  };

  Status Advance() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    token_ = Token{};
    token_.position = static_cast<std::uint32_t>(at_ + 1);
    if (at_ == text_.size()) return {};
    const char c = text_[at_];
    if (IsDigit(c) || (c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]))) return ReadNumber();
    if (c == '\'') return ReadQuoted('\'', TokenKind::kText);
    if (c == '`') return ReadQuoted('`', TokenKind::kQuotedName);
    if (c == '"') return FailAt(token_.position, "text is written in single quotes, as in carrier == 'UA'");
    if (IsNameStart(c)) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && (IsNameStart(text_[at_]) || IsDigit(text_[at_]))) ++at_;
      token_.kind = TokenKind::kName;
      token_.text = std::string(text_.substr(begin, at_ - begin));
      token_.word = ToLower(token_.text);
      return {};
    }
    for (const std::string_view symbol :
         {"==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "(", ")", ","}) {
      if (text_.substr(at_).starts_with(symbol)) {
        token_.kind = TokenKind::kSymbol;
        token_.text = std::string(symbol);
        at_ += symbol.size();
        return {};
      }
    }
    const bool printable = c > ' ' && c < 0x7f;
    return FailAt(token_.position, printable ? fmt::format("\"{}\" is not part of an expression", c)
                                             : fmt::format("the byte 0x{:02x} is not part of an expression",
                                                           static_cast<unsigned char>(c)));
  }

  Status ReadNumber() {
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), token_.number);
    if (error != std::errc{} || !std::isfinite(token_.number))
      return FailAt(token_.position, "this number is out of range");
    const auto length = static_cast<std::size_t>(end - (text_.data() + at_));
    token_.kind = TokenKind::kNumber;
    token_.text = std::string(text_.substr(at_, length));
    at_ += length;
    if (at_ < text_.size() && (IsNameStart(text_[at_]) || IsDigit(text_[at_]) || text_[at_] == '.')) {
      return FailAt(static_cast<std::uint32_t>(at_ + 1), "a number ends here; expected an operator");
    }
    return {};
  }

  Status ReadQuoted(char quote, TokenKind kind) {
    token_.kind = kind;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != quote) {
        token_.text.push_back(text_[at_]);
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        token_.text.push_back(text_[at_++]);
      } else {
        ++at_;
        return {};
      }
    }
    return FailAt(token_.position, fmt::format("the quote {} is never closed", quote));
  }

  bool IsSymbol(std::string_view symbol) const { return token_.kind == TokenKind::kSymbol && token_.text == symbol; }
  bool IsWord(std::string_view word) const { return token_.kind == TokenKind::kName && token_.word == word; }

  // Keeps count of how many values the machine holds, which bounds its stack.
  Status Emit(Op op, std::uint32_t argument, std::uint32_t position, int takes) {
    height_ += 1 - takes;
    if (height_ > Expression::kMaximumDepth) return TooDeep(position);
    out_.program_.push_back({op, argument, position});
    return {};
  }

  Status TooDeep(std::uint32_t position) const {
    return FailAt(position, fmt::format("this is nested more than {} deep", Expression::kMaximumDepth));
  }

  Status Or() {
    KEELSON_RETURN_IF_ERROR(And());
    while (IsWord("or")) KEELSON_RETURN_IF_ERROR(Binary(Op::kOr, &ExpressionParser::And));
    return {};
  }

  Status And() {
    KEELSON_RETURN_IF_ERROR(Not());
    while (IsWord("and")) KEELSON_RETURN_IF_ERROR(Binary(Op::kAnd, &ExpressionParser::Not));
    return {};
  }

  // The operator is the present token; its right operand follows.
  Status Binary(Op op, Status (ExpressionParser::*operand)()) {
    const auto position = token_.position;
    KEELSON_RETURN_IF_ERROR(Advance());
    KEELSON_RETURN_IF_ERROR((this->*operand)());
    return Emit(op, 2, position, 2);
  }

  Status Not() {
    if (!IsWord("not")) return Predicate();
    const Depth depth(depth_);
    const auto position = token_.position;
    if (depth_ > Expression::kMaximumDepth) return TooDeep(position);
    KEELSON_RETURN_IF_ERROR(Advance());
    KEELSON_RETURN_IF_ERROR(Not());
    return Emit(Op::kNot, 1, position, 1);
  }

  Status Predicate() {
    KEELSON_RETURN_IF_ERROR(Sum());
    while (IsWord("is")) {
      const auto position = token_.position;
      KEELSON_RETURN_IF_ERROR(Advance());
      const bool negated = IsWord("not");
      if (negated) KEELSON_RETURN_IF_ERROR(Advance());
      if (!IsWord("null")) {
        return FailAt(token_.position,
                      fmt::format("expected \"is null\" or \"is not null\", found {}", Describe(token_)));
      }
      KEELSON_RETURN_IF_ERROR(Advance());
      KEELSON_RETURN_IF_ERROR(Emit(negated ? Op::kIsNotNull : Op::kIsNull, 1, position, 1));
    }
    if (Comparison(token_) == Op::kColumn) return {};
    KEELSON_RETURN_IF_ERROR(Binary(Comparison(token_), &ExpressionParser::Sum));
    if (Comparison(token_) != Op::kColumn || IsWord("is")) {
      return FailAt(token_.position, "comparisons are not chained; join them by \"and\", or use parentheses");
    }
    return {};
  }

  // kColumn stands for "no comparison".
  static Op Comparison(const Token& token) {
    if (token.kind != TokenKind::kSymbol) return Op::kColumn;
    if (token.text == "==" || token.text == "=") return Op::kEqual;
    if (token.text == "!=" || token.text == "<>") return Op::kNotEqual;
    if (token.text == "<") return Op::kLess;
    if (token.text == "<=") return Op::kLessEqual;
    if (token.text == ">") return Op::kGreater;
    if (token.text == ">=") return Op::kGreaterEqual;
    return Op::kColumn;
  }

  Status Sum() {
    KEELSON_RETURN_IF_ERROR(Product());
    while (IsSymbol("+") || IsSymbol("-")) {
      KEELSON_RETURN_IF_ERROR(Binary(IsSymbol("+") ? Op::kAdd : Op::kSubtract, &ExpressionParser::Product));
    }
    return {};
  }

  Status Product() {
    KEELSON_RETURN_IF_ERROR(Sign());
    while (IsSymbol("*") || IsSymbol("/")) {
      KEELSON_RETURN_IF_ERROR(Binary(IsSymbol("*") ? Op::kMultiply : Op::kDivide, &ExpressionParser::Sign));
    }
    return {};
  }

  Status Sign() {
    if (!IsSymbol("-")) return Primary();
    const Depth depth(depth_);
    const auto position = token_.position;
    if (depth_ > Expression::kMaximumDepth) return TooDeep(position);
    KEELSON_RETURN_IF_ERROR(Advance());
    KEELSON_RETURN_IF_ERROR(Sign());
    return Emit(Op::kNegate, 1, position, 1);
  }

  Status Primary() {
    const Depth depth(depth_);
    const Token token = token_;
    if (depth_ > Expression::kMaximumDepth) return TooDeep(token.position);
    KEELSON_RETURN_IF_ERROR(Advance());
    switch (token.kind) {
      case TokenKind::kNumber:
        out_.numbers_.push_back(token.number);
        return Emit(Op::kNumber, static_cast<std::uint32_t>(out_.numbers_.size() - 1), token.position, 0);
      case TokenKind::kText:
        if (!IsValidUtf8(token.text)) return FailAt(token.position, "this text is not valid UTF-8");
        out_.texts_.push_back(token.text);
        return Emit(Op::kText, static_cast<std::uint32_t>(out_.texts_.size() - 1), token.position, 0);
      case TokenKind::kQuotedName:
        return ColumnName(token);
      case TokenKind::kName:
        return Name(token);
      case TokenKind::kSymbol:
        if (token.text == "(") {
          KEELSON_RETURN_IF_ERROR(Or());
          return Close(token);
        }
        break;
      case TokenKind::kEnd:
        break;
    }
    return FailAt(token.position,
                  fmt::format("expected a column, a number, 'text' or \"(\", found {}", Describe(token)));
  }

  Status Close(const Token& open) {
    if (!IsSymbol(")")) {
      return FailAt(token_.position, fmt::format("expected \")\" for the \"(\" of column {}, found {}", open.position,
                                                 Describe(token_)));
    }
    return Advance();
  }

  Status Name(const Token& token) {
    if (token.word == "true" || token.word == "false") return Emit(Op::kTruth, token.word == "true", token.position, 0);
    if (token.word == "null") return FailAt(token.position, "compare with null by \"is null\" or \"is not null\"");
    if (IsKeyword(token.word)) {
      return FailAt(token.position,
                    fmt::format("expected a column, a number, 'text' or \"(\", found {}", Describe(token)));
    }
    return IsSymbol("(") ? Call(token) : ColumnName(token);
  }

  Status ColumnName(const Token& token) {
    if (token.text.empty()) return FailAt(token.position, "a column's name is empty");
    const auto found = std::find(out_.columns_.begin(), out_.columns_.end(), token.text);
    const auto index = static_cast<std::uint32_t>(found - out_.columns_.begin());
    if (found == out_.columns_.end()) out_.columns_.push_back(token.text);
    return Emit(Op::kColumn, index, token.position, 0);
  }

  Status Call(const Token& name) {
    struct Function {
      std::string_view name;
      Op op;
      int least;
      int most;
    };
    static constexpr Function kFunctions[] = {{"abs", Op::kAbs, 1, 1},
                                              {"log", Op::kLog, 1, 1},
                                              {"min", Op::kMin, 2, 32},
                                              {"max", Op::kMax, 2, 32},
                                              {"coalesce", Op::kCoalesce, 1, 32}};
    const auto* function = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                        [&](const Function& candidate) { return candidate.name == name.word; });
    if (function == std::end(kFunctions)) {
      return FailAt(name.position,
                    fmt::format("there is no function \"{}\"; there are abs, log, min, max and coalesce", name.text));
    }
    const Token open = token_;
    int count = 0;
    do {
      KEELSON_RETURN_IF_ERROR(Advance());
      KEELSON_RETURN_IF_ERROR(Or());
      ++count;
    } while (IsSymbol(","));
    KEELSON_RETURN_IF_ERROR(Close(open));
    if (count < function->least || count > function->most) {
      return FailAt(name.position, fmt::format("{} takes {} {} argument{}, not {}", name.word,
                                               function->least == function->most ? "exactly" : "at least",
                                               function->least, function->least == 1 ? "" : "s", count));
    }
    return Emit(function->op, static_cast<std::uint32_t>(count), name.position, count);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Token token_;
  int depth_ = 0;
  int height_ = 0;
  Expression out_;
};

Result<Expression> Expression::Parse(std::string_view text) {
  if (text.size() > kMaximumLength) {
    return FailAt(static_cast<std::uint32_t>(kMaximumLength + 1),
                  fmt::format("an expression has at most {} characters", kMaximumLength));
  }
  if (Trim(text).empty()) return FailAt(1, "the expression is empty");
  return ExpressionParser(text).Parse();
}

}  // namespace keelson::features
