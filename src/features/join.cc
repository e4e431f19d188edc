#include "features/join.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "features/engine.h"
#include "features/events.h"

namespace keelson::features {
namespace {

using data::ColumnType;

// The sources' events in the order of their instants, from several sorted lists.
class EventMerge {
 public:
  void Take(SourceEvents events) { sources_.push_back(std::move(events)); }

  void Start() {
    for (const SourceEvents& source : sources_) {
      for (std::size_t order = 0; order < source.orders.size(); ++order) {
        List list{&source, &source.orders[order], {}, 0};
        for (const auto& of : source.series) {
          if (of.order == order) list.series.push_back(&of);
        }
        lists_.push_back(std::move(list));
      }
    }
  }

  // Adds every event known at or before `t` that was not added yet.
  Status AddUntil(std::int64_t t, FeatureEngine& engine) {
    for (List& list : lists_) {
      for (; list.next < list.order->rows.size(); ++list.next) {
        const std::uint32_t row = list.order->rows[list.next];
        const std::int64_t known = list.order->known[row];
        if (known > t) break;
        for (const SourceEvents::OfSeries* of : list.series) {
          const std::uint32_t key = (*of->keys)[row];
          if (key == FeatureEngine::kNoKey || of->values.is_null(row)) continue;
          KEELSON_RETURN_IF_ERROR(engine.Add({of->series, key, known, list.source->Value(*of, row)}));
        }
      }
    }
    return {};
  }

 private:
  struct List {
    const SourceEvents* source;
    const SourceEvents::Order* order;
    std::vector<const SourceEvents::OfSeries*> series;
    std::size_t next;
  };
  std::vector<SourceEvents> sources_;
  std::vector<List> lists_;
};

// Key numbers of the spine's rows for one entity.
Result<std::vector<std::uint32_t>> SpineKeys(const data::Table& spine, FeatureEngine& engine, std::size_t entity) {
  const auto& planned = engine.plan().entities()[entity];
  std::vector<const data::Column*> columns;
  for (std::size_t i = 0; i < planned.types.size(); ++i) {
    const std::string& name = planned.entity.keys[i];
    const data::Column* column = spine.Find(name);
    if (column == nullptr) {
      return Fail(ErrorCode::kNotFound,
                  fmt::format("the rows to join lack \"{}\", a key of the entity \"{}\"", name, planned.entity.name));
    }
    if (column->type != planned.types[i]) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the key \"{}\" is {} in the rows to join and {} in the features' sources", name,
                              data::ColumnTypeName(column->type), data::ColumnTypeName(planned.types[i])));
    }
    columns.push_back(column);
  }
  std::vector<std::uint32_t> keys(spine.rows());
  std::string key;
  for (std::size_t row = 0; row < keys.size(); ++row) {
    key.clear();
    bool whole = true;
    for (const data::Column* column : columns) whole = whole && AppendKeyPart(*column, row, key);
    keys[row] = whole ? engine.Find(entity, key) : FeatureEngine::kNoKey;
  }
  return keys;
}

}  // namespace

Result<data::Table> PointInTimeJoin(const data::Table& spine, std::string_view time_column, const SourceTables& sources,
                                    const Definitions& definitions) {
  KEELSON_ASSIGN_OR_RETURN(FeatureEngine engine, FeatureEngine::Create(definitions));
  const FeaturePlan& plan = engine.plan();
  const data::Column* times = spine.Find(time_column);
  if (times == nullptr || times->type != ColumnType::kTimestamp) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the rows to join lack a timestamp column \"{}\"", time_column));
  }
  EventMerge merge;
  for (std::size_t i = 0; i < plan.sources().size(); ++i) {
    if (std::ranges::none_of(plan.series(), [&](const auto& series) { return series.source == i; })) continue;
    const auto table = sources.find(plan.sources()[i].name);
    if (table == sources.end()) {
      return Fail(ErrorCode::kNotFound, fmt::format("the source \"{}\" was not given", plan.sources()[i].name));
    }
    KEELSON_ASSIGN_OR_RETURN(SourceEvents events, ReadEvents(engine, i, *table->second));
    merge.Take(std::move(events));
  }
  merge.Start();
  std::vector<std::vector<std::uint32_t>> entity_keys;
  for (std::size_t i = 0; i < plan.entities().size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(entity_keys.emplace_back(), SpineKeys(spine, engine, i));
  }

  std::vector<std::uint32_t> rows;
  const std::vector<std::string> names = plan.feature_names();
  data::Table out;
  for (const std::string& name : names) {
    data::Column column{
        .name = name, .type = ColumnType::kDouble, .ints = {}, .doubles = {}, .strings = {}, .valid = {}};
    column.doubles.resize(spine.rows());
    column.valid.resize(spine.rows());
    out.columns().push_back(std::move(column));
  }
  std::vector<std::uint32_t> keys(entity_keys.size(), FeatureEngine::kNoKey);
  std::vector<double> values(names.size());
  const auto write = [&](std::uint32_t row) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool is_null = std::isnan(values[i]);
      out.columns()[i].valid[row] = is_null ? 0 : 1;
      out.columns()[i].doubles[row] = is_null ? 0 : values[i];
    }
  };
  for (std::uint32_t row = 0; row < spine.rows(); ++row) {
    if (!times->is_null(row)) {
      rows.push_back(row);
      continue;
    }
    KEELSON_RETURN_IF_ERROR(engine.Lookup(keys, engine.oldest(), values));
    write(row);
  }
  std::ranges::stable_sort(rows, {}, [&](std::uint32_t row) { return times->ints[row]; });
  for (const std::uint32_t row : rows) {
    const Instant t = InstantFromMicros(times->ints[row]);
    engine.Retain(t);
    KEELSON_RETURN_IF_ERROR(merge.AddUntil(ToMicros(t), engine));
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = entity_keys[i][row];
    KEELSON_RETURN_IF_ERROR(engine.Lookup(keys, t, values));
    write(row);
  }
  return out;
}

}  // namespace keelson::features
