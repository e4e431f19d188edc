#include "app/replay/corruption.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "features/expression.h"

namespace keelson::app {

Result<Corruption> ParseCorruption(const std::string& text, const Calendar& calendar) {
  const auto bad = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\": expected SOURCE:FROM..TO:COLUMN=EXPRESSION or SOURCE:FROM..TO:COLUMN->NAME", text),
                "--corrupt");
  };
  const auto first = text.find(':');
  const auto dots = text.find("..");
  if (first == std::string::npos || dots == std::string::npos || dots < first) return bad();
  const auto second = text.find(':', dots);
  if (second == std::string::npos) return bad();
  Corruption corruption;
  corruption.source = text.substr(0, first);
  KEELSON_ASSIGN_OR_RETURN(corruption.from, calendar.ParseLocal(text.substr(first + 1, dots - first - 1)));
  KEELSON_ASSIGN_OR_RETURN(corruption.to, calendar.ParseLocal(text.substr(dots + 2, second - dots - 2)));
  const std::string change = text.substr(second + 1);
  if (const auto arrow = change.find("->"); arrow != std::string::npos) {
    corruption.column = Trim(change.substr(0, arrow));
    corruption.rename = Trim(change.substr(arrow + 2));
    if (corruption.rename.empty()) return bad();
  } else if (const auto equals = change.find('='); equals != std::string::npos) {
    corruption.column = Trim(change.substr(0, equals));
    corruption.expression = Trim(change.substr(equals + 1));
    if (corruption.expression.empty()) return bad();
  } else {
    return bad();
  }
  if (corruption.column.empty()) return bad();
  return corruption;
}

Result<std::vector<BoundCorruption>> BindCorruptions(const std::vector<Corruption>& corruptions, const Past& past) {
  std::vector<BoundCorruption> bound;
  for (const auto& corruption : corruptions) {
    const auto source = std::ranges::find(past.sources, corruption.source, &ReplaySource::name);
    if (source == past.sources.end())
      return Fail(ErrorCode::kInvalidArgument, "no source of this name can be pushed to", corruption.source);
    if (source->rows.Find(corruption.column) == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "the source has no such column",
                  corruption.source + "." + corruption.column);
    }
    bound.push_back({.what = corruption, .values = std::nullopt});
    if (corruption.expression.empty()) continue;
    KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(corruption.expression));
    KEELSON_ASSIGN_OR_RETURN(const auto fitted, expression.Bind(source->rows.schema()));
    KEELSON_ASSIGN_OR_RETURN(bound.back().values, fitted.Evaluate(source->rows));
  }
  return bound;
}

}  // namespace keelson::app
