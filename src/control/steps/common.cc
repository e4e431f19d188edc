#include <fmt/format.h>

#include <future>

#include "control/pushed_rows.h"
#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/snapshot.h"
#include "features/as_of.h"
#include "io/files.h"

namespace keelson::control::steps {

Result<Outcome> RunStep(const Context& context) {
  const std::string kind = context.spec.at("kind");
  using Run = Result<Outcome> (*)(const Context&);
  static const std::map<std::string, Run> kinds = {
      {"ingest", Ingest},     {"prepare", Prepare}, {"validate", Validate}, {"materialize", Materialize},
      {"features", Features}, {"trial", Trial},     {"train", Train},       {"evaluate", Evaluate},
      {"payload", Payload}};
  const auto run = kinds.find(kind);
  if (run == kinds.end())
    return Fail(ErrorCode::kUnsupported, fmt::format("this worker knows no step of kind \"{}\"", kind));
  return run->second(context);
}

Result<std::unique_ptr<data::Engine>> OpenEngine(const Context& context) {
  data::Engine::Options options;
  options.memory_bytes = std::uint64_t{1} << 30;
  options.threads = 2;
  options.temp_folder = context.output + "/spill";
  return data::Engine::Open(options);
}

Json SchemaJson(const data::Schema& schema) {
  Json json = Json::array();
  for (const auto& column : schema)
    json.push_back({{"name", column.name}, {"type", data::ColumnTypeName(column.type)}});
  return json;
}

data::Schema SchemaFromJson(const Json& json) {
  data::Schema schema;
  for (const Json& column : json) {
    schema.push_back({column.at("name"), data::ParseColumnType(column.at("type").get<std::string>()).value()});
  }
  return schema;
}

Result<data::Table> LoadVisible(data::Engine& engine, const Json& described, Instant as_of) {
  const std::string path = described.at("path");
  if (!described.contains("source")) return data::LoadSnapshot(engine, path);
  const project::Source source = SourceFromJson(described.at("source"));
  const Instant until = InstantFromMicros(described.value("files_until", ToMicros(as_of)));
  const std::uint64_t up_to = described.at("up_to");
  KEELSON_ASSIGN_OR_RETURN(const data::Snapshot snapshot, data::DescribeSnapshot(path));
  std::future<Result<data::Table>> pushed;  // read beside the snapshot
  if (up_to > 0) {
    pushed = std::async(std::launch::async, [rows = described.at("rows").get<std::string>(), up_to, &snapshot] {
      return ReadPushedRows(rows, up_to, snapshot.schema);
    });
  }
  KEELSON_ASSIGN_OR_RETURN(data::Table table, data::LoadSnapshot(engine, path));
  KEELSON_ASSIGN_OR_RETURN(table, features::VisibleAt(std::move(table), source.time, source.known, until));
  if (up_to == 0) return table;
  KEELSON_ASSIGN_OR_RETURN(const data::Table rows, pushed.get());
  return features::Upsert(std::move(table), rows, source.key);
}

features::SourceDescription DescribeSource(const Json& described, const data::Schema& schema) {
  features::SourceDescription description;
  description.name = described.at("name");
  description.schema = schema;
  if (described.contains("source")) {
    const project::Source source = SourceFromJson(described.at("source"));
    description.time = source.time;
    description.known = source.known;
    description.key = source.key;
  }
  return description;
}

}  // namespace keelson::control::steps
