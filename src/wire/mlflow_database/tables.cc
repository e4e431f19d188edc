#include "wire/mlflow_database/tables.h"

#include <array>
#include <vector>

namespace keelson::wire::mlflow_database {

std::span<const Table> Tables() {
  static const std::vector<Table> tables = [] {
    std::vector<Table> all;
    for (const auto part : {TablesOfRuns(), TablesOfRegistry(), TablesOfTraces(), TablesOfEvaluation()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return tables;
}

std::span<const std::string_view> TablesWithoutPlace() {
  static constexpr std::array<std::string_view, 9> kWithoutPlace = {
      "scorers", "issues", "jobs", "webhooks", "label_schemas", "review_queues", "mcp_servers", "endpoints", "secrets"};
  return kWithoutPlace;
}

std::span<const Unwritten> OursWithoutPlace() {
  static constexpr std::array<Unwritten, 6> kWithoutPlace = {
      {{"alias_change", "changes of aliases, with who made them"},
       {"promotion_rule", "promotion rules"},
       {"approval", "approvals of model versions"},
       {"lineage", "edges of the lineage graph"},
       {"webhook", "webhooks, whose secrets are sealed"},
       {"webhook_delivery", "deliveries of webhooks that wait"}}};
  return kWithoutPlace;
}

}  // namespace keelson::wire::mlflow_database
