#include "scheduling/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace keelson::scheduling {
namespace {

constexpr double kMicrosAnHour = 3'600e6;
constexpr double kGib = 1 << 30;

double Hours(Duration duration) {
  return static_cast<double>(duration.count()) / kMicrosAnHour;
}
double Cores(const Resources& resources) {
  return static_cast<double>(resources.cpu_milli) / 1'000;
}
double Gibs(const Resources& resources) {
  return static_cast<double>(resources.memory_bytes) / kGib;
}

// Under which name the allocation is summed up; nothing: it has no line.
std::optional<std::string> NameOf(const Allocation& allocation, CostBy by) {
  switch (by) {
    case CostBy::kProject:
      return allocation.project;
    case CostBy::kUser:
      return allocation.user;
    case CostBy::kQueue:
      return allocation.job.empty() ? std::nullopt : std::optional(allocation.queue);
    case CostBy::kJob:
      return allocation.job.empty() ? std::nullopt : std::optional(allocation.job);
    case CostBy::kEndpoint:
      return allocation.endpoint.empty() ? std::nullopt : std::optional(allocation.endpoint);
  }
  return std::nullopt;
}

std::string_view PerName(Budget::Per per) {
  return per == Budget::Per::kDay ? " a day" : per == Budget::Per::kMonth ? " a month" : " in all";
}

}  // namespace

Duration Allocation::Within(Instant begin, Instant end) const {
  const Instant first = std::max(begin, from);
  const Instant last = std::min(end, until.value_or(end));
  return std::max(Duration{}, Duration(last - first));
}

double CostOf(const Allocation& allocation, const MachinePrice& price, Instant begin, Instant end) {
  const double an_hour = Cores(allocation.held) * price.core_hour + Gibs(allocation.held) * price.gib_hour;
  return an_hour * Hours(allocation.Within(begin, end));
}

double CostOfMachine(const MachinePrice& price, Instant begin, Instant end) {
  return static_cast<double>(price.hour) * Hours(std::max(Duration{}, Duration(end - begin)));
}

std::vector<CostLine> CostLines(std::span<const Allocation> allocations, const MachinePrice& price, Instant begin,
                                Instant end, CostBy by) {
  struct Sum {
    CostLine line;
    double cost = 0;
  };
  std::map<std::string, Sum> sums;
  for (const Allocation& each : allocations) {
    const auto name = NameOf(each, by);
    const double hours = Hours(each.Within(begin, end));
    if (!name || hours <= 0) continue;
    Sum& sum = sums[*name];
    sum.line.name = *name;
    if (by == CostBy::kJob || by == CostBy::kEndpoint) sum.line.project = each.project;
    ++sum.line.allocations;
    sum.line.core_hours += Cores(each.held) * hours;
    sum.line.gib_hours += Gibs(each.held) * hours;
    sum.cost += CostOf(each, price, begin, end);
  }
  std::vector<CostLine> lines;
  for (auto& [name, sum] : sums) {
    sum.line.cost = std::llround(sum.cost);
    lines.push_back(std::move(sum.line));
  }
  std::ranges::stable_sort(lines, std::greater<>(), &CostLine::cost);
  return lines;
}

Instant BudgetBegins(Budget::Per per, Instant now) {
  if (per == Budget::Per::kEver) return Instant{};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  if (per == Budget::Per::kDay) return day;
  const std::chrono::year_month_day date(day);
  return std::chrono::sys_days(date.year() / date.month() / 1);
}

std::optional<Instant> BudgetRenews(Budget::Per per, Instant now) {
  if (per == Budget::Per::kEver) return std::nullopt;
  const auto begin = std::chrono::floor<std::chrono::days>(BudgetBegins(per, now));
  if (per == Budget::Per::kDay) return begin + std::chrono::days(1);
  const std::chrono::year_month_day date(begin);
  return std::chrono::sys_days((date.year() / date.month() + std::chrono::months(1)) / 1);
}

BudgetState StateOf(const Budget& budget, std::span<const Allocation> allocations, const MachinePrice& price,
                    Instant now) {
  const Instant begin = BudgetBegins(budget.per, now);
  double cost = 0;
  for (const Allocation& each : allocations) {
    if (each.project == budget.project) cost += CostOf(each, price, begin, now);
  }
  BudgetState state;
  state.spent = std::llround(cost);
  state.used_up = state.spent >= budget.limit;
  state.warned = cost >= budget.warn_at * static_cast<double>(budget.limit);
  return state;
}

std::string FormatBudget(const Budget& budget, const BudgetState& state, std::string_view currency, Instant now) {
  const auto renews = BudgetRenews(budget.per, now);
  return fmt::format(
      "the budget of project '{}', {}{}, {}: {} spent{}", budget.project, FormatMoney(budget.limit, currency),
      PerName(budget.per),
      state.used_up ? "is used up"
                    : fmt::format("is used to {:.0f} %", budget.limit > 0 ? 100.0 * static_cast<double>(state.spent) /
                                                                                static_cast<double>(budget.limit)
                                                                          : 100.0),
      FormatMoney(state.spent, currency), renews ? "; it begins anew at " + FormatInstant(*renews) : "");
}

}  // namespace keelson::scheduling
