// ingest: the files of one source become a snapshot, typed and named by its content.
#include <fmt/format.h>

#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/snapshot.h"
#include "data/source_reader.h"

namespace keelson::control::steps {

Result<Outcome> Ingest(const Context& context) {
  const project::Source source = SourceFromJson(context.spec.at("source"));
  data::SourceOptions options;
  options.null_values = source.null_values;
  for (const auto& [column, name] : source.types) {
    const auto type = data::ParseColumnType(name);
    if (!type)
      return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown type \"{}\"", name), source.name + "." + column);
    options.types[column] = *type;
  }
  const auto files = context.spec.at("files").get<std::vector<std::string>>();
  KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
  context.progress("reading " + source.path, 0.1);
  // One file by its name; several by the pattern, which gives them in the same order.
  const std::string path = files.size() == 1 ? files.front() : context.spec.at("pattern").get<std::string>();
  KEELSON_ASSIGN_OR_RETURN(const auto read, data::ReadSource(*engine, source.name, path, options));
  context.progress(fmt::format("{} rows read, taking the snapshot", read.rows), 0.6);
  const std::string sql = fmt::format("SELECT * FROM {}.{}", data::QuoteIdentifier(data::kSourceSchema),
                                      data::QuoteIdentifier(source.name));
  KEELSON_ASSIGN_OR_RETURN(const auto snapshot,
                           data::TakeSnapshot(*engine, sql, context.spec.at("tables_folder"), source.path));
  return Outcome{.output = {{"hash", snapshot.hash},
                            {"path", snapshot.path},
                            {"rows", snapshot.rows},
                            {"schema", SchemaJson(snapshot.schema)}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
