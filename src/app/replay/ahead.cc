#include "app/replay/ahead.h"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>

namespace keelson::app {
namespace {

bool KeysAreUnique(const data::Column& keys) {
  const auto unique = [&](const auto& values) {
    std::unordered_set<typename std::decay_t<decltype(values)>::value_type> seen;
    seen.reserve(values.size());
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (!keys.is_null(row) && !seen.insert(values[row]).second) return false;
    }
    return true;
  };
  if (keys.type == data::ColumnType::kString) return unique(keys.strings);
  if (keys.type == data::ColumnType::kDouble) return unique(keys.doubles);
  return unique(keys.ints);
}

}  // namespace

bool MayRunAhead(const Past& past, const std::vector<Corruption>& corruptions) {
  if (std::ranges::any_of(past.events, [](const auto& e) { return e.kind == ReplayEvent::Kind::kPartialRow; }))
    return false;
  for (const ReplaySource& source : past.sources) {
    std::set<std::string> instants{source.described.time};
    for (const auto& [column, known] : source.described.known) instants.insert(known);
    if (instants.size() > 2) return false;  // something is known before the whole row is pushed
    if (!source.described.key.empty()) {
      if (!KeysAreUnique(*source.rows.Find(source.described.key))) return false;
      instants.insert(source.described.key);
    }
    for (const Corruption& corruption : corruptions) {
      if (corruption.source == source.name && instants.contains(corruption.column)) return false;
    }
  }
  return true;
}

}  // namespace keelson::app
