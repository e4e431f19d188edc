// materialize: the visible rows of every source that feeds a view, for the server to begin its online features with.
#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/table_io.h"
#include "io/files.h"

namespace keelson::control::steps {

Result<Outcome> Materialize(const Context& context) {
  const Instant as_of = InstantFromMicros(context.spec.at("as_of").get<std::int64_t>());
  KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
  const std::string folder = context.output + "/online";
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
  for (const Json& described : context.spec.at("tables")) {
    KEELSON_ASSIGN_OR_RETURN(const data::Table table, LoadVisible(*engine, described, as_of));
    KEELSON_RETURN_IF_ERROR(
        data::WriteTableFile(table, folder + "/" + described.at("name").get<std::string>() + ".table"));
  }
  return Outcome{.output = {{"path", folder}}, .refused = false, .message = {}};
}

}  // namespace keelson::control::steps
