// What the decisions of a load in Kueue's form cost and reach: a JSON line for each load and policy, with the CPU
// seconds of the whole simulation (the reading of the file apart).
//   keelson_queue_bench POLICY[,POLICY...] GENERATOR...
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "io/files.h"
#include "simulation/queue_run.h"
#include "wire/kueue/generator.h"

namespace {

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

keelson::Status Measure(const std::vector<std::string>& arguments) {
  using namespace keelson;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(arguments[i]));
    KEELSON_ASSIGN_OR_RETURN(const simulation::QueuedLoad load, wire::kueue::ReadGenerator(text, arguments[i]));
    for (const std::string_view policy : Split(arguments[0], ',')) {
      KEELSON_ASSIGN_OR_RETURN(const auto scheduler, simulation::MakeQueueScheduler(std::string(policy), load));
      const double begun = CpuSeconds();
      KEELSON_ASSIGN_OR_RETURN(const simulation::QueueReport report, simulation::SimulateQueues(load, *scheduler));
      nlohmann::ordered_json line = {{"workload", arguments[i]},
                                     {"policy", policy},
                                     {"cpu_seconds", CpuSeconds() - begun},
                                     {"workloads", load.arrivals.size()},
                                     {"makespan", report.makespan},
                                     {"bound", report.bounds.of_work},
                                     {"bound_of_arrivals", report.bounds.of_arrivals},
                                     {"preemptions", report.preemptions},
                                     {"lost_seconds", report.lost_seconds}};
      for (const auto& [name, each] : report.classes) line["mean_wait"][name] = each.mean_wait;
      std::cout << line.dump() << std::endl;
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    std::cerr << "keelson_queue_bench POLICY[,POLICY...] GENERATOR...\n";
    return 2;
  }
  const keelson::Status done = Measure(arguments);
  if (!done.has_value()) std::cerr << done.error().ToString() << "\n";
  return done.has_value() ? 0 : 1;
}
