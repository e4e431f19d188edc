#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::wire::mlflow::graphql {

struct SchemaArgument {
  std::string name;
  std::string type;
};

struct SchemaField {
  std::string name;    // "runId"
  std::string source;  // "run_id": the name in MLflow's own messages
  std::string type;    // "[MlflowRunTag!]"
  std::vector<SchemaArgument> arguments;
};

struct SchemaType {
  enum class Kind { kScalar, kObject, kInput, kEnum };
  Kind kind = Kind::kScalar;
  std::string name;
  std::vector<SchemaField> fields;  // of an object or input
  std::vector<std::string> values;  // of an enum

  const SchemaField* Find(std::string_view field) const;
};

// What the reference's GraphQL knows: the types of MLflow 3.17.2.
class Schema {
 public:
  static const Schema& Get();

  const SchemaType* Find(std::string_view type) const;       // by its name alone
  const SchemaType* Root(std::string_view operation) const;  // of "query" and "mutation"
  std::vector<std::string> TypeNames() const;

 private:
  Schema();

  std::map<std::string, SchemaType, std::less<>> types_;
};

// "MlflowRunTag" of "[MlflowRunTag!]".
std::string_view NamedType(std::string_view type);
inline bool IsList(std::string_view type) {
  return type.starts_with('[');
}
inline bool IsRequired(std::string_view type) {
  return type.ends_with('!');
}
// "String" of "String!", "MlflowRunTag!" of "[MlflowRunTag!]!".
std::string_view WithoutRequired(std::string_view type);
std::string_view ItemType(std::string_view type);

}  // namespace keelson::wire::mlflow::graphql
