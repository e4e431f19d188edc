// A query in MLflow's GraphQL; its variables after a NUL, when there are any.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "wire/mlflow/graphql.h"

namespace {

using Json = nlohmann::json;

keelson::Result<Json> Call(std::string_view name, const Json&) {
  static const Json experiment = {{"experiment", {{"experiment_id", "7"}}}};
  static const Json run = {{"run",
                            {{"info", {{"run_id", "r"}, {"experiment_id", "7"}}},
                             {"data", {{"metrics", {{{"key", "loss"}, {"value", "NaN"}}}}}}}}};
  if (name == "mlflowGetExperiment") return experiment;
  if (name == "mlflowGetRun") return run;
  return Json::object();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), size);
  keelson::wire::mlflow::graphql::Request request{.query = std::string(text.substr(0, end))};
  if (end < size) {
    request.variables = Json::parse(text.substr(end + 1), nullptr, false);
    if (request.variables.is_discarded()) return 0;
  }
  // Bytes that are no UTF-8 are refused before they come here.
  if (const auto outcome = keelson::wire::mlflow::graphql::Answer(request, Call))
    outcome->data.dump(-1, ' ', false, Json::error_handler_t::replace);
  return 0;
}
