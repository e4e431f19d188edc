#include "features/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/strings.h"
#include "features/keys.h"

namespace keelson::features {
namespace {

using data::ColumnType;

std::optional<std::size_t> ColumnIndex(const data::Schema& schema, std::string_view name) {
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (schema[i].name == name) return i;
  }
  return std::nullopt;
}

std::unexpected<Error> Unknown(std::string_view what, std::string_view name, const std::vector<std::string>& names,
                               std::string where) {
  const auto near = DidYouMean(name, names);
  return Fail(
      ErrorCode::kNotFound,
      fmt::format("there is no {} \"{}\"{}", what, name, near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
      std::move(where));
}

std::vector<std::string> Names(const data::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& column : schema) names.push_back(column.name);
  return names;
}

// The column must exist and hold instants.
Status CheckInstants(const SourceDescription& source, const std::string& column) {
  const auto index = ColumnIndex(source.schema, column);
  if (!index) return Unknown("column", column, Names(source.schema), source.name);
  if (source.schema[*index].type == ColumnType::kTimestamp) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("the column \"{}\" tells instants, so it must be a timestamp, not {}", column,
                          data::ColumnTypeName(source.schema[*index].type)),
              source.name);
}

Status CheckSource(const SourceDescription& source) {
  if (!source.time.empty()) KEELSON_RETURN_IF_ERROR(CheckInstants(source, source.time));
  for (const auto& [column, instant] : source.known) {
    if (!ColumnIndex(source.schema, column)) return Unknown("column", column, Names(source.schema), source.name);
    KEELSON_RETURN_IF_ERROR(CheckInstants(source, instant));
  }
  if (source.key.empty()) return {};
  const auto key = ColumnIndex(source.schema, source.key);
  if (!key) return Unknown("column", source.key, Names(source.schema), source.name);
  if (IsKeyType(source.schema[*key].type)) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("the key \"{}\" must not be a double", source.key), source.name);
}

}  // namespace

Result<std::shared_ptr<const FeaturePlan>> FeaturePlan::Create(const Definitions& definitions) {
  auto plan = std::make_shared<FeaturePlan>();
  plan->sources_ = definitions.sources;
  for (const auto& source : definitions.sources) KEELSON_RETURN_IF_ERROR(CheckSource(source));
  std::set<std::string> views;
  for (const View& view : definitions.views) {
    if (!views.insert(view.name).second) {
      return Fail(ErrorCode::kAlreadyExists, fmt::format("there are two views \"{}\"", view.name), view.name);
    }
    KEELSON_RETURN_IF_ERROR(plan->AddView(definitions, view));
  }
  std::set<std::string> features;
  for (const Feature& feature : plan->features_) {
    if (!features.insert(feature.name).second) {
      return Fail(ErrorCode::kAlreadyExists, fmt::format("there are two features \"{}\"", feature.name), feature.name);
    }
  }
  return plan;
}

Status FeaturePlan::AddView(const Definitions& definitions, const View& view) {
  const auto source = SourceIndex(view.source);
  if (!source.has_value()) return Fail(source.error().code, source.error().message, view.name);
  if (sources_[*source].time.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the source \"{}\" has no time column, so nothing says when its values count", view.source),
                view.name);
  }
  if (view.ttl && *view.ttl <= Duration{})
    return Fail(ErrorCode::kInvalidArgument, "a ttl must be positive", view.name);
  KEELSON_ASSIGN_OR_RETURN(const std::size_t entity, EntityIndex(definitions, view, *source));
  for (const Aggregate& aggregate : view.aggregates) {
    KEELSON_RETURN_IF_ERROR(AddAggregate(view, aggregate, entity, *source));
  }
  return {};
}

