// What a run of the packing protocol costs and reaches, policy by policy, one thread: a JSON line for each workload and
// policy, with the CPU seconds of every seed's run (the reading of the files apart).
//   keelson_packing_bench NODES SEEDS POLICY[,POLICY...] PODS...
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "io/files.h"
#include "simulation/packing.h"

namespace {

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

keelson::Status Measure(const std::vector<std::string>& arguments) {
  using namespace keelson;
  KEELSON_ASSIGN_OR_RETURN(const std::string nodes, io::ReadFile(arguments[0]));
  KEELSON_ASSIGN_OR_RETURN(const scheduling::Cluster cluster, simulation::ReadOpenbNodes(nodes, arguments[0]));
  const auto seeds = static_cast<std::uint64_t>(ParseInt(arguments[1]).value_or(1));
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(const std::string pods, io::ReadFile(arguments[i]));
    KEELSON_ASSIGN_OR_RETURN(const simulation::PodTrace trace, simulation::ReadOpenbPods(pods, arguments[i], cluster));
    for (const std::string_view policy : Split(arguments[2], ',')) {
      nlohmann::ordered_json line = {{"workload", arguments[i]}, {"policy", policy}};
      for (std::uint64_t seed = 42; seed < 42 + seeds; ++seed) {
        const double begun = CpuSeconds();
        KEELSON_ASSIGN_OR_RETURN(const simulation::PackingReport report,
                                 simulation::SimulatePacking(cluster, trace, {std::string(policy), 1.3, seed}));
        line["cpu_seconds"].push_back(CpuSeconds() - begun);
        line["at_end"].push_back(report.end().allocated_percent);
        for (const std::size_t percent : {90U, 100U}) {
          const std::size_t at = std::min(report.points.size(), std::size_t{percent}) - 1;
          line[fmt::format("at_{}", percent)].push_back(report.points[at].allocated_percent);
        }
        line["failed_without_gpu"].push_back(report.failed.without_gpu);
      }
      std::cout << line.dump() << std::endl;
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 4) {
    std::cerr << "keelson_packing_bench NODES SEEDS POLICY[,POLICY...] PODS...\n";
    return 2;
  }
  const keelson::Status done = Measure(arguments);
  if (!done.has_value()) std::cerr << done.error().ToString() << "\n";
  return done.has_value() ? 0 : 1;
}
