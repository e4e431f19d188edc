#include "project/render.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/commands.h"
#include "app/project_problems.h"
#include "project/bundle.h"

namespace keelson::app {
namespace {

struct Options {
  std::string file = "keelson.yaml";
  std::string output = "yaml";
};

Result<int> Render(const Options& options, Terminal& terminal) {
  const auto loaded = project::LoadProject(options.file);
  if (!loaded) return ReportProblems(terminal, loaded.error());
  if (options.output == "yaml") {
    terminal.out << project::Render(loaded->parsed.project);
    return kExitOk;
  }
  terminal.out << nlohmann::ordered_json(project::Expand(loaded->parsed.project)).dump(2) << "\n";
  return kExitOk;
}

}  // namespace

Command RenderCommand() {
  return {"render", "Check a project file and show everything that it expands to",
          "keelson render -f examples/flights/keelson.yaml", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("-f,--file", options->file, "The project file; keelson.yaml without it");
            app.add_option("-o,--output", options->output, "How it is printed: yaml or json")
                ->check(CLI::IsMember({"yaml", "json"}));
            return [options](Terminal& terminal) { return Render(*options, terminal); };
          }};
}

}  // namespace keelson::app
