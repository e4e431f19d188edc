#include "app/commands/cost.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/cost/tables.h"
#include "app/output.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  OutputFormat format = OutputFormat::kTable;
  std::string by = "project";
  std::string from;
  std::string to;

  void AddTo(CLI::App& app) {
    server.AddTo(app);
    app.add_option("--from", from, "Begin of the time, such as 2026-11-01; 30 days before its end without it");
    app.add_option("--to", to, "End of the time; now without it");
    AddOutputOption(app, &format);
  }
  std::string Query() const {
    std::string query = "?by=" + by;
    if (!from.empty()) query += "&from=" + io::PercentEncode(from);
    if (!to.empty()) query += "&to=" + io::PercentEncode(to);
    return query;
  }
};

Result<int> Show(Terminal& terminal, const Options& options, const std::string& route,
                 std::string (*screen)(const nlohmann::json&)) {
  KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options.server));
  KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Get(kApi + route + options.Query()));
  terminal.out << (options.format == OutputFormat::kTable
                       ? screen(answer)
                       : FormatOutput(options.format, nlohmann::ordered_json::parse(answer.dump()), {}));
  return kExitOk;
}

}  // namespace

Command CostCommand() {
  return {"cost", "Show what was spent, by whom, and the budgets",
          "keelson cost\nkeelson cost --by user --from 2026-11-01\nkeelson cost --by job -o json",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->AddTo(app);
            app.add_option("--by", options->by, "What the lines are of: project, user, queue, job or endpoint")
                ->default_val("project")
                ->check(CLI::IsMember({"project", "user", "queue", "job", "endpoint"}));
            return
                [options](Terminal& terminal) -> Result<int> { return Show(terminal, *options, "/cost", CostScreen); };
          }};
}

Command AdviseCommand() {
  return {"advise", "Say what could be saved, and from what that is known",
          "keelson advise\nkeelson advise --from 2026-11-01 -o json", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->AddTo(app);
            return [options](Terminal& terminal) -> Result<int> {
              return Show(terminal, *options, "/advice", AdviceScreen);
            };
          }};
}

}  // namespace keelson::app
