#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"
#include "features/definition.h"
#include "features/expression.h"
#include "features/window.h"

namespace keelson::features {

// A source of rows as features see it: the prepared table's shape and the project file's words about its time.
struct SourceDescription {
  std::string name;
  data::Schema schema;
  std::string time;                          // the column with the instant at which a row exists
  std::map<std::string, std::string> known;  // column -> the column with the instant at which its value was known
  std::string key;                           // names a row for ever; "" when nothing does: then equal rows are one row
};

struct Definitions {
  std::vector<Entity> entities;
  std::vector<View> views;
  std::vector<SourceDescription> sources;  // at least those that the views name
};

// Definitions checked against schemas and laid out for the engine. Immutable; shared; safe from any thread.
//
// A *series* is an expression of a source kept by an entity; aggregates that differ only in function and window share
// one.
//
// When a row's value counts: the instant of the row's time column, or later, the latest instant among the `known`
// columns of all columns that the expression and the entity's key mention (a column that tells such an instant is known
// at it itself). If one of these instants is null, or the value, or a part of the key, the row makes no event. `count`
// counts values.
class FeaturePlan {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  struct PlannedEntity {
    Entity entity;
    std::vector<data::ColumnType> types;  // of the keys
  };
  struct Series {
    std::size_t entity = 0;
    std::size_t source = 0;
    WindowValues::Needs needs;
    std::int64_t retention = 0;  // microseconds: the longest window over it, at most kUnlimited
    BoundExpression expression;
    std::vector<std::size_t> keys;      // columns of the source
    std::vector<std::size_t> instants;  // columns of the source with instants, the row's time first
  };
  struct Feature {
    std::string name;  // "view__aggregate"
    std::size_t series = 0;
    AggregateFunction fn = AggregateFunction::kMean;
    std::int64_t window = 0;  // microseconds, shortened to the view's ttl; at most kUnlimited
  };

  // A window of zero means "as far back as the ttl", or without end when the view has none. kInvalidArgument or
  // kNotFound say what is wrong; `where` is "view.aggregate" with the place in the expression.
  static Result<std::shared_ptr<const FeaturePlan>> Create(const Definitions& definitions);

  const std::vector<SourceDescription>& sources() const { return sources_; }
  const std::vector<PlannedEntity>& entities() const { return entities_; }
  const std::vector<Series>& series() const { return series_; }
  const std::vector<Feature>& features() const { return features_; }  // in the order of the views and their aggregates
  std::vector<std::string> feature_names() const;
  // The columns that a lookup must give: every key of every entity that a view uses, each once.
  const data::Schema& lookup_columns() const { return lookup_columns_; }

  // kNotFound with "did you mean".
  Result<std::size_t> SourceIndex(std::string_view name) const;

 private:
  Status AddView(const Definitions& definitions, const View& view);
  Status AddAggregate(const View& view, const Aggregate& aggregate, std::size_t entity, std::size_t source);
  Result<std::size_t> EntityIndex(const Definitions& definitions, const View& view, std::size_t source);

  std::vector<SourceDescription> sources_;
  std::vector<PlannedEntity> entities_;
  std::vector<Series> series_;
  std::vector<std::string> series_texts_;  // the expression's text, to share a series
  std::vector<Feature> features_;
  data::Schema lookup_columns_;
};

}  // namespace keelson::features
