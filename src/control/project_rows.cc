#include "control/project_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/table_columns.h"
#include "data/table_io.h"
#include "io/files.h"

namespace keelson::control {
namespace {

// A key as it stands in a request id; nothing for null.
std::optional<std::string> IdOf(const data::Column& key, std::size_t row) {
  if (key.is_null(row)) return std::nullopt;
  if (key.type == data::ColumnType::kString) return key.strings[row];
  if (key.type == data::ColumnType::kDouble) return fmt::to_string(key.doubles[row]);
  return fmt::to_string(key.ints[row]);
}

}  // namespace

Result<std::unique_ptr<ProjectRows>> ProjectRows::Open(Options options, World world) {
  auto rows = std::unique_ptr<ProjectRows>(new ProjectRows(std::move(options), std::move(world)));
  KEELSON_RETURN_IF_ERROR(rows->OpenOnline());
  for (const auto& source : rows->options_.project.spec.sources) {
    if (source.time.empty() || !rows->options_.tables.contains(source.name)) continue;
    KEELSON_RETURN_IF_ERROR(rows->OpenIntake(source));
  }
  return rows;
}

data::Schema ProjectRows::SchemaOf(const std::string& table) const {
  data::Schema schema;
  for (const Json& column : options_.tables.at(table).at("schema")) {
    schema.push_back({column.at("name"), data::ParseColumnType(column.at("type").get<std::string>()).value()});
  }
  return schema;
}

Status ProjectRows::OpenOnline() {
  const project::Project& spec = options_.project.spec;
  if (options_.online_folder.empty() || options_.tables.empty() || spec.features.views.empty()) return {};
  const features::Definitions definitions =
      DefinitionsOf(spec, [this](const std::string& table) { return SchemaOf(table); });
  KEELSON_ASSIGN_OR_RETURN(online_, features::OnlineFeatures::Create(definitions));
  for (const auto& source : definitions.sources) {
    const std::string file = options_.online_folder + "/" + source.name + ".table";
    if (!io::Exists(file)) continue;
    KEELSON_ASSIGN_OR_RETURN(const data::Table table, data::ReadTableFile(file));
    KEELSON_RETURN_IF_ERROR(online_->Load(source.name, table));
  }
  return {};
}

Status ProjectRows::OpenIntake(const project::Source& source) {
  const AppliedProject& project = options_.project;
  RowIntake::Options options;
  options.source = source.name;
  options.log_path = options_.folders.Rows(source.name);
  options.quarantine_folder = options_.folders.Quarantine(source.name);
  options.key_column = source.key;
  options.schema = SchemaOf(source.name);
  schemas_[source.name] = options.schema;
  const auto suite = std::ranges::find(project.spec.expectations, source.name, &project::ExpectationsSpec::table);
  if (suite != project.spec.expectations.end()) {
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(project.revision_folder + "/" + suite->suite_path));
    KEELSON_ASSIGN_OR_RETURN(auto parsed, data::ExpectationSuite::Parse(text, suite->suite_path));
    options.suite = std::make_shared<const data::ExpectationSuite>(std::move(parsed));
  }
  const auto& performance = project.spec.monitor.performance;
  if (project.spec.train && performance && performance->labels == source.name) {
    if (std::ranges::find(options.schema, performance->label_key, &data::ColumnSchema::name) == options.schema.end()) {
      options.schema.push_back({performance->label_key, data::ColumnType::kString});
    }
    KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(project.spec.train->label));
    KEELSON_ASSIGN_OR_RETURN(label_, expression.Bind(options.schema));
  }
  KEELSON_ASSIGN_OR_RETURN(intakes_[source.name], RowIntake::Open(options, [&](const RowLog::Batch& batch) {
                             return Take(source.name, batch.rows, batch.clock, world_.now(batch.clock));
                           }));
  return {};
}

Status ProjectRows::Take(const std::string& source, const data::Table& rows, Instant accepted, Instant now) {
  if (online_ && online_->Uses(source)) {
    const data::Schema& schema = schemas_.at(source);
    const bool as_it_is = rows.columns().size() == schema.size();
    KEELSON_RETURN_IF_ERROR(online_->Load(source, as_it_is ? rows : WithColumns(rows, schema)));
    online_->Advance(now);
  }
  const auto& performance = options_.project.spec.monitor.performance;
  return label_ && performance->labels == source ? TakeLabels(rows, accepted) : Status{};
}

Status ProjectRows::TakeLabels(const data::Table& rows, Instant known) {
  const data::Column* key = rows.Find(options_.project.spec.monitor.performance->label_key);
  if (key == nullptr) return {};  // of a batch from before the source carried labels
  KEELSON_ASSIGN_OR_RETURN(const data::Column labels, label_->Evaluate(rows));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto id = IdOf(*key, row);
    if (id && !labels.is_null(row)) world_.label({.request_id = *id, .known = known, .value = labels.Number(row)});
  }
  return {};
}

Result<RowIntake*> ProjectRows::IntakeOf(const std::string& source) const {
  const auto intake = intakes_.find(source);
  if (intake != intakes_.end()) return intake->second.get();
  if (SourceOfTable(options_.project.spec, source) == nullptr)
    return Fail(ErrorCode::kNotFound, fmt::format("the project has no source \"{}\"", source));
  return Fail(ErrorCode::kFailedPrecondition,
              "rows can be pushed once the pipeline has prepared the table (`keelson run`), to a source with a `time`",
              source);
}

Result<PushedRows> ProjectRows::Read(const std::string& source, std::string_view body) const {
  KEELSON_ASSIGN_OR_RETURN(const RowIntake* intake, IntakeOf(source));
  return intake->Read(body);
}

Result<RowsAnswer> ProjectRows::Accept(const std::string& source, const PushedRows& rows, Instant now) {
  KEELSON_ASSIGN_OR_RETURN(RowIntake* const intake, IntakeOf(source));
  KEELSON_ASSIGN_OR_RETURN(RowsAnswer answer, intake->Accept(rows, now));
  if (!answer.refusal) KEELSON_RETURN_IF_ERROR(Take(source, answer.accepted, now, now));
  return answer;
}

Status ProjectRows::Sync() {
  for (auto& [source, intake] : intakes_) KEELSON_RETURN_IF_ERROR(intake->Sync());
  return {};
}

std::map<std::string, std::uint64_t> ProjectRows::sequences() const {
  std::map<std::string, std::uint64_t> sequences;
  for (const auto& [source, intake] : intakes_) sequences[source] = intake->sequence();
  return sequences;
}

std::uint64_t ProjectRows::refused_batches() const {
  std::uint64_t sum = 0;
  for (const auto& [source, intake] : intakes_) sum += intake->refused_batches();
  return sum;
}

}  // namespace keelson::control
