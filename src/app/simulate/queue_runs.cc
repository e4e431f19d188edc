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

Result<QueueReport> RunOne(const simulation::QueuedLoad& load, const std::string& policy) {
  KEELSON_ASSIGN_OR_RETURN(const auto scheduler, simulation::MakeQueueScheduler(policy, load));
  return simulation::SimulateQueues(load, *scheduler);
}

}  // namespace

Result<QueueRuns> RunQueues(const simulation::QueuedLoad& load, const std::vector<std::string>& policies) {
  std::vector<std::optional<Result<QueueReport>>> reports(policies.size());
  {
    ThreadPool pool(std::min<std::size_t>(std::max(std::thread::hardware_concurrency(), 1U), policies.size()));
    for (std::size_t i = 0; i < policies.size(); ++i) {
      pool.Post([&, i] { reports[i] = RunOne(load, policies[i]); });
    }
  }
  QueueRuns runs{load.file, {}};
  for (std::size_t i = 0; i < policies.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(QueueReport report, std::move(*reports[i]));
    runs.policies.push_back({policies[i], std::move(report)});
  }
  return runs;
}

nlohmann::ordered_json QueuesJson(const QueueRuns& runs) {
  nlohmann::ordered_json policies = nlohmann::ordered_json::array();
  for (const auto& [name, report] : runs.policies) {
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
    policies.push_back({{"name", name},
                        {"makespan_seconds", Rounded(report.makespan)},
                        {"bound_seconds", Rounded(report.bound)},
                        {"bound_of_arrivals_seconds", Rounded(report.bound_of_arrivals)},
                        {"quota_used_percent", Rounded(report.used_percent)},
                        {"starts", report.starts},
                        {"preemptions", report.preemptions},
                        {"lost_pod_seconds", Rounded(report.lost_seconds)},
                        {"classes", std::move(classes)},
                        {"refused", std::move(refused)}});
  }
  return {{"workload", runs.workload}, {"policies", std::move(policies)}};
}

TextTable QueuesTable(const QueueRuns& runs) {
  TextTable table{{"policy", "makespan", "bound", "quota used", "preempted", "lost", "class", "workloads", "mean wait",
                   "p99", "longest"},
                  {}};
  for (const auto& [name, report] : runs.policies) {
    bool first = true;
    for (const auto& [kind, each] : report.classes) {
      const auto once = [first](const std::string& text) { return first ? text : std::string(); };
      table.rows.push_back(
          {once(name), once(fmt::format("{:.1f} s", report.makespan)), once(fmt::format("{:.1f} s", report.bound)),
           once(fmt::format("{:.1f} %", report.used_percent)), once(std::to_string(report.preemptions)),
           once(fmt::format("{:.1f} pod s", report.lost_seconds)), kind, std::to_string(each.workloads),
           fmt::format("{:.2f} s", each.mean_wait), fmt::format("{:.2f} s", each.p99_wait),
           fmt::format("{:.2f} s", each.longest_wait)});
      first = false;
    }
  }
  return table;
}

std::string QueuesPage(const QueueRuns& runs) {
  Plot used{"Quota used", "seconds", "of all nominal quota, %", {}};
  Plot waiting{"Workloads that wait", "seconds", "workloads", {}};
  for (const auto& [name, report] : runs.policies) {
    Plot::Line line{name, {}};
    std::map<std::string, Plot::Line> lines;
    for (const auto& [kind, each] : report.classes) lines[kind].name = name + ", " + kind;
    for (const QueueReport::Point& point : report.points) {
      line.points.emplace_back(point.seconds, point.used_percent);
      for (auto& [kind, of] : lines) {
        const auto count = point.waiting.find(kind);
        of.points.emplace_back(point.seconds, count == point.waiting.end() ? 0 : count->second);
      }
    }
    used.lines.push_back(std::move(line));
    for (auto& [kind, of] : lines) waiting.lines.push_back(std::move(of));
  }
  return SimulationPage(fmt::format("Queues under {}", runs.workload),
                        "Waits go from submission to the end, less the run time; preempted work is done again.",
                        QueuesTable(runs), {used, waiting});
}

}  // namespace keelson::app
