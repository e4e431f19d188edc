#include "features/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace keelson::features {
namespace {

using data::ColumnType;

std::size_t KeyColumn(const SourceDescription& source) {
  std::size_t i = 0;
  while (source.schema[i].name != source.key) ++i;
  return i;
}

// Marks with 0 the rows that a later row with the same name replaces.
Result<std::vector<std::uint8_t>> Counting(const SourceDescription& source, const data::Table& table) {
  std::vector<std::uint8_t> counts(table.rows(), 1);
  BytesMap<std::size_t> last;
  last.reserve(table.rows());
  const std::size_t key_column = source.key.empty() ? 0 : KeyColumn(source);
  std::vector<data::Value> cells(table.columns().size());
  std::string name;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    name.clear();
    if (source.key.empty()) {
      for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = table.At(row, i);
      name = RowFingerprint(cells);
    } else if (!AppendKeyPart(table.columns()[key_column], row, name)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("row {} of \"{}\" has no \"{}\"", row + 1, source.name, source.key));
    }
    const auto [found, is_new] = last.try_emplace(name, row);
    if (!is_new) {
      counts[found->second] = 0;
      found->second = row;
    }
  }
  return counts;
}

SourceEvents::Order MakeOrder(const data::Table& table, const std::vector<std::size_t>& columns,
                              const std::vector<std::uint8_t>& counts) {
  SourceEvents::Order order{columns, std::vector<std::int64_t>(table.rows()), {}};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    bool known = counts[row] != 0;
    std::int64_t latest = std::numeric_limits<std::int64_t>::min();
    for (const std::size_t i : columns) {
      const data::Column& column = table.columns()[i];
      known = known && !column.is_null(row);
      latest = std::max(latest, column.ints[row]);
    }
    order.known[row] = latest;
    if (known) order.rows.push_back(static_cast<std::uint32_t>(row));
  }
  std::ranges::stable_sort(order.rows, {}, [&](std::uint32_t row) { return order.known[row]; });
  return order;
}

std::vector<std::uint32_t> InternKeys(FeatureEngine& engine, std::size_t entity, const data::Table& table,
                                      const std::vector<std::size_t>& columns) {
  std::vector<std::uint32_t> keys(table.rows());
  std::string key;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    key.clear();
    bool whole = true;
    for (const std::size_t i : columns) whole = whole && AppendKeyPart(table.columns()[i], row, key);
    keys[row] = whole ? engine.Intern(entity, key) : FeatureEngine::kNoKey;
  }
  return keys;
}

}  // namespace

Result<SourceEvents> ReadEvents(FeatureEngine& engine, std::size_t source, const data::Table& table) {
  const FeaturePlan& plan = engine.plan();
  const SourceDescription& description = plan.sources()[source];
  if (table.schema() != description.schema) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the table \"{}\" does not have the columns that the features were made for", description.name));
  }
  SourceEvents events;
  events.keys.resize(plan.entities().size());
  std::optional<std::vector<std::uint8_t>> counts;
  for (std::size_t i = 0; i < plan.series().size(); ++i) {
    const auto& series = plan.series()[i];
    if (series.source != source) continue;
    if (!counts) {
      KEELSON_ASSIGN_OR_RETURN(counts, Counting(description, table));
    }
    SourceEvents::OfSeries of{.series = static_cast<std::uint32_t>(i), .order = 0, .values = {}, .keys = nullptr};
    while (of.order < events.orders.size() && events.orders[of.order].columns != series.instants) ++of.order;
    if (of.order == events.orders.size()) events.orders.push_back(MakeOrder(table, series.instants, *counts));
    if (events.keys[series.entity].empty())
      events.keys[series.entity] = InternKeys(engine, series.entity, table, series.keys);
    KEELSON_ASSIGN_OR_RETURN(of.values, series.expression.Evaluate(table));
    for (const std::uint32_t row : events.orders[of.order].rows) {
      if (of.values.is_null(row)) continue;
      const Status status = engine.Check({of.series, 0, 0, events.Value(of, row)});
      if (!status.has_value())
        return Fail(status.error().code, status.error().message, fmt::format("{} row {}", description.name, row + 1));
    }
    events.series.push_back(std::move(of));
  }
  for (auto& of : events.series) of.keys = &events.keys[plan.series()[of.series].entity];
  return events;
}

