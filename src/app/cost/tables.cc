#include "app/cost/tables.h"

#include <fmt/format.h>

#include "app/output.h"

namespace keelson::app {
namespace {

using nlohmann::json;

std::string Money(const json& amount) {
  return fmt::format("{:.4f}", amount.get<double>());
}

// "aws g5.2xlarge in us-east-1, on demand, 1.2120 USD an hour; prices of 2026-11-30"
std::string MachineLine(const json& answer) {
  const json& machine = answer.at("machine");
  const auto date = answer.at("prices").at("date").get<std::string>();
  return fmt::format("the machine is priced {}: {} {} an hour{}\n", machine.at("as").get<std::string>(),
                     Money(machine.at("hour")), answer.at("currency").get<std::string>(),
                     date.empty() ? "" : "; prices of " + date);
}

std::string Name(const json& line, const std::string& by) {
  const auto name = line.at("name").get<std::string>();
  return name.empty() && by == "user" ? "(keelson itself)" : name;
}

}  // namespace

std::string CostScreen(const json& answer) {
  const auto by = answer.at("by").get<std::string>();
  const auto currency = answer.at("currency").get<std::string>();
  const bool of_projects = by == "job" || by == "endpoint";
  TextTable table;
  table.header = {by, "runs", "core hours", "GiB hours", currency};
  if (of_projects) table.header.insert(table.header.begin() + 1, "project");
  for (const json& line : answer.at("lines")) {
    table.rows.push_back({Name(line, by), std::to_string(line.at("allocations").get<int>()),
                          fmt::format("{:.2f}", line.at("core_hours").get<double>()),
                          fmt::format("{:.2f}", line.at("gib_hours").get<double>()), Money(line.at("cost"))});
    if (of_projects) table.rows.back().insert(table.rows.back().begin() + 1, line.at("project").get<std::string>());
  }
  std::string screen = MachineLine(answer);
  screen += fmt::format("from {} to {}: {} {} of {} that it cost\n\n", answer.at("from").get<std::string>(),
                        answer.at("to").get<std::string>(), Money(answer.at("total")), currency,
                        Money(answer.at("machine_total")));
  screen += table.rows.empty() ? "nothing ran\n" : FormatTable(table);
  if (answer.at("budgets").empty()) return screen;
  TextTable budgets;
  budgets.header = {"budget of", "per", "limit", "spent", "state"};
  for (const json& budget : answer.at("budgets")) {
    budgets.rows.push_back({budget.at("project").get<std::string>(), budget.at("per").get<std::string>(),
                            Money(budget.at("limit")), Money(budget.at("spent")),
                            budget.at("used_up").get<bool>()  ? "used up: nothing new starts"
                            : budget.at("warned").get<bool>() ? "nearly used up"
                                                              : ""});
  }
  return screen + "\n" + FormatTable(budgets);
}

std::string AdviceScreen(const json& answer) {
  const auto currency = answer.at("currency").get<std::string>();
  std::string screen = MachineLine(answer);
  for (const json& advice : answer.at("advice")) {
    const auto text = [&advice](const char* field) { return advice.at(field).get<std::string>(); };
    screen += fmt::format("\n{} ({})\n  {}\n  would have saved {} {}\n  {}\n", text("about"), text("kind"),
                          text("what"), Money(advice.at("saves")), currency, text("evidence"));
  }
  if (const json& told = answer.at("calibration"); told.at("run_times").get<int>() > 0) {
    screen += fmt::format(
        "\nrun times foretold from the past: {}; {:.0f} % were within the median (50 is right), {:.0f} % "
        "within the ninth tenth (90)\n",
        told.at("run_times").get<int>(), 100 * told.at("below_median").get<double>(),
        100 * told.at("below_high").get<double>());
    if (told.at("memories").get<int>() > 0) {
      screen += fmt::format("memory foretold: {}; {:.0f} % within the ninth tenth (90)\n",
                            told.at("memories").get<int>(), 100 * told.at("memory_below_high").get<double>());
    }
  }
  if (answer.at("advice").empty()) screen += "\nnothing to advise: too little ran, or it fits\n";
  return screen;
}

}  // namespace keelson::app
