#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/replay/past.h"
#include "base/result.h"
#include "base/time.h"

namespace keelson::app {

// A change made to the rows of one source on their way in, to see the expectations at work:
// "weather:2013-07-08..2013-07-15: temp=(temp-32)/1.8" puts other values into a column for that time,
// "weather:2013-07-20..2013-07-21:temp->temperature" gives the column another name.
struct Corruption {
  std::string source;
  Instant from;
  Instant to;
  std::string column;
  std::string expression;  // new value; or
  std::string rename;      // new name
};
Result<Corruption> ParseCorruption(const std::string& text, const Calendar& calendar);

// A corruption made ready for the rows of its source.
struct BoundCorruption {
  Corruption what;
  std::optional<data::Column> values;  // the column's new values, row by row
};
// kInvalidArgument names a source or column that is not there, or what is wrong with the expression.
Result<std::vector<BoundCorruption>> BindCorruptions(const std::vector<Corruption>& corruptions, const Past& past);

}  // namespace keelson::app
