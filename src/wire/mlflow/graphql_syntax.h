#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace keelson::wire::mlflow::graphql {

// What a query says, as it stands there (GraphQL, October 2021: executable documents alone).

struct Value {
  enum class Kind { kVariable, kInt, kFloat, kText, kBool, kNull, kEnum, kList, kObject };
  Kind kind = Kind::kNull;
  std::string text = {};                                   // a name, a number as written, a text without its escapes
  std::vector<Value> items = {};                           // of a list
  std::vector<std::pair<std::string, Value>> fields = {};  // of an object
};

using Arguments = std::vector<std::pair<std::string, Value>>;

struct Directive {
  std::string name;
  Arguments arguments;
};

struct Selection {
  enum class Kind { kField, kSpread, kInline };
  Kind kind = Kind::kField;
  std::string name = {};   // of a field or fragment; of an inline fragment the type that it stands for, or ""
  std::string alias = {};  // "": none
  Arguments arguments = {};
  std::vector<Directive> directives = {};
  std::vector<Selection> selections = {};

  const std::string& key() const { return alias.empty() ? name : alias; }
};

struct Variable {
  std::string name;
  std::string type;  // as GraphQL prints it: "[String!]!"
  bool has_default = false;
  Value otherwise;
};

struct Operation {
  std::string kind;  // "query", "mutation", "subscription"
  std::string name;  // "": none
  std::vector<Variable> variables;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
};

struct Fragment {
  std::string name;
  std::string on;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
};

struct Document {
  std::vector<Operation> operations;
  std::vector<Fragment> fragments;

  const Fragment* Find(std::string_view fragment) const;
};

// kInvalidArgument, "Syntax Error: ...", says what was found and in which line. Nothing nests deeper than 64.
Result<Document> Parse(std::string_view query);

}  // namespace keelson::wire::mlflow::graphql
