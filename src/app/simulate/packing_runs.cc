#include "app/simulate/packing_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "app/simulate/page.h"
#include "base/thread_pool.h"

namespace keelson::app {
namespace {

using simulation::PackingReport;

// Four digits behind the point say more than any simulation does, and read better.
double Rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

template <typename Of>
double Mean(const PackingRuns::Policy& policy, const Of& of) {
  double sum = 0;
  for (const auto& [seed, report] : policy.seeds) sum += static_cast<double>(of(report));
  return sum / static_cast<double>(policy.seeds.size());
}

template <typename Of>
nlohmann::ordered_json MeanAndSeeds(const PackingRuns::Policy& policy, const Of& of) {
  nlohmann::ordered_json seeds = nlohmann::ordered_json::object();
  for (const auto& [seed, report] : policy.seeds) seeds[std::to_string(seed)] = Rounded(of(report));
  return {{"mean", Rounded(Mean(policy, of))}, {"seeds", std::move(seeds)}};
}

}  // namespace

Result<PackingRuns> RunPacking(const scheduling::Cluster& cluster, const simulation::PodTrace& trace,
                               const std::vector<std::string>& policies, double arrive,
                               const std::vector<std::uint64_t>& seeds) {
  PackingRuns runs;
  runs.workload = trace.file;
  runs.arrive = arrive;
  runs.refused = simulation::FindImpossible(trace, cluster);
  std::vector<std::optional<Result<PackingReport>>> reports(policies.size() * seeds.size());
  {
    ThreadPool pool(std::min<std::size_t>(std::max(std::thread::hardware_concurrency(), 1U), reports.size()));
    for (std::size_t i = 0; i < reports.size(); ++i) {
      pool.Post([&, i] {
        reports[i] =
            simulation::SimulatePacking(cluster, trace, {policies[i / seeds.size()], arrive, seeds[i % seeds.size()]});
      });
    }
  }
  for (std::size_t p = 0; p < policies.size(); ++p) {
    runs.policies.push_back({policies[p], {}});
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      KEELSON_ASSIGN_OR_RETURN(runs.policies.back().seeds[seeds[s]], *reports[p * seeds.size() + s]);
    }
  }
  return runs;
}

std::vector<PackingMeans> MeanCurve(const PackingRuns::Policy& policy) {
  std::size_t length = policy.seeds.begin()->second.points.size();
  for (const auto& [seed, report] : policy.seeds) length = std::min(length, report.points.size());
  const auto mean = [&](const auto& point_of) {
    return PackingMeans{Mean(policy, [&](const auto& report) { return point_of(report).arrived_percent; }),
                        Mean(policy, [&](const auto& report) { return point_of(report).allocated_percent; }),
                        Mean(policy, [&](const auto& report) { return point_of(report).fragmented_percent; })};
  };
  std::vector<PackingMeans> curve;
  for (std::size_t i = 0; i + 1 < length; ++i) {
    curve.push_back(mean([i](const PackingReport& report) { return report.points[i]; }));
  }
  curve.push_back(mean([](const PackingReport& report) { return report.end(); }));
  return curve;
}

