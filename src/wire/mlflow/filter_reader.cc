#include "wire/mlflow/filter_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "tracking/python_text.h"

namespace keelson::wire::mlflow {

using tracking::Compare;
using tracking::PythonText;

bool Contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string SetOf(Names names) {
  std::ranges::sort(names);
  std::vector<std::string> quoted;
  for (const auto name : names) quoted.push_back(PythonText(name));
  return fmt::format("{{{}}}", fmt::join(quoted, ", "));
}

std::string_view Unquoted(std::string_view text) {
  for (const char quote : {'"', '\'', '`'}) {
    if (text.size() >= 2 && text.front() == quote && text.back() == quote) return text.substr(1, text.size() - 2);
  }
  return text;
}

bool IsWordToken(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kWord && ToLower(token.text) == word;
}

bool IsQuotedText(const Token& token) {
  return token.kind == TokenKind::kText || (token.kind == TokenKind::kWord && token.text.front() == '"' &&
                                            token.text.size() >= 2 && token.text.back() == '"');
}

std::string ToUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::optional<Compare> ReadCompare(std::string_view op) {
  constexpr std::array<std::pair<std::string_view, Compare>, 13> kAll = {{{"=", Compare::kEqual},
                                                                          {"!=", Compare::kNotEqual},
                                                                          {"<", Compare::kLess},
                                                                          {"<=", Compare::kLessOrEqual},
                                                                          {">", Compare::kGreater},
                                                                          {">=", Compare::kGreaterOrEqual},
                                                                          {"LIKE", Compare::kLike},
                                                                          {"ILIKE", Compare::kILike},
                                                                          {"RLIKE", Compare::kRLike},
                                                                          {"IN", Compare::kIn},
                                                                          {"NOT IN", Compare::kNotIn},
                                                                          {"IS NULL", Compare::kIsNull},
                                                                          {"IS NOT NULL", Compare::kIsNotNull}}};
  for (const auto& [text, compare] : kAll) {
    if (text == op) return compare;
  }
  return std::nullopt;
}

Result<std::vector<Token>> TokenizeFilter(std::string_view filter) {
  KEELSON_ASSIGN_OR_RETURN(auto tokens, Tokenize(filter));
  if (tokens.empty() && !filter.empty()) {
    return InvalidFilter(fmt::format("Invalid filter '{}'. Could not be parsed.", filter));
  }
  const auto semicolon = std::ranges::find(tokens, ";", &Token::text);
  if (semicolon != tokens.end() && semicolon + 1 != tokens.end()) {
    return InvalidFilter(fmt::format("Search filter contained multiple expression {}. Provide AND-ed expression list.",
                                     PythonText(filter)));
  }
  return tokens;
}

Result<OrderText> ReadOrderText(std::string_view order) {
  const auto tokens = Tokenize(order);
  const auto unparsed = [&] {
    return InvalidFilter(fmt::format("Invalid order_by clause '{}'. Could not be parsed.", order));
  };
  if (!tokens || tokens->empty() || tokens->size() > 2 || (*tokens)[0].kind != TokenKind::kWord) return unparsed();
  OrderText read{(*tokens)[0].text};
  if (tokens->size() == 2) {
    if ((*tokens)[1].kind != TokenKind::kWord) return unparsed();
    const std::string direction = ToLower((*tokens)[1].text);
    if (direction != "asc" && direction != "desc") {
      return InvalidFilter(fmt::format("Invalid ordering key in order_by clause '{}'.", order));
    }
    read.ascending = direction == "asc";
  }
  return read;
}

std::pair<std::string_view, std::string_view> SplitIdentifier(std::string_view text) {
  std::size_t dot = std::string_view::npos;
  if (text.front() == '`' || text.front() == '"') {
    const std::size_t end = text.find(text.front(), 1);
    if (end != std::string_view::npos && end + 1 < text.size() && text[end + 1] == '.') dot = end + 1;
  } else {
    dot = text.find('.');
  }
  if (dot == std::string_view::npos) return {"", Unquoted(text)};
  return {text.substr(0, dot), Unquoted(text.substr(dot + 1))};
}

Result<bool> TokenReader::NextComparison() {
  while (PeekWord("and")) {
    ++at_;
    wants_and_ = false;
  }
  if (Peek() == nullptr) return false;
  if (wants_and_ || Peek()->kind == TokenKind::kPunctuation || PeekWord("or") || PeekWord("not")) {
    return InvalidClause();
  }
  wants_and_ = true;
  return true;
}

Result<TokenReader::Head> TokenReader::ReadHead() {
  const Token& first = tokens_[at_];
  if (first.kind != TokenKind::kWord) {
    if (Peek(1) == nullptr || Peek(1)->kind != TokenKind::kComparison) return InvalidClause();
    return InvalidFilter(fmt::format("Invalid comparison clause. Expected 'Identifier' found '{}'", first.text));
  }
  ++at_;
  std::string op = ReadOperator();
  if (!op.empty()) return Head{first.text, std::move(op)};
  --at_;
  return InvalidClause();
}

std::unexpected<Error> TokenReader::InvalidClause() const {
  std::vector<std::string> rest;
  for (std::size_t i = at_; i < tokens_.size(); ++i) rest.push_back(fmt::format("'{}'", tokens_[i].text));
  return InvalidFilter(fmt::format("Invalid clause(s) in filter string: {}", fmt::join(rest, ", ")));
}

std::string TokenReader::ReadOperator() {
  if (Peek() == nullptr) return "";
  if (Peek()->kind == TokenKind::kComparison) return tokens_[at_++].text;
  for (const Names& words : {Names{"is", "not", "null"},
                             {"is", "null"},
                             {"not", "in"},
                             {"not", "like"},
                             {"not", "ilike"},
                             {"in"},
                             {"like"},
                             {"ilike"},
                             {"rlike"}}) {
    bool all = true;
    for (std::size_t i = 0; i < words.size(); ++i) all = all && PeekWord(words[i], i);
    if (!all) continue;
    std::vector<std::string> written;
    for (std::size_t i = 0; i < words.size(); ++i) written.push_back(tokens_[at_++].text);
    return Join(written, " ");
  }
  return "";
}

std::string TokenReader::ListText() const {
  std::string text;
  for (std::size_t i = at_; i < tokens_.size(); ++i) {
    text += tokens_[i].text;
    if (tokens_[i].text == ")") break;
    if (tokens_[i].text == ",") text += ' ';
  }
  return text;
}

Result<std::vector<io::SqlValue>> TokenReader::ReadList() {
  constexpr const char* kIllFormed =
      "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.";
  std::vector<io::SqlValue> values;
  ++at_;
  for (bool wants_value = true;; wants_value = !wants_value) {
    if (Peek() == nullptr) return InvalidClause();
    const Token& token = tokens_[at_++];
    if (token.kind == TokenKind::kPunctuation && token.text == ")") break;
    if (!wants_value) {
      if (token.text != ",") return InvalidFilter(kIllFormed);
      continue;
    }
    if (token.kind == TokenKind::kNumber) {
      return InvalidFilter(
          fmt::format("While parsing a list in the query, expected string value, punctuation, or "
                      "whitespace, but got different type in list: {}",
                      token.text));
    }
    const bool text = token.kind == TokenKind::kText || token.text.front() == '"';
    if (!text) return InvalidFilter(kIllFormed);
    values.emplace_back(std::string(Unquoted(token.text)));
  }
  if (!values.empty()) return values;
  return InvalidFilter(
      "While parsing a list in the query, expected a non-empty list of string values, but got empty list");
}

}  // namespace keelson::wire::mlflow
