#include "wire/mlflow/graphql_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "wire/mlflow/graphql_lexer.h"

namespace keelson::wire::mlflow::graphql {
namespace {

constexpr int kDeepest = 64;

// One method a rule of the grammar. The first mistake ends it all: from then on nothing moves, and every loop ends.
class Parser {
 public:
  explicit Parser(std::string_view query) : lexer_(query) { Advance(); }

  Result<Document> Run() {
    Document document;
    do {
      if (token_.kind == TokenKind::kName && token_.text == "fragment") {
        document.fragments.push_back(ReadFragment());
      } else {
        document.operations.push_back(ReadOperation());
      }
    } while (!problem_ && token_.kind != TokenKind::kEnd);
    if (problem_) return std::unexpected(*problem_);
    return document;
  }

 private:
  void Advance() {
    if (problem_) return;
    auto token = lexer_.Next();
    if (token) {
      token_ = *std::move(token);
    } else {
      Stop(std::move(token.error()));
    }
  }

  void Stop(Error problem) {
    if (!problem_) problem_ = std::move(problem);
    token_ = {};
  }

  void Unexpected(std::string_view wanted = {}) {
    if (problem_) return;
    const std::string found = Describe(token_);
    Stop(SyntaxError(
        wanted.empty() ? fmt::format("Unexpected {}.", found) : fmt::format("Expected {}, found {}.", wanted, found),
        token_.line));
  }

  bool At(std::string_view punctuator) const {
    return !problem_ && token_.kind == TokenKind::kPunctuator && token_.text == punctuator;
  }
  bool Took(std::string_view punctuator) {
    if (!At(punctuator)) return false;
    Advance();
    return true;
  }
  void Expect(std::string_view punctuator) {
    if (!Took(punctuator)) Unexpected(fmt::format("'{}'", punctuator));
  }
  std::string ReadName() {
    if (token_.kind != TokenKind::kName) {
      Unexpected("Name");
      return {};
    }
    std::string name = std::move(token_.text);
    Advance();
    return name;
  }

  // What stands between two brackets: one at least.
  template <typename Read>
  void ReadBetween(std::string_view open, std::string_view close, const Read& read) {
    Expect(open);
    const Depth depth(*this);
    do {
      read();
    } while (!problem_ && !Took(close));
  }

  class Depth {
   public:
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kDeepest) parser_.Stop(SyntaxError("Nested too deeply.", parser_.token_.line));
    }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Parser& parser_;
  };

  Operation ReadOperation() {
    Operation operation;
    operation.kind = "query";
    if (At("{")) {
      operation.selections = ReadSelections();
      return operation;
    }
    if (token_.kind != TokenKind::kName ||
        (token_.text != "query" && token_.text != "mutation" && token_.text != "subscription")) {
      Unexpected();
      return operation;
    }
    operation.kind = ReadName();
    if (token_.kind == TokenKind::kName) operation.name = ReadName();
    if (At("(")) {
      ReadBetween("(", ")", [&] { operation.variables.push_back(ReadVariable()); });
    }
    operation.directives = ReadDirectives();
    operation.selections = ReadSelections();
    return operation;
  }

  Fragment ReadFragment() {
    Fragment fragment;
    Advance();
    if (token_.text == "on") Unexpected();
    fragment.name = ReadName();
    ExpectOn();
    fragment.on = ReadName();
    fragment.directives = ReadDirectives();
    fragment.selections = ReadSelections();
    return fragment;
  }

  void ExpectOn() {
    if (token_.kind != TokenKind::kName || token_.text != "on") return Unexpected("'on'");
    Advance();
  }

  Variable ReadVariable() {
    Variable variable;
    Expect("$");
    variable.name = ReadName();
    Expect(":");
    variable.type = ReadType();
    if (Took("=")) {
      variable.has_default = true;
      variable.otherwise = ReadValue(/*constant=*/true);
    }
    ReadDirectives();
    return variable;
  }

