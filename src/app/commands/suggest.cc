#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands.h"
#include "app/roles/suggest_role.h"

namespace keelson::app {

Command SuggestCommand() {
  return {"suggest", "Choose the next trials of Katib's experiments",
          "keelson suggest --port 6789\nkeelson suggest --host 0.0.0.0 --threads 4", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<SuggestOptions>();
            app.add_option("--host", options->host, "Address to listen on; whoever reaches it may ask")
                ->capture_default_str();
            app.add_option("--port", options->port, "Port to answer gRPC on; 0 is any free one")
                ->check(CLI::Range(0, 65535))
                ->capture_default_str();
            app.add_option("--threads", options->threads, "Questions that are computed at a time")
                ->check(CLI::Range(1, 256))
                ->capture_default_str();
            return [options](Terminal& terminal) { return RunSuggest(*options, terminal.out); };
          }};
}

}  // namespace keelson::app
