#include "io/sql_dialect.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace keelson::io {
namespace {

enum class Kind { kWord, kPlaceholder, kSpace, kOther };

struct Token {
  Kind kind;
  std::string_view text;
};

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

// From a quote to its end; a doubled quote is two quoted texts side by side, which for our purpose is the same.
std::size_t QuotedEnd(std::string_view sql, std::size_t begin) {
  const std::size_t end = sql.find(sql[begin], begin + 1);
  return end == std::string_view::npos ? sql.size() : end + 1;
}

template <typename Belongs>
std::size_t EndOf(std::string_view sql, std::size_t begin, const Belongs& belongs) {
  std::size_t end = begin;
  while (end < sql.size() && belongs(sql[end])) ++end;
  return end;
}

// Comments are space.
std::vector<Token> Tokens(std::string_view sql) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    Kind kind = Kind::kOther;
    std::size_t end = at + 1;
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      kind = Kind::kSpace;
      end = EndOf(sql, at, [](char b) { return std::isspace(static_cast<unsigned char>(b)) != 0; });
    } else if (sql.substr(at).starts_with("--")) {
      kind = Kind::kSpace;
      end = EndOf(sql, at, [](char b) { return b != '\n'; });
    } else if (c == '\'' || c == '"') {
      end = QuotedEnd(sql, at);
    } else if (c == '?') {
      kind = Kind::kPlaceholder;
      end = EndOf(sql, at + 1, [](char b) { return std::isdigit(static_cast<unsigned char>(b)) != 0; });
    } else if (IsWordByte(c)) {
      kind = Kind::kWord;
      end = EndOf(sql, at, IsWordByte);
    }
    tokens.push_back({kind, sql.substr(at, end - at)});
    at = end;
  }
  return tokens;
}

class Translation {
 public:
  explicit Translation(std::string_view sql) : tokens_(Tokens(sql)) {}

  PostgresStatement Make() {
    while (at_ < tokens_.size()) {
      if (begins_) Begin();
      Step();
    }
    EndStatement();
    return std::move(statement_);
  }

 private:
  // The place of the next token that is not space, from `from`; the end when there is none.
  std::size_t Next(std::size_t from) const {
    while (from < tokens_.size() && tokens_[from].kind == Kind::kSpace) ++from;
    return from;
  }
  bool IsWordAt(std::size_t place, std::string_view word) const {
    return place < tokens_.size() && tokens_[place].kind == Kind::kWord && Upper(tokens_[place].text) == word;
  }
  bool IsAt(std::size_t place, std::string_view text) const {
    return place < tokens_.size() && tokens_[place].text == text;
  }
  // The place behind `words`, which follow one another from `from` with space between them; nothing when they do not.
  std::optional<std::size_t> Behind(std::size_t from, std::initializer_list<std::string_view> words) const {
    for (const std::string_view word : words) {
      from = Next(from);
      if (!IsWordAt(from, word)) return std::nullopt;
      ++from;
    }
    return from;
  }

  void Begin() {
    const std::size_t first = Next(at_);
    if (first == tokens_.size()) return;
    begins_ = false;
    defines_ = Behind(first, {"CREATE", "TABLE"}).has_value() || Behind(first, {"ALTER", "TABLE"}).has_value();
  }
  void EndStatement() {
    if (std::exchange(ignores_, false)) statement_.text += " ON CONFLICT DO NOTHING";
    begins_ = true;
    defines_ = false;
  }

  void Step() {
    const Token token = tokens_[at_];
    switch (token.kind) {
      case Kind::kWord:
        return Word(token.text);
      case Kind::kPlaceholder:
        ++at_;
        statement_.text += '$';
        statement_.text += std::to_string(Number(token.text));
        return;
      case Kind::kOther:
        if (token.text == ";") EndStatement();
        break;
      case Kind::kSpace:
        break;
    }
    statement_.text += token.text;
    ++at_;
  }

  // As SQLite: a bare one is one more than the largest so far.
  std::size_t Number(std::string_view placeholder) {
    const std::size_t number =
        placeholder.size() == 1 ? statement_.parameters + 1 : std::stoul(std::string(placeholder.substr(1)));
    statement_.parameters = std::max(statement_.parameters, number);
    return number;
  }

  void Put(std::string_view text, std::size_t behind) {
    statement_.text += text;
    at_ = behind;
  }

