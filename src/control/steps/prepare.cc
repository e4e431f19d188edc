// prepare: the project's SQL turns snapshots of the sources into tables, snapshots too.
#include "data/prepare.h"

#include <fmt/format.h>

#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/snapshot.h"

namespace keelson::control::steps {

Status CheckColumns(const project::Source& source, const data::Schema& schema) {
  const auto check = [&](const std::string& column, bool instant, const char* field) -> Status {
    for (const auto& present : schema) {
      if (present.name != column) continue;
      if (!instant || present.type == data::ColumnType::kTimestamp) return {};
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("column \"{}\" is {}, expected a timestamp", column, data::ColumnTypeName(present.type)),
                  fmt::format("sources.{}.{}", source.name, field));
    }
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the prepared table has no column \"{}\"", column),
                fmt::format("sources.{}.{}", source.name, field));
  };
  if (!source.time.empty()) KEELSON_RETURN_IF_ERROR(check(source.time, true, "time"));
  if (!source.key.empty()) KEELSON_RETURN_IF_ERROR(check(source.key, false, "key"));
  for (const auto& [column, known] : source.known) {
    KEELSON_RETURN_IF_ERROR(check(column, false, "known"));
    KEELSON_RETURN_IF_ERROR(check(known, true, "known"));
  }
  return {};
}

Result<Outcome> Prepare(const Context& context) {
  KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
  std::vector<std::string> names;
  for (const auto& [name, source] : context.spec.at("sources").items()) {
    context.progress("loading " + name, 0.1);
    KEELSON_ASSIGN_OR_RETURN(const data::Table table, data::LoadSnapshot(*engine, source.at("path")));
    KEELSON_RETURN_IF_ERROR(engine->Register(name, table, data::kSourceSchema));
    names.push_back(name);
  }
  std::vector<data::Transform> transforms;
  for (const Json& table : context.spec.at("tables")) {
    transforms.push_back({table.at("name"), table.at("sql"), "tables." + table.at("name").get<std::string>()});
  }
  context.progress("running the project's SQL", 0.4);
  KEELSON_ASSIGN_OR_RETURN(const auto prepared, data::PrepareTables(*engine, names, transforms));
  for (const auto& table : prepared) {
    if (std::ranges::find(names, table.name) == names.end()) names.push_back(table.name);
  }
  Json tables = Json::object();
  for (const std::string& name : names) {
    context.progress("taking the snapshot of " + name, 0.7);
    KEELSON_ASSIGN_OR_RETURN(const auto snapshot, data::TakeSnapshot(*engine, data::PreparedSql(name),
                                                                     context.spec.at("tables_folder"), name));
    if (context.spec.at("described").contains(name)) {
      KEELSON_RETURN_IF_ERROR(CheckColumns(SourceFromJson(context.spec.at("described").at(name)), snapshot.schema));
    }
    tables[name] = {{"hash", snapshot.hash},
                    {"path", snapshot.path},
                    {"rows", snapshot.rows},
                    {"schema", SchemaJson(snapshot.schema)}};
  }
  return Outcome{.output = {{"tables", tables}}, .refused = false, .message = {}};
}

}  // namespace keelson::control::steps
