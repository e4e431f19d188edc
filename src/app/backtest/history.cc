#include "app/backtest/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/step_specs.h"
#include "features/expression.h"
#include "features/join.h"
#include "project/expand.h"

namespace keelson::app {
namespace {

std::vector<std::string> TextsOf(const data::Column& column) {
  std::vector<std::string> texts(column.size());
  for (std::size_t row = 0; row < texts.size(); ++row) {
    if (column.is_null(row)) continue;
    texts[row] = column.type == data::ColumnType::kString ? column.strings[row] : fmt::to_string(column.ints[row]);
  }
  return texts;
}

Status ReadLabels(const project::Project& project, History& history) {
  const auto& performance = project.monitor.performance;
  // Without a performance section nothing is judged by labels, but the gain can still be told by the training table's.
  const std::string name = performance ? performance->labels : project.train->table;
  const auto source = std::ranges::find(history.past.sources, name, &ReplaySource::name);
  if (source == history.past.sources.end()) {
    return Fail(ErrorCode::kFailedPrecondition, fmt::format("the labels' source \"{}\" has no `time`", name),
                "monitor.performance.labels");
  }
  history.label_source = static_cast<std::size_t>(source - history.past.sources.begin());
  const data::Column* key = source->rows.Find(source->described.key);
  if (key == nullptr) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the labels' source \"{}\" needs a `key`: it names the request that a row is the truth of", name),
        "sources." + name);
  }
  history.label_ids = TextsOf(*key);
  KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(project.train->label));
  KEELSON_ASSIGN_OR_RETURN(const auto bound, expression.Bind(source->rows.schema()));
  KEELSON_ASSIGN_OR_RETURN(const data::Column labels, bound.Evaluate(source->rows));
  history.labels.resize(source->rows.rows());
  for (std::size_t row = 0; row < history.labels.size(); ++row) history.labels[row] = labels.Number(row);
  return {};
}

}  // namespace

Result<History> ReadHistory(const project::Project& project, Past past) {
  History history;
  history.past = std::move(past);
  const ReplaySource& asked = history.asked();
  history.request_ids = TextsOf(*asked.rows.Find(asked.described.key));
  std::vector<std::string> present;
  for (const auto& column : asked.rows.columns()) present.push_back(column.name);
  history.inputs = project::InputColumns(project, present);
  KEELSON_RETURN_IF_ERROR(ReadLabels(project, history));

  features::SourceTables tables;
  for (const auto& source : history.past.sources) tables[source.name] = &source.rows;
  const features::Definitions definitions = control::DefinitionsOf(project, [&](const std::string& name) {
    const auto table = tables.find(name);
    return table == tables.end() ? data::Schema{} : table->second->schema();
  });
  for (const auto& source : definitions.sources) {
    if (tables.contains(source.name)) continue;
    return Fail(ErrorCode::kFailedPrecondition, "a source that a view reads needs a `time`", "sources." + source.name);
  }
  if (!definitions.views.empty()) {
    KEELSON_ASSIGN_OR_RETURN(history.features,
                             features::PointInTimeJoin(asked.rows, asked.described.time, tables, definitions));
  }
  for (const std::string& input : history.inputs) {
    const data::Column* column = asked.rows.Find(input);
    if (column == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the training table has no column \"{}\"", input),
                  "train.inputs");
    }
    history.model_rows.columns().push_back(*column);
  }
  for (const auto& column : history.features.columns()) history.model_rows.columns().push_back(column);
  return history;
}

}  // namespace keelson::app