nlohmann::ordered_json PackingJson(const PackingRuns& runs) {
  nlohmann::ordered_json policies = nlohmann::ordered_json::array();
  for (const PackingRuns::Policy& policy : runs.policies) {
    nlohmann::ordered_json at = nlohmann::ordered_json::array();
    const std::vector<PackingMeans> curve = MeanCurve(policy);
    for (std::size_t i = 0; i < curve.size(); ++i) {
      if ((i + 1) % 10 != 0 && i + 1 != curve.size()) continue;
      at.push_back({{"arrived_percent", Rounded(curve[i].arrived_percent)},
                    {"gpu_allocated_percent", Rounded(curve[i].allocated_percent)},
                    {"gpu_fragmented_percent", Rounded(curve[i].fragmented_percent)}});
    }
    policies.push_back(
        {{"name", policy.name},
         {"gpu_allocated_percent",
          MeanAndSeeds(policy, [](const PackingReport& report) { return report.end().allocated_percent; })},
         {"gpu_fragmented_percent",
          MeanAndSeeds(policy, [](const PackingReport& report) { return report.end().fragmented_percent; })},
         {"failed_pods",
          {{"without_gpu", Mean(policy, [](const PackingReport& report) { return report.failed.without_gpu; })},
           {"share", Mean(policy, [](const PackingReport& report) { return report.failed.share; })},
           {"one_gpu", Mean(policy, [](const PackingReport& report) { return report.failed.one_gpu; })},
           {"several_gpus", Mean(policy, [](const PackingReport& report) { return report.failed.several_gpus; })}}},
         {"pods", Mean(policy, [](const PackingReport& report) { return report.pods; })},
         {"at", std::move(at)}});
  }
  nlohmann::ordered_json refused = nlohmann::ordered_json::array();
  for (const simulation::ImpossibleShape& each : runs.refused) {
    refused.push_back(
        {{"where", fmt::format("{}:{}", runs.workload, each.line)}, {"pods", each.pods}, {"reason", each.reason}});
  }
  return {{"workload", runs.workload},
          {"arrive", runs.arrive},
          {"policies", std::move(policies)},
          {"refused", std::move(refused)}};
}

TextTable PackingTable(const PackingRuns& runs) {
  TextTable table{{"policy", "gpu allocated", "least", "most", "fragmented", "failed", "without gpu", "several gpus"},
                  {}};
  for (const PackingRuns::Policy& policy : runs.policies) {
    double least = 100;
    double most = 0;
    for (const auto& [seed, report] : policy.seeds) {
      least = std::min(least, report.end().allocated_percent);
      most = std::max(most, report.end().allocated_percent);
    }
    const auto mean = [&](const auto& of) { return Mean(policy, of); };
    table.rows.push_back(
        {policy.name,
         fmt::format("{:.2f} %", mean([](const PackingReport& report) { return report.end().allocated_percent; })),
         fmt::format("{:.2f} %", least), fmt::format("{:.2f} %", most),
         fmt::format("{:.2f} %", mean([](const PackingReport& report) { return report.end().fragmented_percent; })),
         fmt::format("{:.1f} of {:.1f}", mean([](const PackingReport& report) { return report.failed.all(); }),
                     mean([](const PackingReport& report) { return report.pods; })),
         fmt::format("{:.1f}", mean([](const PackingReport& report) { return report.failed.without_gpu; })),
         fmt::format("{:.1f}", mean([](const PackingReport& report) { return report.failed.several_gpus; }))});
  }
  return table;
}

std::string PackingPage(const PackingRuns& runs) {
  Plot allocated{"GPUs allocated", "arrived, % of all GPUs", "allocated, % of all GPUs", {}};
  Plot fragmented{"GPUs free that typical pods cannot use", "arrived, % of all GPUs", "fragmented, % of all GPUs", {}};
  for (const PackingRuns::Policy& policy : runs.policies) {
    Plot::Line up{policy.name, {}};
    Plot::Line lost{policy.name, {}};
    for (const PackingMeans& point : MeanCurve(policy)) {
      up.points.emplace_back(point.arrived_percent, point.allocated_percent);
      lost.points.emplace_back(point.arrived_percent, point.fragmented_percent);
    }
    allocated.lines.push_back(std::move(up));
    fragmented.lines.push_back(std::move(lost));
  }
  const std::size_t seeds = runs.policies.front().seeds.size();
  return SimulationPage(
      fmt::format("Packing of {}", runs.workload),
      fmt::format("Pods arrive in random order until they ask for {:.0f} % of all GPUs; means of {} {}.",
                  100 * runs.arrive, seeds, seeds == 1 ? "seed" : "seeds"),
      PackingTable(runs), {allocated, fragmented});
}

}  // namespace keelson::app
