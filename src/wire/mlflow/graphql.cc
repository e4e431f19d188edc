#include "wire/mlflow/graphql.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/mlflow/graphql_check.h"
#include "wire/mlflow/graphql_limits.h"
#include "wire/mlflow/graphql_syntax.h"

namespace keelson::wire::mlflow::graphql {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestQuery = 64UL * 1024;  // the page's are of some 2 KiB

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// What a run says of its experiment and of the versions that were made from it.
Result<Json> OfRun(std::string_view field, const Json& run, const Call& call) {
  const Json info = run.value("info", Json::object());
  const bool experiment = field == "experiment";
  KEELSON_ASSIGN_OR_RETURN(
      const Json answer, experiment ? call("mlflowGetExperiment", {{"experiment_id", info.value("experiment_id", "")}})
                                    : call("mlflowSearchModelVersions",
                                           {{"filter", fmt::format("run_id='{}'", info.value("run_id", ""))}}));
  return experiment ? answer.value("experiment", Json::object()) : answer.value("model_versions", Json::array());
}

Result<Json> OfRoot(std::string_view field, const Json& arguments, const Call& call) {
  if (field == "testMutation") return Json();  // the reference's is not connected to anything
  const bool test = field == "test";
  const std::string_view name = test ? "inputString" : "input";
  const auto argument = arguments.find(name);
  if (argument == arguments.end()) {
    return Invalid(fmt::format("The argument '{}' is missing.", test ? "input_string" : "input"));
  }
  if (test) return Json{{"output", *argument}};
  if (argument->is_null()) return Invalid("The argument 'input' is null.");
  for (const auto& [key, value] : argument->items()) {
    if (value.is_array() && std::ranges::any_of(value, &Json::is_null)) {
      return Invalid(fmt::format("A value of '{}' is null.", key));
    }
  }
  return call(field, *argument);
}

}  // namespace

Result<Outcome> Answer(const Request& request, const Call& call) {
  if (request.query.size() > kLongestQuery) return Invalid(fmt::format("A query may have {} bytes.", kLongestQuery));
  if (!request.variables.is_object()) return Invalid("The variables must be an object.");
  KEELSON_ASSIGN_OR_RETURN(const Document document, Parse(request.query));
  if (auto problem = TooLarge(document)) return Outcome{.data = {}, .errors = {*std::move(problem)}};
  if (auto mistakes = Mistakes(document); !mistakes.empty()) {
    return Outcome{.data = {}, .errors = std::move(mistakes)};
  }
  return Execute(document, request.operation, request.variables,
                 [&](std::string_view field, const Json& of, const Json& arguments) {
                   return of.is_null() ? OfRoot(field, arguments, call) : OfRun(field, of, call);
                 });
}

}  // namespace keelson::wire::mlflow::graphql
