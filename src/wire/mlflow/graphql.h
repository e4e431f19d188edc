#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/mlflow/graphql_execute.h"

namespace keelson::wire::mlflow::graphql {

struct Request {
  std::string query;
  nlohmann::json variables = nlohmann::json::object();
  std::string operation = {};  // the name of the one that is meant; "" when there is only one
};

// One of MLflow's calls, by the name of its field ("mlflowGetRun"), with its request: the answer is as the REST API
// writes it.
using Call = std::function<Result<nlohmann::json>(std::string_view name, const nlohmann::json& input)>;

// Answers a query by MLflow's calls. kInvalidArgument: it is no query at all, or too long; mistakes and what the calls
// refuse are in the outcome.
Result<Outcome> Answer(const Request& request, const Call& call);

}  // namespace keelson::wire::mlflow::graphql
