#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/commands.h"
#include "app/roles/worker_role.h"

namespace keelson::app {

Command WorkerCommand() {
  return {"worker", "Run one attempt of one job (the server starts this)", "keelson worker --spec spec.json",
          [](CLI::App& app) -> RunCommand {
            auto spec = std::make_shared<std::string>();
            app.add_option("--spec", *spec, "File that says what to do")->required();
            return [spec](Terminal&) -> Result<int> { return RunWorker(*spec); };
          },
          true};
}

}  // namespace keelson::app
