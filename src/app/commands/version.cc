#include <ostream>

#include "app/commands.h"

namespace keelson::app {

Command VersionCommand() {
  return {"version", "Print the program's version", "keelson version", [](CLI::App&) -> RunCommand {
            return [](Terminal& terminal) -> Result<int> {
              terminal.out << "keelson " << KEELSON_VERSION << "\n";
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
