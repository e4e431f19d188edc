#include "project/schema.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/commands.h"

namespace keelson::app {

Command SchemaCommand() {
  return {"schema", "Print the JSON Schema of the project file",
          "keelson schema > keelson.schema.json\nkeelson schema --markdown > docs/project-file.md",
          [](CLI::App& app) -> RunCommand {
            auto markdown = std::make_shared<bool>(false);
            app.add_flag("--markdown", *markdown, "The manual of all fields, as docs/project-file.md holds it");
            return [markdown](Terminal& terminal) -> Result<int> {
              terminal.out << (*markdown ? project::ProjectFileManual() : project::JsonSchema());
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
