#include "wire/mlflow/graphql_execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "wire/mlflow/graphql_schema.h"
#include "wire/mlflow/graphql_value.h"

namespace keelson::wire::mlflow::graphql {
namespace {

using Json = nlohmann::json;
using Selections = std::vector<Selection>;

constexpr std::string_view kRun = "MlflowRunExtension";

// What protobuf answers for a field that a message does not have.
Json DefaultOf(std::string_view type) {
  if (IsList(type)) return Json::array();
  const SchemaType& named = *Schema::Get().Find(NamedType(type));
  if (named.name == "ApiError") return {};  // is nobody's message
  switch (named.kind) {
    case SchemaType::Kind::kObject:
    case SchemaType::Kind::kInput:
      return Json::object();
    case SchemaType::Kind::kEnum:
      return named.values.front();
    case SchemaType::Kind::kScalar:
      break;
  }
  if (named.name == "Boolean") return false;
  if (named.name == "Float") return 0.0;
  if (named.name == "String") return "";
  return 0;
}

class Executor {
 public:
  Executor(const Document& document, Json variables, const Resolve& resolve)
      : document_(document), variables_(std::move(variables)), resolve_(resolve) {}

  Outcome Run(const Operation& operation) {
    outcome_.data = Object({&operation.selections}, *Schema::Get().Root(operation.kind), Json());
    return std::move(outcome_);
  }

 private:
  // The fields that go under one name of the answer, in the order in which names come up first.
  using Fields = std::vector<std::pair<std::string_view, std::vector<const Selection*>>>;

  void Collect(const Selections& selections, std::set<std::string_view>& visited, Fields& fields) const {
    for (const Selection& selection : selections) {
      if (selection.kind == Selection::Kind::kInline) {
        Collect(selection.selections, visited, fields);
      } else if (selection.kind == Selection::Kind::kSpread) {
        if (visited.insert(selection.name).second) Collect(document_.Find(selection.name)->selections, visited, fields);
      } else {
        auto place = std::ranges::find(fields, selection.key(), &Fields::value_type::first);
        if (place == fields.end()) place = fields.insert(place, {selection.key(), {}});
        place->second.push_back(&selection);
      }
    }
  }

  Json Object(const std::vector<const Selections*>& levels, const SchemaType& type, const Json& source) {
    Fields fields;
    std::set<std::string_view> visited;
    for (const Selections* level : levels) Collect(*level, visited, fields);
    Json object = Json::object();
    for (const auto& [key, asked] : fields) object[std::string(key)] = FieldValue(asked, type, source);
    return object;
  }

  Json FieldValue(const std::vector<const Selection*>& asked, const SchemaType& type, const Json& source) {
    const Selection& first = *asked.front();
    if (first.name == "__typename") return type.name;
    const SchemaField& field = *type.Find(first.name);
    const bool resolved = !field.arguments.empty() ||
                          (type.name == kRun && (field.name == "experiment" || field.name == "modelVersions"));
    Json value;
    if (resolved) {
      Json arguments = Json::object();
      for (const auto& [name, given] : first.arguments) {
        const auto known = std::ranges::find(field.arguments, name, &SchemaArgument::name);
        if (auto read = ValueOf(given, known->type, variables_)) arguments[name] = *std::move(read);
      }
      auto got = resolve_(field.name, source, arguments);
      if (!got) return Failed(got.error().message);
      value = *std::move(got);
    } else {
      const auto found = source.find(field.source);
      value = found == source.end() ? DefaultOf(field.type) : *found;
    }
    std::vector<const Selections*> inner;
    for (const Selection* each : asked) inner.push_back(&each->selections);
    return Complete(value, field.type, type, inner);
  }

  Json Failed(std::string message) {
    outcome_.errors.push_back(std::move(message));
    return {};
  }

  // A value as its type has it in an answer. `of` is the type that the field is of.
  Json Complete(const Json& value, std::string_view type, const SchemaType& of,
                const std::vector<const Selections*>& inner) {
    if (value.is_null()) return {};
    if (IsList(type)) {
      Json list = Json::array();
      for (const Json& item : value) list.push_back(Complete(item, ItemType(type), of, inner));
      return list;
    }
    const SchemaType& named = *Schema::Get().Find(NamedType(type));
    if (named.kind == SchemaType::Kind::kObject) return Object(inner, named, value);
    if (named.name == "LongString" && value.is_number()) return value.dump();
    if (named.name == "Float" && value.is_string()) {  // protobuf's JSON for what JSON does not have
      if (of.name == "MlflowMetricExtension" && value == "NaN") return {};
      const std::string_view python = value == "NaN" ? "nan" : value == "Infinity" ? "inf" : "-inf";
      return Failed(fmt::format("Float cannot represent non numeric value: {}", python));
    }
    return value;
  }

  const Document& document_;
  const Json variables_;
  const Resolve& resolve_;
  Outcome outcome_;
};

Result<const Operation*> Chosen(const Document& document, std::string_view name) {
  if (document.operations.empty()) return Fail(ErrorCode::kInvalidArgument, "Must provide an operation.");
  if (name.empty()) {
    if (document.operations.size() == 1) return &document.operations.front();
    return Fail(ErrorCode::kInvalidArgument, "Must provide operation name if query contains multiple operations.");
  }
  const auto found = std::ranges::find(document.operations, name, &Operation::name);
  if (found == document.operations.end()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Unknown operation named '{}'.", name));
  }
  return &*found;
}

}  // namespace

Outcome Execute(const Document& document, std::string_view operation, const Json& variables, const Resolve& resolve) {
  const auto refuse = [](std::string message) { return Outcome{.data = {}, .errors = {std::move(message)}}; };
  const auto chosen = Chosen(document, operation);
  if (!chosen) return refuse(chosen.error().message);
  if (Schema::Get().Root((*chosen)->kind) == nullptr) {
    return refuse(fmt::format("Schema is not configured to execute {} operation.", (*chosen)->kind));
  }
  auto read = Variables(**chosen, variables);
  if (!read) return refuse(read.error().message);
  return Executor(document, *std::move(read), resolve).Run(**chosen);
}

}  // namespace keelson::wire::mlflow::graphql
