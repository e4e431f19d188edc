#include "app/commands/history.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "simulation/job_rows.h"

namespace keelson::app {

simulation::QueuedLoad LoadOfJobs(const nlohmann::json& answer) {
  simulation::QueuedLoad load;
  for (const Json& job : answer.at("jobs")) {
    const auto instant = [&job](const char* field) -> std::optional<Instant> {
      if (!job.at(field).is_string()) return std::nullopt;
      const auto at = ParseInstant(job.at(field).get<std::string>());
      return at ? std::optional(*at) : std::nullopt;
    };
    const auto created = instant("created");
    const auto started = instant("started");
    const auto ended = instant("ended");
    if (!created || !started || !ended || *ended < *started) continue;
    simulation::QueuedLoad::Arrival arrival;
    scheduling::Workload& workload = arrival.workload;
    workload.id = job.at("id").get<std::string>();
    workload.user = job.at("user").get<std::string>();
    workload.queue = job.at("queue").get<std::string>();
    workload.priority = job.at("priority").get<int>();
    workload.pod.request = {std::llround(job.at("cpu").get<double>() * 1'000),
                            job.at("memory_bytes").get<std::int64_t>()};
    for (const auto each : {scheduling::WorkloadClass::kSystem, scheduling::WorkloadClass::kInference,
                            scheduling::WorkloadClass::kTraining, scheduling::WorkloadClass::kBestEffort}) {
      if (scheduling::WorkloadClassName(each) == job.at("class").get<std::string>()) workload.workload_class = each;
    }
    workload.submitted = *created;
    arrival.run_time = *ended - *started;
    arrival.project = job.at("project").get<std::string>();
    arrival.name = arrival.project + "/" + job.at("step").get<std::string>();
    load.arrivals.push_back(std::move(arrival));
  }
  std::ranges::stable_sort(load.arrivals, {}, [](const auto& arrival) { return arrival.workload.submitted; });
  return load;
}

Command HistoryCommand() {
  return {"history", "Write the jobs that have run as a load for `keelson simulate`",
          "keelson history > jobs.csv\nkeelson simulate --workload jobs:jobs.csv --machines 2x8,32Gi",
          [](CLI::App& app) -> RunCommand {
            auto server = std::make_shared<ServerOptions>();
            server->AddTo(app);
            return [server](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(*server));
              KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Get(kApi + "/jobs"));
              terminal.out << simulation::WriteJobRows(LoadOfJobs(answer));
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
