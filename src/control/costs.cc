#include "control/costs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace keelson::control {
namespace {

using Json = nlohmann::json;

constexpr const char* kKind = "budget_notice";
constexpr auto kLookAgain = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Costs>> Costs::Open(std::optional<project::Pricing> pricing, const MeteredSubstrate& metered,
                                           const scheduling::Resources& machine, DocumentStore& store,
                                           const Clock& clock) {
  KEELSON_ASSIGN_OR_RETURN(auto whole, project::WithBuiltIn(pricing ? *std::move(pricing) : project::Pricing{}));
  KEELSON_ASSIGN_OR_RETURN(auto price, scheduling::PriceOfMachine(whole.table, whole.machine, machine));
  auto costs = std::unique_ptr<Costs>(new Costs(std::move(whole), std::move(price), machine, metered, store, clock));
  KEELSON_RETURN_IF_ERROR(costs->Load());
  return costs;
}

Status Costs::Load() {
  KEELSON_ASSIGN_OR_RETURN(const auto documents, store_.List(kKind));
  for (const auto& document : documents) {
    try {
      const Json json = Json::parse(document.body);
      notices_[document.id] = {InstantFromMicros(json.at("begin_us").get<std::int64_t>()),
                               json.at("used_up").get<bool>() ? Told::kUsedUp : Told::kWarned};
    } catch (const Json::exception& error) {
      return Fail(ErrorCode::kDataLoss, fmt::format("a stored notice of a budget does not read back: {}", error.what()),
                  document.id);
    }
  }
  return {};
}

std::vector<Costs::BudgetView> Costs::budgets() const {
  std::vector<BudgetView> views;
  if (pricing_.budgets.empty()) return views;
  metered_.Visit([&](std::span<const scheduling::Allocation> allocations) {
    for (const auto& budget : pricing_.budgets) {
      views.push_back({budget, scheduling::StateOf(budget, allocations, machine_, now())});
    }
  });
  return views;
}

Status Costs::Look() {
  const auto monotonic = clock_.MonotonicNow();
  if (pricing_.budgets.empty() || (looked_ && monotonic - *looked_ < kLookAgain)) return {};
  looked_ = monotonic;
  const Instant at = now();
  held_.clear();
  for (const BudgetView& view : budgets()) {
    if (view.state.used_up) {
      held_[view.budget.project] = fmt::format(
          "waits for money: {}", scheduling::FormatBudget(view.budget, view.state, pricing_.table.currency, at));
    }
    KEELSON_RETURN_IF_ERROR(Tell(view, at));
  }
  return {};
}

Status Costs::Tell(const BudgetView& view, Instant now) {
  const Told now_told = view.state.used_up ? Told::kUsedUp : view.state.warned ? Told::kWarned : Told::kNothing;
  const Instant begin = scheduling::BudgetBegins(view.budget.per, now);
  const auto found = notices_.find(view.budget.project);
  const Told before = found == notices_.end() || found->second.begin != begin ? Told::kNothing : found->second.told;
  if (now_told <= before) return {};
  const std::string words = scheduling::FormatBudget(view.budget, view.state, pricing_.table.currency, now);
  const std::string& project = view.budget.project;
  KEELSON_RETURN_IF_ERROR(store_.Commit(
      {.put = {{kKind, project, "",
                Json{{"begin_us", ToMicros(begin)}, {"used_up", now_told == Told::kUsedUp}}.dump()}},
       .remove = {},
       .events = {
           {.sequence = 0, .project = project, .kind = "budget", .message = words, .wall = now, .clock = now}}}));
  notices_[project] = {begin, now_told};
  return {};
}

std::optional<std::string> Costs::Held(const std::string& project) const {
  const auto found = held_.find(project);
  return found == held_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace keelson::control
