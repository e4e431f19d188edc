#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/mlflow/graphql_syntax.h"

namespace keelson::wire::mlflow::graphql {

// Values of a document and of its variables, as the types of the schema take them.

// As GraphQL writes it: `{maxResults: 5}`.
std::string Printed(const Value& value);

// What keeps a value of a document from being of a type, in the words of the reference's library. Variables in it are
// not looked at.
std::vector<std::string> ValueMistakes(const Value& value, std::string_view type);

// A value that has no mistakes, as the requests of MLflow's API have it (`Message`): the fields of an input under
// MLflow's own names, what is null or not there left out, an enum as its number, one value for a list as a list of one.
// Nothing where a variable stands that was not given.
std::optional<nlohmann::json> ValueOf(const Value& value, std::string_view type, const nlohmann::json& variables);

// The variables of an operation, in that shape, from those that came with the request (an object); defaults stand in
// for those that did not. kInvalidArgument, in the reference's words, for the first that is not of its type.
Result<nlohmann::json> Variables(const Operation& operation, const nlohmann::json& given);

}  // namespace keelson::wire::mlflow::graphql
