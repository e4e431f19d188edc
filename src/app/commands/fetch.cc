#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/client/fetch_model.h"
#include "app/commands.h"

namespace keelson::app {

Command FetchCommand() {
  return {"fetch", "Copy a registered version of a project's model from the server",
          "keelson fetch flight-delays 4 --to model && keelson serve --model flight-delays=model",
          [](CLI::App& app) -> RunCommand {
            struct Options {
              ServerOptions server;
              std::string project;
              int version = 0;
              std::string folder;
            };
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("project", options->project, "Name of the project")->required();
            app.add_option("version", options->version, "Version of its model")->required()->check(CLI::PositiveNumber);
            app.add_option("--to", options->folder, "Folder for its files, which is made")->required();
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_RETURN_IF_ERROR(FetchModel(client, options->project, options->version, options->folder));
              terminal.out << fmt::format("version {} of {} is in {}\n", options->version, options->project,
                                          options->folder);
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
