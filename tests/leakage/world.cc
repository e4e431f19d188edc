#include "tests/leakage/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "control/step_specs.h"
#include "features/expression.h"
#include "features/join.h"
#include "project/bundle.h"

namespace keelson::leakage {
namespace {

constexpr const char* kFolder = KEELSON_SOURCE_DIR "/examples/flights";
constexpr int kRounds = 60;  // of the model: enough trees for every feature to matter
constexpr std::int64_t kDay = 86'400'000'000;

// The columns of the source that any view over it names.
Result<std::set<std::string>> ColumnsOf(const project::Project& project, const project::Source& source) {
  std::set<std::string> columns = {source.time};
  if (!source.key.empty()) columns.insert(source.key);
  for (const auto& view : project.features.views) {
    if (view.source != source.name) continue;
    const auto entity = std::ranges::find(project.features.entities, view.entity, &features::Entity::name);
    columns.insert(entity->keys.begin(), entity->keys.end());
    for (const auto& aggregate : view.aggregates) {
      KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(aggregate.of));
      columns.insert(expression.columns().begin(), expression.columns().end());
    }
  }
  for (const auto& [column, known] : source.known) columns.insert({column, known});
  return columns;
}

}  // namespace

Result<project::Project> FlightsProject() {
  const auto loaded = project::LoadProject(std::string(kFolder) + "/keelson.yaml");
  if (!loaded) return std::unexpected(project::ToError(loaded.error()));
  project::Project project = loaded->parsed.project;
  for (auto& source : project.sources) {
    source.path = KEELSON_FLIGHTS_DATA + source.path.substr(source.path.rfind('/'));
  }
  return project;
}

data::Table Truncated(const Source& source, std::int64_t t, std::int64_t oldest) {
  std::map<std::string, std::string> told_by = source.known;
  for (const auto& [column, known] : source.known) told_by[known] = known;
  std::vector<const data::Column*> tellers;
  for (const auto& column : source.rows.columns()) {
    const auto told = told_by.find(column.name);
    tellers.push_back(told == told_by.end() ? nullptr : source.rows.Find(told->second));
  }
  const data::Column& time = *source.rows.Find(source.time);
  data::Table left(source.rows.schema());
  for (std::size_t row = 0; row < source.rows.rows(); ++row) {
    if (time.is_null(row) || time.ints[row] > t || time.ints[row] <= oldest) continue;
    for (std::size_t i = 0; i < tellers.size(); ++i) {
      const bool unknown = tellers[i] != nullptr && (tellers[i]->is_null(row) || tellers[i]->ints[row] > t);
      if (unknown) {
        left.columns()[i].AppendNull();
      } else {
        left.columns()[i].AppendFrom(source.rows.columns()[i], row);
      }
    }
  }
  return left;
}

Result<std::unique_ptr<World>> World::Make() {
  auto world = std::make_unique<World>();
  KEELSON_ASSIGN_OR_RETURN(world->project_, FlightsProject());
  project::Project& project = world->project_;
  project.expectations.clear();  // what they say is not what is tested here
  std::get<project::XgboostSpec>(project.train->trainer).rounds = kRounds;
  KEELSON_ASSIGN_OR_RETURN(const auto calendar, Calendar::Open(project.time_zone));
  KEELSON_ASSIGN_OR_RETURN(const Instant from, calendar.ParseLocal("2013-04-01"));
  KEELSON_ASSIGN_OR_RETURN(const Instant to, calendar.ParseLocal("2014-01-01"));
  KEELSON_ASSIGN_OR_RETURN(app::Past past, app::LoadPast(project, kFolder, from, to, [](const std::string&) {}));
  KEELSON_ASSIGN_OR_RETURN(app::History history, app::ReadHistory(project, std::move(past)));
  world->history_ = std::make_unique<app::History>(std::move(history));
  app::Trainings::Options options;
  options.project_folder = kFolder;
  options.search = false;
  options.cancelled = [] { return false; };
  options.progress = [](const std::string&, double) {};
  KEELSON_ASSIGN_OR_RETURN(world->trainings_, app::Trainings::Create(project, *world->history_, options));
  KEELSON_ASSIGN_OR_RETURN(const auto training, world->trainings_->Run(from, "the first model", std::nullopt));
  if (!training.version) return Fail(ErrorCode::kInternal, training.outcome);

  for (const auto& source : world->history().past.sources) {
    KEELSON_ASSIGN_OR_RETURN(const auto columns, ColumnsOf(project, source.described));
    Source slim{.name = source.name, .time = source.described.time, .known = source.described.known, .rows = {}};
    for (const auto& column : source.rows.columns()) {
      if (columns.contains(column.name)) slim.rows.columns().push_back(column);
    }
    world->sources_.emplace(source.name, std::move(slim));
  }
  world->definitions_ =
      control::DefinitionsOf(project, [&](const std::string& name) { return world->sources_.at(name).rows.schema(); });
  for (const auto& event : world->history().past.events) {
    if (event.kind == app::ReplayEvent::Kind::kAsk) world->asked_[ToMicros(event.at)].push_back(event.row);
  }
  return world;
}

std::vector<std::int64_t> World::RandomInstants(std::uint64_t seed, std::size_t count) const {
  std::vector<std::int64_t> all;
  for (const auto& [at, rows] : asked_) all.push_back(at);
  Random random(seed);
  count = std::min(count, all.size());
  for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + random.Below(all.size() - i)]);
  all.resize(count);
  std::ranges::sort(all);
  return all;
}

data::Table World::Questions(const std::vector<std::size_t>& rows) const {
  const app::ReplaySource& asked = history().asked();
  std::set<std::string> names(history().past.request_columns.begin(), history().past.request_columns.end());
  names.insert(asked.described.time);
  data::Table questions;
  for (const std::string& name : names) questions.columns().push_back(*asked.rows.Find(name));
  return questions.Take(rows);
}

Result<data::Table> World::Join(const data::Table& questions, const std::map<std::string, data::Table>& tables) const {
  features::SourceTables sources;
  for (const auto& [name, table] : tables) sources[name] = &table;
  return features::PointInTimeJoin(questions, history().asked().described.time, sources, definitions_);
}

Result<std::vector<float>> World::Predict(const data::Table& questions, const data::Table& features) const {
  data::Table rows = questions;
  for (const auto& column : features.columns()) rows.columns().push_back(column);
  KEELSON_ASSIGN_OR_RETURN(const auto numbers, model().model->Encode(rows));
  return model().model->Predict(numbers, rows.rows());
}

std::int64_t World::Horizon() const {
  std::int64_t longest = 0;
  for (const auto& view : project_.features.views) {
    for (const auto& aggregate : view.aggregates) longest = std::max(longest, std::int64_t{aggregate.window.count()});
  }
  return longest + 2 * kDay;
}

}  // namespace keelson::leakage
