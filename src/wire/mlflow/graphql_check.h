#pragma once

#include <string>
#include <vector>

#include "wire/mlflow/graphql_syntax.h"

namespace keelson::wire::mlflow::graphql {

// Everything that is wrong in a document, by the rules of GraphQL for our schema, in the words of the reference's
// library. What passes can be executed: its fields are there, its fragments end, its values are of their types. The
// document is not too large.
std::vector<std::string> Mistakes(const Document& document);

}  // namespace keelson::wire::mlflow::graphql
