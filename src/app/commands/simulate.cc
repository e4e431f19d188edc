#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/commands.h"
#include "app/output.h"
#include "app/simulate/job_load.h"
#include "app/simulate/packing_runs.h"
#include "app/simulate/queue_runs.h"
#include "app/simulate/seeds.h"
#include "app/simulate/what_if.h"
#include "base/strings.h"
#include "io/files.h"
#include "scheduling/placement.h"
#include "simulation/trace.h"
#include "wire/kueue/generator.h"

namespace keelson::app {
namespace {

constexpr std::size_t kRefusalsShown = 20;
constexpr Duration kLongestOutage = std::chrono::hours(24 * 366);

struct Options {
  std::string workload;
  std::string nodes;
  std::vector<std::string> machines;
  std::string queues;
  std::string prices;
  std::vector<std::string> what_ifs;
  simulation::Failures failures;
  std::string notice;  // as it was written; "": as it is without a word
  std::string back;
  std::vector<std::string> policies;  // none: those of the form of the load
  double arrive = 1.3;
  std::string seeds = "42";
  std::string page;
  std::string of_openb;  // an option that was given and means nothing for other loads
  std::string of_jobs;
  OutputFormat format = OutputFormat::kTable;
};

int Usage(Terminal& terminal, const std::string& message) {
  terminal.err << "keelson: " << message << "; see `keelson simulate --help`\n";
  return kExitUsage;
}

// The path in "FORM:PATH".
std::optional<std::string> PathOf(std::string_view form, const std::string& text) {
  if (!text.starts_with(form) || text.size() == form.size()) return std::nullopt;
  return text.substr(form.size());
}

// Why the policies cannot be had; "" when each is one of `known` and stands once.
std::string WrongPolicies(const std::vector<std::string>& policies, const std::vector<std::string>& known) {
  for (auto name = policies.begin(); name != policies.end(); ++name) {
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      const auto meant = DidYouMean(*name, known);
      return fmt::format(
          "there is no policy '{}'; {}", *name,
          meant ? fmt::format("did you mean '{}'?", *meant) : fmt::format("there are {}", Join(known, ", ")));
    }
    if (std::find(policies.begin(), name, *name) != name) return fmt::format("--policy names '{}' twice", *name);
  }
  return "";
}

using LoadOf = std::function<Result<simulation::QueuedLoad>(const std::string& what_if)>;

// What waits when, under the quotas of queues.
Result<int> SimulateQueues(const Options& options, const LoadOf& load_of, Terminal& terminal) {
  const std::vector<std::string>& policies =
      options.policies.empty() ? simulation::QueuePolicyNames() : options.policies;
  KEELSON_ASSIGN_OR_RETURN(const QueueRuns runs, RunQueues(load_of, {policies, options.what_ifs, options.failures}));
  const auto& refused = runs.policies.front().report.refused;
  for (std::size_t i = 0; i < std::min(refused.size(), kRefusalsShown); ++i) {
    terminal.err << fmt::format("keelson: {} is refused: {}\n", refused[i].first, refused[i].second);
  }
  if (refused.size() > kRefusalsShown) {
    terminal.err << fmt::format("keelson: {} more workloads are refused\n", refused.size() - kRefusalsShown);
  }
  if (!options.page.empty()) KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options.page, QueuesPage(runs)));
  terminal.out << FormatOutput(options.format, QueuesJson(runs), QueuesTable(runs));
  return kExitOk;
}

Result<int> SimulateKueue(const Options& options, const std::string& path, Terminal& terminal) {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path));
  KEELSON_ASSIGN_OR_RETURN(const simulation::QueuedLoad load, wire::kueue::ReadGenerator(text, path));
  const auto load_of = [&load](const std::string& what_if) -> Result<simulation::QueuedLoad> {
    simulation::QueuedLoad with = load;
    if (!what_if.empty()) KEELSON_RETURN_IF_ERROR(ApplyWhatIf(what_if, with.fleet, with.queues));
    return with;
  };
  return SimulateQueues(options, load_of, terminal);
}

Result<int> SimulateJobs(Options options, const std::string& path, Terminal& terminal) {
  for (const auto& [name, text, value] : {std::tuple("--notice", &options.notice, &options.failures.notice),
                                          std::tuple("--back", &options.back, &options.failures.back)}) {
    if (text->empty()) continue;
    const auto duration = ParseDuration(*text);
    if (!duration) return Usage(terminal, fmt::format("{}: {}", name, duration.error().message));
    if (*duration > kLongestOutage) return Usage(terminal, fmt::format("{} is longer than a year", name));
    *value = *duration;
  }
  const simulation::Failures& failures = options.failures;
  if (options.machines.empty() && (failures.interruptions || failures.node_loss > 0 || failures.zone_loss > 0)) {
    return Usage(terminal, "what should fail, without --machines?");
  }
  KEELSON_ASSIGN_OR_RETURN(const JobLoad load, JobLoad::Read({path, options.queues, options.prices}, options.machines));
  return SimulateQueues(
      options, [&load](const std::string& what_if) { return load.With(what_if); }, terminal);
}