  void Word(std::string_view text) {
    const std::string word = Upper(text);
    if (word == "INSERT") {
      if (const auto behind = Behind(at_ + 1, {"OR", "IGNORE"})) {
        ignores_ = true;
        return Put("INSERT", *behind);
      }
    } else if (word == "IS") {
      if (const auto behind = Behind(at_ + 1, {"NOT"}); behind && PlaceholderAt(*behind)) {
        return Put("IS DISTINCT FROM", *behind);
      }
      if (PlaceholderAt(at_ + 1)) return Put("IS NOT DISTINCT FROM", at_ + 1);
    } else if (word == "GLOB" && PlaceholderAt(at_ + 1)) {
      at_ = Next(at_ + 1);
      statement_.text += "LIKE ";
      const std::size_t number = Number(tokens_[at_++].text);
      statement_.globs.push_back(number);
      statement_.text += "$" + std::to_string(number);
      return;
    } else if (word == "LIKE" && PlaceholderAt(at_ + 1)) {
      at_ = Next(at_ + 1);
      statement_.text += "ILIKE $" + std::to_string(Number(tokens_[at_++].text)) + " ESCAPE ''";
      return;
    } else if (word == "REGEXP" && PlaceholderAt(at_ + 1)) {
      return Put("~", at_ + 1);
    } else if (IsAt(at_ + 1, "(")) {
      if (word == "INSTR") return Put("strpos", at_ + 1);
      if (word == "MAX" && HasCommaInside(at_ + 1)) return Put("greatest", at_ + 1);
      if (word == "MIN" && HasCommaInside(at_ + 1)) return Put("least", at_ + 1);
    }
    if (Type(text)) return;
    if (defines_ && Option(word)) return;
    Put(text, at_ + 1);
  }

  bool PlaceholderAt(std::size_t from) const {
    const std::size_t place = Next(from);
    return place < tokens_.size() && tokens_[place].kind == Kind::kPlaceholder;
  }
  bool HasCommaInside(std::size_t open) const {
    int depth = 0;
    for (std::size_t place = open; place < tokens_.size(); ++place) {
      if (IsAt(place, "(")) ++depth;
      if (IsAt(place, ")") && --depth == 0) return false;
      if (depth == 1 && IsAt(place, ",")) return true;
    }
    return false;
  }

  // Types are written in capitals, so that no column's name is taken for one.
  bool Type(std::string_view text) {
    if (text == "INTEGER") {
      if (const auto key = Behind(at_ + 1, {"PRIMARY", "KEY"}); defines_ && key) {
        Put("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", Behind(*key, {"AUTOINCREMENT"}).value_or(*key));
      } else {
        Put("BIGINT", at_ + 1);
      }
    } else if (text == "REAL") {
      Put("DOUBLE PRECISION", at_ + 1);
    } else if (text == "BLOB") {
      Put("BYTEA", at_ + 1);
    } else if (text == "TEXT" && defines_) {
      Put("TEXT COLLATE \"C\"", at_ + 1);
    } else {
      return false;
    }
    return true;
  }

  // STRICT and WITHOUT ROWID behind the columns, and the comma between them.
  bool Option(std::string_view word) {
    std::optional<std::size_t> behind;
    if (word == "STRICT") behind = at_ + 1;
    if (word == "WITHOUT") behind = Behind(at_ + 1, {"ROWID"});
    if (!behind) return false;
    at_ = *behind;
    if (IsAt(Next(at_), ",")) at_ = Next(at_) + 1;
    return true;
  }

  const std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool begins_ = true;    // nothing of the statement has been read
  bool defines_ = false;  // it makes or changes a table
  bool ignores_ = false;  // it began with INSERT OR IGNORE
  PostgresStatement statement_;
};

}  // namespace

PostgresStatement InPostgres(std::string_view sql) {
  return Translation(sql).Make();
}

std::string LikeOfGlob(std::string_view glob) {
  std::string like;
  const auto literally = [&](char c) {
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c;
  };
  for (std::size_t at = 0; at < glob.size(); ++at) {
    if (glob[at] == '*') {
      like += '%';
    } else if (glob[at] == '?') {
      like += '_';
    } else if (glob[at] == '[' && at + 2 < glob.size() && glob[at + 2] == ']') {
      literally(glob[at + 1]);
      at += 2;
    } else {
      literally(glob[at]);
    }
  }
  return like;
}

}  // namespace keelson::io
