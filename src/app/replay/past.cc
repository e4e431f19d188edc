#include "app/replay/past.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "control/project_files.h"
#include "control/step_specs.h"
#include "control/steps/step.h"
#include "data/duckdb.h"
#include "data/prepare.h"
#include "data/source_reader.h"
#include "features/as_of.h"
#include "features/expression.h"
#include "io/files.h"
#include "project/expand.h"

namespace keelson::app {
namespace {

// The instant at which the row's last value was known: its time, or later for columns that are known later. Nothing
// when it never was (a flight that never landed).
std::optional<Instant> WholeAt(const project::Source& source, const data::Table& table, std::size_t row) {
  const data::Column* time = table.Find(source.time);
  if (time->is_null(row)) return std::nullopt;
  std::int64_t at = time->ints[row];
  for (const auto& [column, known] : source.known) {
    const data::Column* instant = table.Find(known);
    if (instant->is_null(row)) return std::nullopt;
    at = std::max(at, instant->ints[row]);
  }
  return InstantFromMicros(at);
}

// Whether a view counts something of this source that is known as soon as the row begins.
bool FeedsViewsEarly(const project::Project& project, const project::Source& source) {
  for (const auto& view : project.features.views) {
    if (view.source != source.name) continue;
    for (const auto& aggregate : view.aggregates) {
      const auto expression = features::Expression::Parse(aggregate.of);
      if (!expression) continue;  // the parser of the project file has refused it
      const bool late =
          std::ranges::any_of(expression->columns(), [&](const auto& column) { return source.known.contains(column); });
      if (!late) return true;
    }
  }
  return false;
}

}  // namespace

Result<SeenRows> SeenAt(const ReplaySource& source, Instant from, Instant as_of) {
  const data::Column* time = source.rows.Find(source.described.time);
  SeenRows seen;
  std::vector<std::int64_t> known_until;  // of the rows seen: what became known later is left out
  for (std::size_t row = 0; row < source.rows.rows(); ++row) {
    if (time->is_null(row)) continue;
    const Instant at = InstantFromMicros(time->ints[row]);
    const auto whole = WholeAt(source.described, source.rows, row);
    if (whole && (*whole <= from || *whole < as_of)) {
      known_until.push_back(std::numeric_limits<std::int64_t>::max());
    } else if (at <= from) {
      known_until.push_back(ToMicros(from));
    } else if (source.early && at < as_of) {
      known_until.push_back(std::numeric_limits<std::int64_t>::min());
    } else {
      continue;
    }
    seen.which.push_back(row);
  }
  seen.rows = source.rows.Take(seen.which);
  for (data::Column& column : seen.rows.columns()) {
    const bool tells =
        std::ranges::any_of(source.described.known, [&](const auto& known) { return known.second == column.name; });
    for (std::size_t row = 0; tells && row < column.size(); ++row) {
      if (column.ints[row] <= known_until[row]) continue;
      column.valid[row] = 0;
      column.ints[row] = 0;
    }
  }
  KEELSON_ASSIGN_OR_RETURN(seen.rows, features::VisibleAt(std::move(seen.rows), "", source.described.known,
                                                          InstantFromMicros(std::numeric_limits<std::int64_t>::max())));
  return seen;
}

Result<Past> LoadPast(const project::Project& project, const std::string& folder, Instant from, Instant to,
                      const std::function<void(const std::string&)>& progress) {
  KEELSON_ASSIGN_OR_RETURN(auto engine, data::Engine::Open({}));
  std::vector<std::string> names;
  for (const auto& source : project.sources) {
    progress("reading " + source.path);
    data::SourceOptions options;
    options.null_values = source.null_values;
    for (const auto& [column, type] : source.types) {
      if (const auto parsed = data::ParseColumnType(type)) options.types[column] = *parsed;
    }
    const std::string path = source.path.starts_with('/') ? source.path : folder + "/" + source.path;
    KEELSON_RETURN_IF_ERROR(data::ReadSource(*engine, source.name, path, options));
    names.push_back(source.name);
  }
  std::vector<data::Transform> transforms;
  for (const auto& table : project.tables) {
    KEELSON_ASSIGN_OR_RETURN(const std::string path, io::SafeJoin(folder, table.sql_path));
    KEELSON_ASSIGN_OR_RETURN(const std::string sql, io::ReadFile(path));
    transforms.push_back({table.name, sql, table.sql_path});
  }
  progress("preparing the tables");
  KEELSON_RETURN_IF_ERROR(data::PrepareTables(*engine, names, transforms));

  Past past;
  for (const auto& source : project.sources) {
    if (source.time.empty()) continue;
    KEELSON_ASSIGN_OR_RETURN(data::Table rows, engine->Query(data::PreparedSql(source.name)));
    KEELSON_RETURN_IF_ERROR(control::steps::CheckColumns(source, rows.schema()));
    if (project.train && source.name == project.train->table) past.asked = past.sources.size();
    const bool early = !source.known.empty() && FeedsViewsEarly(project, source);
    past.sources.push_back({source.name, source, std::move(rows), early});
  }
  for (const auto& expectations : project.expectations) {
    if (std::ranges::find(past.sources, expectations.table, &ReplaySource::name) != past.sources.end()) continue;
    KEELSON_ASSIGN_OR_RETURN(past.timeless[expectations.table], engine->Query(data::PreparedSql(expectations.table)));
  }
  if (!project.train || past.sources.empty() || past.sources[past.asked].name != project.train->table) {
    return Fail(ErrorCode::kFailedPrecondition, "this needs a `train` section whose table is a source with a `time`",
                project.name);
  }
  const ReplaySource& asked = past.sources[past.asked];
  if (asked.described.key.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "this needs a `key` for the training table's source: it names the requests", "sources." + asked.name);
  }
  std::vector<std::string> present;
  for (const auto& column : asked.rows.columns()) present.push_back(column.name);
  const auto inputs = project::InputColumns(project, present);
  std::set<std::string> columns(inputs.begin(), inputs.end());
  for (const auto& view : project.features.views) {
    const auto entity = std::ranges::find(project.features.entities, view.entity, &features::Entity::name);
    if (entity != project.features.entities.end()) columns.insert(entity->keys.begin(), entity->keys.end());
  }
  past.request_columns.assign(columns.begin(), columns.end());

  for (std::size_t s = 0; s < past.sources.size(); ++s) {
    const ReplaySource& source = past.sources[s];
    const data::Column* time = source.rows.Find(source.described.time);
    for (std::size_t row = 0; row < source.rows.rows(); ++row) {
      if (time->is_null(row)) continue;
      const Instant at = InstantFromMicros(time->ints[row]);
      if (s == past.asked && at > from && at <= to) past.events.push_back({at, ReplayEvent::Kind::kAsk, s, row});
      if (source.early && at > from && at <= to) past.events.push_back({at, ReplayEvent::Kind::kPartialRow, s, row});
      const auto whole = WholeAt(source.described, source.rows, row);
      if (whole && *whole > from && *whole <= to) past.events.push_back({*whole, ReplayEvent::Kind::kRow, s, row});
    }
  }
  std::ranges::stable_sort(past.events, [](const ReplayEvent& a, const ReplayEvent& b) {
    return a.at != b.at ? a.at < b.at : a.kind < b.kind;
  });
  return past;
}

}  // namespace keelson::app
