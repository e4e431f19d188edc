#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/commands.h"
#include "app/output.h"
#include "app/simulate/packing_runs.h"
#include "app/simulate/seeds.h"
#include "base/strings.h"
#include "io/files.h"
#include "scheduling/placement.h"
#include "simulation/trace.h"

namespace keelson::app {
namespace {

constexpr std::size_t kRefusalsShown = 20;

struct Options {
  std::string workload;
  std::string nodes;
  std::vector<std::string> policies = {"least-allocated", "fgd", "keelson"};
  double arrive = 1.3;
  std::string seeds = "42";
  std::string page;
  OutputFormat format = OutputFormat::kTable;
};

int Usage(Terminal& terminal, const std::string& message) {
  terminal.err << "keelson: " << message << "; see `keelson simulate --help`\n";
  return kExitUsage;
}

// The path in "openb:PATH".
std::optional<std::string> OpenbPath(const std::string& text) {
  constexpr std::string_view kForm = "openb:";
  if (!text.starts_with(kForm) || text.size() == kForm.size()) return std::nullopt;
  return text.substr(kForm.size());
}

Result<int> Simulate(const Options& options, Terminal& terminal) {
  const auto workload_path = OpenbPath(options.workload);
  if (!workload_path) return Usage(terminal, fmt::format("--workload '{}' is not openb:FILE", options.workload));
  const auto nodes_path = OpenbPath(options.nodes);
  if (!nodes_path) return Usage(terminal, fmt::format("--nodes '{}' is not openb:FILE", options.nodes));
  const auto seeds = ParseSeeds(options.seeds);
  if (!seeds) return Usage(terminal, "--seeds: " + seeds.error().message);
  std::vector<std::string> policies;
  for (const std::string& name : options.policies) {
    const std::vector<std::string>& known = scheduling::PlacementPolicyNames();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto meant = DidYouMean(name, known);
      return Usage(terminal, fmt::format("there is no policy '{}'; {}", name,
                                         meant ? fmt::format("did you mean '{}'?", *meant)
                                               : fmt::format("there are {}", Join(known, ", "))));
    }
    if (std::find(policies.begin(), policies.end(), name) != policies.end()) {
      return Usage(terminal, fmt::format("--policy names '{}' twice", name));
    }
    policies.push_back(name);
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
  return {"simulate", "Try scheduling policies on a recorded load and cluster, in virtual time",
          "keelson simulate --workload openb:pods.csv --nodes openb:nodes.csv --policy fgd,keelson --seeds 42-51\n"
          "keelson simulate --workload openb:pods.csv --nodes openb:nodes.csv --arrive 1.0 --html packing.html -o json",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("--workload", options->workload,
                           "The load: openb:FILE, pods in the form of Alibaba's openb trace")
                ->required();
            app.add_option("--nodes", options->nodes, "The cluster: openb:FILE, nodes in the form of the same trace")
                ->required();
            app.add_option("--policy", options->policies,
                           "The policies to compare, of " + Join(scheduling::PlacementPolicyNames(), ", "))
                ->delimiter(',')
                ->default_str("least-allocated,fgd,keelson");
            app.add_option("--arrive", options->arrive, "Pods arrive until they ask for this many times all GPUs")
                ->check(CLI::Range(0.01, 100.0))
                ->capture_default_str();
            app.add_option("--seeds", options->seeds, "Seeds of the random order, as 42, 42-51 or 1,5,10-12")
                ->capture_default_str();
            app.add_option("--html", options->page, "Write a page with plots into this file too");
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) { return Simulate(*options, terminal); };
          }};
}

}  // namespace keelson::app
