#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/mlflow/graphql_syntax.h"

namespace keelson::wire::mlflow::graphql {

// Gives a field that is not simply a part of what it is of: those of the two roots, and "experiment" and
// "modelVersions" of a run. `of` is what the field is of (null at the roots), `arguments` an object. The answer is as
// MLflow's REST API writes it.
using Resolve = std::function<Result<nlohmann::json>(std::string_view field, const nlohmann::json& of,
                                                     const nlohmann::json& arguments)>;

struct Outcome {
  nlohmann::json data;              // null when nothing could be executed
  std::vector<std::string> errors;  // of fields, which are null then
};

// Executes the operation of a document (that has no mistakes) which is named, or its only one, with the variables that
// came with the request (an object). What a message does not have reads as protobuf's default, as with the reference.
Outcome Execute(const Document& document, std::string_view operation, const nlohmann::json& variables,
                const Resolve& resolve);

}  // namespace keelson::wire::mlflow::graphql
