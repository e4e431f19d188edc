#include "app/backtest/backtest.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/backtest/report.h"
#include "app/client/progress.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/project_problems.h"
#include "io/files.h"
#include "project/bundle.h"

namespace keelson::app {
namespace {

struct Options {
  std::string file = "keelson.yaml";
  std::string from;
  std::string to;
  std::string summary;
  bool no_search = false;
  OutputFormat format = OutputFormat::kTable;
};

std::atomic<bool> asked_to_end = false;

int Usage(Terminal& terminal, const std::string& message) {
  terminal.err << "keelson: " << message << "; see `keelson backtest --help`\n";
  return kExitUsage;
}

Result<int> Run(const Options& options, Terminal& terminal) {
  const auto loaded = project::LoadProject(options.file);
  if (!loaded) return ReportProblems(terminal, loaded.error());
  const project::Project& project = loaded->parsed.project;
  KEELSON_ASSIGN_OR_RETURN(const auto calendar, Calendar::Open(project.time_zone));
  BacktestOptions backtest;
  backtest.project_folder = std::filesystem::absolute(options.file).parent_path().string();
  backtest.search = !options.no_search;
  const auto from = calendar.ParseLocal(options.from);
  if (!from) return Usage(terminal, "--from: " + from.error().ToString());
  backtest.from = *from;
  if (!options.to.empty()) {
    const auto to = calendar.ParseLocal(options.to);
    if (!to) return Usage(terminal, "--to: " + to.error().ToString());
    if (*to <= *from) return Usage(terminal, fmt::format("--to {} is not after --from {}", options.to, options.from));
    backtest.to = *to;
  }
  // Its folder of models goes with it, so it ends by itself.
  std::signal(SIGINT, [](int) { asked_to_end = true; });
  std::signal(SIGTERM, [](int) { asked_to_end = true; });
  backtest.cancelled = [] { return asked_to_end.load(); };

  nlohmann::ordered_json summary;
  {
    ProgressLine progress(terminal);
    backtest.progress = [&](const std::string& label, double fraction, const std::string& note) {
      progress.Show(label, fraction, note);
    };
    KEELSON_ASSIGN_OR_RETURN(const BacktestResult result, RunBacktest(project, backtest));
    summary = BacktestJson(project, result);
  }
  if (!options.summary.empty())
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options.summary, summary.dump(1) + "\n"));
  terminal.out << (options.format == OutputFormat::kTable ? BacktestText(summary)
                                                          : FormatOutput(options.format, summary, {}));
  return kExitOk;
}

}  // namespace

Command BacktestCommand() {
  return {"backtest", "Tell what Keelson would have done, gained and cost over a project's past, without a server",
          "keelson backtest -f examples/flights/keelson.yaml --from 2013-04-01 --to 2014-01-02\n"
          "keelson backtest --from 2013-04-01 --no-search -o json",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("-f,--file,-p,--project", options->file, "Project file")->default_val("keelson.yaml");
            app.add_option("--from", options->from,
                           "When the first model is trained and the walk begins, in the project's time zone")
                ->required();
            app.add_option("--to", options->to, "Last instant; the end of the data without it");
            app.add_flag("--no-search", options->no_search,
                         "Train with the parameters that the project file states, without its search");
            app.add_option("--summary", options->summary, "Write the figures as JSON into this file too");
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) { return Run(*options, terminal); };
          }};
}

}  // namespace keelson::app