Result<int> Simulate(const Options& options, Terminal& terminal) {
  const auto kueue_path = PathOf("kueue:", options.workload);
  const auto jobs_path = PathOf("jobs:", options.workload);
  if ((kueue_path || jobs_path) && !options.of_openb.empty()) {
    return Usage(terminal, fmt::format("{} goes with openb:FILE, and the load is {}:FILE", options.of_openb,
                                       kueue_path ? "kueue" : "jobs"));
  }
  if (!jobs_path && !options.of_jobs.empty()) {
    return Usage(terminal,
                 fmt::format("{} goes with jobs:FILE, and the load is {}", options.of_jobs, options.workload));
  }
  if (kueue_path || jobs_path) {
    const std::string wrong = WrongPolicies(options.policies, simulation::QueuePolicyNames());
    if (!wrong.empty()) return Usage(terminal, wrong);
  }
  if (kueue_path) return SimulateKueue(options, *kueue_path, terminal);
  if (jobs_path) return SimulateJobs(options, *jobs_path, terminal);
  if (!options.what_ifs.empty()) {
    return Usage(terminal, "--what-if goes with jobs:FILE and kueue:FILE, and the load is " + options.workload);
  }
  const auto workload_path = PathOf("openb:", options.workload);
  if (!workload_path) {
    return Usage(terminal,
                 fmt::format("--workload '{}' is none of openb:FILE, kueue:FILE and jobs:FILE", options.workload));
  }
  const auto nodes_path = PathOf("openb:", options.nodes);
  if (!nodes_path) return Usage(terminal, fmt::format("--nodes '{}' is not openb:FILE", options.nodes));
  const auto seeds = ParseSeeds(options.seeds);
  if (!seeds) return Usage(terminal, "--seeds: " + seeds.error().message);
  std::vector<std::string> policies = options.policies;
  if (policies.empty()) policies = {"least-allocated", "fgd", "keelson"};
  if (const std::string wrong = WrongPolicies(policies, scheduling::PlacementPolicyNames()); !wrong.empty()) {
    return Usage(terminal, wrong);
  }

  KEELSON_ASSIGN_OR_RETURN(const std::string nodes_text, io::ReadFile(*nodes_path));
  KEELSON_ASSIGN_OR_RETURN(const scheduling::Cluster cluster, simulation::ReadOpenbNodes(nodes_text, *nodes_path));
  KEELSON_ASSIGN_OR_RETURN(const std::string pods_text, io::ReadFile(*workload_path));
  KEELSON_ASSIGN_OR_RETURN(const simulation::PodTrace trace,
                           simulation::ReadOpenbPods(pods_text, *workload_path, cluster));
  KEELSON_ASSIGN_OR_RETURN(const PackingRuns runs, RunPacking(cluster, trace, policies, options.arrive, *seeds));

  for (std::size_t i = 0; i < std::min(runs.refused.size(), kRefusalsShown); ++i) {
    const simulation::ImpossibleShape& each = runs.refused[i];
    const std::string more = each.pods > 1 ? fmt::format(", with {} more like it", each.pods - 1) : "";
    terminal.err << fmt::format("keelson: {}:{}: refused{}: {}\n", runs.workload, each.line, more, each.reason);
  }
  if (runs.refused.size() > kRefusalsShown) {
    terminal.err << fmt::format("keelson: {} more shapes of pods are refused\n", runs.refused.size() - kRefusalsShown);
  }
  if (!options.page.empty()) KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options.page, PackingPage(runs)));
  terminal.out << FormatOutput(options.format, PackingJson(runs), PackingTable(runs));
  return kExitOk;
}

}  // namespace

