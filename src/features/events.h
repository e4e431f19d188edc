#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/table.h"
#include "features/engine.h"

namespace keelson::features {

// What the rows of one table say, series by series, in columns: the bulk form of RowEvents, for a whole source at once.
// The table must outlive it. Series share the list of instants when they share the columns that tell them.
struct SourceEvents {
  struct OfSeries {
    std::uint32_t series = 0;
    std::size_t order = 0;                             // which of `orders`
    data::Column values;                               // null: no event (kString or kTimestamp: counted, worth 1)
    const std::vector<std::uint32_t>* keys = nullptr;  // by row; kNoKey: no event. Owned by `keys`
  };
  struct Order {
    std::vector<std::size_t> columns;  // that tell the instants
    std::vector<std::int64_t> known;   // by row
    std::vector<std::uint32_t> rows;   // whose instant is known, by (instant, row)
  };
  std::vector<OfSeries> series;
  std::vector<Order> orders;
  std::vector<std::vector<std::uint32_t>> keys;  // by entity of the plan; empty when the source has no such series

  double Value(const OfSeries& of, std::size_t row) const {
    return of.values.type == data::ColumnType::kDouble ? of.values.doubles[row] : 1.0;
  }
};

// Reads a whole table of the source. Of rows with one key the last counts, and of equal rows in a source without a key
// one, as if each had been pushed. Interns keys in `engine`, adds nothing to it. kInvalidArgument when the table is not
// of the schema that the plan was made for, or a value is out of range.
Result<SourceEvents> ReadEvents(FeatureEngine& engine, std::size_t source, const data::Table& table);

// Rows one at a time, and again: keeps which events each row made, so that a row pushed again replaces what it said
// before, and an identical one changes nothing. A row is named by the source's key column, or by all of its cells when
// there is none. Forgets a row when all of its events are forgotten. Owned beside its engine; the same thread rules.
class RowFeed {
 public:
  explicit RowFeed(FeatureEngine* engine) : engine_(engine), rows_(engine->plan().sources().size()) {}

  // `row` has the cells of the source's schema, in order. Either the whole row counts or, on an error, nothing changes:
  // kInvalidArgument for a row of another shape, a null key or a value out of range.
  Status Apply(std::size_t source, const std::vector<data::Value>& row);
  // As Apply for each row of the table, in order. On an error, the rows before have counted.
  Status ApplyTable(std::size_t source, const data::Table& table);

  void Forget();  // rows without events any more; called after engine->Retain, as often as the caller likes

 private:
  // The events that the row makes, in the order of the series.
  Result<std::vector<Event>> EventsOf(std::size_t source, const std::vector<data::Value>& row);
  Result<std::string> NameOf(std::size_t source, const std::vector<data::Value>& row) const;

  FeatureEngine* engine_;
  std::vector<BytesMap<std::vector<Event>>> rows_;  // by source
  std::string key_;                                 // scratch
};

}  // namespace keelson::features
