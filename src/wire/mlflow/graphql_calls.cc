// GraphQL, as MLflow's page asks: calls of the REST API in another language.
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/graphql.h"
#include "wire/mlflow/message.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {

// 200 with {"data", "errors"} for whatever GraphQL has words for; what is no query is refused as other calls are.
Answered AnswerGraphql(Services& services, const Asked& asked) {
  using Json = nlohmann::json;
  static constexpr std::array kFields = {Field{.name = "query", .rules = kRequiredText},
                                         Field{.name = "variables", .type = Type::kJson},
                                         Field{.name = "operationName", .rules = kText}};
  using Function = Answered (*)(Services&, const Message&);
  static const std::map<std::string_view, Function> functions = {
      {"mlflowGetExperiment", GetExperiment},
      {"mlflowGetMetricHistoryBulkInterval", GetMetricHistoryBulkInterval},
      {"mlflowGetRun", GetRun},
      {"mlflowListArtifacts", ListArtifacts},
      {"mlflowSearchDatasets", SearchDatasets},
      {"mlflowSearchModelVersions", SearchModelVersions},
      {"mlflowSearchRuns", SearchRuns},
  };
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const graphql::Request request{
      .query = message.Text("query"),
      .variables = message.Has("variables") ? message.Value("variables") : Json::object(),
      .operation = message.Text("operationName"),
  };
  KEELSON_ASSIGN_OR_RETURN(const graphql::Outcome outcome,
                           graphql::Answer(request, [&](std::string_view name, const Json& input) -> Result<Json> {
                             KEELSON_ASSIGN_OR_RETURN(const auto answer, functions.at(name)(services, Message(input)));
                             return Json::parse(answer.body);
                           }));
  const Json body = {{"data", outcome.data}, {"errors", outcome.errors.empty() ? Json() : Json(outcome.errors)}};
  return JsonAnswer(body.dump());
}

}  // namespace keelson::wire::mlflow