  std::string ReadType() {
    const Depth depth(*this);
    std::string type;
    if (Took("[")) {
      type = "[" + ReadType() + "]";
      Expect("]");
    } else {
      type = ReadName();
    }
    if (Took("!")) type += '!';
    return type;
  }

  std::vector<Directive> ReadDirectives() {
    std::vector<Directive> directives;
    while (Took("@")) {
      Directive directive;
      directive.name = ReadName();
      directive.arguments = ReadArguments();
      directives.push_back(std::move(directive));
    }
    return directives;
  }

  Arguments ReadArguments() {
    Arguments arguments;
    if (!At("(")) return arguments;
    ReadBetween("(", ")", [&] {
      std::string name = ReadName();
      Expect(":");
      arguments.emplace_back(std::move(name), ReadValue(/*constant=*/false));
    });
    return arguments;
  }

  std::vector<Selection> ReadSelections() {
    std::vector<Selection> selections;
    ReadBetween("{", "}", [&] { selections.push_back(ReadSelection()); });
    return selections;
  }

  Selection ReadSelection() {
    Selection selection;
    if (Took("...")) {
      const bool on = token_.kind == TokenKind::kName && token_.text == "on";
      if (!on && token_.kind == TokenKind::kName) {
        selection.kind = Selection::Kind::kSpread;
        selection.name = ReadName();
        selection.directives = ReadDirectives();
        return selection;
      }
      selection.kind = Selection::Kind::kInline;
      if (on) {
        Advance();
        selection.name = ReadName();
      }
      selection.directives = ReadDirectives();
      selection.selections = ReadSelections();
      return selection;
    }
    selection.name = ReadName();
    if (Took(":")) {
      selection.alias = std::move(selection.name);
      selection.name = ReadName();
    }
    selection.arguments = ReadArguments();
    selection.directives = ReadDirectives();
    if (At("{")) selection.selections = ReadSelections();
    return selection;
  }

  Value ReadValue(bool constant) {
    const Depth depth(*this);
    Value value;
    if (At("$")) {
      Advance();
      if (constant && !problem_) {
        Stop(SyntaxError(fmt::format("Unexpected variable '${}' in constant value.", token_.text), token_.line));
      }
      return {.kind = Value::Kind::kVariable, .text = ReadName()};
    }
    if (Took("[")) {
      value.kind = Value::Kind::kList;
      while (!problem_ && !Took("]")) value.items.push_back(ReadValue(constant));
      return value;
    }
    if (Took("{")) {
      value.kind = Value::Kind::kObject;
      while (!problem_ && !Took("}")) {
        std::string name = ReadName();
        Expect(":");
        value.fields.emplace_back(std::move(name), ReadValue(constant));
      }
      return value;
    }
    switch (token_.kind) {
      case TokenKind::kInt:
        value.kind = Value::Kind::kInt;
        break;
      case TokenKind::kFloat:
        value.kind = Value::Kind::kFloat;
        break;
      case TokenKind::kText:
        value.kind = Value::Kind::kText;
        break;
      case TokenKind::kName:
        value.kind = token_.text == "true" || token_.text == "false" ? Value::Kind::kBool
                     : token_.text == "null"                         ? Value::Kind::kNull
                                                                     : Value::Kind::kEnum;
        break;
      default:
        Unexpected();
        return value;
    }
    value.text = std::move(token_.text);
    Advance();
    return value;
  }

  Lexer lexer_;
  Token token_;
  std::optional<Error> problem_;
  int depth_ = 0;
};

}  // namespace

const Fragment* Document::Find(std::string_view fragment) const {
  const auto found = std::ranges::find(fragments, fragment, &Fragment::name);
  return found == fragments.end() ? nullptr : &*found;
}

Result<Document> Parse(std::string_view query) {
  return Parser(query).Run();
}

}  // namespace keelson::wire::mlflow::graphql