Command SimulateCommand() {
  return {
      "simulate", "Try scheduling policies on a recorded load and cluster, in virtual time",
      "keelson simulate --workload openb:pods.csv --nodes openb:nodes.csv --policy fgd,keelson --seeds 42-51\n"
      "keelson simulate --workload openb:pods.csv --nodes openb:nodes.csv --arrive 1.0 --html packing.html -o json\n"
      "keelson simulate --workload kueue:generator.yaml --policy keelson,kueue-fifo\n"
      "keelson simulate --workload jobs:jobs.csv --machines 4x16,64Gi --machines 2x96,680Gi,8xA100 --queues "
      "queues.yaml\n"
      "keelson simulate --workload jobs:jobs.csv --machines 4xaws:us-east-1:g5.2xlarge,name=gpu --what-if nodes:gpu=+1 "
      "--what-if spot:gpu=0.5",
      [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        app.add_option("--workload", options->workload,
                       "The load: openb:FILE, pods in the form of Alibaba's openb trace; kueue:FILE, queues and "
                       "workloads in the form of Kueue's performance tests; jobs:FILE, jobs in rows of CSV, as "
                       "`keelson history` writes them (docs/simulate.md)")
            ->required();
        std::vector<CLI::Option*> of_openb;
        of_openb.push_back(
            app.add_option("--nodes", options->nodes,
                           "The cluster of an openb load: openb:FILE, nodes in the form of the same trace"));
        app.add_option("--policy", options->policies,
                       "The policies to compare: for openb of " + Join(scheduling::PlacementPolicyNames(), ", ") +
                           " (least-allocated,fgd,keelson), for kueue and jobs of " +
                           Join(simulation::QueuePolicyNames(), ", ") + " (both)")
            ->delimiter(',');
        of_openb.push_back(app.add_option("--arrive", options->arrive,
                                          "Of openb: pods arrive until they ask for this many times all GPUs")
                               ->check(CLI::Range(0.01, 100.0))
                               ->capture_default_str());
        of_openb.push_back(
            app.add_option("--seeds", options->seeds, "Of openb: seeds of the random order, as 42, 42-51 or 1,5,10-12")
                ->capture_default_str());
        std::vector<CLI::Option*> of_jobs;
        of_jobs.push_back(
            app.add_option("--machines", options->machines,
                           "Of jobs: machines, COUNTxCORES,MEMORY or COUNTxCORES,MEMORY,GPUSxMODEL or "
                           "COUNTxCLOUD:REGION:TYPE, and with commas name=, price=, spot-price=, spot or spot=PART, "
                           "interruptions=, zone=, label:KEY= (docs/simulate.md); may be given several times")
                ->take_all());
        of_jobs.push_back(app.add_option("--queues", options->queues,
                                         "Of jobs: YAML file with their queues as Kueue's objects; without it there is "
                                         "one, which has all machines"));
        of_jobs.push_back(app.add_option("--prices", options->prices,
                                         "Of jobs: YAML file of prices beside the built-in ones (docs/cost.md)"));
        app.add_option("--what-if", options->what_ifs,
                       "Of jobs and kueue: play it also with other machines, prices or quotas, as nodes:POOL=+1, "
                       "price:POOL=2.50, spot-price:POOL=0.80, spot:POOL=0.5, quota:QUEUE/RESOURCE=64, several at once "
                       "with commas; may be given several times")
            ->take_all();
        simulation::Failures& failures = options->failures;
        const CLI::Range rates(0.0, simulation::Failures::kMostRate);
        of_jobs.push_back(app.add_option("--interruptions", failures.interruptions,
                                         "Of jobs: each spot machine is taken away so often an hour; without it as its "
                                         "pool says")
                              ->check(rates));
        of_jobs.push_back(app.add_option("--node-loss", failures.node_loss,
                                         "Of jobs: each machine fails without a word so often an hour (0 without it)")
                              ->check(rates));
        of_jobs.push_back(app.add_option("--zone-loss", failures.zone_loss,
                                         "Of jobs: each zone fails with all its machines so often an hour (0 without "
                                         "it)")
                              ->check(rates));
        of_jobs.push_back(app.add_option("--notice", options->notice,
                                         "Of jobs: a spot machine is taken away so long after the word (2m without "
                                         "it)"));
        of_jobs.push_back(app.add_option("--back", options->back,
                                         "Of jobs: another machine stands in the place of one that is gone after so "
                                         "long (10m without it)"));
        of_jobs.push_back(
            app.add_option("--seed", failures.seed, "Of jobs: what fails when follows from it")->capture_default_str());
        app.add_option("--html", options->page, "Write a page with plots into this file too");
        AddOutputOption(app, &options->format);
        return [options, of_openb, of_jobs](Terminal& terminal) {
          for (const CLI::Option* each : of_openb) {
            if (each->count() > 0) options->of_openb = each->get_name();
          }
          for (const CLI::Option* each : of_jobs) {
            if (each->count() > 0) options->of_jobs = each->get_name();
          }
          return Simulate(*options, terminal);
        };
      }};
}

}  // namespace keelson::app
