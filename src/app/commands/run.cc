#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "app/client/client.h"
#include "app/client/progress.h"
#include "app/commands.h"

namespace keelson::app {

Command RunPipelineCommand() {
  return {
      "run", "Run a project's pipeline",
      "keelson run flight-delays\nkeelson run flight-delays --as-of 2013-04-01 --follow",
      [](CLI::App& app) -> RunCommand {
        struct Options {
          ServerOptions server;
          std::string project;
          std::string as_of;
          std::string user;
          bool follow = false;
        };
        auto options = std::make_shared<Options>();
        options->server.AddTo(app);
        app.add_option("project", options->project, "Name of the project")->required();
        app.add_option("--as-of", options->as_of,
                       "Begin a replay: only what was known at this time is seen (the project's time zone)");
        app.add_option("--user", options->user, "Who asks for it, to whom `keelson cost` counts it")->envname("USER");
        app.add_flag("--follow", options->follow, "Show the progress, and end with the pipeline");
        return [options](Terminal& terminal) -> Result<int> {
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          Json body = Json::object();
          if (!options->as_of.empty()) body["as_of"] = options->as_of;
          if (!options->user.empty()) body["user"] = options->user;
          KEELSON_ASSIGN_OR_RETURN(
              const Json begun, client.Post(kApi + "/projects/" + io::PercentEncode(options->project) + "/runs", body));
          const std::string id = begun.at("pipeline");
          if (begun.contains("notice")) terminal.err << "note: " << begun.at("notice").get<std::string>() << "\n";
          if (!options->follow) {
            terminal.out << id << "\n";
            return kExitOk;
          }
          return FollowPipeline(client, id, terminal);
        };
      }};
}

}  // namespace keelson::app
