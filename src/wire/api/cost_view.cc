#include "wire/api/cost_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/costs.h"
#include "control/job_runner.h"
#include "control/past_runs.h"
#include "io/http.h"
#include "scheduling/advice.h"

namespace keelson::wire::api {
namespace {

using control::Json;
using scheduling::CostBy;

constexpr auto kByDefault = std::chrono::days(30);
constexpr std::array<std::pair<std::string_view, CostBy>, 5> kBy = {{{"project", CostBy::kProject},
                                                                     {"user", CostBy::kUser},
                                                                     {"queue", CostBy::kQueue},
                                                                     {"job", CostBy::kJob},
                                                                     {"endpoint", CostBy::kEndpoint}}};

double Money(std::int64_t millionths) {
  return static_cast<double>(millionths) / 1e6;
}

Result<Instant> InstantOf(std::string_view query, std::string_view name, Instant otherwise) {
  const auto text = io::QueryValue(query, name);
  if (!text) return otherwise;
  auto instant = ParseInstant(*text);
  if (!instant) return Fail(instant.error().code, instant.error().message, std::string(name));
  return *instant;
}

std::string_view PerName(scheduling::Budget::Per per) {
  using Per = scheduling::Budget::Per;
  return per == Per::kDay ? "day" : per == Per::kMonth ? "month" : "ever";
}

Json BudgetsView(const control::Costs& costs) {
  Json budgets = Json::array();
  for (const auto& [budget, state] : costs.budgets()) {
    const auto renews = scheduling::BudgetRenews(budget.per, costs.now());
    budgets.push_back({{"project", budget.project},
                       {"limit", Money(budget.limit)},
                       {"per", PerName(budget.per)},
                       {"warn_at", budget.warn_at},
                       {"spent", Money(state.spent)},
                       {"warned", state.warned},
                       {"used_up", state.used_up},
                       {"renews", renews ? Json(FormatInstant(*renews)) : Json(nullptr)}});
  }
  return budgets;
}

Json PricesView(const control::Costs& costs) {
  const auto& table = costs.pricing().table;
  return {{"date", table.date}, {"source", table.source}, {"instances", table.instances.size()}};
}

Json MachineView(const scheduling::MachinePrice& machine) {
  return {{"as", machine.how},
          {"hour", Money(machine.hour)},
          {"core_hour", machine.core_hour / 1e6},
          {"gib_hour", machine.gib_hour / 1e6}};
}

Json CalibrationView(const scheduling::Calibration& calibration) {
  return {{"run_times", calibration.run_times},
          {"below_median", calibration.below_median},
          {"below_high", calibration.below_high},
          {"memories", calibration.memories},
          {"memory_below_high", calibration.memory_below_high}};
}

}  // namespace

Result<CostQuery> ReadCostQuery(std::string_view query, Instant now) {
  CostQuery read;
  KEELSON_ASSIGN_OR_RETURN(read.to, InstantOf(query, "to", now));
  KEELSON_ASSIGN_OR_RETURN(read.from, InstantOf(query, "from", read.to - kByDefault));
  if (read.from > read.to) return Fail(ErrorCode::kInvalidArgument, "the time ends before it begins", "from");
  read.to = std::min(read.to, now);
  const std::string by = io::QueryValue(query, "by").value_or("project");
  const auto found = std::ranges::find(kBy, std::string_view(by), &std::pair<std::string_view, CostBy>::first);
  if (found == kBy.end()) {
    return Fail(ErrorCode::kInvalidArgument, "expected one of project, user, queue, job, endpoint", "by");
  }
  read.by = found->second;
  return read;
}

Json CostView(const control::Costs& costs, const CostQuery& query) {
  Json lines = Json::array();
  std::int64_t total = 0;
  double machine = 0;
  costs.metered().Visit([&](std::span<const scheduling::Allocation> allocations) {
    for (const auto& line : scheduling::CostLines(allocations, costs.machine(), query.from, query.to, query.by)) {
      lines.push_back({{"name", line.name},
                       {"project", line.project},
                       {"allocations", line.allocations},
                       {"core_hours", line.core_hours},
                       {"gib_hours", line.gib_hours},
                       {"cost", Money(line.cost)}});
      total += line.cost;
    }
    // The machine is paid since it was first used.
    if (!allocations.empty())
      machine = scheduling::CostOfMachine(costs.machine(), std::max(query.from, allocations.front().from), query.to);
  });
  return {{"currency", costs.pricing().table.currency},
          {"prices", PricesView(costs)},
          {"machine", MachineView(costs.machine())},
          {"from", FormatInstant(query.from)},
          {"to", FormatInstant(query.to)},
          {"by", std::ranges::find(kBy, query.by, &std::pair<std::string_view, CostBy>::second)->first},
          {"lines", lines},
          {"total", Money(total)},
          {"machine_total", machine / 1e6},
          {"budgets", BudgetsView(costs)}};
}

Json AdviceView(const control::Costs& costs, const control::JobRunner& jobs, const CostQuery& query) {
  Json list = Json::array();
  control::PeakMemory peak;
  costs.metered().Visit([&](std::span<const scheduling::Allocation> allocations) {
    peak = control::PeaksOf(allocations);
    for (const auto& advice : scheduling::Advise({.allocations = allocations,
                              .table = &costs.pricing().table,
                              .price = &costs.machine(),
                              .machine = costs.size(),
                              .from = query.from,
                              .to = query.to})) {
      list.push_back({{"kind", scheduling::AdviceKindName(advice.kind)},
                      {"about", advice.about},
                      {"what", advice.what},
                      {"saves", Money(advice.saves)},
                      {"evidence", advice.evidence}});
    }
  });
  return {{"currency", costs.pricing().table.currency},
          {"prices", PricesView(costs)},
          {"machine", MachineView(costs.machine())},
          {"from", FormatInstant(query.from)},
          {"to", FormatInstant(query.to)},
          {"calibration", CalibrationView(scheduling::Calibrate(control::PastRuns(jobs.jobs(), peak)))},
          {"advice", list}};
}

}  // namespace keelson::wire::api
