#include "project/schema.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/commands.h"
#include "kubernetes/objects/project_definition.h"
#include "project/yaml_writer.h"

namespace keelson::app {

Command SchemaCommand() {
  return {"schema", "Print the JSON Schema of the project file",
          "keelson schema > keelson.schema.json\nkeelson schema --markdown > docs/project-file.md\n"
          "keelson schema --kubernetes | kubectl apply --server-side -f -",
          [](CLI::App& app) -> RunCommand {
            struct Options {
              bool markdown = false;
              bool kubernetes = false;
            };
            auto options = std::make_shared<Options>();
            auto* const markdown = app.add_flag("--markdown", options->markdown,
                                                "The manual of all fields, as docs/project-file.md holds it");
            app.add_flag("--kubernetes", options->kubernetes,
                         "The kind Project of Kubernetes: the CustomResourceDefinition projects.keelson.dev")
                ->excludes(markdown);
            return [options](Terminal& terminal) -> Result<int> {
              if (options->kubernetes) {
                terminal.out << project::ToYaml(kubernetes::ProjectDefinition(KEELSON_VERSION));
              } else {
                terminal.out << (options->markdown ? project::ProjectFileManual() : project::JsonSchema());
              }
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
