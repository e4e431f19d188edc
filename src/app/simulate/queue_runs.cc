#include "app/simulate/queue_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "app/simulate/page.h"
#include "base/thread_pool.h"

namespace keelson::app {
namespace {

using simulation::QueueReport;

double Rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

Result<QueueReport> RunOne(const simulation::QueuedLoad& load, const std::string& policy,
                           const simulation::Failures& failures) {
  KEELSON_ASSIGN_OR_RETURN(const auto scheduler, simulation::MakeQueueScheduler(policy, load));
  return simulation::SimulateQueues(load, *scheduler, failures);
}

Status RunAll(const simulation::QueuedLoad& load, const std::string& what_if, const QueueRunOptions& options,
              QueueRuns& runs) {
  const std::vector<std::string>& policies = options.policies;
  std::vector<std::optional<Result<QueueReport>>> reports(policies.size());
  {
    ThreadPool pool(std::min<std::size_t>(std::max(std::thread::hardware_concurrency(), 1U), policies.size()));
    for (std::size_t i = 0; i < policies.size(); ++i) {
      pool.Post([&, i] { reports[i] = RunOne(load, policies[i], options.failures); });
    }
  }
  for (std::size_t i = 0; i < policies.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(QueueReport report, std::move(*reports[i]));
    runs.policies.push_back({policies[i], what_if, load.fleet, std::move(report)});
  }
  return {};
}

nlohmann::ordered_json CostJson(const QueueRuns::Policy& policy) {
  nlohmann::ordered_json pools = nlohmann::ordered_json::array();
  for (std::size_t p = 0; p < policy.fleet.pools.size(); ++p) {
    const auto& [node_hours, cost] = policy.report.pools[p];
    pools.push_back(
        {{"name", policy.fleet.pools[p].name}, {"node_hours", Rounded(node_hours)}, {"cost", Rounded(cost)}});
  }
  return {{"currency", policy.fleet.currency}, {"total", Rounded(policy.report.cost)}, {"pools", std::move(pools)}};
}

}  // namespace

std::string QueueRuns::Policy::Title() const {
  return what_if.empty() ? name : fmt::format("{}, if {}", name, what_if);
}

bool QueueRuns::priced() const {
  return std::ranges::any_of(policies, [](const Policy& each) { return each.fleet.priced(); });
}

Result<QueueRuns> RunQueues(const std::function<Result<simulation::QueuedLoad>(const std::string&)>& load_of,
                            const QueueRunOptions& options) {
  KEELSON_ASSIGN_OR_RETURN(const simulation::QueuedLoad as_it_is, load_of(""));
  QueueRuns runs{as_it_is.file, {}};
  KEELSON_RETURN_IF_ERROR(RunAll(as_it_is, "", options, runs));
  for (const std::string& what_if : options.what_ifs) {
    KEELSON_ASSIGN_OR_RETURN(const simulation::QueuedLoad load, load_of(what_if));
    if (auto status = RunAll(load, what_if, options, runs); !status) {
      status.error().message = fmt::format("what if '{}': {}", what_if, status.error().message);
      return std::unexpected(status.error());
    }
  }
  return runs;
}

nlohmann::ordered_json QueuesJson(const QueueRuns& runs) {
  nlohmann::ordered_json policies = nlohmann::ordered_json::array();
  for (const QueueRuns::Policy& policy : runs.policies) {
    const QueueReport& report = policy.report;
    nlohmann::ordered_json classes = nlohmann::ordered_json::array();
    for (const auto& [kind, each] : report.classes) {
      classes.push_back({{"name", kind},
                         {"workloads", each.workloads},
                         {"mean_wait_seconds", Rounded(each.mean_wait)},
                         {"p99_wait_seconds", Rounded(each.p99_wait)},
                         {"longest_wait_seconds", Rounded(each.longest_wait)}});
    }
    nlohmann::ordered_json refused = nlohmann::ordered_json::array();
    for (const auto& [id, reason] : report.refused) refused.push_back({{"id", id}, {"reason", reason}});
    nlohmann::ordered_json json = {{"name", policy.name},
                                   {"what_if", policy.what_if},
                                   {"makespan_seconds", Rounded(report.makespan)},
                                   {"bound_seconds", Rounded(report.bounds.of_work)},
                                   {"bound_of_arrivals_seconds", Rounded(report.bounds.of_arrivals)},
                                   {"quota_used_percent", Rounded(report.used_percent)},
                                   {"starts", report.starts},
                                   {"preemptions", report.preemptions},
                                   {"interruptions", report.interruptions},
                                   {"spot_machines_taken", report.spot_nodes_taken},
                                   {"machines_lost", report.nodes_lost},
                                   {"ran_pod_seconds", Rounded(report.ran_seconds)},
                                   {"work_pod_seconds", Rounded(report.work_seconds)},
                                   {"lost_pod_seconds", Rounded(report.lost_seconds)},
                                   {"lost_to_failures_pod_seconds", Rounded(report.lost_to_failures)}};
    if (runs.priced()) json["cost"] = CostJson(policy);
    json["classes"] = std::move(classes);
    json["refused"] = std::move(refused);
    policies.push_back(std::move(json));
  }
  return {{"workload", runs.workload}, {"policies", std::move(policies)}};
}

TextTable QueuesTable(const QueueRuns& runs) {
  TextTable table{{"policy", "makespan", "bound", "quota used", "preempted", "interrupted", "lost"}, {}};
  if (runs.priced()) table.header.push_back("cost");
  const std::size_t once = table.header.size();  // columns that the rows of further classes leave empty
  for (const char* column : {"class", "workloads", "mean wait", "p99", "longest"}) table.header.push_back(column);
  for (const QueueRuns::Policy& policy : runs.policies) {
    const QueueReport& report = policy.report;
    std::vector<std::string> row = {policy.Title(),
                                    fmt::format("{:.1f} s", report.makespan),
                                    fmt::format("{:.1f} s", report.bounds.of_work),
                                    fmt::format("{:.1f} %", report.used_percent),
                                    std::to_string(report.preemptions),
                                    std::to_string(report.interruptions),
                                    fmt::format("{:.1f} pod s", report.lost_seconds)};
    if (runs.priced()) row.push_back(fmt::format("{:.2f} {}", report.cost, policy.fleet.currency));
    for (const auto& [kind, each] : report.classes) {
      row.insert(row.end(), {kind, std::to_string(each.workloads), fmt::format("{:.2f} s", each.mean_wait),
                             fmt::format("{:.2f} s", each.p99_wait), fmt::format("{:.2f} s", each.longest_wait)});
      table.rows.push_back(std::move(row));
      row.assign(once, "");
    }
    if (report.classes.empty()) {  // all is refused
      row.resize(table.header.size());
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string QueuesPage(const QueueRuns& runs) {
  Plot used{"Quota used", "seconds", "of all nominal quota, %", {}};
  Plot waiting{"Workloads that wait", "seconds", "workloads", {}};
  Plot lost{"Work lost to preemption and failures", "seconds", "pod hours", {}};
  Plot cost{"Cost of the machines", "seconds", "", {}};
  for (const QueueRuns::Policy& policy : runs.policies) {
    Plot::Line use{policy.Title(), {}};
    Plot::Line losses = use;
    std::vector<Plot::Line> costs;
    for (const auto& pool : policy.fleet.pools) costs.push_back({policy.Title() + ", " + pool.name, {}});
    std::map<std::string, Plot::Line> lines;
    for (const auto& [kind, each] : policy.report.classes) lines[kind].name = policy.Title() + ", " + kind;
    for (const QueueReport::Point& point : policy.report.points) {
      use.points.emplace_back(point.seconds, point.used_percent);
      losses.points.emplace_back(point.seconds, point.lost_seconds / 3600);
      for (std::size_t p = 0; p < costs.size(); ++p) costs[p].points.emplace_back(point.seconds, point.cost[p]);
      for (auto& [kind, of] : lines) {
        const auto count = point.waiting.find(kind);
        of.points.emplace_back(point.seconds, count == point.waiting.end() ? 0 : count->second);
      }
    }
    used.lines.push_back(std::move(use));
    lost.lines.push_back(std::move(losses));
    for (Plot::Line& of : costs) cost.lines.push_back(std::move(of));
    cost.y = policy.fleet.currency;
    for (auto& [kind, of] : lines) waiting.lines.push_back(std::move(of));
  }
  std::vector<Plot> plots = {used, waiting, lost};
  if (runs.priced()) plots.push_back(cost);
  return SimulationPage(fmt::format("Queues under {}", runs.workload),
                        "Waits go from submission to the end, less the run time; what was stopped does again what it "
                        "lost. A machine is paid for while it is there.",
                        QueuesTable(runs), plots);
}

}  // namespace keelson::app