Result<std::string> RowFeed::NameOf(std::size_t source, const std::vector<data::Value>& row) const {
  const SourceDescription& description = engine_->plan().sources()[source];
  if (description.key.empty()) return RowFingerprint(row);
  const std::size_t column = KeyColumn(description);
  std::string name;
  KEELSON_ASSIGN_OR_RETURN(const bool whole,
                           AppendKeyPart(row[column], description.schema[column].type, description.key, name));
  if (!whole) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a row of \"{}\" has no \"{}\"", description.name, description.key));
  }
  return name;
}

Result<std::vector<Event>> RowFeed::EventsOf(std::size_t source, const std::vector<data::Value>& row) {
  const FeaturePlan& plan = engine_->plan();
  std::vector<Event> events;
  for (std::size_t i = 0; i < plan.series().size(); ++i) {
    const auto& series = plan.series()[i];
    if (series.source != source) continue;
    Event event{static_cast<std::uint32_t>(i), FeatureEngine::kNoKey, std::numeric_limits<std::int64_t>::min(), 1.0};
    bool counts = true;
    for (const std::size_t column : series.instants) {
      const auto* instant = std::get_if<Instant>(&row[column]);
      counts = counts && instant != nullptr;
      if (counts) event.known = std::max(event.known, ToMicros(*instant));
    }
    KEELSON_ASSIGN_OR_RETURN(const data::Value value, series.expression.Evaluate(row));
    if (std::holds_alternative<std::monostate>(value)) counts = false;
    if (const auto* number = std::get_if<double>(&value)) event.value = *number;
    key_.clear();
    const auto& entity = plan.entities()[series.entity];
    for (std::size_t k = 0; k < series.keys.size(); ++k) {
      KEELSON_ASSIGN_OR_RETURN(const bool whole,
                               AppendKeyPart(row[series.keys[k]], entity.types[k], entity.entity.keys[k], key_));
      counts = counts && whole;
    }
    if (!counts || engine_->Forgotten(i, event.known)) continue;
    KEELSON_RETURN_IF_ERROR(engine_->Check(event));
    event.key = engine_->Intern(series.entity, key_);
    events.push_back(event);
  }
  return events;
}

Status RowFeed::Apply(std::size_t source, const std::vector<data::Value>& row) {
  const SourceDescription& description = engine_->plan().sources()[source];
  if (row.size() != description.schema.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("a row of \"{}\" has {} cells, not {}", description.name,
                                                         description.schema.size(), row.size()));
  }
  std::vector<data::Value> cells;
  cells.reserve(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(cells.emplace_back(), data::ConvertValue(row[i], description.schema[i]));
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string name, NameOf(source, cells));
  KEELSON_ASSIGN_OR_RETURN(std::vector<Event> events, EventsOf(source, cells));
  const auto record = rows_[source].try_emplace(name).first;
  std::vector<Event>& held = record->second;
  for (const Event& event : held) {
    if (std::ranges::find(events, event) == events.end()) KEELSON_RETURN_IF_ERROR(engine_->Retract(event));
  }
  for (const Event& event : events) {
    if (std::ranges::find(held, event) == held.end()) KEELSON_RETURN_IF_ERROR(engine_->Add(event));
  }
  held = std::move(events);
  if (held.empty()) rows_[source].erase(record);
  return {};
}

Status RowFeed::ApplyTable(std::size_t source, const data::Table& table) {
  std::vector<data::Value> row(table.columns().size());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = table.At(i, j);
    KEELSON_RETURN_IF_ERROR(Apply(source, row));
  }
  return {};
}

void RowFeed::Forget() {
  for (auto& rows : rows_) {
    std::erase_if(rows, [&](const auto& row) {
      return std::ranges::all_of(row.second,
                                 [&](const Event& event) { return engine_->Forgotten(event.series, event.known); });
    });
  }
}

}  // namespace keelson::features