Result<std::size_t> FeaturePlan::EntityIndex(const Definitions& definitions, const View& view, std::size_t source) {
  const Entity* entity = nullptr;
  std::vector<std::string> names;
  for (const Entity& candidate : definitions.entities) {
    if (candidate.name == view.entity) entity = &candidate;
    names.push_back(candidate.name);
  }
  if (entity == nullptr) return Unknown("entity", view.entity, names, view.name);
  PlannedEntity planned{*entity, {}};
  for (const std::string& key : entity->keys) {
    const data::Schema& schema = sources_[source].schema;
    const auto column = ColumnIndex(schema, key);
    if (!column) return Unknown("column", key, Names(schema), view.name);
    const ColumnType type = schema[*column].type;
    if (!IsKeyType(type)) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the entity key \"{}\" is a double in \"{}\"; keys are text, whole numbers, truth or times", key,
                      view.source),
          view.name);
    }
    planned.types.push_back(type);
    const auto seen = ColumnIndex(lookup_columns_, key);
    if (seen && lookup_columns_[*seen].type != type) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the entity key \"{}\" is {} in \"{}\" and {} in another source", key, data::ColumnTypeName(type),
                      view.source, data::ColumnTypeName(lookup_columns_[*seen].type)),
          view.name);
    }
    if (!seen) lookup_columns_.push_back({key, type});
  }
  for (std::size_t i = 0; i < entities_.size(); ++i) {
    if (entities_[i].entity.name == entity->name) return i;
  }
  entities_.push_back(std::move(planned));
  return entities_.size() - 1;
}

Status FeaturePlan::AddAggregate(const View& view, const Aggregate& aggregate, std::size_t entity, std::size_t source) {
  const std::string where = fmt::format("{}.{}", view.name, aggregate.name);
  const SourceDescription& description = sources_[source];
  const auto at = [&](const Error& error) {
    return Fail(error.code, error.message, fmt::format("{}, {}", where, error.where));
  };
  const auto expression = Expression::Parse(aggregate.of);
  if (!expression.has_value()) return at(expression.error());
  const auto bound = expression->Bind(description.schema);
  if (!bound.has_value()) return at(bound.error());
  const bool number = bound->type() == ColumnType::kDouble || bound->type() == ColumnType::kBool;
  if (!number && aggregate.fn != AggregateFunction::kCount) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} needs numbers, and \"{}\" is {}; only count takes any type",
                            AggregateFunctionName(aggregate.fn), aggregate.of, data::ColumnTypeName(bound->type())),
                where);
  }
  if (aggregate.window < Duration{}) return Fail(ErrorCode::kInvalidArgument, "a window must not be negative", where);

  Feature feature{FullName(view, aggregate), 0, aggregate.fn,
                  aggregate.window == Duration{} ? kUnlimited : aggregate.window.count()};
  if (view.ttl) feature.window = std::min(feature.window, view.ttl->count());

  const auto same = [&](std::size_t i) {
    return series_[i].entity == entity && series_[i].source == source && series_texts_[i] == aggregate.of;
  };
  while (feature.series < series_.size() && !same(feature.series)) ++feature.series;
  if (feature.series == series_.size()) {
    Series series{.entity = entity,
                  .source = source,
                  .needs = {},
                  .retention = 0,
                  .expression = *bound,
                  .keys = {},
                  .instants = {}};
    std::set<std::string> mentioned(expression->columns().begin(), expression->columns().end());
    for (const std::string& key : entities_[entity].entity.keys) {
      series.keys.push_back(*ColumnIndex(description.schema, key));
      mentioned.insert(key);
    }
    series.instants.push_back(*ColumnIndex(description.schema, description.time));
    for (const auto& [column, instant] : description.known) {
      if (!mentioned.contains(column) && !mentioned.contains(instant)) continue;
      const std::size_t index = *ColumnIndex(description.schema, instant);
      if (std::ranges::find(series.instants, index) == series.instants.end()) series.instants.push_back(index);
    }
    std::sort(series.instants.begin() + 1, series.instants.end());
    series_.push_back(std::move(series));
    series_texts_.push_back(aggregate.of);
  }
  Series& series = series_[feature.series];
  series.retention = std::max(series.retention, feature.window);
  using enum AggregateFunction;
  series.needs.sums |= feature.fn == kMean || feature.fn == kSum || feature.fn == kStd;
  series.needs.squares |= feature.fn == kStd;
  series.needs.extremes |= feature.fn == kMin || feature.fn == kMax;
  features_.push_back(std::move(feature));
  return {};
}

std::vector<std::string> FeaturePlan::feature_names() const {
  std::vector<std::string> names;
  for (const Feature& feature : features_) names.push_back(feature.name);
  return names;
}

Result<std::size_t> FeaturePlan::SourceIndex(std::string_view name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].name == name) return i;
    names.push_back(sources_[i].name);
  }
  return Unknown("source", name, names, "");
}

}  // namespace keelson::features
